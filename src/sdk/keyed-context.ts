// What handlers of objects and workflows may use besides: their key, its state, its promises. State
// is kept as JSON whatever a handler's serde, since all handlers of a key share it.
import { errorOf, failureOf, HoldfastError, TerminalError } from "../model/errors.ts";
import type { Payload, Result } from "../model/payload.ts";
import type { Outcome } from "../replay/machine.ts";
import type { RunningAttempt } from "./attempt-host.ts";
import { hashOf } from "./calls.ts";
import { BaseContext, checkName, decodeResult, throwRefusal } from "./context.ts";
import type { DurablePromise } from "./types.ts";
import { decodeJson, encodeJson } from "./values.ts";

/** The context for a handler of this mode. */
export function createContext(attempt: RunningAttempt): BaseContext {
  if (attempt.row.mode === "plain") return new BaseContext(attempt);
  return new KeyedContext(attempt);
}

class KeyedContext extends BaseContext {
  get key(): string {
    return this.attempt.row.key as string;
  }

  get<T>(name: string): Promise<T> {
    checkName(name, "state value");
    const initial = initialState(this.attempt, name);
    return this.asked({ kind: "get", name }, (outcome) => {
      if (outcome.kind !== "state") return null;
      const payload = outcome.value ?? initial;
      return payload === undefined ? null : decodeJson(payload);
    });
  }

  stateKeys(): Promise<string[]> {
    return this.asked({ kind: "stateKeys" }, (outcome) =>
      outcome.kind === "names" ? [...outcome.names] : [],
    );
  }

  set(name: string, value: unknown): void {
    checkName(name, "state value");
    this.#checkWrite();
    const payload = encodeJson(value, `The state "${name}"`);
    this.attempt.ask({ kind: "set", name, value: payload }, throwRefusal);
  }

  clear(name: string): void {
    checkName(name, "state value");
    this.#checkWrite();
    this.attempt.ask({ kind: "clear", name }, noop);
  }

  clearAll(): void {
    this.#checkWrite();
    this.attempt.ask({ kind: "clearAll" }, noop);
  }

  #checkWrite(): void {
    const { mode } = this.attempt.row;
    if (mode === "shared") throw new HoldfastError("STATE_READ_ONLY", { terminal: true });
  }

  promise<T>(name: string): DurablePromise<T> {
    checkName(name, "promise");
    return new LazyPromise<T>(this.#promiseOf(name)) as unknown as DurablePromise<T>;
  }

  #promiseOf(name: string): PromiseAsks {
    const result = decodeResult(undefined);
    const complete = (made: Result, hash: string): Promise<void> =>
      this.asked({ kind: "promiseComplete", name, result: made, hash }, result);
    return {
      get: () => this.asked({ kind: "promise", name }, result),
      peek: () => this.asked({ kind: "promisePeek", name }, decodePeeked),
      resolve: (value) => {
        const payload = encodeJson(value, `The promise "${name}"`);
        return complete({ value: payload }, hashOf(payload));
      },
      reject: (reason) =>
        complete({ failure: failureOf(new TerminalError(reason)) }, hashOf(reason)),
    };
  }
}

interface PromiseAsks {
  get(): Promise<unknown>;
  peek(): Promise<unknown>;
  resolve(value: unknown): Promise<void>;
  reject(reason: string): Promise<void>;
}

/** Asks for the promise when it is awaited, not when it is named: `resolve` alone waits for none. */
class LazyPromise<T> {
  readonly #asks: PromiseAsks;
  #asked: Promise<T> | undefined;

  constructor(asks: PromiseAsks) {
    this.#asks = asks;
  }

  get #promise(): Promise<T> {
    this.#asked ??= this.#asks.get() as Promise<T>;
    return this.#asked;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, made when it is awaited.
  then<A, B>(ok?: (value: T) => A | PromiseLike<A>, no?: (error: unknown) => B | PromiseLike<B>) {
    return this.#promise.then(ok, no);
  }

  catch<B>(no?: (error: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.#promise.catch(no);
  }

  finally(then?: () => void): Promise<T> {
    return this.#promise.finally(then);
  }

  peek(): Promise<unknown> {
    return this.#asks.peek();
  }

  resolve(value: unknown): Promise<void> {
    return this.#asks.resolve(value);
  }

  reject(reason: string): Promise<void> {
    return this.#asks.reject(reason);
  }

  get [Symbol.toStringTag](): string {
    return "DurablePromise";
  }
}

function decodePeeked(outcome: Outcome): unknown {
  if (outcome.kind !== "peeked" || outcome.result === null) return undefined;
  if ("failure" in outcome.result) throw errorOf(outcome.result.failure);
  return decodeJson(outcome.result.value);
}

/** The initial value of a state name as its definition gives it, encoded (R5). */
function initialState(attempt: RunningAttempt, name: string): Payload | undefined {
  return attempt.definition.initialState?.get(name);
}

function noop(): void {}
