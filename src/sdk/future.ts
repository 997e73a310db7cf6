// The promises a context has given out, and how each settles: natively, with what its answer decodes
// to. It is marked as handled before it is rejected, so that no handler can end the process by
// looking at a failure late (R7); promises that are never rejected, nearly all, pay nothing for it.
import type { Outcome } from "../replay/machine.ts";
import { AskedPromise } from "./asked-promise.ts";

/** A promise given out, and what becomes of the answer it waits for. */
export class Future {
  /** Names it where it is reported that nobody awaited it; undefined where that is no mistake. */
  readonly label: string | undefined;
  /** The id of the invocation that answers, known once the call was sent: it can be cancelled. */
  readonly callee: (() => string) | undefined;
  readonly promise: Promise<unknown>;
  readonly #decode: (outcome: Outcome) => unknown;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(decode: (outcome: Outcome) => unknown, label?: string, callee?: () => string) {
    this.label = label;
    this.callee = callee;
    this.#decode = decode;
    const Kind = label === undefined ? Promise : AskedPromise;
    this.promise = new Kind((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  resolve(value: unknown): void {
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.promise.catch(noop);
    this.#reject(error);
  }

  /** Settles with an answer; where decoding takes a while, answers what is then to be settled. */
  settle(outcome: Outcome): Promise<unknown> | undefined {
    try {
      const value = this.#decode(outcome);
      if (value instanceof Promise) return value;
      this.#resolve(value);
    } catch (error) {
      this.reject(error);
    }
    return undefined;
  }
}

/** Steps and calls among them that nobody has looked at: a race that one lost has. */
export function unawaitedOf(waiting: Iterable<Future>): string[] {
  const labels: string[] = [];
  for (const { label, promise } of waiting) {
    if (label !== undefined && !AskedPromise.lookedAt(promise)) labels.push(label);
  }
  return labels;
}

function noop(): void {}
