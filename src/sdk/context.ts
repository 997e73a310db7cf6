// The context a handler is given, over its attempt. Each method asks one command, in the order of
// the calls, and hands back a native promise that the attempt settles in the journal's order. What
// a handler sees of it is described in types.ts.

import { durationMs } from "../model/duration.ts";
import type { CommandEntry } from "../model/entry.ts";
import { errorOf, failureOf, HoldfastError, TerminalError } from "../model/errors.ts";
import { formatAwakeableId } from "../model/ids.ts";
import { addressOf, calleeId, idOf } from "../model/invocation-id.ts";
import { nameBytesMax } from "../model/limits.ts";
import type { CallRequest } from "../model/message.ts";
import type { Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { Outcome } from "../replay/machine.ts";
import { targetText } from "../replay/mismatch.ts";
import { utf8Length } from "../std/bytes.ts";
import { Prng } from "../std/prng.ts";
import type { RunningAttempt, Said } from "./attempt-host.ts";
import { type Called, hashOf, methodsOf, requestOf } from "./calls.ts";
import { Future } from "./future.ts";
import { valueOf } from "./outcome.ts";
import { policyOf, stepPolicyOf } from "./policy.ts";
import { jsonSerde, type Serde } from "./serde.ts";
import type { Callable, Duration, Invocation, RunOptions, SendOptions, Step } from "./types.ts";
import { encodeJson } from "./values.ts";
import { type Versions, versionOf } from "./version.ts";

/** What every handler may use. */
export class BaseContext {
  protected readonly attempt: RunningAttempt;
  #rand: Prng | undefined;
  #versions: Versions | undefined;

  constructor(attempt: RunningAttempt) {
    this.attempt = attempt;
  }

  get id(): string {
    return idOf(this.attempt.row);
  }

  get abort(): AbortSignal {
    return this.attempt.abortSignal;
  }

  get date(): { now(): number } {
    return { now: () => this.attempt.machine.now };
  }

  get rand(): { random(): number; uuid(): string } {
    const { row } = this.attempt;
    this.#rand ??= new Prng(`holdfast rand ${row.origin?.incarnation ?? row.incarnation}`);
    return this.#rand;
  }

  get console(): Pick<Console, "debug" | "log" | "info" | "warn" | "error"> {
    const at =
      (level: string) =>
      (...args: unknown[]) => {
        const { machine, host } = this.attempt;
        if (!machine.repeating) host.report(this.attempt, { kind: "console", level, args });
      };
    return {
      debug: at("debug"),
      log: at("log"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
    };
  }

  request(): {
    id: string;
    headers: Readonly<Record<string, string>>;
    idempotencyKey: string | undefined;
    attempt: number;
  } {
    const { headers, idempotencyKey, attempt } = this.attempt.row;
    return {
      id: this.id,
      headers: { ...headers },
      idempotencyKey: idempotencyKey ?? undefined,
      attempt,
    };
  }

  run<T>(
    name: string,
    action: (step: Step) => T | Promise<T>,
    options: RunOptions = {},
  ): Promise<T> {
    checkName(name, "step");
    if (typeof action !== "function") throw new TypeError(`ctx.run("${name}") needs a function`);
    const { attempt } = this;
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout);
    const policy = policyOf(options.retry, stepPolicyOf(attempt.spec.retry));
    const future = new Future(decodeResult(attempt.spec.serde), `run "${name}"`);
    return attempt.asked<T>({ kind: "run", name }, future, (entry) => {
      const replayed = attempt.isReplayed(entry);
      attempt.bodies.add({ of: entry.index, name, action, policy, timeoutMs }, replayed);
    });
  }

  version(change: string, latest = 1, oldest = 0): number {
    checkName(change, "change");
    return versionOf(this.attempt, (this.#versions ??= new Map()), change, latest, oldest);
  }

  sleep(duration: Duration): Promise<void> {
    return this.asked({ kind: "sleep", ms: durationMs(duration) }, decodeVoid);
  }

  timeout<T>(promise: Promise<T>, after: Duration): Promise<T> {
    const late = this.sleep(after).then((): never => {
      throw errorOf(failureOf(new HoldfastError("TIMEOUT", { data: { after } })));
    });
    return Promise.race([promise, late]);
  }

  call(target: Callable, ...to: []): unknown {
    return methodsOf(target, to, (called) => this.#call(called));
  }

  #call(called: Called): Promise<unknown> {
    const { attempt } = this;
    const { target } = called;
    const said = this.#saying(target, "call");
    const request = whenReady(requestOf(called), (call) => ({
      kind: "call" as const,
      call: said === undefined ? call : said.carrying(call),
      hash: hashOf(call.input),
    }));
    let entry: CommandEntry | undefined;
    const callee = (): string => idOfCallee(entry);
    const decode = telling(decodeResult(called.spec?.serde, { target, id: callee }), said, callee);
    const future = new Future(decode, `call ${targetText(target)}`, callee);
    const promise = attempt.asked(request, future, (logged) => {
      entry = logged;
    });
    void Object.defineProperty(promise, "id", { get: callee, enumerable: true });
    return promise;
  }

  /** The span of what is asked next; undefined when it was asked before, or nobody listens. */
  #saying(target: Called["target"], how: "call" | "send" | "delayed send"): Said | undefined {
    const { attempt } = this;
    const { trace } = attempt.host;
    if (trace === undefined || attempt.isReplayed({ index: attempt.nextIndex })) return undefined;
    return trace.asking(attempt, { target, how });
  }

  send(target: Callable, ...to: []): unknown {
    return methodsOf<SendOptions, Invocation<unknown>>(target, to, (called) => this.#send(called));
  }

  sendDelayed(target: Callable, ...to: unknown[]): unknown {
    const keyed = target.kind !== "service";
    const delay = (keyed ? to[1] : to[0]) as Duration | Date;
    const options: SendOptions = { ...((keyed ? to[2] : to[1]) as SendOptions), delay };
    return this.send(target, ...((keyed ? [to[0], options] : [options]) as unknown as []));
  }

  #send(called: Called<SendOptions>): Invocation<unknown> {
    const { attempt } = this;
    const delay = called.options?.delay;
    const due = delay instanceof Date ? dueOf(delay) : undefined;
    const ms = delay === undefined || delay instanceof Date ? undefined : durationMs(delay);
    const said = this.#saying(called.target, delay === undefined ? "send" : "delayed send");
    const request = whenReady(requestOf(called), (call) => ({
      kind: "send" as const,
      call: said === undefined ? call : said.carrying(call),
      hash: hashOf(call.input),
      delay: ms,
      due,
    }));
    let entry: CommandEntry | undefined;
    attempt.ask(request, (logged) => {
      entry = logged;
      said?.ended(idOfCallee(logged));
      throwRefusal(logged);
    });
    return this.handle(() => idOfCallee(entry), called.spec?.serde);
  }

  /** An invocation known by id, from inside a handler. */
  protected handle(id: () => string, serde?: Serde): Invocation<unknown> {
    const attach = (): Promise<unknown> =>
      this.asked({ kind: "attach", id: id() }, decodeResult(serde));
    const cancel = async (): Promise<void> => this.cancel(id());
    return {
      get id() {
        return id();
      },
      result: attach,
      cancel,
    };
  }

  attach<O>(invocation: Invocation<O> | string): Promise<O> {
    const id = typeof invocation === "string" ? invocation : invocation.id;
    return this.asked({ kind: "attach", id }, decodeResult(undefined));
  }

  cancel(invocation: Invocation<unknown> | string): void {
    const id = typeof invocation === "string" ? invocation : invocation.id;
    this.attempt.ask({ kind: "cancel", id }, noop);
  }

  awakeable<T>(): { id: string; promise: Promise<T> } {
    const { attempt } = this;
    const { partitionKey, incarnation } = attempt.row;
    const position = addressOf(attempt.row);
    const index = attempt.nextIndex;
    const promise = this.asked<T>({ kind: "awakeable" }, decodeResult(undefined), () =>
      attempt.machine.learnedAt(attempt.host.position),
    );
    return { id: formatAwakeableId({ partitionKey, position, index, incarnation }), promise };
  }

  resolveAwakeable(id: string, value?: unknown): void {
    const result: Result = { value: encodeJson(value, "The value of an awakeable") };
    const hash = hashOf(result.value);
    this.attempt.ask({ kind: "awakeableComplete", id, result, hash }, noop);
  }

  rejectAwakeable(id: string, reason: string): void {
    const result: Result = { failure: failureOf(new TerminalError(reason)) };
    this.attempt.ask({ kind: "awakeableComplete", id, result, hash: hashOf(reason) }, noop);
  }

  signal<T>(name: string): Promise<T> {
    checkName(name, "signal");
    return this.attempt.askedSignal(name, decodeResult(undefined));
  }

  sendSignal(invocation: Invocation<unknown> | string, name: string, value?: unknown): void {
    checkName(name, "signal");
    const id = typeof invocation === "string" ? invocation : invocation.id;
    const result: Result = { value: encodeJson(value, "The value of a signal") };
    this.attempt.ask({ kind: "signalSend", id, name, result, hash: hashOf(result.value) }, noop);
  }

  /** Asks a command that is answered later; the promise settles with its answer. */
  protected asked<T>(
    request: CommandRequest | Promise<CommandRequest>,
    decode: (outcome: Outcome) => unknown,
    logged: (entry: CommandEntry) => void = noop,
  ): Promise<T> {
    return this.attempt.asked<T>(request, new Future(decode), logged);
  }
}

/** A command that was logged as refused throws, live and on replay alike (R5). */
export function throwRefusal({ command }: CommandEntry): void {
  if ("failure" in command && command.failure !== undefined) throw errorOf(command.failure);
}

function idOfCallee(entry: CommandEntry | undefined): string {
  const command = entry?.command;
  if (command === undefined || (command.kind !== "call" && command.kind !== "send")) {
    throw new TypeError("The id is known once the input is encoded; await something first.");
  }
  const { target, callee } = command;
  return callee === null ? "" : calleeId(target.service, target.key, callee);
}

/** Decodes, and ends the span of what was asked. */
function telling(
  decode: (outcome: Outcome) => unknown,
  said: Said | undefined,
  id: () => string,
): (outcome: Outcome) => unknown {
  if (said === undefined) return decode;
  return (outcome) => {
    said.ended(id(), outcome.kind === "result" ? outcome.result : undefined);
    return decode(outcome);
  };
}

function whenReady<T>(
  call: CallRequest | Promise<CallRequest>,
  then: (call: CallRequest) => T,
): T | Promise<T> {
  return call instanceof Promise ? call.then(then) : then(call);
}

/** Whom a failure is said to come from, where it does not say so itself. */
interface From {
  readonly target: Called["target"];
  id(): string;
}

export function decodeResult(serde: Serde | undefined, from?: From): (outcome: Outcome) => unknown {
  if (serde === undefined && from === undefined) return decodeValue;
  return (outcome) => {
    if (outcome.kind === "result" && "failure" in outcome.result && from !== undefined) {
      const { failure } = outcome.result;
      const { target = targetText(from.target), invocation = from.id() } = failure;
      throw errorOf({ ...failure, target, ...(invocation === "" ? {} : { invocation }) });
    }
    return (serde ?? jsonSerde).decode(valueOf(outcome));
  };
}

function decodeValue(outcome: Outcome): unknown {
  return jsonSerde.decode(valueOf(outcome));
}

function decodeVoid(outcome: Outcome): undefined {
  valueOf(outcome);
  return undefined;
}

function dueOf(instant: Date): number {
  const due = instant.getTime();
  if (Number.isFinite(due)) return due;
  throw new HoldfastError("DURATION_INVALID", { message: "The delay is an invalid Date." });
}

export function checkName(name: unknown, what: string): void {
  if (typeof name === "string" && name.length > 0 && utf8Length(name) <= nameBytesMax) return;
  throw new HoldfastError("NAME_INVALID", {
    message: `The name of a ${what} is text of 1 to ${nameBytesMax} bytes.`,
    terminal: true,
  });
}

function noop(): void {}
