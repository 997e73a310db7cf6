// One promise a context has given out, and how it settles: natively, with what its answer decodes
// to. It is marked as handled before it is rejected, so that no handler can end the process by
// looking at a failure late (R7); promises that are never rejected, nearly all, pay nothing for it.
import type { Outcome } from "../replay/machine.ts";

/** What becomes of a command's answer; `callee`: the id of the invocation it called. */
export interface Asking {
  /** Names it in reports. */
  readonly label: string;
  readonly decode: (outcome: Outcome) => unknown;
  readonly callee?: (() => string) | undefined;
}

export class Future {
  readonly asking: Asking;
  readonly promise: Promise<unknown>;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(asking: Asking) {
    this.asking = asking;
    this.promise = new Promise((resolve, reject) => {
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
      const value = this.asking.decode(outcome);
      if (value instanceof Promise) return value;
      this.#resolve(value);
    } catch (error) {
      this.reject(error);
    }
    return undefined;
  }
}

function noop(): void {}
