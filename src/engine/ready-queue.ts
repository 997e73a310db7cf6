// Invocations that may run and wait for a slot, first come first served. Memory holds the next ones;
// when more are waiting than it holds, the rest is paged from the table's index (R13).
import { crashesSuspect } from "../model/limits.ts";
import type { InvocationNumber, Status } from "../model/row.ts";
import type { Tables } from "../partition/tables/tables.ts";
import { Queue } from "../std/queue.ts";

/** Waiting invocations held in memory; their numbers only. */
const lengthMax = 10_000;

export class ReadyQueue {
  readonly #tables: Tables;
  readonly #queue = new Queue<InvocationNumber>();
  readonly #suspects = new Queue<InvocationNumber>();
  /** More are waiting than the queue holds. */
  #more = false;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get empty(): boolean {
    return this.#queue.length === 0 && this.#suspects.length === 0 && !this.#more;
  }

  push(n: InvocationNumber): void {
    if (this.#suspect(n)) this.#suspects.push(n);
    else if (this.#more || this.#queue.length >= lengthMax) this.#more = true;
    else this.#queue.push(n);
  }

  next(): InvocationNumber | undefined {
    if (this.#queue.length === 0 && this.#more) this.rescan();
    return this.#queue.shift();
  }

  /** The next of those that may have ended the process: after all others, one at a time (R10). */
  nextSuspect(): InvocationNumber | undefined {
    return this.#suspects.shift();
  }

  #suspect(n: InvocationNumber): boolean {
    return (this.#tables.invocation(n)?.crashes ?? 0) >= crashesSuspect;
  }

  /** What was running when the last epoch ended, in order of creation. */
  interrupted(): InvocationNumber[] {
    return this.#withStatus("running", Number.POSITIVE_INFINITY).found;
  }

  /** Fills the queue from the table, in order of creation: hot rows over the cold index. */
  rescan(): void {
    const { found, more } = this.#withStatus("ready", lengthMax);
    this.#more = more;
    this.#queue.clear();
    this.#suspects.clear();
    for (const n of found) (this.#suspect(n) ? this.#suspects : this.#queue).push(n);
  }

  /** Pages on past what the cold table does not know to have gone on, until there are enough. */
  #withStatus(status: Status, enough: number): { found: InvocationNumber[]; more: boolean } {
    const tables = this.#tables;
    const found = new Set<InvocationNumber>();
    for (const [n, row] of tables.invocations.held()) if (row?.status === status) found.add(n);
    let more = true;
    for (let after = 0; more && found.size < enough; ) {
      const page = tables.cold.unfinished(status, after, lengthMax);
      for (const n of page) if (tables.invocation(n)?.status === status) found.add(n);
      after = page[page.length - 1] ?? 0;
      more = page.length === lengthMax;
    }
    return { found: [...found].sort((a, b) => a - b), more };
  }
}
