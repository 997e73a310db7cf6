// The bodies of an attempt's steps: when they may start, how they are retried, what becomes of them
// when the attempt ends. A body starts once everything its handler has learned from is durable (R2);
// its token is (invocation, command, tries), so that its result is taken whichever attempt runs (R8).
import type { CommandIndex } from "../model/entry.ts";
import { HoldfastError, failureOf, isHoldfastError } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import { backoffMs } from "../std/backoff.ts";
import { base64urlOf, utf8 } from "../std/bytes.ts";
import { sha256 } from "../std/sha256.ts";
import type { Attempt } from "./attempt.ts";
import { type Policy, exhausted } from "./policy.ts";
import type { Step } from "./types.ts";
import { encodeValue } from "./values.ts";

export interface Body {
  readonly of: CommandIndex;
  readonly name: string;
  readonly action: (step: Step) => unknown;
  readonly policy: Policy;
  readonly timeoutMs: number | undefined;
}

/** Bodies still executing, by invocation and command: a next try waits for the one before (R8). */
const executing = new Map<string, Promise<void>>();

export class Bodies {
  readonly #attempt: Attempt;
  /** Asked and not yet begun: they were open when a replay reached them. */
  readonly #open = new Map<CommandIndex, Body>();
  readonly #known = new Map<CommandIndex, Body>();
  readonly #running = new Map<CommandIndex, AbortController>();
  /** Steps before this command were cancelled; those after it compensate, and run. */
  #cancelledBefore: CommandIndex = 0;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** Bodies that run now. An attempt with any is not suspended (R8). */
  get executing(): number {
    return this.#running.size;
  }

  /** A step was asked. A new one starts when the barrier lets it, a replayed one after replay. */
  add(body: Body, replayed: boolean): void {
    this.#known.set(body.of, body);
    if (replayed) this.#open.set(body.of, body);
    else this.#startWhenDurable(body);
  }

  /** Replay has reached the end of the journal: steps still open run now. */
  startOpen(): void {
    if (this.#open.size === 0) return;
    for (const body of this.#open.values()) {
      const open = this.#attempt.row.open.get(body.of);
      if (open?.kind === "run" && open.due === undefined) this.#startWhenDurable(body);
    }
    this.#open.clear();
  }

  /** The time for another try has come. */
  retry(of: CommandIndex): void {
    const body = this.#known.get(of);
    if (body !== undefined) this.#startWhenDurable(body);
  }

  /** The commands before this one were cancelled: their bodies stop, or never start. */
  cancel(before: CommandIndex): void {
    this.#cancelledBefore = before;
    this.abort("the invocation was cancelled");
  }

  abort(reason: string): void {
    for (const controller of this.#running.values()) {
      controller.abort(new HoldfastError("CANCELLED", { message: `Stop: ${reason}.` }));
    }
  }

  #cancelled(body: Body): boolean {
    return body.of < this.#cancelledBefore;
  }

  #startWhenDurable(body: Body): void {
    const { host, machine, row } = this.#attempt;
    const controller = new AbortController();
    this.#running.set(body.of, controller);
    const start = (): void => {
      if (this.#attempt.over || this.#cancelled(body) || controller.signal.aborted) {
        this.#running.delete(body.of);
        return;
      }
      this.#execute(body, controller);
    };
    const before = executing.get(`${row.incarnation}:${body.of}`);
    if (before === undefined) host.whenDurable(machine.learned, start);
    else this.#after(before, () => host.whenDurable(machine.learned, start));
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

  #execute(body: Body, controller: AbortController): void {
    const attempt = this.#attempt;
    const { host, row } = attempt;
    const open = row.open.get(body.of);
    const tries = open?.kind === "run" ? (open.tries ?? 0) : 0;
    const since = open?.kind === "run" ? (open.since ?? host.now()) : host.now();
    const step = new RunningStep(attempt, body.of, tries + 1, controller.signal);
    let told = false;
    const tell = (then: () => void): void => {
      if (told) return;
      told = true;
      timer?.cancel();
      this.#running.delete(body.of);
      then();
    };
    const timer =
      body.timeoutMs === undefined
        ? undefined
        : host.after(body.timeoutMs, () => {
            const error = new HoldfastError("STEP_TIMEOUT", { data: { step: body.name } });
            controller.abort(error);
            tell(() => this.#failed(body, tries, since, error));
          });
    const returned = host.attribute(attempt, true, () => call(body.action, step));
    const settled = returned.then(
      (value) => tell(() => this.#succeeded(body, tries, value)),
      (error: unknown) => tell(() => this.#failed(body, tries, since, error)),
    );
    const token = `${row.incarnation}:${body.of}`;
    executing.set(token, settled);
    void settled.finally(() => {
      if (executing.get(token) === settled) executing.delete(token);
    });
  }

  #succeeded(body: Body, tries: number, value: unknown): void {
    const { host, spec } = this.#attempt;
    const encoded = encodeValue(spec, value, `the result of run "${body.name}"`);
    if (encoded instanceof Promise) void encoded.then((result) => this.#done(body, tries, result));
    else host.stepDone(this.#attempt, body.of, tries, encoded);
  }

  #done(body: Body, tries: number, result: Result): void {
    this.#attempt.host.stepDone(this.#attempt, body.of, tries, result);
  }

  #failed(body: Body, tries: number, since: number, error: unknown): void {
    const { host } = this.#attempt;
    if (this.#cancelled(body)) {
      return this.#done(body, tries, { failure: failureOf(new HoldfastError("CANCELLED")) });
    }
    if (isHoldfastError(error) && error.terminal) {
      return this.#done(body, tries, { failure: failureOf(error) });
    }
    const { policy } = body;
    const elapsed = host.now() - since;
    if (exhausted(policy, tries + 1, elapsed)) {
      const cause = failureOf(error);
      const failure = failureOf(
        new HoldfastError("STEP_FAILED", {
          message: `Step "${body.name}" failed ${tries + 1} times; the last time: ${cause.message}`,
          data: { step: body.name, tries: tries + 1, cause: { ...cause } },
        }),
      );
      return this.#done(body, tries, { failure });
    }
    const due = host.now() + backoffMs(tries + 1, policy.backoff, host.random());
    host.stepFailed(this.#attempt, body.of, tries, { error, due });
  }
}

/** What a body is given. The idempotency key is the same for every try of the step (R1). */
class RunningStep implements Step {
  readonly #attempt: Attempt;
  readonly #of: CommandIndex;
  readonly attempt: number;
  readonly signal: AbortSignal;

  constructor(attempt: Attempt, of: CommandIndex, tries: number, signal: AbortSignal) {
    this.#attempt = attempt;
    this.#of = of;
    this.attempt = tries;
    this.signal = signal;
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
