// One attempt of an invocation in this process: user code on one side, the replay machine and the
// partition on the other. It hands over one notification per turn of the gate, so that native
// promises settle in the journal's order, and keeps the barrier for step bodies (R2, R4–R9).
import type { CommandEntry, CommandIndex, Notification } from "../model/entry.ts";
import { failureOf, HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import { type HandOver, Machine, type Outcome, type Past } from "../replay/machine.ts";
import { targetText } from "../replay/mismatch.ts";
import type { AttemptHost, Code, Request, RunningAttempt } from "./attempt-host.ts";
import { Bodies } from "./bodies.ts";
import type { DefinitionSpec, HandlerSpec } from "./definition.ts";
import { blockedError, mismatchError } from "./divergence.ts";
import { Future, unawaitedOf } from "./future.ts";
import { LazySignal } from "./lazy-signal.ts";
import { cancelledError, stopSignal } from "./outcome.ts";
import { Outgoing } from "./outgoing.ts";
import { Rejections } from "./rejections.ts";
import { runHandler } from "./run-handler.ts";
import { decodeInput, encodeOutput } from "./values.ts";

/** How long a replay waits for a command that the journal answers and the code did not ask. */
const blockedMsMax = 10_000;

export class Attempt implements RunningAttempt {
  /** Said of code that runs: not that of a step's body. */
  readonly body = false;
  readonly row: InvocationRow;
  /** The fencing token (I8). */
  readonly number: number;
  readonly spec: HandlerSpec;
  readonly definition: DefinitionSpec;
  readonly revision: string;
  readonly machine: Machine<Future>;
  readonly bodies: Bodies;
  readonly host: AttemptHost;
  readonly #abort = new LazySignal();
  /** Commands that the journal held when the attempt began. */
  readonly #replayed: number;
  readonly #outgoing = new Outgoing();
  readonly #rejections = new Rejections();
  #inTurn = false;
  #started = false;
  #decoding = false;
  #blocked: { cancel(): void } | undefined;
  #over = false;
  /** The handler has ended and its result is on its way. */
  #ending = false;
  #waitingForTurn = false;

  constructor(host: AttemptHost, row: InvocationRow, code: Code, past: Past) {
    this.host = host;
    this.row = row;
    this.number = row.attempt;
    this.spec = code.handler;
    this.definition = code.definition;
    this.revision = code.revision;
    this.#replayed = row.commands;
    this.machine = new Machine(past, row.begunAt ?? row.createdAt, host.position);
    this.bodies = new Bodies(this);
  }

  get over(): boolean {
    return this.#over;
  }

  get abortSignal(): AbortSignal {
    return this.#abort.signal;
  }

  get target(): string {
    return targetText(this.row);
  }

  /**
   * Whether it may be dropped from memory and replayed later (R8). One that waits for nothing of its
   * journal is not: nothing would wake it.
   */
  get suspendable(): boolean {
    if (!this.#started || this.#over || this.#inTurn || this.#decoding) return false;
    if (this.#waitingForTurn || this.#ending || this.#outgoing.count > 0) return false;
    return this.bodies.executing === 0 && this.machine.waits && !this.machine.hasNext;
  }

  /** A notification was logged for this attempt. */
  learn(notification: Notification): void {
    if (this.#over) return;
    this.machine.learn(notification, this.host.position);
    this.requestTurn();
  }

  requestTurn(): void {
    if (this.#over || this.#decoding || this.#waitingForTurn) return;
    this.#waitingForTurn = true;
    this.host.requestTurn(this);
  }

  /** One turn: the handler begins, or is handed one more thing. */
  turn(): void {
    this.#waitingForTurn = false;
    if (this.#over) return;
    this.#inTurn = true;
    if (!this.#started) {
      this.#started = true;
      this.#begin();
      return;
    }
    const decoded = this.#afterDecoding;
    if (decoded !== undefined) {
      this.#afterDecoding = undefined;
      return decoded();
    }
    const next = this.machine.next();
    if (next !== undefined) this.#handOver(next);
  }

  /** The microtasks of the turn have drained. */
  endTurn(): void {
    this.#inTurn = false;
    if (this.#over || this.#decoding) return;
    const blocked = this.#blocked !== undefined || this.#outgoing.count > 0;
    if (this.machine.hasNext) return blocked ? undefined : this.requestTurn();
    if (!this.machine.replaying) this.bodies.startOpen();
    this.host.idle(this);
  }

  #begin(): void {
    const input = decodeInput(this.spec, this.row.input);
    if (input instanceof Promise) {
      const failed = (error: unknown): void => this.#end(error, undefined);
      this.#whenDecoded(input, (value) => this.#call(value), failed);
    } else if ("error" in input) this.#end(input.error, undefined);
    else this.#call(input.value);
  }

  /** What was decoded is handed over in a turn of its own (R4). */
  #whenDecoded<T>(
    decoding: Promise<T>,
    done: (value: T) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#decoding = true;
    const then = (act: () => void): void => {
      this.#decoding = false;
      if (this.#over) return;
      this.#afterDecoding = act;
      this.requestTurn();
    };
    decoding.then(
      (value) => then(() => done(value)),
      (error: unknown) => then(() => failed(error)),
    );
  }

  #afterDecoding: (() => void) | undefined;

  #call(input: unknown): void {
    runHandler(this, input).then(
      (value) => this.#returned(undefined, value),
      (error: unknown) =>
        this.#returned(error ?? new Error(`${String(error)} was thrown`), undefined),
    );
  }

  /** The handler returned or threw: in a turn, or it has awaited something else (R6). */
  #returned(error: unknown, value: unknown): void {
    if (this.#over || !this.#checkTurn("the handler's end")) return;
    this.#ending = true;
    void this.#outgoing.whenSent(() => this.#end(error, value));
  }

  #end(error: unknown, value: unknown): void {
    if (this.#over) return;
    const terminal = error === undefined || (isHoldfastError(error) && error.terminal);
    if (!terminal) return this.fail(error, false);
    const unasked = this.machine.unasked();
    if (unasked !== undefined) {
      const actual = "the end of the handler";
      return this.fail(mismatchError(this, { entry: unasked, actual }), true);
    }
    const commands = this.machine.waits ? unawaitedOf(this.machine.waiting) : [];
    if (commands.length > 0) this.host.report(this, { kind: "unawaited", commands });
    if (error !== undefined) return this.#finish({ failure: failureOf(error) });
    const encoded = encodeOutput(this.spec, value);
    if (encoded instanceof Promise) void encoded.then((result) => this.#finish(result));
    else this.#finish(encoded);
  }

  #finish(result: Result): void {
    if (this.#over) return;
    this.close("the handler has ended");
    this.#rejections.report(this.host, this);
    this.host.finished(this, result);
  }

  fail(error: unknown, mismatch: boolean): void {
    if (this.#over) return;
    this.close("the attempt has failed");
    this.#rejections.report(this.host, this);
    this.host.failed(this, error, mismatch);
  }

  /** A promise that the handler made was rejected, and nobody has looked at it yet (R7). */
  rejected(promise: object, error: unknown): void {
    if (this.#over) return this.host.report(this, { kind: "unhandledRejection", error });
    this.#rejections.add(promise, error);
  }

  /** Somebody has looked at it after all. */
  handled(promise: object): void {
    this.#rejections.handled(promise);
  }

  /** Ends the attempt without a word to the partition, which knows. Bodies are told (R8). */
  close(reason: string): void {
    this.#over = true;
    this.#blocked?.cancel();
    this.bodies.abort(reason);
    this.#abort.abort(() => new HoldfastError("CONTEXT_CLOSED", { message: reason }));
  }

  /** Asks one command. A context's methods come through here. */
  ask(request: Request, asked: (entry: CommandEntry) => void): void {
    this.checkUse();
    this.#ask(request, asked);
  }

  #ask(request: Request, asked: (entry: CommandEntry) => void): void {
    const outgoing = this.#outgoing;
    if (!(request instanceof Promise) && outgoing.count === 0) return this.#send(request, asked);
    const send = (ready: CommandRequest): void => {
      if (this.#over) return;
      this.#send(ready, asked);
      if (outgoing.count === 0 && !this.#inTurn) this.requestTurn();
    };
    outgoing.push(request, send, (error) => {
      if (error !== stopSignal) this.#end(error, undefined);
    });
  }

  /**
   * Asks a command that is answered later. Its promise waits from now on, whatever the encoding of
   * the command takes, so that what a cancellation finds pending repeats (R4, R9).
   */
  asked<T>(request: Request, future: Future, asked: (entry: CommandEntry) => void): Promise<T> {
    this.checkUse();
    if (this.machine.takeCancellation()) future.reject(cancelledError());
    else this.machine.wait(this.nextIndex, future);
    this.#ask(request, asked);
    return future.promise as Promise<T>;
  }

  /** The same for a signal, which may have come before it was asked for. */
  askedSignal<T>(name: string, decode: (outcome: Outcome) => unknown): Promise<T> {
    this.checkUse();
    const of = this.nextIndex;
    const future = new Future(decode);
    const kept = this.machine.waitForSignal(of, name, future);
    const cancelled = this.machine.takeCancellation();
    if (cancelled) this.machine.giveUp(of);
    if (cancelled) future.reject(cancelledError());
    else if (kept !== undefined) void future.settle({ kind: "result", result: kept });
    this.#ask({ kind: "signal", name }, noop);
    return future.promise as Promise<T>;
  }

  /** The number the next command will get. */
  get nextIndex(): CommandIndex {
    return this.machine.asked + this.#outgoing.count;
  }

  /** Whether the entry was asked by an earlier attempt. */
  isReplayed(entry: Pick<CommandEntry, "index">): boolean {
    return entry.index < this.#replayed;
  }

  #send(request: CommandRequest, asked: (entry: CommandEntry) => void): void {
    const { machine } = this;
    const answer = machine.ask(request, this.spec.inputStable);
    if (answer.kind === "mismatch") {
      this.fail(mismatchError(this, answer.difference), true);
      throw stopSignal;
    }
    if (answer.kind === "replayed") {
      asked(answer.entry);
      this.#unblock();
      return;
    }
    const entry = this.host.command(this, request);
    if (entry === undefined) {
      this.close("the attempt is no longer the current one");
      throw stopSignal;
    }
    machine.logged(entry, this.host.position);
    asked(entry);
    if (machine.hasNext) this.requestTurn();
  }

  #unblock(): void {
    if (this.#blocked === undefined) return;
    this.#blocked.cancel();
    this.#blocked = undefined;
    this.requestTurn();
  }

  #handOver(next: HandOver<Future>): void {
    switch (next.kind) {
      case "settle":
        return this.#settle(next.waiter, next.outcome);
      case "cancel":
        this.bodies.cancel(this.nextIndex);
        this.#abort.abort(cancelledError);
        for (const future of next.pending) future.reject(cancelledError());
        return this.#cascade(next.pending);
      case "nothing":
        return;
      case "blocked":
        return this.#block(next.entry);
    }
  }

  /** Cancels the calls that were awaited: commands of their own, in order (R9). */
  #cascade(pending: readonly Future[]): void {
    try {
      for (const { callee: id } of pending) {
        if (id === undefined) continue;
        const cancel = (): CommandRequest => ({ kind: "cancel", id: id() });
        // The id of a call is known once it was sent.
        this.#ask(this.#outgoing.whenSent(cancel), noop);
      }
    } catch (error) {
      if (error !== stopSignal) throw error;
    }
  }

  #settle(future: Future, outcome: Outcome): void {
    const decoding = future.settle(outcome);
    if (decoding === undefined) return;
    const failed = (error: unknown): void => future.reject(error);
    this.#whenDecoded(decoding, (value) => future.resolve(value), failed);
  }

  /** A hand-over must wait for a command the handler has not asked: it awaits something else. */
  #block(entry: CommandEntry | undefined): void {
    const { host } = this;
    if (this.#outgoing.count > 0) return;
    if (host.strict) return this.fail(blockedError(this, entry), true);
    this.#blocked = host.after(blockedMsMax, () => this.fail(blockedError(this, entry), true));
  }

  /** Throws when the context may not be used now (R5, R6). */
  checkUse(): void {
    if (this.host.insideBody()) throw new HoldfastError("RUN_NESTED", { terminal: true });
    if (this.#over) throw new HoldfastError("CONTEXT_CLOSED");
    if (!this.#checkTurn("a command")) throw stopSignal;
  }

  /** False when the attempt has ended over it. */
  #checkTurn(at: string): boolean {
    if (this.#inTurn) return true;
    this.host.report(this, { kind: "unjournaledAwait", at });
    if (!this.host.strict) return true;
    // Its caller is told at once: one that waits on, and a key that stays held, teach nobody (0007).
    const error = new HoldfastError("UNJOURNALED_AWAIT", { data: { at, target: this.target } });
    this.#finish({ failure: failureOf(error) });
    return false;
  }
}

function noop(): void {}
