// What handler authors and callers see: targets and typed calls, the context, the client. Types
// only, and the reference of the public interface. How handlers are written down is handlers.ts,
// how services are is definition.ts.

import type { Kind } from "../model/service-kind.ts";

export type { Kind } from "../model/service-kind.ts";

// ---- targets: enough for a typed call, nothing of the code behind it

declare const types: unique symbol;

/** What a handler looks like to its callers. */
export type Signature = (...input: never[]) => Promise<unknown>;

/** Anything that can be called: a definition, a `ref` or a `contract`. `S` holds its signatures. */
export interface Callable<K extends Kind = Kind, S = object> {
  readonly kind: K;
  readonly name: string;
  readonly [types]?: S;
}

/** What `service`, `object`, `workflow` and `implement` give: a target with its code. */
export interface Definition<K extends Kind, N extends string, S> extends Callable<K, S> {
  readonly name: N;
}

/** The signatures of a target: handler name → function. */
export type SigOf<D> = D extends Callable<Kind, infer S> ? S : never;

// ---- durations

type Unit = "ms" | "s" | "m" | "h" | "d";

/**
 * Milliseconds, text such as "90s", "15m", "1h30m", "7d" or "PT15M" (ISO 8601), an object such as
 * `{ minutes: 15 }`, or a `Temporal.Duration`. From 0 to 365 days, rounded to milliseconds.
 */
export type Duration =
  | number
  | `${number}${Unit}`
  | `${number}h${number}m`
  | `P${string}`
  | DurationParts
  | { total(unit: "milliseconds"): number };

/** Parts are added up. */
export interface DurationParts {
  readonly days?: number | undefined;
  readonly hours?: number | undefined;
  readonly minutes?: number | undefined;
  readonly seconds?: number | undefined;
  readonly milliseconds?: number | undefined;
}

/** How failures are tried again. What is left out comes from the service, then from the engine. */
export interface Retry {
  /** Tries in all, the first included, from 1. Default: no bound. */
  readonly attempts?: number | undefined;
  /** No further try once this has passed since the first failure. Default: no bound. */
  readonly duration?: Duration | undefined;
  /** Delay before the second try; jitter may halve it. Default 100 ms. */
  readonly delay?: Duration | undefined;
  /** Growth of the delay per try, from 1. Default 2. */
  readonly factor?: number | undefined;
  /** Longest delay between tries. Default 1 minute. */
  readonly maxDelay?: Duration | undefined;
  /**
   * What happens to an invocation when no try is left: it ends with `HANDLER_FAILED`, or waits for
   * an operator. Default "fail". Steps always fail, with `STEP_FAILED`.
   */
  readonly onExhausted?: "pause" | "fail" | undefined;
}

// ---- calls: one shape inside handlers and outside

