// The cold table over SQLite. One connection folds (in the worker thread), another reads (in the
// main thread); each call runs to its end, so no open iterator pins an old snapshot (R14). Rows
// and position change in one transaction (I11). Whatever SQLite or the disk does wrong is
// TABLE_DAMAGED: the table is a cache, and its owner discards and rebuilds it (R15).

import {
  decodeEntries,
  decodeMessage,
  decodeMeta,
  decodePromise,
  decodeText,
  encodeText,
} from "../codec/row.ts";
import type { Entry } from "../model/entry.ts";
import type { LineRow, MessageRow } from "../model/message.ts";
import type {
  InvocationNumber,
  InvocationRow,
  MetaRow,
  ObjectRow,
  PromiseKey,
  PromiseRow,
  Status,
  TimerRow,
} from "../model/row.ts";
import type { ColdChanges, ColdTable } from "../ports/cold-table.ts";
import { invariant } from "../std/assert.ts";
import type { Connection, SqlRow, SqlValue, Statement } from "./driver.ts";
import { createPrivately, damaged, openConnection, tableFault } from "./driver.ts";
import { Fold } from "./fold.ts";
import type { Reads } from "./reads.ts";
import { invocationOf, objectOf, prepareReads, text } from "./reads.ts";
import { prepareReader, prepareWriter } from "./schema.ts";

export interface SqliteColdTableOptions {
  /** Opens a second connection that only reads; the table must exist. Default false. */
  readonly readOnly?: boolean | undefined;
}

/**
 * Opens the cold table in the file at `path`, creating it unless it is to be read only.
 *
 * @throws HoldfastError `SQLITE_UNAVAILABLE`, `PACKAGE_BUNDLED`, `TABLE_DAMAGED`, `TABLE_LOCKED`,
 * `DIRECTORY_NEWER`.
 */
export function openSqliteColdTable(
  path: string,
  options: SqliteColdTableOptions = {},
): SqliteColdTable {
  const readOnly = options.readOnly ?? false;
  if (!readOnly) createPrivately(path);
  const connection = openConnection(path, { readOnly });
  try {
    (readOnly ? prepareReader : prepareWriter)(connection, path);
    return new SqliteColdTable(connection, path, readOnly);
  } catch (error) {
    connection.close();
    throw tableFault(error, path);
  }
}

export class SqliteColdTable implements ColdTable {
  readonly path: string;
  readonly #connection: Connection;
  readonly #reads: Reads;
  readonly #fold: Fold | undefined;
  /** Whether a turn of reads is held open, and whether its first read has begun a transaction. */
  #turn: "none" | "asked" | "begun" = "none";
  /** Position and chain as this turn's snapshot has them. */
  #folded: SqlRow | undefined;
  #closed = false;

  constructor(connection: Connection, path: string, readOnly: boolean) {
    this.path = path;
    this.#connection = connection;
    this.#reads = prepareReads(connection);
    this.#fold = readOnly ? undefined : new Fold(connection);
  }

