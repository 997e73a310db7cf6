// One attempt of an invocation in this process: user code on one side, the replay machine and the
// partition on the other. It hands over one notification per turn of the gate, so that native
// promises settle in the journal's order, and keeps the barrier for step bodies (R2, R4–R9).
import type { CommandEntry, CommandIndex, Entry, Notification } from "../model/entry.ts";
import { HoldfastError, TerminalError, errorOf, failureOf, isHoldfastError } from "../model/errors.ts";
import { stateBytesMax, stateNamesMax } from "../model/limits.ts";
import { type Payload, type Result, payloadBytes } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import { type HandOver, Machine, type Outcome } from "../replay/machine.ts";
import { targetText } from "../replay/mismatch.ts";
import type { DefinitionSpec, HandlerSpec } from "./definition.ts";
import { blockedError, mismatchError } from "./divergence.ts";
import { Bodies } from "./bodies.ts";
import { createContext } from "./keyed-context.ts";
import { decodeInput, encodeOutput } from "./values.ts";

/** What an attempt asks of the engine it runs in. */
export interface AttemptHost {
  /** Logs a command; undefined when this attempt is no longer the current one. */
  command(attempt: Attempt, request: CommandRequest): CommandEntry | undefined;
  stepDone(attempt: Attempt, of: CommandIndex, tries: number, result: Result): void;
  stepFailed(attempt: Attempt, of: CommandIndex, tries: number, failed: StepFailure): void;
  /** The handler ended. `failed` leaves it to the policy whether it is tried again. */
  finished(attempt: Attempt, result: Result): void;
  failed(attempt: Attempt, error: unknown, mismatch: boolean): void;
  /** Calls back once everything up to `position` is durable; never within this call. */
  whenDurable(position: number, then: () => void): void;
  /** Asks for a turn: `turn()` is called after all microtasks have drained. */
  requestTurn(attempt: Attempt): void;
  /** The attempt has nothing to do until it learns something. */
  idle(attempt: Attempt): void;
  /** Names and bytes of the key's state, without the value of `name`. */
  stateSize(attempt: Attempt, name: string): { readonly names: number; readonly bytes: number };
  /** Position of the newest record decided. */
  readonly position: number;
  /** Wall clock, for bodies and backoff only; never shown to the handler. */
  now(): number;
  random(): number;
  after(ms: number, then: () => void): { cancel(): void };
  /** Runs user code so that what it does can be attributed to the attempt (R5, R7). */
  attribute<T>(attempt: Attempt, body: boolean, code: () => T): T;
  /** Whether the code running now is a step's body. */
  insideBody(): boolean;
  report(attempt: Attempt, event: AttemptEvent): void;
  /** Await outside the journal is an error here rather than an event (R6). */
  readonly strict: boolean;
}

/** The code an attempt runs. */
export interface Code {
  readonly handler: HandlerSpec;
  readonly definition: DefinitionSpec;
  /** Names this version of the code (R11). */
  readonly revision: string;
}

export interface StepFailure {
  readonly error: unknown;
  readonly due: number;
}

export type AttemptEvent =
  | { readonly kind: "unjournaledAwait"; readonly at: string }
  | { readonly kind: "unawaited"; readonly commands: readonly string[] }
  | { readonly kind: "contextClosed"; readonly used: string }
  | { readonly kind: "console"; readonly level: string; readonly args: readonly unknown[] };

interface Future {
  readonly label: string;
  readonly decode: (outcome: Outcome) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a replay waits for a command that the journal answers and the code did not ask. */
const blockedMsMax = 10_000;

export class Attempt {
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
  /** Commands that the journal held when the attempt began. */
  readonly #replayed: number;
  #outgoing: Promise<void> | undefined;
  #outgoingCount = 0;
  #inTurn = false;
  #started = false;
  #decoding = false;
  #blocked: { cancel(): void } | undefined;
  #over = false;
  #waitingForTurn = false;

