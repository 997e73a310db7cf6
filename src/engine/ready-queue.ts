// Invocations that may run and wait for a slot, first come first served. Memory holds the next ones;
// when more are waiting than it holds, the rest is paged from the table's index (R13).
import type { InvocationNumber, Status } from "../model/row.ts";
import type { Tables } from "../partition/tables/tables.ts";
import { Queue } from "../std/queue.ts";

/** Waiting invocations held in memory; their numbers only. */
const lengthMax = 10_000;

const startable: readonly Status[] = ["ready", "running"];

export class ReadyQueue {
  readonly #tables: Tables;
  readonly #queue = new Queue<InvocationNumber>();
  /** More are waiting than the queue holds. */
  #more = false;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get empty(): boolean {
    return this.#queue.length === 0 && !this.#more;
  }

  push(n: InvocationNumber): void {
    if (this.#more || this.#queue.length >= lengthMax) this.#more = true;
    else this.#queue.push(n);
  }

  next(): InvocationNumber | undefined {
    if (this.#queue.length === 0 && this.#more) this.rescan();
    return this.#queue.shift();
  }

  /** Fills the queue from the table, in order of creation: hot rows over the cold index. */
  rescan(): void {
    const tables = this.#tables;
    const found = new Set<InvocationNumber>();
    let more = false;
    for (const status of startable) {
      const page = tables.cold.unfinished(status, 0, lengthMax);
      if (page.length === lengthMax) more = true;
      for (const n of page) if (this.#waits(n)) found.add(n);
    }
    for (const [n, row] of tables.invocations.held()) {
      if (row !== null && this.#waits(n)) found.add(n);
    }
    this.#queue.clear();
    const sorted = [...found].sort((a, b) => a - b);
    this.#more = more || sorted.length > lengthMax;
    for (const n of sorted.slice(0, lengthMax)) this.#queue.push(n);
  }

  /** Ready, or begun in an epoch that is over. */
  #waits(n: InvocationNumber): boolean {
    const row = this.#tables.invocation(n);
    if (row === undefined) return false;
    return (
      row.status === "ready" || (row.status === "running" && row.epoch < this.#tables.meta.epoch)
    );
  }
}
