// What operators look at, over a connection of its own that only reads: their slices neither hold
// the snapshot that deciding reads from, nor push its pages out of the cache. A filter without an
// index looks at rows a slice at a time. It knows rows, not what they mean.
import { decodeText, encodeText } from "../codec/row.ts";
import type { InvocationNumber, InvocationRow, Status, TimerRow } from "../model/row.ts";
import type {
  ColdQueries,
  InvocationFilter,
  KeyName,
  PromiseName,
  Slice,
} from "../ports/cold-queries.ts";
import { sliceRowsMax } from "../ports/cold-queries.ts";
import { SqliteColdTable } from "./cold-table.ts";
import type { Connection, SqlRow, SqlValue, Statement } from "./driver.ts";
import { openConnection, tableFault } from "./driver.ts";
import { invocationOf, text } from "./reads.ts";
import { prepareReader } from "./schema.ts";

/** Longer rows are shown without what makes them long. */
const shortRow = 2000;

const columns = `n, partition_key, service, key, handler, mode, status, created_at, modified_at,
  completed_at, due, expiry, derived_id, iif(length(rest) <= ${String(shortRow)}, rest,
  json_remove(rest, '$.input', '$.headers', '$.result.value', '$.chain'))`;

/**
 * Opens a second connection to the table at `path`, for reading by people.
 *
 * @throws HoldfastError as `openSqliteColdTable`.
 */
export function openSqliteQueries(path: string): ColdQueries {
  const connection = openConnection(path, { readOnly: true });
  try {
    prepareReader(connection, path);
    return new SqliteQueries(connection, path);
  } catch (error) {
    connection.close();
    throw tableFault(error, path);
  }
}

class SqliteQueries implements ColdQueries {
  readonly table: SqliteColdTable;
  readonly #path: string;
  readonly #connection: Connection;
  /** By their text: there are as many as there are forms of a filter. */
  readonly #statements = new Map<string, Statement>();

  constructor(connection: Connection, path: string) {
    this.#connection = connection;
    this.#path = path;
    this.table = new SqliteColdTable(connection, path, true);
  }

