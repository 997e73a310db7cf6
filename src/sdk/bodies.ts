// The bodies of an attempt's steps: when they may start, how they are retried, what becomes of them
// when the attempt ends. A body starts once everything its handler has learned from is durable (R2);
// its token is (invocation, command, tries), so that its result is taken whichever attempt runs (R8).
import type { CommandIndex } from "../model/entry.ts";
import { failureOf, HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import type { Span } from "../ports/telemetry.ts";
import { backoffMs } from "../std/backoff.ts";
import { base64urlOf, utf8 } from "../std/bytes.ts";
import { FewMap } from "../std/few-map.ts";
import { sha256 } from "../std/sha256.ts";
import type { Body, RunningAttempt } from "./attempt-host.ts";
import { LazySignal } from "./lazy-signal.ts";
import { exhausted } from "./policy.ts";
import type { Step } from "./types.ts";
import { encodeValue } from "./values.ts";

/** One try of a body: from when it is to start until it is told of. */
class Try extends LazySignal {
  /** Settles when the body has; undefined until it began. */
  settled: Promise<void> | undefined;
  told = false;
  timer: { cancel(): void } | undefined;
  span: Span | undefined;

  /** Its span ends when it is told of, or settles untold. */
  ended(error?: unknown): void {
    const { span } = this;
    if (span === undefined) return;
    if (error !== undefined) span.fail(failureOf(error));
    span.end();
  }
}

export class Bodies {
  /** Said of code that runs: that of a step's body. */
  readonly body = true;
  readonly #attempt: RunningAttempt;
  /** Every step asked. */
  readonly #known = new FewMap<CommandIndex, Body>();
  /** Of them those a replay has reached: which of them are open is asked at its end. */
  readonly #replayed = new FewMap<CommandIndex, Body>();
  readonly #running = new FewMap<CommandIndex, Try>();
  /** Steps before this command were cancelled; those after it compensate, and run. */
  #cancelledBefore: CommandIndex = 0;

  constructor(attempt: RunningAttempt) {
    this.#attempt = attempt;
  }

  rejected(promise: object, error: unknown): void {
    this.#attempt.rejected(promise, error);
  }

  handled(promise: object): void {
    this.#attempt.handled(promise);
  }

  /** Bodies that run now. An attempt with any is not suspended (R8). */
  get executing(): number {
    return this.#running.size;
  }

  /** A step was asked. A new one starts when the barrier lets it, a replayed one after replay. */
  add(body: Body, replayed: boolean): void {
    this.#known.set(body.of, body);
    if (replayed) this.#replayed.set(body.of, body);
    else this.#startWhenDurable(body);
  }

  /**
   * Replay has reached the end of the journal: steps still open run now. It is called after every
   * turn from then on, and looks at no step twice: the cost of a step does not grow with their
   * number.
   */
  startOpen(): void {
    if (this.#replayed.size === 0) return;
    for (const [of, body] of this.#replayed) {
      this.#replayed.delete(of);
      if (this.#due(body)) this.#startWhenDurable(body);
    }
  }

  /** The time for another try has come. */
  retry(of: CommandIndex): void {
    const body = this.#known.get(of);
    // One that replay has yet to reach starts then; one that waits for its leftover starts after it.
    if (body === undefined || this.#replayed.has(of) || this.#running.has(of)) return;
    this.#startWhenDurable(body);
  }

  /** The commands before this one were cancelled: their bodies stop, or never start. */
  cancel(before: CommandIndex): void {
    this.#cancelledBefore = before;
    this.abort("the invocation was cancelled");
  }

  /** Tells the bodies to stop. What goes on nevertheless holds up the next try of its step. */
  abort(reason: string): void {
    if (this.#running.size === 0) return;
    const error = new HoldfastError("CANCELLED", { message: `Stop: ${reason}.` });
    for (const [of, running] of this.#running) {
      running.abort(() => error);
      this.#leave(of, running);
    }
  }

  #cancelled(body: Body): boolean {
    return body.of < this.#cancelledBefore;
  }

  #startWhenDurable(body: Body): void {
    const { host, machine } = this.#attempt;
    const running = new Try();
    this.#running.set(body.of, running);
    const start = (): void => {
      if (this.#attempt.over || running.aborted || !this.#due(body)) this.#running.delete(body.of);
      else this.#execute(body, running);
    };
    const { leftovers } = host;
    const before = leftovers.size === 0 ? undefined : leftovers.get(this.#token(body.of));
    if (before === undefined) host.whenDurable(machine.learned, start);
    else this.#after(before, () => host.whenDurable(machine.learned, start));
  }

  /** Whether the step still waits for a try, now: a try given up may have answered meanwhile. */
  #due(body: Body): boolean {
    const open = this.#attempt.row.open.get(body.of);
    return open?.kind === "run" && open.due === undefined && !this.#cancelled(body);
  }

  #token(of: CommandIndex): string {
    return `${this.#attempt.row.incarnation}:${of}`;
  }

  /** The body goes on though nobody waits for it: the next try of its step must. */
  #leave(of: CommandIndex, running: Try): void {
    const { settled } = running;
    if (settled === undefined) return;
    const { leftovers } = this.#attempt.host;
    const token = this.#token(of);
    leftovers.set(token, settled);
    void settled.finally(() => {
      if (leftovers.get(token) === settled) leftovers.delete(token);
    });
  }

  /** Waits for a body of an earlier try, but not for ever. */
  #after(before: Promise<void>, then: () => void): void {
    let waiting = true;
    const go = (): void => {
      if (!waiting) return;
      waiting = false;
      timer.cancel();
      then();
    };
    const timer = this.#attempt.host.after(this.#attempt.spec.abortTimeoutMs ?? 600_000, go);
    void before.then(go);
  }

  #execute(body: Body, running: Try): void {
    const { host, row } = this.#attempt;
    const open = row.open.get(body.of);
    const tries = open?.kind === "run" ? (open.tries ?? 0) : 0;
    const since = open?.kind === "run" ? open.since : undefined;
    const step = new RunningStep(this.#attempt, body.of, tries + 1, running);
    if (body.timeoutMs !== undefined) this.#limit(body, running, tries, since);
    const span = host.trace?.step(this.#attempt, body.name, tries + 1);
    running.span = span;
    const returned = host.attribute(this.#attempt, true, () =>
      span === undefined ? call(body.action, step) : span.within(() => call(body.action, step)),
    );
    running.settled = returned.then(
      (value) => {
        running.ended();
        return this.#succeeded(body, running, tries, value);
      },
      (error: unknown) => {
        running.ended(error);
        // One that was told to stop because its attempt ended has not failed: it runs again.
        const stopped = running.aborted && this.#attempt.over;
        if (this.#tell(body.of, running) && !stopped) this.#failed(body, tries, since, error);
      },
    );
  }

  /** Ends the try, for its outcome to be told; false when it was told already. */
  #tell(of: CommandIndex, running: Try): boolean {
    if (running.told) return false;
    running.told = true;
    running.timer?.cancel();
    if (this.#running.get(of) === running) this.#running.delete(of);
    return true;
  }

  #limit(body: Body, running: Try, tries: number, since: number | undefined): void {
    running.timer = this.#attempt.host.after(body.timeoutMs as number, () => {
      const error = new HoldfastError("STEP_TIMEOUT", { data: { step: body.name } });
      running.abort(() => error);
      running.ended(error);
      this.#leave(body.of, running);
      if (this.#tell(body.of, running)) this.#failed(body, tries, since, error);
    });
  }

  #succeeded(body: Body, running: Try, tries: number, value: unknown): void | Promise<void> {
    if (running.told) return;
    const encoded = encodeValue(this.#attempt.spec, value, `the result of run "${body.name}"`);
    const done = (result: Result): void => {
      if (this.#tell(body.of, running)) this.#done(body, tries, result);
    };
    return encoded instanceof Promise ? encoded.then(done) : done(encoded);
  }

  #done(body: Body, tries: number, result: Result): void {
    this.#attempt.host.stepDone(this.#attempt, body.of, tries, result);
  }

  #failed(body: Body, tries: number, since: number | undefined, error: unknown): void {
    const { host } = this.#attempt;
    if (this.#cancelled(body)) {
      return this.#done(body, tries, { failure: failureOf(new HoldfastError("CANCELLED")) });
    }
    if (isHoldfastError(error) && error.terminal) {
      return this.#done(body, tries, { failure: failureOf(error) });
    }
    const { policy } = body;
    const elapsed = since === undefined ? 0 : host.now() - since;
    if (exhausted(policy, tries + 1, elapsed)) {
      const cause = failureOf(error);
      const failure = failureOf(
        new HoldfastError("STEP_FAILED", {
          message: `Step "${body.name}" failed ${tries + 1} times; the last time: ${cause.message}`,
          data: { step: body.name, tries: tries + 1, cause: { ...cause } },
        }),
      );
      this.#report(body, tries, error, undefined);
      return this.#done(body, tries, { failure });
    }
    const delayMs = backoffMs(tries + 1, policy.backoff, host.random());
    const due = host.now() + delayMs;
    this.#report(body, tries, error, delayMs);
    host.stepFailed(this.#attempt, body.of, tries, { error, due });
  }

  #report(body: Body, tries: number, error: unknown, delayMs: number | undefined): void {
    const { code, message } = failureOf(error);
    const { name: step } = body;
    const event = { kind: "stepFailed", step, attempt: tries + 1, code, message, delayMs } as const;
    this.#attempt.host.report(this.#attempt, event);
  }
}

/** What a body is given. The idempotency key is the same for every try of the step (R1). */
class RunningStep implements Step {
  readonly #attempt: RunningAttempt;
  readonly #of: CommandIndex;
  readonly #running: Try;
  readonly attempt: number;

  constructor(attempt: RunningAttempt, of: CommandIndex, tries: number, running: Try) {
    this.#attempt = attempt;
    this.#of = of;
    this.#running = running;
    this.attempt = tries;
  }

  get signal(): AbortSignal {
    return this.#running.signal;
  }

  get idempotencyKey(): string {
    const { origin, incarnation } = this.#attempt.row;
    const copied = origin !== null && this.#of < origin.commands;
    const life = copied ? origin.incarnation : incarnation;
    return `step_${base64urlOf(sha256(utf8(`holdfast step ${life} ${this.#of}`))).slice(0, 32)}`;
  }
}

function call(action: (step: Step) => unknown, step: Step): Promise<unknown> {
  try {
    return Promise.resolve(action(step));
  } catch (error) {
    return Promise.reject(error);
  }
}
