// Durable batches → apply → changed rows → cold table. A stretch is folded in memory first, so that
// what came and went within it costs no write, then written in one transaction with its position.
// Synchronous: it runs in a worker thread, or in place for memory, tests and simulation.
import { recordsOf } from "../codec/record.ts";
import type { InvocationNumber, InvocationRow, ObjectRow, PromiseRow } from "../model/row.ts";
import { apply } from "../partition/apply.ts";
import { Tables } from "../partition/tables/tables.ts";
import type { StoredBatch } from "../ports/changelog.ts";
import type { ColdChanges, ColdTable } from "../ports/cold-table.ts";
import { invariant } from "../std/assert.ts";

type JournalChange = ColdChanges["journals"] extends Iterable<infer J> ? J : never;

export class Folder {
  readonly #cold: ColdTable;
  readonly #tables: Tables;
  #position: number;
  #folded: number;
  #chain: number;
  #swept: { count: number; time: number } | undefined;
  #writing = false;

  constructor(cold: ColdTable, options: { readonly keepRows: number }) {
    this.#cold = cold;
    this.#folded = cold.position();
    this.#position = this.#folded;
    this.#chain = cold.chain();
    this.#tables = new Tables(cold, {
      keepRows: options.keepRows,
      timerHorizonMs: 0,
      timerPageMax: 1,
      track: true,
    });
  }

  /** Position up to which the table is written. */
  get folded(): number {
    return this.#folded;
  }

  /** Applies a batch in memory; batches the table already holds are passed over. */
  take(batch: StoredBatch): void {
    const records = recordsOf(batch.bytes, batch.first);
    for (let i = 0; i < records.length; i++) {
      const position = batch.first + i;
      if (position <= this.#position) continue;
      invariant(position === this.#position + 1, () => `I11: ${position} after ${this.#position}`);
      const { time, changes } = records[i] as (typeof records)[number];
      for (const change of changes) {
        if (change.kind === "swept") this.#swept = { count: change.count, time: change.time };
        apply(this.#tables, change, { position, time });
      }
      this.#position = position;
      this.#tables.meta.at = position;
    }
    this.#chain = batch.chain;
  }

  /** Writes what changed, in one transaction with the position it brings the table to. */
  write(): void {
    if (this.#position === this.#folded) return;
    // What changed has been given out: a second try would write the position without its rows.
    invariant(
      !this.#writing,
      "I11: a fold that failed is begun again from the table, or not at all",
    );
    this.#writing = true;
    const tables = this.#tables;
    const folded = this.#folded;
    const invocations = this.#invocations(folded);
    const objects = this.#objects(folded);
    this.#cold.write({
      position: this.#position,
      chain: this.#chain,
      meta: tables.meta,
      invocations,
      journals: this.#journals(),
      derived: this.#derived(folded),
      objects,
      promises: this.#promises(folded),
      timers: tables.timers.changed(folded),
      lines: tables.outbox.changedLines(folded),
      messages: tables.outbox.changed(folded),
      swept: this.#swept,
    });
    for (const row of objects) forgetChanges(row);
    this.#swept = undefined;
    this.#writing = false;
    this.#folded = this.#position;
    tables.forget(this.#position);
  }

  /** Rows that changed. One that was created and is gone within the stretch is none (absorption). */
  #invocations(folded: number): (readonly [InvocationNumber, InvocationRow | null])[] {
    const rows: (readonly [InvocationNumber, InvocationRow | null])[] = [];
    for (const [n, row] of this.#tables.invocations.changed(folded)) {
      const gone = row === null || this.#tables.swept(row);
      if (!gone) rows.push([n, row]);
      else if (n <= folded) rows.push([n, null]);
    }
    return rows;
  }

  *#journals(): IterableIterator<JournalChange> {
    const folded = this.#folded;
    const tables = this.#tables;
    for (const journal of tables.journals.takeChanged()) {
      const { n, from, entries } = journal;
      const row = tables.invocation(n);
      if (row === undefined) {
        if (n <= folded) yield { n, from, entries: [], end: "dropped" };
      } else yield { n, from, entries, end: row.status === "completed" ? "finished" : "open" };
    }
    yield* this.#endedWithoutEntries(folded);
  }

  /** Invocations that ended in this stretch without a new entry, but have some in the table. */
  *#endedWithoutEntries(folded: number): IterableIterator<JournalChange> {
    for (const [n, row] of this.#tables.invocations.held()) {
      if (n > folded) continue;
      if (row !== null && (row.status !== "completed" || row.at <= folded)) continue;
      if (this.#tables.journals.held(n) !== undefined) continue;
      const gone = row === null || this.#tables.swept(row);
      // One that had ended before, and changed since: its journal is finished already.
      if (!gone && this.#cold.invocation(n)?.status === "completed") continue;
      yield { n, from: row?.entries ?? 0, entries: [], end: gone ? "dropped" : "finished" };
    }
  }

  *#derived(folded: number): IterableIterator<readonly [string, InvocationNumber | null]> {
    for (const [id, row] of this.#tables.derived.changed(folded)) {
      const gone = row === null || this.#tables.invocation(row.n) === undefined;
      yield [id, gone ? null : row.n];
    }
  }

  #objects(folded: number): ObjectRow[] {
    const rows: ObjectRow[] = [];
    for (const [, row] of this.#tables.objects.changed(folded)) if (row !== null) rows.push(row);
    return rows;
  }

  *#promises(folded: number): IterableIterator<readonly [PromiseRow, "put" | "delete"]> {
    for (const [text, row] of this.#tables.promises.changed(folded)) {
      if (row !== null) yield [row, "put"];
      else {
        const [service, key, name] = JSON.parse(text) as [string, string, string];
        const { partitionKey } = this.#tables.object(service, key);
        const names = { partitionKey, service, key, name };
        const gone = { ...names, at: 0, result: null, waiters: [], expiry: null };
        yield [gone, "delete"];
      }
    }
  }
}

/** Only once it is written: a table may look at all rows before it writes the first. */
function forgetChanges({ changed }: ObjectRow): void {
  changed.names.clear();
  changed.allNames = false;
  changed.entered.length = 0;
  changed.left.length = 0;
}
