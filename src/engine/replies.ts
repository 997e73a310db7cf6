// Callers outside who wait for an invocation's result. They are gone with the process; the result
// is not, and can be asked for again.
import type { HoldfastError } from "../model/errors.ts";
import { HoldfastError as Refusal } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import type { InvocationNumber } from "../model/row.ts";

export interface Reply {
  result(result: Result): void;
  refused(error: HoldfastError): void;
}

export class Replies {
  readonly #waiting = new Map<InvocationNumber, Reply[]>();
  readonly #requests = new Set<(error: unknown) => void>();
  #failed: HoldfastError | undefined;

  get size(): number {
    return this.#waiting.size;
  }

  wait(n: InvocationNumber, reply: Reply): void {
    if (this.#failed !== undefined) return reply.refused(this.#failed);
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) this.#waiting.set(n, [reply]);
    else waiting.push(reply);
  }

  /** Somebody who waits goes away: what is waited for goes on. */
  leave(n: InvocationNumber, reply: Reply): void {
    const waiting = this.#waiting.get(n);
    const i = waiting?.indexOf(reply) ?? -1;
    if (waiting === undefined || i < 0) return;
    if (waiting.length === 1) this.#waiting.delete(n);
    else waiting.splice(i, 1);
  }

  /** A request whose answer is not yet durable: told if the engine fails before it is. */
  request(reject: (error: unknown) => void, ask: (done: () => void) => void): void {
    if (this.#failed !== undefined) return reject(this.#failed);
    this.#requests.add(reject);
    ask(() => this.#requests.delete(reject));
  }

  completed(n: InvocationNumber, result: Result): void {
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) return;
    this.#waiting.delete(n);
    for (const reply of waiting) reply.result(result);
  }

  gone(n: InvocationNumber): void {
    const waiting = this.#waiting.get(n) ?? [];
    this.#waiting.delete(n);
    for (const reply of waiting) reply.refused(new Refusal("INVOCATION_NOT_FOUND"));
  }

  /** Everybody who still waits is told; their outcome is unknown, not failed (R16). */
  fail(error: HoldfastError): void {
    this.#failed ??= error;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    const requests = [...this.#requests];
    this.#requests.clear();
    for (const reject of requests) reject(error);
    for (const waiting of all) for (const reply of waiting) reply.refused(error);
  }
}
