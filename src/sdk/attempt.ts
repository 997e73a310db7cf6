// One attempt of an invocation in this process: user code on one side, the replay machine and the
// partition on the other. It hands over one notification per turn of the gate, so that native
// promises settle in the journal's order, and keeps the barrier for step bodies (R2, R4–R9).
import type { CommandEntry, CommandIndex, Entry, Notification } from "../model/entry.ts";
import {
  errorOf,
  failureOf,
  HoldfastError,
  isHoldfastError,
  type TerminalError,
} from "../model/errors.ts";
import type { Payload, Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import { type HandOver, Machine, type Outcome } from "../replay/machine.ts";
import { targetText } from "../replay/mismatch.ts";
import type { AttemptHost, Code } from "./attempt-host.ts";
import { Bodies } from "./bodies.ts";
import type { DefinitionSpec, HandlerSpec } from "./definition.ts";
import { blockedError, mismatchError } from "./divergence.ts";
import { type Asking, Future } from "./future.ts";
import { createContext } from "./keyed-context.ts";
import { Outgoing } from "./outgoing.ts";
import { decodeInput, encodeOutput } from "./values.ts";

type Request = CommandRequest | Promise<CommandRequest>;

/** How long a replay waits for a command that the journal answers and the code did not ask. */
const blockedMsMax = 10_000;

export class Attempt {
  /** Said of code that runs: not that of a step's body. */
  readonly body = false;
  readonly row: InvocationRow;
  /** The fencing token (I8). */
  readonly number: number;
  readonly spec: HandlerSpec;
  readonly definition: DefinitionSpec;
  readonly revision: string;
  readonly machine: Machine;
  readonly bodies: Bodies;
  readonly host: AttemptHost;
  readonly #futures = new Map<CommandIndex, Future>();
  /** Made when the handler asks for its signal: most never do. */
  #abort: AbortController | undefined;
  #abortReason: (() => Error) | undefined;
  /** Commands that the journal held when the attempt began. */
  readonly #replayed: number;
  readonly #outgoing = new Outgoing();
  #rejections: Map<object, unknown> | undefined;
  #inTurn = false;
  #started = false;
  #decoding = false;
  #blocked: { cancel(): void } | undefined;
  #over = false;
  /** The handler has ended and its result is on its way. */
  #ending = false;
  #waitingForTurn = false;

  constructor(host: AttemptHost, row: InvocationRow, code: Code, history: readonly Entry[]) {
    this.host = host;
    this.row = row;
    this.number = row.attempt;
    this.spec = code.handler;
    this.definition = code.definition;
    this.revision = code.revision;
    this.#replayed = row.commands;
    this.machine = new Machine(history, row.begunAt ?? row.createdAt, host.position);
    this.bodies = new Bodies(this);
  }

  get over(): boolean {
    return this.#over;
  }

  get abortSignal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason());
    }
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
    if (this.machine.hasNext && !blocked) this.requestTurn();
    else this.#settled();
  }

  #settled(): void {
    if (this.machine.hasNext) return;
    if (!this.machine.replaying) this.bodies.startOpen();
    this.host.idle(this);
  }

  #begin(): void {
    const input = decodeInput(this.spec, this.row.input);
    if (input instanceof Promise) {
      this.#decoding = true;
      input.then(
        (value) => this.#decoded(() => this.#call(value)),
        (error) => this.#decoded(() => this.#end(error, undefined)),
      );
    } else if ("error" in input) this.#end(input.error, undefined);
    else this.#call(input.value);
  }

  /** What was decoded is handed over in a turn of its own (R4). */
  #decoded(then: () => void): void {
    this.#decoding = false;
    if (this.#over) return;
    this.#afterDecoding = then;
    this.requestTurn();
  }

  #afterDecoding: (() => void) | undefined;

  #call(input: unknown): void {
    const context = createContext(this);
    const returned = this.host.attribute(this, false, () => {
      try {
        return Promise.resolve((this.spec.fn as UserFunction)(context as never, input as never));
      } catch (error) {
        return Promise.reject(error);
      }
    });
    returned.then(
      (value) => this.#returned(undefined, value),
      (error: unknown) =>
        this.#returned(error ?? new Error(`${String(error)} was thrown`), undefined),
    );
  }

  /** The handler returned or threw: in a turn, or it has awaited something else (R6). */
  #returned(error: unknown, value: unknown): void {
    if (this.#over || !this.#checkTurn("the handler's end")) return;
    this.#ending = true;
    if (this.#outgoing.count === 0) this.#end(error, value);
    else void this.#outgoing.sent(() => this.#end(error, value));
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
    this.#reportUnawaited();
    if (error !== undefined) return this.#finish({ failure: failureOf(error) });
    const encoded = encodeOutput(this.spec, value);
    if (encoded instanceof Promise) void encoded.then((result) => this.#finish(result));
    else this.#finish(encoded);
  }

  #finish(result: Result): void {
    if (this.#over) return;
    this.close("the handler has ended");
    this.#reportRejections();
    this.host.finished(this, result);
  }

  fail(error: unknown, mismatch: boolean): void {
    if (this.#over) return;
    this.close("the attempt has failed");
    this.#reportRejections();
    this.host.failed(this, error, mismatch);
  }

  /** A promise that the handler made was rejected, and nobody has looked at it yet (R7). */
  rejected(promise: object, error: unknown): void {
    if (this.#over) return this.host.report(this, { kind: "unhandledRejection", error });
    this.#rejections ??= new Map();
    this.#rejections.set(promise, error);
  }

  /** Somebody has looked at it after all. */
  handled(promise: object): void {
    this.#rejections?.delete(promise);
  }

  /** A little later: that the handler's last lines looked at one is told after this turn. */
  #reportRejections(): void {
    const rejections = this.#rejections;
    if (rejections === undefined || rejections.size === 0) return;
    this.host.after(0, () => {
      for (const error of rejections.values()) {
        this.host.report(this, { kind: "unhandledRejection", error });
      }
    });
  }

  /** Ends the attempt without a word to the partition, which knows. Bodies are told (R8). */
  close(reason: string): void {
    this.#over = true;
    this.#blocked?.cancel();
    this.bodies.abort(reason);
    this.#raise(() => new HoldfastError("CONTEXT_CLOSED", { message: reason }));
  }

  /** The error is made for whoever looks: most attempts end without a signal, and it has a stack. */
  #raise(reason: () => Error): void {
    this.#abortReason ??= reason;
    this.#abort?.abort(reason());
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
  asked<T>(request: Request, future: Asking, asked: (entry: CommandEntry) => void): Promise<T> {
    this.checkUse();
    const of = this.nextIndex;
    if (future.callee !== undefined) this.#calls.set(of, future.callee);
    const promise = this.#future<T>(of, future);
    this.#ask(request, asked);
    return promise;
  }

  /** The same for a signal, which may have come before it was asked for. */
  askedSignal<T>(name: string, decode: (outcome: Outcome) => unknown): Promise<T> {
    this.checkUse();
    const of = this.nextIndex;
    const kept = this.machine.waitForSignal(of, name);
    const outcome = kept === undefined ? undefined : { kind: "result" as const, result: kept };
    const promise = this.#future<T>(of, { label: `signal "${name}"`, decode }, outcome);
    this.#ask({ kind: "signal", name }, noop);
    return promise;
  }

  /** The number the next command will get. */
  get nextIndex(): CommandIndex {
    return this.machine.asked + this.#outgoing.count;
  }

  /** Whether the entry was asked by an earlier attempt. */
  isReplayed(entry: CommandEntry): boolean {
    return entry.index < this.#replayed;
  }

  #send(request: CommandRequest, asked: (entry: CommandEntry) => void): void {
    const { machine } = this;
    const answer = machine.ask(request, this.spec.inputStable);
    if (answer.kind === "mismatch") {
      const { expected, actual, index } = answer.difference;
      this.fail(mismatchError(this, { index, expected, actual }), true);
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

  /** A promise for the answer of command `of`: settled by a hand-over, or by what is here now. */
  #future<T>(of: CommandIndex, asking: Asking, here?: Outcome): Promise<T> {
    const future = new Future(asking);
    if (this.machine.takeCancellation()) {
      this.machine.giveUp(of);
      future.reject(cancelledError());
    } else if (here !== undefined) future.settle(here);
    else {
      this.machine.wait(of);
      this.#futures.set(of, future);
    }
    return future.promise as Promise<T>;
  }

  #handOver(next: HandOver): void {
    switch (next.kind) {
      case "settle":
        return this.#settle(next.of, next.outcome);
      case "cancel":
        this.bodies.cancel(this.nextIndex);
        this.#raise(cancelledError);
        for (const of of next.pending) this.#reject(of, cancelledError());
        return this.#cascade(next.pending);
      case "nothing":
        return;
      case "blocked":
        return this.#block(next.entry);
    }
  }

  /** Cancels the calls that were awaited: commands of their own, in order (R9). */
  #cascade(pending: readonly CommandIndex[]): void {
    try {
      for (const of of pending) {
        const id = this.#calls.get(of);
        if (id === undefined) continue;
        const cancel = (): CommandRequest => ({ kind: "cancel", id: id() });
        // The id of a call is known once it was sent.
        const request = this.#outgoing.count === 0 ? cancel() : this.#outgoing.sent(cancel);
        this.#ask(request, noop);
      }
    } catch (error) {
      if (error !== stopSignal) throw error;
    }
  }

  /** The ids of calls by command, for cancelling them. */
  readonly #calls = new Map<CommandIndex, () => string>();

  #settle(of: CommandIndex, outcome: Outcome): void {
    const future = this.#futures.get(of);
    if (future === undefined) return;
    this.#futures.delete(of);
    this.#calls.delete(of);
    const decoding = future.settle(outcome);
    if (decoding === undefined) return;
    this.#decoding = true;
    decoding.then(
      (decoded) => this.#decoded(() => future.resolve(decoded)),
      (error) => this.#decoded(() => future.reject(error)),
    );
  }

  #reject(of: CommandIndex, error: unknown): void {
    const future = this.#futures.get(of);
    this.#futures.delete(of);
    future?.reject(error);
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
    this.fail(new HoldfastError("UNJOURNALED_AWAIT", { data: { at } }), true);
    return false;
  }

  #reportUnawaited(): void {
    const commands: string[] = [];
    for (const { asking } of this.#futures.values()) {
      const { label } = asking;
      if (label.startsWith("run ") || label.startsWith("call ")) commands.push(label);
    }
    if (commands.length > 0) this.host.report(this, { kind: "unawaited", commands });
  }
}

type UserFunction = (context: never, input: never) => Promise<unknown>;

/** Thrown into a handler whose attempt is over, so that it stops; never a result. */
export const stopSignal: Error = new HoldfastError("CONTEXT_CLOSED");

export function cancelledError(): TerminalError {
  return errorOf(failureOf(new HoldfastError("CANCELLED")));
}

/** The value of a result, or throws its failure as callers see it. */
export function valueOf(outcome: Outcome): Payload {
  if (outcome.kind !== "result") return null;
  if ("failure" in outcome.result) throw errorOf(outcome.result.failure);
  return outcome.result.value;
}

function noop(): void {}
