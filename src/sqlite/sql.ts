// SQL as operators ask it: one read-only question over the views that docs/tables.md and
// docs/http-api.md name, among them those that Restate's tools read. It has a connection of its own,
// and belongs in a process of its own: SQLite runs a statement to its end, however long that takes.
import { HoldfastError } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import type { NamedConnection, SqlValue } from "./driver.ts";
import { openNamedConnection } from "./driver.ts";
import { completionText, eventText, outputText } from "./sql-shapes.ts";

/** Rows one answer may have; more is a sign that a LIMIT or a count was meant. */
export const sqlRowsMax = 10_000;

export type NamedRow = Readonly<Record<string, SqlValue>>;

const iso = (ms: string): string => `strftime('%Y-%m-%dT%H:%M:%fZ', ${ms} / 1000.0, 'unixepoch')`;
const id =
  "invocation_id(partition_key, n, rest ->> '$.incarnation', " +
  "coalesce(rest ->> '$.former.id', derived_id))";
const target = "service || iif(key IS NULL, '', '/' || key) || '/' || handler";

const views = `
CREATE TEMP VIEW sys_invocation AS SELECT
  ${id} AS id, ${target} AS target,
  service AS target_service_name, key AS target_service_key, handler AS target_handler_name,
  CASE mode WHEN 'plain' THEN 'service' WHEN 'workflow' THEN 'workflow' ELSE 'virtual_object' END
    AS target_service_ty,
  rest ->> '$.idempotencyKey' AS idempotency_key,
  iif(rest -> '$.origin' IS NOT NULL, 'restart_as_new',
    iif(rest -> '$.chain' IS NULL, 'ingress', 'service')) AS invoked_by,
  coalesce(rest ->> '$.entries', 0) AS journal_size,
  coalesce(rest ->> '$.commands', 0) AS journal_commands_size,
  ${iso("created_at")} AS created_at,
  ${iso("modified_at")} AS modified_at,
  iif(status = 'inboxed', ${iso("modified_at")}, NULL) AS inboxed_at,
  iif(status = 'scheduled', ${iso("created_at")}, NULL) AS scheduled_at,
  iif(status = 'scheduled', ${iso("due")}, NULL) AS scheduled_start_at,
  ${iso("rest ->> '$.begunAt'")} AS running_at,
  ${iso("completed_at")} AS completed_at,
  coalesce(rest ->> '$.failures', 0) AS retry_count,
  iif(status = 'backing-off', ${iso("due")}, NULL) AS next_retry_at,
  rest ->> '$.lastFailure.message' AS last_failure,
  rest ->> '$.lastFailure.code' AS last_failure_error_code,
  iif(status = 'inboxed', 'pending', status) AS status,
  CASE WHEN status <> 'completed' THEN NULL
    WHEN rest -> '$.result.failure' IS NULL THEN 'success' ELSE 'failure' END AS completion_result,
  '[' || (rest ->> '$.result.failure.status') || '] ' ||
    (rest ->> '$.result.failure.message') AS completion_failure
FROM invocation_row;

CREATE TEMP VIEW sys_journal AS SELECT
  ${id.replaceAll(/\b(partition_key|n|rest|derived_id)\b/g, "i.$1")} AS id,
  j.entry_index AS "index",
  CASE j.kind WHEN 'command' THEN 'Command: ' || entry_type(j.entry ->> '$.command.kind')
    WHEN 'completed' THEN 'Notification: ' || entry_type(c.kind)
    WHEN 'signalled' THEN 'Notification: Signal' ELSE 'Notification: Cancel' END AS entry_type,
  j.entry ->> '$.command.name' AS name,
  ${iso("j.entry ->> '$.at'")} AS appended_at,
  2 AS version, length(j.entry) AS raw_length,
  iif(j.kind = 'completed', completion(entry_type(c.kind), c.number, j.entry -> '$.result'), j.entry)
    AS entry_json
FROM journal j JOIN invocation_row i ON i.n = j.n
LEFT JOIN (
  SELECT n, entry ->> '$.index' AS number, entry ->> '$.command.kind' AS kind
  FROM journal WHERE kind = 'command'
) c ON c.n = j.n AND c.number = j.entry ->> '$.of'
UNION ALL SELECT
  ${id}, coalesce(rest ->> '$.entries', 0), 'Command: Output', NULL, ${iso("completed_at")}, 2,
  length(rest -> '$.result'), output(rest -> '$.result')
FROM invocation_row WHERE status = 'completed';

CREATE TEMP VIEW sys_journal_events AS SELECT
  ${id} AS id, coalesce(rest ->> '$.entries', 0) - 1 AS after_journal_entry_index,
  ${iso("modified_at")} AS appended_at, event_type, event_json
FROM (
  SELECT *, 'TransientError' AS event_type,
    event('TransientError', rest -> '$.lastFailure', NULL, NULL) AS event_json
  FROM invocation_row r WHERE rest -> '$.lastFailure' IS NOT NULL AND status <> 'completed'
    AND NOT EXISTS (SELECT 1 FROM json_each(r.rest, '$.open') WHERE value -> '$[1].error' IS NOT NULL)
  UNION ALL
  SELECT r.*, 'TransientError',
    event('TransientError', o.value -> '$[1].error', o.value ->> '$[0]', o.value ->> '$[1].name')
  FROM invocation_row r, json_each(r.rest, '$.open') o
  WHERE o.value -> '$[1].error' IS NOT NULL
  UNION ALL
  SELECT *, 'Paused', event('Paused', rest -> '$.pause.failure', NULL, NULL)
  FROM invocation_row WHERE status = 'paused'
  UNION ALL
  SELECT *, 'Suspended', event('Suspended', NULL, NULL, NULL)
  FROM invocation_row WHERE status = 'suspended'
);

CREATE TEMP VIEW sys_inbox AS SELECT
  b.service AS service_name, b.key AS service_key, b.position AS sequence_number,
  (SELECT ${id} FROM invocation_row r WHERE r.n = b.n) AS id
FROM inbox b;

CREATE TEMP VIEW sys_keyed_service_status AS SELECT
  o.service AS service_name, o.key AS service_key,
  (SELECT ${id} FROM invocation_row r WHERE r.n = o.locked_by) AS invocation_id
FROM object o WHERE o.locked_by IS NOT NULL;

CREATE TEMP VIEW sys_promise AS SELECT
  service AS service_name, key AS service_key, name AS key, status <> 'pending' AS completed,
  value AS completion_success_value_utf8, failure_code AS completion_failure
FROM promise;
`;