/** Options of a call. */
export interface CallOptions {
  /**
   * Requests to one handler (of one key) with the same key are one invocation: the second gets the
   * first one's result. Kept as long as the result, a day by default. At most 512 bytes. Not for a
   * workflow's `run`, which is idempotent by its workflow key.
   */
  readonly idempotencyKey?: string | undefined;
  /** Kept with the invocation and shown to its handler. At most 64, 16 KiB together. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Options of a send. */
export interface SendOptions extends CallOptions {
  /** When it is to start: after a duration, or at a time. Default: at once. */
  readonly delay?: Duration | Date | undefined;
}

type To<D, O> = D extends Callable<"service", unknown> ? [options?: O] : [key: string, options?: O];
type After<D> =
  D extends Callable<"service", unknown>
    ? [delay: Duration | Date, options?: CallOptions]
    : [key: string, delay: Duration | Date, options?: CallOptions];

type Verb = "inside.call" | "inside.send" | "call" | "send";
type Answer<O, V extends Verb> = {
  readonly "inside.call": Call<O>;
  readonly "inside.send": Invocation<O>;
  readonly call: Promise<O>;
  readonly send: Promise<Invocation<O>>;
}[V];

/** The handlers of a target as methods: those of `ctx.call(target)`, `client.send(target)`, …. */
export type Each<D, V extends Verb> = {
  readonly [M in keyof SigOf<D>]: SigOf<D>[M] extends (...input: infer A) => Promise<infer O>
    ? (...input: A) => Answer<O, V>
    : never;
};

/** A promise of a result, and the id of the invocation that will give it. */
export interface Call<O> extends Promise<O> {
  readonly id: string;
}

/** An invocation that exists, by its id. */
export interface Invocation<O> {
  readonly id: string;
  /**
   * Waits for its result.
   *
   * @throws TerminalError with which it ended; HoldfastError `INVOCATION_NOT_FOUND` when its
   * retention is over.
   */
  result(): Promise<O>;
  /** Asks it to end: it fails with `CANCELLED` at its next await, and may clean up. */
  cancel(): Promise<void>;
}

// ---- the context

/** What the body of `ctx.run` is given. */
export interface Step {
  /** Raised when the try times out, or the invocation is cancelled, killed or paused. */
  readonly signal: AbortSignal;
  /** The same for every try of this step, and for no other: hand it to the service you call. */
  readonly idempotencyKey: string;
  /** From 1. */
  readonly attempt: number;
}

/** Options of `ctx.run`. */
export interface RunOptions {
  /** Longest time of one try; it then counts as failed with `STEP_TIMEOUT`. Default: none. */
  readonly timeout?: Duration | undefined;
  /** How failed tries are repeated. Default: for ever, a minute apart at most. */
  readonly retry?: Retry | undefined;
}

/** The request that made this invocation. */
export interface InvocationRequest {
  readonly id: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string | undefined;
  /** Which attempt this is, from 1. It differs on replay: for logs, never for decisions. */
  readonly attempt: number;
}

/** `console` without output on replay: a line appears again only after a crash or a retry. */
export interface ContextConsole {
  debug(...data: unknown[]): void;
  log(...data: unknown[]): void;
  info(...data: unknown[]): void;
  warn(...data: unknown[]): void;
  error(...data: unknown[]): void;
}

/**
 * What every handler is given first. All it does is written to the invocation's journal, in the
 * order asked; after a crash the handler runs again and is handed what the journal holds.
 *
 * Its promises are native: combine them with `Promise.all`, `race`, `any` and `allSettled`. They
 * fail with a `TerminalError`; what may be retried never reaches the handler. A method used in the
 * body of `run` throws `RUN_NESTED`, after the handler's end `CONTEXT_CLOSED`.
 */
export interface Context {
  /** Id of this invocation. */
  readonly id: string;
  /** Raised when this attempt is to stop. The durable signal is `signal(name)`. */
  readonly abort: AbortSignal;
  /** Reads the time from the journal. */
  readonly date: {
    /**
     * Milliseconds since 1970 of what the handler learned last: the same on replay, and standing
     * still between awaits.
     */
    now(): number;
  };
  /** Random values that repeat on replay, seeded per invocation. Not for secrets. */
  readonly rand: {
    /** From 0 up to, not including, 1. */
    random(): number;
    /** The text of a version 4 UUID. */
    uuid(): string;
  };
  readonly console: ContextConsole;
  /** How this invocation was asked for. */
  request(): InvocationRequest;

  /**
   * Runs a side effect and keeps its result: on replay the result is handed over and `action` not
   * run. It runs at least once: if the process dies between the effect and its record, it runs
   * again. Hand `step.idempotencyKey` to the other side to make that one effect.
   *
   * A thrown `TerminalError` fails the step at once, anything else is retried.
   *
   * @throws TerminalError the thrown one, or `STEP_FAILED` when no try is left.
   * @throws HoldfastError `VALUE_NOT_SERIALIZABLE`, terminal, if its result is no plain JSON value.
   * @example
   * const receipt = await ctx.run("charge", ({ idempotencyKey, signal }) =>
   *   payments.charge(order, { idempotencyKey, signal }));
   */
  run<T>(name: string, action: (step: Step) => T | Promise<T>, options?: RunOptions): Promise<T>;

  /**
   * Which logic to follow where this handler's code has changed: `latest` for invocations that come
   * here for the first time, 0 for those that have passed here under code without this line, and
   * whatever it was before on replay and when asked again. Keep the line as long as there may be
   * invocations that have asked it; raise `oldest` once the older logic is gone.
   *
   * @param change - Names the change, within the handler.
   * @param latest - From 0. Default 1.
   * @param oldest - The oldest version this code still follows. Default 0. An invocation of another
   * version waits, paused with `VERSION_UNSUPPORTED`, for code that does.
   * @example
   * if (ctx.version("check for fraud") >= 1) await ctx.run("check", () => fraud.check(order));
   */
  version(change: string, latest?: number, oldest?: number): number;