  constructor(
    host: AttemptHost,
    row: InvocationRow,
    code: Code,
    history: readonly Entry[],
  ) {
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
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  get target(): string {
    return targetText(this.row);
  }

  /** Whether it may be dropped from memory and replayed later (R8). */
  get suspendable(): boolean {
    return (
      this.#started && !this.#over && !this.#inTurn && !this.#decoding && !this.#waitingForTurn &&
      this.#outgoing === undefined && this.bodies.executing === 0 && !this.machine.hasNext
    );
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
    if (this.machine.hasNext && this.#blocked === undefined) this.requestTurn();
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
      (value) => this.#end(undefined, value),
      (error: unknown) => this.#end(error ?? new Error(`${String(error)} was thrown`), undefined),
    );
  }

  /** The handler returned or threw. */
  #end(error: unknown, value: unknown): void {
    if (this.#over || error === stopSignal) return;
    this.#checkTurn("the handler's end");
    if (this.#over) return;
    const unasked = this.machine.unasked();
    if (unasked !== undefined) {
      return this.fail(mismatchError(this, { entry: unasked, actual: "the end of the handler" }), true);
    }
    if (this.#outgoing !== undefined) {
      this.#outgoing.then(() => this.#end(error, value));
      return;
    }
    this.#reportUnawaited();
    if (error !== undefined) {
      if (isHoldfastError(error) && error.terminal) this.#finish({ failure: failureOf(error) });
      else this.fail(error, false);
      return;
    }
    const encoded = encodeOutput(this.spec, value);
    if (encoded instanceof Promise) {
      encoded.then(
        (result) => this.#finish(result),
        (failure: unknown) => this.#finish({ failure: failureOf(failure) }),
      );
    } else this.#finish(encoded);
  }

  #finish(result: Result): void {
    if (this.#over) return;
    this.close("the handler has ended");
    this.host.finished(this, result);
  }

  fail(error: unknown, mismatch: boolean): void {
    if (this.#over) return;
    this.close("the attempt has failed");
    this.host.failed(this, error, mismatch);
  }

  /** Ends the attempt without a word to the partition, which knows. Bodies are told (R8). */
  close(reason: string): void {
    this.#over = true;
    this.#blocked?.cancel();
    this.bodies.abort(reason);
    this.#abort?.abort(new HoldfastError("CONTEXT_CLOSED", { message: reason }));
  }

  /** Asks one command; `label` names it in reports. A context's methods come through here. */
  ask(request: CommandRequest | Promise<CommandRequest>, asked: (entry: CommandEntry) => void): void {
    this.checkUse();
    if (!(request instanceof Promise) && this.#outgoing === undefined) {
      return this.#send(request, asked);
    }
    const before = this.#outgoing ?? Promise.resolve();
    this.#outgoingCount++;
    const sent = before
      .then(() => request)
      .then((ready) => {
        if (!this.#over) this.#send(ready, asked);
      })
      .catch((error: unknown) => this.#end(error, undefined))
      .finally(() => {
        this.#outgoingCount--;
        if (this.#outgoing === sent) this.#outgoing = undefined;
      });
    this.#outgoing = sent;
  }

  /** Refuses a state that would grow past its bounds; replay was let through when it was live. */
  checkState(name: string, value: Payload): void {
    if (this.machine.replaying) return;
    const { names, bytes } = this.host.stateSize(this, name);
    const after = bytes + payloadBytes(value) + name.length;
    if (names < stateNamesMax && after <= stateBytesMax) return;
    throw new HoldfastError("STATE_TOO_LARGE", {
      data: { name, names, bytes: after, namesMax: stateNamesMax, bytesMax: stateBytesMax },
      terminal: true,
    });
  }

  /** The number the next command will get. */
  get nextIndex(): CommandIndex {
    return this.machine.asked + this.#outgoingCount;
  }

  /** A promise that is made once the commands still being encoded were asked. */
  afterOutgoing<T>(made: () => Promise<T>): Promise<T> {
    const promise = (this.#outgoing ?? Promise.resolve()).then(made);
    promise.catch(noop);
    return promise;
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

  /** A promise for the answer of command `of`, settled by a hand-over. */
  future<T>(of: CommandIndex, label: string, decode: (outcome: Outcome) => unknown): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      if (this.machine.takeCancellation()) {
        this.bodies.cancel(of + 1);
        return reject(cancelledError());
      }
      this.machine.wait(of);
      this.#futures.set(of, { label, decode, resolve: resolve as (v: unknown) => void, reject });
    });
    promise.catch(noop);
    return promise;
  }

  /** The same for a signal, which may have come before it was asked for. */
  signalFuture<T>(of: CommandIndex, name: string, decode: (o: Outcome) => unknown): Promise<T> {
    const kept = this.machine.waitForSignal(of, name);
    if (kept === undefined) {
      const promise = new Promise<T>((resolve, reject) => {
        const settle = { resolve: resolve as (v: unknown) => void, reject };
        this.#futures.set(of, { label: `signal ${name}`, decode, ...settle });
      });
      promise.catch(noop);
      return promise;
    }
    const promise = Promise.resolve(decode({ kind: "result", result: kept })) as Promise<T>;
    promise.catch(noop);
    return promise;
  }

  #handOver(next: HandOver): void {
    switch (next.kind) {
      case "settle":
        return this.#settle(next.of, next.outcome);
      case "cancel":
        this.bodies.cancel(this.machine.asked);
        this.#abort?.abort(cancelledError());
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
    for (const of of pending) {
      const id = this.callIds.get(of);
      if (id !== undefined) this.ask({ kind: "cancel", id: id() }, noop);
    }
  }

  /** The ids of calls by command, for cancelling them. */
  readonly callIds: Map<CommandIndex, () => string> = new Map();

  #settle(of: CommandIndex, outcome: Outcome): void {
    const future = this.#futures.get(of);
    if (future === undefined) return;
    this.#futures.delete(of);
    this.callIds.delete(of);
    let value: unknown;
    try {
      value = future.decode(outcome);
    } catch (error) {
      return future.reject(error);
    }
    if (!(value instanceof Promise)) return future.resolve(value);
    this.#decoding = true;
    value.then(
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
    if (host.strict) return this.fail(blockedError(this, entry), true);
    this.#blocked = host.after(blockedMsMax, () => this.fail(blockedError(this, entry), true));
  }

  /** Throws when the context may not be used now (R5, R6). */
  checkUse(): void {
    if (this.host.insideBody()) throw new HoldfastError("RUN_NESTED", { terminal: true });
    if (this.#over) throw new HoldfastError("CONTEXT_CLOSED");
    this.#checkTurn("a command");
  }

  #checkTurn(at: string): void {
    if (this.#inTurn) return;
    this.host.report(this, { kind: "unjournaledAwait", at });
    if (this.host.strict) {
      this.fail(new HoldfastError("UNJOURNALED_AWAIT", { data: { at } }), true);
      throw stopSignal;
    }
  }

  #reportUnawaited(): void {
    const commands: string[] = [];
    for (const { label } of this.#futures.values()) {
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
