// Rows as the cold table keeps them: what is queried has a column of its own, the rest is one JSON
// text. It knows no SQL and no table. What is at its default is left out, so that a row takes few
// bytes and a row written before a field existed still reads; fields it does not know are ignored.
// What is decoded is fresh: nothing of it is shared with another row (R5).
import type { Entry } from "../model/entry.ts";
import type { Payload } from "../model/payload.ts";
import type { InvocationRow, MetaRow, PromiseRow } from "../model/row.ts";

/** The fields of an invocation that have a column of their own. */
export type InvocationColumns = Pick<InvocationRow, ColumnName>;
type ColumnName =
  | "n"
  | "partitionKey"
  | "service"
  | "key"
  | "handler"
  | "mode"
  | "status"
  | "createdAt"
  | "modifiedAt"
  | "completedAt"
  | "due"
  | "expiry"
  | "derivedId";

/** The fields that are neither columns nor collections, with what they are when left out. */
type PlainName = Exclude<keyof InvocationRow, ColumnName | "open" | "buffered" | "waiters" | "chain">;

const blank: { readonly [K in PlainName]: InvocationRow[K] } = {
  incarnation: "",
  input: null,
  headers: null,
  idempotencyKey: null,
  retention: null,
  origin: null,
  at: 0,
  begunAt: null,
  attempt: 0,
  failures: 0,
  failingSince: null,
  lastFailure: null,
  crashes: 0,
  epoch: 0,
  revision: null,
  entries: 0,
  commands: 0,
  cancelled: false,
  inboxedAt: 0,
  pause: null,
  result: null,
};
const plainNames = Object.keys(blank) as readonly PlainName[];

/** What the text of an invocation holds; every field may be missing. */
type InvocationRest = { [K in PlainName]?: InvocationRow[K] } & {
  open?: [number, InvocationRow["open"] extends Map<number, infer V> ? V : never][];
  buffered?: [string, number][];
  waiters?: InvocationRow["waiters"];
  chain?: InvocationRow["chain"];
};

/** The text of the fields that have no column. */
export function encodeInvocation(row: InvocationRow): string {
  const rest: Record<string, unknown> = {};
  for (const name of plainNames) {
    const value = row[name];
    if (value !== blank[name]) rest[name] = value;
  }
  if (row.open.size > 0) rest["open"] = [...row.open];
  if (row.buffered.size > 0) rest["buffered"] = [...row.buffered];
  if (row.waiters.length > 0) rest["waiters"] = row.waiters;
  if (row.chain.length > 0) rest["chain"] = row.chain;
  return JSON.stringify(rest);
}

/** The row of which `columns` and `text` were written. `columns` becomes the row. */
export function decodeInvocation(columns: InvocationColumns, text: string): InvocationRow {
  const rest = JSON.parse(text) as InvocationRest;
  const row: Record<string, unknown> = { ...columns };
  for (const name of plainNames) row[name] = rest[name] ?? blank[name];
  row["chain"] = rest.chain ?? [];
  row["open"] = new Map(rest.open);
  row["buffered"] = new Map(rest.buffered);
  row["waiters"] = rest.waiters ?? [];
  return row as unknown as InvocationRow;
}

/** What ended it or, while it is unfinished, what keeps it from going on. */
export function failureCodeOf(row: InvocationRow): string | null {
  const { result, pause, lastFailure } = row;
  if (result !== null) return "failure" in result ? result.failure.code : null;
  return (pause?.failure ?? lastFailure)?.code ?? null;
}

/** A stretch of a journal: a JSON array, so that stretches are joined without being read. */
export function encodeEntries(entries: readonly Entry[]): string {
  return JSON.stringify(entries);
}

export function decodeEntries(text: string): Entry[] {
  return JSON.parse(text) as Entry[];
}

/** Stretches of one journal, in order, as one. */
export function joinEntries(stretches: readonly string[]): string {
  const inner = stretches.map((text) => text.slice(1, -1)).filter((text) => text !== "");
  return `[${inner.join(",")}]`;
}

type PromiseKey = "partitionKey" | "service" | "key" | "name";

/** A promise without what names it. */
export function encodePromise(row: PromiseRow): string {
  const { at, result, waiters } = row;
  return JSON.stringify({ at, result, waiters });
}

export function decodePromise(key: Pick<PromiseRow, PromiseKey>, text: string): PromiseRow {
  return { ...key, ...(JSON.parse(text) as Omit<PromiseRow, PromiseKey>) };
}

export function encodeMeta(row: MetaRow): string {
  return JSON.stringify(row);
}

export function decodeMeta(text: string): MetaRow {
  return JSON.parse(text) as MetaRow;
}

/** Begins a cell that holds JSON of the text (or payload) meant. No JSON text begins so. */
const escape = "\u0001";
/** What a text column does not keep: NUL ends it, half a surrogate pair becomes another character. */
const unsafe = /[\u0000\uD800-\uDFFF]/u;

/** Any text as one that a text column keeps: itself, but for the few that would not survive. */
export function encodeText(text: string): string {
  return text.startsWith(escape) || unsafe.test(text) ? escape + JSON.stringify(text) : text;
}

export function decodeText(cell: string): string {
  return cell.startsWith(escape) ? (JSON.parse(cell.slice(1)) as string) : cell;
}

/** A payload as a cell: JSON text as it stands, bytes as escaped JSON, no value as null. */
export function encodePayload(payload: Payload): string | null {
  if (payload === null) return null;
  return typeof payload === "string" ? encodeText(payload) : escape + JSON.stringify(payload);
}

export function decodePayload(cell: string | null): Payload {
  if (cell === null) return null;
  return cell.startsWith(escape) ? (JSON.parse(cell.slice(1)) as Payload) : cell;
}