  /**
   * Waits until `duration` has passed, surviving restarts; the handler may be suspended meanwhile.
   *
   * @throws HoldfastError `DURATION_INVALID`, terminal.
   * @example
   * await ctx.sleep("15m");
   */
  sleep(duration: Duration): Promise<void>;

  /**
   * Answers as `promise` does if it settles in time. What it waits for goes on either way.
   *
   * @param after - From now.
   * @throws TerminalError `TIMEOUT`, 408.
   * @example
   * const code = await ctx.timeout(ctx.signal<string>("code"), "10m");
   */
  timeout<T>(promise: Promise<T>, after: Duration): Promise<T>;

  /**
   * Calls a handler of another service, or of another key, and waits for its result: exactly once,
   * across crashes of either side. The promise has the `id` of the invocation.
   *
   * @throws TerminalError with which the callee ended; `KEY_DEADLOCK` when it could never run.
   * @example
   * const reserved = await ctx.call(ticketService).reserve(ticketId);
   */
  call<D extends Callable>(target: D, ...to: To<D, CallOptions>): Each<D, "inside.call">;

  /**
   * Invokes without waiting, at once or after a delay. It will run even if this handler fails.
   *
   * @example
   * ctx.send(cart, ctx.key, { delay: "15m" }).expireTicket(ticketId);
   */
  send<D extends Callable>(target: D, ...to: To<D, SendOptions>): Each<D, "inside.send">;

  /**
   * Invokes after a delay, without waiting: `send` with its `delay` spelled out.
   *
   * @example
   * ctx.sendDelayed(cart, ctx.key, "15m").expireTicket(ticketId);
   */
  sendDelayed<D extends Callable>(target: D, ...to: After<D>): Each<D, "inside.send">;

  /**
   * Waits for the result of an invocation that exists already.
   *
   * @throws TerminalError with which it ended; `INVOCATION_NOT_FOUND`; `KEY_DEADLOCK`.
   */
  attach<O = unknown>(invocation: Invocation<O> | string): Promise<O>;

  /** Asks another invocation to end; one that has ended, or never was, is left alone. */
  cancel(invocation: { readonly id: string } | string): void;

  /**
   * An id to hand outside, and the promise that whoever has it settles: over HTTP, by
   * `client.awakeable(id)` or from another handler.
   *
   * @throws TerminalError the promise, when it is rejected, with code `TERMINAL` and the reason.
   * @example
   * const approval = ctx.awakeable<boolean>();
   * await ctx.run("ask", () => mail.send(manager, approval.id));
   * const approved = await approval.promise;
   */
  awakeable<T = unknown>(): { readonly id: string; readonly promise: Promise<T> };

  /** Settles an awakeable of any invocation. The first to settle it wins. */
  resolveAwakeable(id: string, value?: unknown): void;

  /** Fails an awakeable of any invocation with a `TerminalError` that says `reason`. */
  rejectAwakeable(id: string, reason: string): void;

  /**
   * Waits for the next value sent under this name to this invocation: by `sendSignal`, or from
   * outside. Values that came earlier are kept, in order, and taken one by one.
   *
   * @example
   * const decision = await ctx.signal<"ship" | "hold">("decision");
   */
  signal<T = unknown>(name: string): Promise<T>;

