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

/** Who has asked and not yet been answered. */
export interface Asker {
  refused(error: unknown): void;
}

export class Replies {
  readonly #waiting = new Map<InvocationNumber, Reply[]>();
  readonly #requests = new Set<Asker>();
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

  waits(n: InvocationNumber): boolean {
    return this.#waiting.has(n);
  }

  /** Somebody who waits goes away: what is waited for goes on. */
  leave(n: InvocationNumber, reply: Reply): void {
    const waiting = this.#waiting.get(n);
    const i = waiting?.indexOf(reply) ?? -1;
    if (waiting === undefined || i < 0) return;
    if (waiting.length === 1) this.#waiting.delete(n);
    else waiting.splice(i, 1);
  }

  /**
   * Somebody asks: told if the engine fails before the answer is durable. False when it has failed
   * already, which was told.
   */
  asked(asker: Asker): boolean {
    if (this.#failed === undefined) this.#requests.add(asker);
    else asker.refused(this.#failed);
    return this.#failed === undefined;
  }

  answered(asker: Asker): void {
    this.#requests.delete(asker);
  }

  /** The same for one that is a function. */
  request(reject: (error: unknown) => void, ask: (done: () => void) => void): void {
    const asker = { refused: reject };
    if (this.asked(asker)) ask(() => this.answered(asker));
  }

  completed(n: InvocationNumber, result: Result): void {
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) return;
    this.#waiting.delete(n);
    for (const reply of waiting) reply.result(result);
  }

  gone(n: InvocationNumber): void {
    if (this.#waiting.has(n)) this.refuse(n, new Refusal("INVOCATION_NOT_FOUND"));
  }

  refuse(n: InvocationNumber, error: HoldfastError): void {
    const waiting = this.#waiting.get(n) ?? [];
    this.#waiting.delete(n);
    for (const reply of waiting) reply.refused(error);
  }

  /** Everybody who still waits is told; their outcome is unknown, not failed (R16). */
  fail(error: HoldfastError): void {
    this.#failed ??= error;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    const requests = [...this.#requests];
    this.#requests.clear();
    for (const asker of requests) asker.refused(error);
    for (const waiting of all) for (const reply of waiting) reply.refused(error);
  }
}
