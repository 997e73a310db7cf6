// The promises a context has given out, and how each settles: natively, with what its answer decodes
// to. It is marked as handled before it is rejected, so that no handler can end the process by
// looking at a failure late (R7); promises that are never rejected, nearly all, pay nothing for it.
import type { CommandIndex } from "../model/entry.ts";
import type { Machine, Outcome } from "../replay/machine.ts";
import { cancelledError } from "./outcome.ts";

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

/** The promises an attempt has given out and not settled, by the command that asked. */
export class Futures {
  readonly #open = new Map<CommandIndex, Future>();
  /** The ids of calls, for cancelling them: known once a call was sent. */
  readonly #callees = new Map<CommandIndex, () => string>();

  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A promise for the answer of command `of`: settled by a hand-over, or by what is here now. */
  promise<T>(of: CommandIndex, asking: Asking, here?: Outcome): Promise<T> {
    if (asking.callee !== undefined) this.#callees.set(of, asking.callee);
    const future = new Future(asking);
    if (this.#machine.takeCancellation()) {
      this.#machine.giveUp(of);
      future.reject(cancelledError());
    } else if (here !== undefined) {
      // A signal's: its value is decoded at once.
      void future.settle(here);
    } else {
      this.#machine.wait(of);
      this.#open.set(of, future);
    }
    return future.promise as Promise<T>;
  }

  calleeOf(of: CommandIndex): (() => string) | undefined {
    return this.#callees.get(of);
  }

  /** Takes the promise that the answer of this command settles. */
  answered(of: CommandIndex): Future | undefined {
    const future = this.#open.get(of);
    if (future === undefined) return undefined;
    this.#open.delete(of);
    this.#callees.delete(of);
    return future;
  }

  /** Gives up waiting. A call's id is kept: it is about to be cancelled. */
  reject(of: CommandIndex, error: unknown): void {
    const future = this.#open.get(of);
    this.#open.delete(of);
    future?.reject(error);
  }

  /** Steps and calls nobody has had an answer of. */
  unawaited(): string[] {
    const labels = [...this.#open.values()].map(({ asking }) => asking.label);
    return labels.filter((label) => label.startsWith("run ") || label.startsWith("call "));
  }
}

function noop(): void {}