  /** Sends a value to the invocation with this id, which takes it by `signal(name)`. */
  sendSignal(id: string, name: string, value?: unknown): void;
}

// ---- state

declare const untyped: unique symbol;

/** State or promises that were not declared: any name, any value. */
export interface Untyped {
  readonly [untyped]: true;
}

type AnyName<T> = T extends Untyped ? string : never;
type DeclaredName<T> = T extends Untyped ? never : keyof T & string;
type Name<T> = AnyName<T> | DeclaredName<T>;
type Value<T, K> = T extends Untyped ? unknown : K extends keyof T ? T[K] : never;

/** Reads the state of this key. */
export interface StateReader<St> {
  /**
   * The value last set, or null. What was read stays what it was on replay; each read gives a
   * fresh copy.
   *
   * @example
   * const tickets = (await ctx.get<string[]>("cart")) ?? [];
   */
  get<T = unknown>(name: AnyName<St>): Promise<T | null>;
  /** The value last set, or the initial one of the definition's `state`. */
  get<K extends DeclaredName<St>>(name: K): Promise<Value<St, K>>;
  /** Names that have a value, sorted. */
  stateKeys(): Promise<string[]>;
}

/** Reads and writes the state of this key. Writes are seen by shared handlers as they are made. */
export interface StateWriter<St> extends StateReader<St> {
  /**
   * Sets a value, at once for this handler.
   *
   * @throws HoldfastError `VALUE_NOT_SERIALIZABLE` or `STATE_TOO_LARGE`, terminal.
   */
  set<K extends Name<St>>(name: K, value: Value<St, K>): void;
  /** Back to no value, or to the initial one. */
  clear(name: Name<St>): void;
  clearAll(): void;
}

/** The context of a shared handler: it runs beside others of its key, and only reads. */
export interface SharedContext<St = Untyped> extends Context, StateReader<St> {
  /** The object's key. */
  readonly key: string;
}

/** The context of an exclusive handler: the only one running for its key, which it may write. */
export interface ObjectContext<St = Untyped> extends Context, StateWriter<St> {
  /** The object's key. */
  readonly key: string;
}

// ---- workflows

/** A value of a workflow that is settled once. Awaiting it waits until it is. */
export interface DurablePromise<T> extends Promise<T> {
  /** Its value if it is resolved, undefined while it is open. */
  peek(): Promise<T | undefined>;
  /**
   * Settles it. The first value stays: settled again, by whomever, nothing changes and nobody is
   * told; `peek` first where that matters.
   */
  resolve(value: T): void;
  /** Fails it with a `TerminalError` that says `reason`. */
  reject(reason: string): void;
}

/** The durable promises of a workflow, shared by its `run` and its other handlers. */
export interface Promises<P> {
  /**
   * @example
   * const code = await ctx.promise("verified");
   */
  promise<T = unknown>(name: AnyName<P>): DurablePromise<T>;
  promise<K extends DeclaredName<P>>(name: K): DurablePromise<Value<P, K>>;
}

/** The context of a workflow's `run`: once per key, with state and promises. */
export interface WorkflowContext<St = Untyped, P = Untyped>
  extends ObjectContext<St>,
    Promises<P> {}

/** The context of a workflow's other handlers, which run beside `run`. */
export interface WorkflowSharedContext<St = Untyped, P = Untyped>
  extends SharedContext<St>,
    Promises<P> {}

// ---- outside

type RunOutput<S> = S extends { readonly run: (...input: never[]) => Promise<infer O> }
  ? O
  : unknown;

/**
 * The same verbs as in a handler, from outside: of an engine in this process, of a test engine, or
 * of an engine elsewhere over HTTP.
 */
export interface Client {
  /**
   * Invokes and waits for the result. A request that fails midway may have been accepted: repeat it
   * only with an idempotency key.
   *
   * @throws TerminalError with which the invocation ended, with its `invocation` and `target`.
   * @throws HoldfastError `SERVICE_NOT_FOUND`, `ENGINE_FAILED`, …
   * @example
   * const reserved = await client.call(cart, "user-1").addTicket("TICKET-001");
   */
  call<D extends Callable>(
    target: D,
    ...to: To<D, CallOptions & { readonly signal?: AbortSignal | undefined }>
  ): Each<D, "call">;

  /**
   * Invokes without waiting. Answers once the invocation is durable.
   *
   * @example
   * const { id } = await client.send(cart, "user-1", { delay: "15m" }).expireTicket("TICKET-001");
   */
  send<D extends Callable>(target: D, ...to: To<D, SendOptions>): Each<D, "send">;

  /** An invocation by its id. Nothing is asked until its result is. */
  invocation<O = unknown>(id: string): Invocation<O>;

  /** The run of a workflow, by its key. */
  workflow<D extends Callable<"workflow">>(target: D, key: string): Invocation<RunOutput<SigOf<D>>>;

  /** Settles an awakeable. Doing so again changes nothing. */
  awakeable(id: string): {
    resolve(value?: unknown): Promise<void>;
    reject(reason: string): Promise<void>;
  };

  /** Sends a value to an invocation, which takes it by `ctx.signal(name)`. */
  signal(id: string, name: string, value?: unknown): Promise<void>;

  /** Ends what this client holds. Twice is once. */
  close(): Promise<void>;
}