/** Opens a table for questions. */
export function openSql(path: string): Sql {
  const connection = openNamedConnection(path);
  connection.function("invocation_id", (partitionKey, n, incarnation, derived) =>
    idOf({
      partitionKey: String(partitionKey),
      n: Number(n),
      incarnation: String(incarnation),
      derivedId: derived as string | null,
    }),
  );
  connection.function("completion", (kind, of, result) =>
    completionText(String(kind), Number(of), result),
  );
  connection.function("output", outputText);
  connection.function("event", eventText);
  connection.function("entry_type", (kind) => entryTypes[String(kind)] ?? String(kind));
  connection.exec(views);
  connection.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF");
  return new Sql(connection);
}

const entryTypes: Readonly<Record<string, string>> = {
  get: "GetLazyState",
  stateKeys: "GetLazyStateKeys",
  set: "SetState",
  clear: "ClearState",
  clearAll: "ClearAllState",
  call: "Call",
  send: "OneWayCall",
  run: "Run",
  version: "Version",
  sleep: "Sleep",
  awakeable: "Awakeable",
  signal: "Signal",
  promise: "GetPromise",
  promisePeek: "PeekPromise",
  promiseComplete: "CompletePromise",
  attach: "AttachInvocation",
  cancel: "SendSignal",
  awakeableComplete: "CompleteAwakeable",
  signalSend: "SendSignal",
  output: "Output",
};

export class Sql {
  readonly #connection: NamedConnection;

  constructor(connection: NamedConnection) {
    this.#connection = connection;
  }

  /** @throws HoldfastError `QUERY_INVALID`. */
  ask(query: string): NamedRow[] {
    // As a part of a larger question it can only read: neither PRAGMA, ATTACH nor writing fits here.
    const asked = quoted(query).replace(/;\s*$/, "");
    let rows: NamedRow[];
    try {
      rows = this.#connection.all(`SELECT * FROM (${asked}\n) LIMIT ${String(sqlRowsMax + 1)}`);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HoldfastError("QUERY_INVALID", { happened: `The SQL failed: ${why}.`, cause });
    }
    if (rows.length <= sqlRowsMax) return rows;
    throw new HoldfastError("QUERY_INVALID", {
      happened: `The answer has more than ${String(sqlRowsMax)} rows.`,
      fix: "Add a LIMIT, or count.",
    });
  }

  close(): void {
    this.#connection.close();
  }
}

/** `index` is a column of Restate's and a keyword of SQLite. */
function quoted(query: string): string {
  return query.replace(/('(?:[^']|'')*'|"(?:[^"]|"")*")|\bindex\b/gi, (all, text?: string) =>
    text === undefined ? '"index"' : all,
  );
}