  /**
   * Until `endReads`, all reads see one snapshot and cost up to a third less. The transaction
   * begins with the first of them, so a turn without cold reads costs nothing. Must end within
   * the same synchronous turn: a snapshot held longer keeps the write-ahead log from being
   * reused.
   */
  beginReads(): void {
    invariant(this.#turn === "none", "a turn of cold reads began within another");
    this.#turn = "asked";
  }

  endReads(): void {
    const begun = this.#turn === "begun";
    this.#turn = "none";
    this.#folded = undefined;
    if (begun) this.#guarded(() => this.#reads.commit.run());
  }

  position(): number {
    return this.#foldedTo(0);
  }

  chain(): number {
    return this.#foldedTo(1);
  }

  meta(): MetaRow | undefined {
    const row = this.#get(this.#reads.meta);
    return row === undefined ? undefined : this.#guarded(() => decodeMeta(text(row[0])));
  }

  invocation(n: InvocationNumber): InvocationRow | undefined {
    const row = this.#get(this.#reads.invocation, n);
    return row === undefined ? undefined : this.#guarded(() => invocationOf(n, row));
  }

  journal(n: InvocationNumber, from: number): Entry[] {
    const stretches = this.#all(this.#reads.stretches, n, n, from);
    return this.#guarded(() => {
      if (stretches.length > 0) return this.#openJournal(n, from, stretches);
      const whole = this.#get(this.#reads.journal, n)?.[0] ?? null;
      if (whole === null) return [];
      const entries = decodeEntries(text(whole));
      return from === 0 ? entries : entries.slice(from);
    });
  }

  derived(id: string): InvocationNumber | undefined {
    const row = this.#get(this.#reads.derived, id);
    return row === undefined ? undefined : Number(row[0]);
  }

  object(partitionKey: string, service: string, key: string): ObjectRow | undefined {
    const names = [partitionKey, encodeText(service), encodeText(key)] as const;
    const rows = this.#all(this.#reads.object, ...names);
    if (rows.length === 0) return undefined;
    return this.#guarded(() => objectOf(partitionKey, service, key, rows));
  }

  promise(
    partitionKey: string,
    service: string,
    key: string,
    name: string,
  ): PromiseRow | undefined {
    const names = [partitionKey, encodeText(service), encodeText(key), encodeText(name)] as const;
    const row = this.#get(this.#reads.promise, ...names);
    if (row === undefined) return undefined;
    return this.#guarded(() => decodePromise({ partitionKey, service, key, name }, text(row[0])));
  }

  promiseNames(partitionKey: string, service: string, key: string): string[] {
    const names = [partitionKey, encodeText(service), encodeText(key)] as const;
    return this.#all(this.#reads.promiseNames, ...names).map(([name]) => decodeText(text(name)));
  }

  timers(after: TimerRow | undefined, until: number, limit: number): TimerRow[] {
    const rows =
      after === undefined
        ? this.#all(this.#reads.firstTimers, until, limit)
        : this.#all(this.#reads.timersAfter, after.due, after.n, after.of, until, limit);
    return rows.map(([due, n, of]) => ({ due: Number(due), n: Number(n), of: Number(of) }));
  }

  unfinished(status: Status, after: InvocationNumber, limit: number): InvocationNumber[] {
    return this.#all(this.#reads.unfinished, status, after, limit).map(([n]) => Number(n));
  }

  expiredRuns(until: number, limit: number): InvocationNumber[] {
    return this.#all(this.#reads.expiredRuns, until, limit).map(([n]) => Number(n));
  }

  expires(after: number, until: number): boolean {
    return this.#get(this.#reads.expires, after, until) !== undefined;
  }

  expiredPromises(until: number, limit: number): PromiseKey[] {
    const rows = this.#all(this.#reads.expiredPromises, until, limit);
    return rows.map(([service, key, name]) => ({
      service: decodeText(text(service)),
      key: decodeText(text(key)),
      name: decodeText(text(name)),
    }));
  }

  countKept(k: number): { readonly kept: number; readonly expiry: number | undefined } {
    const kept = Number(this.#get(this.#reads.countKept)?.[0]);
    const row = k >= 1 && k <= kept ? this.#get(this.#reads.kthKept, k - 1) : undefined;
    return { kept, expiry: row === undefined ? undefined : Number(row[0]) };
  }

  lines(): LineRow[] {
    return this.#all(this.#reads.lines).map(([name, at, sent, accepted]) => ({
      name: text(name),
      at: Number(at),
      sent: Number(sent),
      accepted: Number(accepted),
    }));
  }

  messages(to: string, after: number, limit: number): MessageRow[] {
    const rows = this.#all(this.#reads.messages, to, after, limit);
    return this.#guarded(() =>
      rows.map(([seq, at, message]) => ({
        to,
        seq: Number(seq),
        at: Number(at),
        message: decodeMessage(text(message)),
      })),
    );
  }

  /** Folds in one transaction: after an error nothing of it is there. */
  write(changes: ColdChanges): void {
    const fold = this.#fold;
    invariant(fold !== undefined, "a fold into a table opened to be read");
    invariant(this.#turn === "none", "a fold within a turn of cold reads");
    this.#guarded(() => {
      this.#reads.beginImmediate.run();
      try {
        fold.write(changes);
        this.#reads.commit.run();
      } catch (error) {
        this.#rollback();
        throw error;
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#guarded(() => this.#connection.close());
  }

  /** SQLite has rolled back by itself after some errors; then this one says so and is dropped. */
  #rollback(): void {
    try {
      this.#connection.exec("ROLLBACK");
    } catch {
      // The error that led here is the one to tell.
    }
  }

  #foldedTo(column: 0 | 1): number {
    const row = this.#folded ?? this.#get(this.#reads.folded);
    if (this.#turn === "begun") this.#folded = row;
    return Number(row?.[column] ?? 0);
  }

  #openJournal(n: InvocationNumber, from: number, stretches: readonly SqlRow[]): Entry[] {
    const entries: Entry[] = [];
    const begin = Number(stretches[0]?.[0]);
    for (const [first, stretch] of stretches) {
      // I4: dense, so that what is handed to a replay is what was journaled.
      if (begin + entries.length !== first) {
        throw damaged(this.path, `has a hole in the journal of invocation ${String(n)}`);
      }
      entries.push(...decodeEntries(text(stretch)));
    }
    return from <= begin ? entries : entries.slice(from - begin);
  }

  #get(statement: Statement, ...values: SqlValue[]): SqlRow | undefined {
    try {
      if (this.#turn === "asked") this.#beginTurn();
      return statement.get(...values);
    } catch (error) {
      throw tableFault(error, this.path);
    }
  }

  #all(statement: Statement, ...values: SqlValue[]): SqlRow[] {
    try {
      if (this.#turn === "asked") this.#beginTurn();
      return statement.all(...values);
    } catch (error) {
      throw tableFault(error, this.path);
    }
  }

  #beginTurn(): void {
    this.#reads.begin.run();
    this.#turn = "begun";
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw tableFault(error, this.path);
    }
  }
}