  invocations(
    filter: InvocationFilter,
    before: InvocationNumber,
    limit: number,
  ): Slice<InvocationRow, InvocationNumber> {
    const found: InvocationRow[] = [];
    let next: InvocationNumber | undefined;
    for (const source of sourcesOf(filter)) {
      const bound = this.#bound(source, before);
      const rows = this.#all(
        `SELECT ${columns} FROM invocation_row WHERE ${source.where} AND n < ? AND n >= ?
         ${conditions(filter)} ORDER BY n DESC LIMIT ?`,
        [...source.values, before, bound, ...valuesOf(filter), limit],
      );
      for (const row of rows) {
        const [n, ...rest] = row;
        found.push(invocationOf(Number(n), rest as SqlRow));
      }
      const end = rows.length === limit ? Number(rows.at(-1)?.[0]) : bound;
      if (end > 0 && (next === undefined || end > next)) next = end;
    }
    found.sort((a, b) => b.n - a.n);
    const rows = found.filter(({ n }) => n >= (next ?? 0)).slice(0, limit);
    return { rows, next: rows.length === limit ? rows.at(-1)?.n : next };
  }

  count(
    filter: InvocationFilter,
    before: InvocationNumber,
  ): { count: number; next: InvocationNumber | undefined } {
    const sources = sourcesOf(filter).map((source) => ({
      ...source,
      bound: this.#bound(source, before),
    }));
    const next = Math.max(0, ...sources.map(({ bound }) => bound));
    let count = 0;
    for (const { where, values } of sources) {
      const [row] = this.#all(
        `SELECT count(*) FROM invocation_row WHERE ${where} AND n < ? AND n >= ?
         ${conditions(filter)}`,
        [...values, before, next, ...valuesOf(filter)],
      );
      count += Number(row?.[0]);
    }
    return { count, next: next === 0 ? undefined : next };
  }

  keys(
    service: string | undefined,
    after: KeyName | undefined,
    limit: number,
  ): Slice<KeyName, KeyName> {
    const names = "partition_key, service, key";
    const found = this.#seek("object_row", names, service, keyCells(after), limit);
    return { rows: found.rows.map(keyOf), next: found.next && keyOf(found.next) };
  }

  promises(
    service: string | undefined,
    after: PromiseName | undefined,
    limit: number,
  ): Slice<PromiseName, PromiseName> {
    const names = "partition_key, service, key, name";
    const cells = after && [...(keyCells(after) ?? []), encodeText(after.name)];
    const found = this.#seek("promise_row", names, service, cells, limit);
    const nameOf = (row: SqlRow): PromiseName => ({
      ...keyOf(row),
      name: decodeText(text(row[3])),
    });
    return { rows: found.rows.map(nameOf), next: found.next && nameOf(found.next) };
  }

  timers(after: TimerRow | undefined, limit: number): Slice<TimerRow, TimerRow> {
    const rows = this.table.timers(after, Number.MAX_SAFE_INTEGER, limit);
    return { rows, next: rows.length < limit ? undefined : rows.at(-1) };
  }

  ids(
    after: string | undefined,
    limit: number,
  ): Slice<readonly [string, InvocationNumber], string> {
    const sql = "SELECT id, n FROM derived_row WHERE id > ? ORDER BY id LIMIT ?";
    const rows = this.#all(sql, [after ?? "", limit]).map(
      ([id, n]) => [text(id), Number(n)] as const,
    );
    return { rows, next: rows.length < limit ? undefined : rows.at(-1)?.[0] };
  }

  close(): void {
    this.table.close();
  }

  /** One seek per name: a key's further rows are jumped over. */
  #seek(
    table: string,
    names: string,
    service: string | undefined,
    after: readonly SqlValue[] | undefined,
    limit: number,
  ): { rows: SqlRow[]; next: SqlRow | undefined } {
    const rows: SqlRow[] = [];
    const marks = names.replaceAll(/\w+/g, "?");
    const wanted = service === undefined ? undefined : encodeText(service);
    let at = after as SqlRow | undefined;
    for (let looked = 0; looked < sliceRowsMax; looked++) {
      const where = at === undefined ? "" : `WHERE (${names}) > (${marks})`;
      const sql = `SELECT ${names} FROM ${table} ${where} ORDER BY ${names} LIMIT 1`;
      const [row] = this.#all(sql, at ?? []);
      if (row === undefined) return { rows, next: undefined };
      at = row;
      if (wanted !== undefined && row[1] !== wanted) continue;
      rows.push(row);
      if (rows.length === limit) break;
    }
    return { rows, next: at };
  }

  /** The n down to which one slice looks; 0 when that is all. */
  #bound({ where, values }: Source, before: InvocationNumber): InvocationNumber {
    const [row] = this.#all(
      `SELECT n FROM invocation_row WHERE ${where} AND n < ? ORDER BY n DESC LIMIT 1 OFFSET ?`,
      [...values, before, sliceRowsMax - 1],
    );
    return row === undefined ? 0 : Number(row[0]);
  }

  #all(sql: string, values: readonly SqlValue[]): SqlRow[] {
    try {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = this.#connection.prepare(sql);
        this.#statements.set(sql, statement);
      }
      return statement.all(...values);
    } catch (error) {
      throw tableFault(error, this.#path);
    }
  }
}

/** Where rows are looked for: in the index of one status, or among all. */
interface Source {
  readonly where: string;
  readonly values: readonly SqlValue[];
}

const everything: readonly Source[] = [{ where: "true", values: [] }];

function sourcesOf({ statuses }: InvocationFilter): readonly Source[] {
  if (statuses === undefined) return everything;
  return [...new Set(statuses)].map((status: Status) => ({
    // The second condition is the index's own.
    where: status === "completed" ? "status = ?" : "status = ? AND status <> 'completed'",
    values: [status],
  }));
}

function conditions(filter: InvocationFilter): string {
  const parts: string[] = [];
  if (filter.service !== undefined) parts.push("service = ?");
  if (filter.key !== undefined) parts.push("key = ?");
  if (filter.handler !== undefined) parts.push("handler = ?");
  if (filter.createdFrom !== undefined) parts.push("created_at >= ?");
  if (filter.createdBefore !== undefined) parts.push("created_at < ?");
  if (filter.waitsFor !== undefined) {
    parts.push(`EXISTS (SELECT 1 FROM json_each(rest, '$.open') WHERE value ->> '$[1].kind' = ?)`);
  }
  return parts.map((part) => `AND ${part}`).join(" ");
}

function valuesOf(filter: InvocationFilter): SqlValue[] {
  const { service, key, handler, createdFrom, createdBefore, waitsFor } = filter;
  const texts = [service, key, handler].filter((text) => text !== undefined).map(encodeText);
  const others = [createdFrom, createdBefore, waitsFor].filter((value) => value !== undefined);
  return [...texts, ...others];
}

function keyCells(name: KeyName | undefined): SqlValue[] | undefined {
  if (name === undefined) return undefined;
  return [name.partitionKey, encodeText(name.service), encodeText(name.key)];
}

function keyOf([partitionKey, service, key]: SqlRow): KeyName {
  return {
    partitionKey: text(partitionKey),
    service: decodeText(text(service)),
    key: decodeText(text(key)),
  };
}
