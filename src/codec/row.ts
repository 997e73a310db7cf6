// Rows as the cold table keeps them: what is queried has a column of its own, the rest is one JSON
// text. It knows no SQL and no table. What is at its default is left out, so that a row takes few
// bytes and a row written before a field existed still reads; fields it does not know are ignored.
// What is decoded is fresh: nothing of it is shared with another row (R5).
import type { CommandIndex, Entry } from "../model/entry.ts";
import type { Message } from "../model/message.ts";
import type { Payload } from "../model/payload.ts";
import type { InvocationRow, MetaRow, OpenCommand, PromiseRow } from "../model/row.ts";
import { FewMap } from "../std/few-map.ts";

/** The fields of an invocation that have a column of their own. */
export type InvocationColumns = Pick<
  InvocationRow,
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
  | "derivedId"
>;

/** The fields of a row that have columns, and nothing else of it. */
export function columnsOf(row: InvocationRow): InvocationColumns {
  return {
    n: row.n,
    partitionKey: row.partitionKey,
    service: row.service,
    key: row.key,
    handler: row.handler,
    mode: row.mode,
    status: row.status,
    createdAt: row.createdAt,
    modifiedAt: row.modifiedAt,
    completedAt: row.completedAt,
    due: row.due,
    expiry: row.expiry,
    derivedId: row.derivedId,
  };
}

/** What the text of an invocation holds: the other fields, each only where it says something. */
interface InvocationRest {
  incarnation: string;
  at: number;
  input?: Payload;
  headers?: InvocationRow["headers"];
  idempotencyKey?: string;
  retention?: number;
  chain?: InvocationRow["chain"];
  origin?: InvocationRow["origin"];
  beside?: true;
  former?: InvocationRow["former"];
  begunAt?: number;
  attempt?: number;
  failures?: number;
  failingSince?: number;
  lastFailure?: InvocationRow["lastFailure"];
  crashes?: number;
  epoch?: number;
  revision?: string;
  entries?: number;
  commands?: number;
  open?: (readonly [CommandIndex, OpenCommand])[];
  buffered?: (readonly [string, number])[];
  cancelled?: true;
  waiters?: InvocationRow["waiters"];
  inboxedAt?: number;
  pause?: InvocationRow["pause"];
  result?: InvocationRow["result"];
}

/** The text of the fields that have no column. */
export function encodeInvocation(row: InvocationRow): string {
  const rest: InvocationRest = { incarnation: row.incarnation, at: row.at };
  if (row.input !== null) rest.input = row.input;
  if (row.headers !== null) rest.headers = row.headers;
  if (row.idempotencyKey !== null) rest.idempotencyKey = row.idempotencyKey;
  if (row.retention !== null) rest.retention = row.retention;
  if (row.chain.length > 0) rest.chain = row.chain;
  if (row.origin !== null) rest.origin = row.origin;
  if (row.beside) rest.beside = true;
  if (row.former !== null) rest.former = row.former;
  if (row.begunAt !== null) rest.begunAt = row.begunAt;
  if (row.attempt !== 0) rest.attempt = row.attempt;
  if (row.failures !== 0) rest.failures = row.failures;
  if (row.failingSince !== null) rest.failingSince = row.failingSince;
  if (row.lastFailure !== null) rest.lastFailure = row.lastFailure;
  if (row.crashes !== 0) rest.crashes = row.crashes;
  if (row.epoch !== 0) rest.epoch = row.epoch;
  if (row.revision !== null) rest.revision = row.revision;
  if (row.entries !== 0) rest.entries = row.entries;
  if (row.commands !== 0) rest.commands = row.commands;
  if (row.open.size > 0) rest.open = [...row.open];
  if (row.buffered.size > 0) rest.buffered = [...row.buffered];
  if (row.cancelled) rest.cancelled = true;
  if (row.waiters.length > 0) rest.waiters = row.waiters;
  if (row.inboxedAt !== 0) rest.inboxedAt = row.inboxedAt;
  if (row.pause !== null) rest.pause = row.pause;
  if (row.result !== null) rest.result = row.result;
  return JSON.stringify(rest);
}

/** The row of which `columns` and `text` were written. A field it lacks does not compile. */
export function decodeInvocation(columns: InvocationColumns, text: string): InvocationRow {
  const rest = JSON.parse(text) as InvocationRest;
  return {
    n: columns.n,
    partitionKey: columns.partitionKey,
    incarnation: rest.incarnation,
    derivedId: columns.derivedId,
    service: columns.service,
    key: columns.key,
    handler: columns.handler,
    mode: columns.mode,
    input: rest.input ?? null,
    headers: rest.headers ?? null,
    idempotencyKey: rest.idempotencyKey ?? null,
    retention: rest.retention ?? null,
    chain: rest.chain ?? [],
    createdAt: columns.createdAt,
    origin: rest.origin ?? null,
    beside: rest.beside ?? false,
    former: rest.former ?? null,
    at: rest.at,
    status: columns.status,
    modifiedAt: columns.modifiedAt,
    begunAt: rest.begunAt ?? null,
    completedAt: columns.completedAt,
    attempt: rest.attempt ?? 0,
    failures: rest.failures ?? 0,
    failingSince: rest.failingSince ?? null,
    lastFailure: rest.lastFailure ?? null,
    crashes: rest.crashes ?? 0,
    epoch: rest.epoch ?? 0,
    revision: rest.revision ?? null,
    entries: rest.entries ?? 0,
    commands: rest.commands ?? 0,
    open: new FewMap(rest.open),
    buffered: new FewMap(rest.buffered),
    cancelled: rest.cancelled ?? false,
    objectName: undefined,
    waiters: rest.waiters ?? [],
    due: columns.due,
    inboxedAt: rest.inboxedAt ?? 0,
    pause: rest.pause ?? null,
    result: rest.result ?? null,
    expiry: columns.expiry,
  };
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

/** What a promise holds besides what names it. */
interface PromiseRest extends Pick<PromiseRow, "at" | "result" | "waiters"> {
  /** When it leaves, where no run keeps it; an index of the cold table looks in here for it. */
  expiry?: number;
}

export function encodePromise({ at, result, waiters, expiry }: PromiseRow): string {
  const rest: PromiseRest = { at, result, waiters };
  if (expiry !== null) rest.expiry = expiry;
  return JSON.stringify(rest);
}

export function decodePromise(
  names: Omit<PromiseRow, keyof PromiseRest>,
  text: string,
): PromiseRow {
  const { partitionKey, service, key, name } = names;
  const { at, result, waiters, expiry = null } = JSON.parse(text) as PromiseRest;
  return { partitionKey, service, key, name, at, result, waiters, expiry };
}

export function encodeMessage(message: Message): string {
  return JSON.stringify(message);
}

export function decodeMessage(text: string): Message {
  return JSON.parse(text) as Message;
}

export function encodeMeta(row: MetaRow): string {
  return JSON.stringify(row);
}

export function decodeMeta(text: string): MetaRow {
  return JSON.parse(text) as MetaRow;
}

/** Begins a cell that holds JSON of the text (or payload) meant. No JSON text begins so. */
const escape = "\u0001";
/** What a text column does not keep: NUL ends it, and half a surrogate pair becomes U+FFFD. */
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
