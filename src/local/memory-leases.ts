// Leases and marks inside one process, for tests and simulation of several nodes. Time comes from a
// clock, so that it runs on a virtual one.
import { isAfter } from "../model/mark.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases, Mark } from "../ports/leases.ts";

interface Lease {
  readonly node: string;
  readonly until: number;
}

/** What all nodes of one app share. */
export class MemoryLeaseTable {
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly leases: Map<string, Lease> = new Map();
  readonly marks: Map<number, Mark> = new Map();

  constructor(clock: Clock, ttlMs: number) {
    this.clock = clock;
    this.ttlMs = ttlMs;
  }

  of(node: string): Leases {
    return new MemoryLeases(this, node);
  }
}

class MemoryLeases implements Leases {
  readonly #table: MemoryLeaseTable;
  readonly #node: string;

  constructor(table: MemoryLeaseTable, node: string) {
    this.#table = table;
    this.#node = node;
  }

  get ttlMs(): number {
    return this.#table.ttlMs;
  }

  take(name: string): Promise<boolean> {
    return this.#set(name, this.#holder(name) === this.#node ? this.#node : undefined);
  }

  renew(name: string): Promise<boolean> {
    return this.#set(name, this.#node);
  }

  release(name: string): Promise<void> {
    if (this.#holder(name) === this.#node) this.#table.leases.delete(name);
    return Promise.resolve();
  }

  held(): Promise<ReadonlyMap<string, string>> {
    const held = new Map<string, string>();
    for (const name of this.#table.leases.keys()) {
      const holder = this.#holder(name);
      if (holder !== undefined) held.set(name, holder);
    }
    return Promise.resolve(held);
  }

  mark(partition: number): Promise<Mark | undefined> {
    return Promise.resolve(this.#table.marks.get(partition));
  }

  advance(partition: number, mark: Mark): Promise<void> {
    const { marks } = this.#table;
    if (isAfter(mark, marks.get(partition))) marks.set(partition, mark);
    return Promise.resolve();
  }

  /** Who may set a name: whoever holds it, or anybody where nobody does. */
  #set(name: string, holder: string | undefined): Promise<boolean> {
    const mine = this.#holder(name) === holder;
    if (mine) {
      const until = this.#table.clock.monotonic() + this.ttlMs;
      this.#table.leases.set(name, { node: this.#node, until });
    }
    return Promise.resolve(mine);
  }

  #holder(name: string): string | undefined {
    const lease = this.#table.leases.get(name);
    if (lease === undefined || lease.until <= this.#table.clock.monotonic()) return undefined;
    return lease.node;
  }
}
