// The reading half of the cold table: its statements, and rows as they come from SQLite made into
// rows of the model. It holds no connection and no snapshot; cold-table.ts does.

import { decodeInvocation, decodePayload, decodeText } from "../codec/row.ts";
import type { InvocationNumber, InvocationRow, Mode, ObjectRow, Status } from "../model/row.ts";
import { FewMap, FewSet } from "../std/few-map.ts";
import type { Connection, SqlRow, SqlValue, Statement } from "./driver.ts";

export type Reads = { readonly [name in ReadName]: Statement };
type ReadName =
  | "begin"
  | "beginImmediate"
  | "commit"
  | "folded"
  | "meta"
  | "invocation"
  | "journal"
  | "stretches"
  | "derived"
  | "object"
  | "promise"
  | "promiseNames"
  | "firstTimers"
  | "timersAfter"
  | "unfinished"
  | "expiredRuns"
  | "expires"
  | "expiredPromises"
  | "countKept"
  | "kthKept"
  | "lines"
  | "messages";

/** Prepares the statements of a connection that reads; they live as long as it does. */
export function prepareReads(connection: Connection): Reads {
  const p = (sql: string): Statement => connection.prepare(sql);
  const object = "partition_key = ? AND service = ? AND key = ?";
  return {
    begin: p("BEGIN"),
    beginImmediate: p("BEGIN IMMEDIATE"),
    commit: p("COMMIT"),
    folded: p("SELECT position, chain FROM meta_row"),
    meta: p("SELECT rest FROM meta_row"),
    invocation: p(`SELECT partition_key, service, key, handler, mode, status, created_at,
      modified_at, completed_at, due, expiry, derived_id, rest FROM invocation_row WHERE n = ?`),
    journal: p("SELECT journal FROM invocation_row WHERE n = ?"),
    // From the stretch that holds the entry asked for, or the first.
    stretches: p(`SELECT first, entries FROM entry_row WHERE n = ? AND first >= coalesce(
      (SELECT max(first) FROM entry_row WHERE n = ? AND first <= ?), 0) ORDER BY first`),
    derived: p("SELECT n FROM derived_row WHERE id = ?"),
    object: p(`SELECT slot, at, lock, version, bytes, value FROM object_row WHERE ${object}`),
    promise: p(`SELECT rest FROM promise_row WHERE ${object} AND name = ?`),
    promiseNames: p(`SELECT name FROM promise_row WHERE ${object}`),
    firstTimers: p(`SELECT due, n, command FROM timer_row WHERE due <= ?
      ORDER BY due, n, command LIMIT ?`),
    timersAfter: p(`SELECT due, n, command FROM timer_row
      WHERE (due, n, command) > (?, ?, ?) AND due <= ? ORDER BY due, n, command LIMIT ?`),
    unfinished: p(`SELECT n FROM invocation_row
      WHERE status = ? AND status <> 'completed' AND n > ? ORDER BY n LIMIT ?`),
    expiredRuns: p(`SELECT n FROM invocation_row
      WHERE expiry > 0 AND expiry <= ? AND mode = 'workflow' ORDER BY expiry LIMIT ?`),
    expires: p(`SELECT 1 FROM invocation_row
      WHERE expiry > ? AND expiry <= ? AND mode <> 'workflow' LIMIT 1`),
    expiredPromises: p(`SELECT service, key, name FROM promise_row
      WHERE rest ->> '$.expiry' IS NOT NULL AND rest ->> '$.expiry' <= ?
      ORDER BY rest ->> '$.expiry' LIMIT ?`),
    countKept: p("SELECT count(*) FROM invocation_row WHERE expiry < 0"),
    kthKept: p(`SELECT expiry FROM invocation_row WHERE expiry < 0
      ORDER BY expiry DESC LIMIT 1 OFFSET ?`),
    lines: p("SELECT name, at, sent, accepted FROM line_row ORDER BY name"),
    messages: p(`SELECT seq, at, message FROM message_row
      WHERE destination = ? AND seq > ? ORDER BY seq LIMIT ?`),
  };
}

export function text(value: SqlValue | undefined): string {
  return String(value);
}

function numberOrNull(value: SqlValue | undefined): number | null {
  return value === null ? null : Number(value);
}

export function invocationOf(n: InvocationNumber, row: SqlRow): InvocationRow {
  const [partitionKey, service, key, handler, mode, status, createdAt, modifiedAt] = row;
  const columns = {
    n,
    partitionKey: text(partitionKey),
    service: decodeText(text(service)),
    key: key === null ? null : decodeText(text(key)),
    handler: decodeText(text(handler)),
    mode: text(mode) as Mode,
    status: text(status) as Status,
    createdAt: Number(createdAt),
    modifiedAt: Number(modifiedAt),
    completedAt: numberOrNull(row[8]),
    due: numberOrNull(row[9]),
    expiry: numberOrNull(row[10]),
    derivedId: row[11] === null ? null : text(row[11]),
  };
  return decodeInvocation(columns, text(row[12]));
}

/** Slots come as numbers ascending, then names; whichever was written last speaks for the key. */
export function objectOf(
  partitionKey: string,
  service: string,
  key: string,
  rows: readonly SqlRow[],
): ObjectRow {
  const inbox: ObjectRow["inbox"] = [];
  const beside: ObjectRow["beside"] = new FewSet();
  const state: ObjectRow["state"] = new FewMap();
  let newest = rows[0] as SqlRow;
  for (const row of rows) {
    const slot = row[0] as SqlValue;
    const value = row[5] as SqlValue;
    if (typeof slot === "string") {
      state.set(decodeText(slot), decodePayload(value === null ? null : String(value)));
    } else if (Number(slot) > 0) {
      inbox.push({ at: Number(slot), n: Number(value) });
    } else if (Number(slot) < 0) {
      beside.add(Number(value));
    }
    if (Number(row[1]) > Number(newest[1])) newest = row;
  }
  return {
    partitionKey,
    service,
    key,
    at: Number(newest[1]),
    lock: Number(newest[2]),
    inbox,
    beside,
    state,
    stateBytes: Number(newest[4]),
    version: Number(newest[3]),
    changed: { names: new FewSet(), allNames: false, entered: [], left: [] },
  };
}
