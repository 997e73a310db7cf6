// The tables of a partition in SQLite, their indexes and the views users may rely on, which
// docs/tables.md explains. A table named `…_row` is ours and may change with the version; the views
// are a face: columns are added, never taken away. An index on the path of a fold costs every fold,
// so there are two of invocations and no more; that of promises holds those without a run.

import { HoldfastError } from "../model/errors.ts";
import type { Connection } from "./driver.ts";
import { damaged } from "./driver.ts";

/** Grows when an older version could not read or would misread what is written. */
export const schemaVersion = 1;
/** "HOLD" in ASCII, in the file's header: `file` and other tools can tell whose it is. */
const applicationId = 0x484f4c44;

/** Bytes per page. 4096 and 16384 fold as fast; at 16384 a point read costs a third more. */
const pageBytes = 8192;
/** KiB of pages kept by the connection that folds; twice as many folded no faster. */
const writerCacheKib = 32 * 1024;
/** KiB of pages kept by a connection that reads. */
const readerCacheKib = 16 * 1024;
/** Pages in the write-ahead log before a fold checkpoints too: 32 MiB. Half folds as fast. */
const autoCheckpointPages = 4096;
/** Bytes the write-ahead log may keep on disk once it was checkpointed. */
const logBytesMax = 64 * 1024 * 1024;
/** How long opening and reading wait for a lock, in ms: another program opens or recovers. */
const patienceMs = 1000;

const tables = `
-- One row: what belongs to the partition, and up to where the changelog is folded.
CREATE TABLE meta_row (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL,   -- of the last record folded
  chain INTEGER NOT NULL,      -- checksum of the changelog up to there
  rest TEXT NOT NULL           -- JSON
) STRICT;

CREATE TABLE invocation_row (
  n INTEGER PRIMARY KEY,       -- position of the record that created it
  partition_key TEXT NOT NULL, -- 16 hexadecimal digits
  service TEXT NOT NULL,
  key TEXT,                    -- null for services
  handler TEXT NOT NULL,
  mode TEXT NOT NULL,          -- plain, exclusive, shared, workflow
  status TEXT NOT NULL,        -- scheduled … completed
  created_at INTEGER NOT NULL, -- ms since 1970, as all times
  modified_at INTEGER NOT NULL,
  completed_at INTEGER,
  due INTEGER,                 -- when it starts or is tried again
  expiry INTEGER,              -- above 0: time it leaves; below 0: order it leaves, kept by number
  failure_code TEXT,
  derived_id TEXT,             -- its id where that follows from names
  rest TEXT NOT NULL,          -- JSON: every other field that is not at its default
  journal TEXT                 -- JSON array: the whole journal, once it is finished
) STRICT;
CREATE INDEX invocation_by_status ON invocation_row (status) WHERE status <> 'completed';
CREATE INDEX invocation_by_expiry ON invocation_row (expiry, mode) WHERE expiry IS NOT NULL;

-- Journals of unfinished invocations, in stretches as they were folded.
CREATE TABLE entry_row (
  n INTEGER NOT NULL,
  first INTEGER NOT NULL,      -- index of the stretch's first entry
  entries TEXT NOT NULL,       -- JSON array
  PRIMARY KEY (n, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE derived_row (
  id TEXT NOT NULL PRIMARY KEY,
  n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A key's lock, inbox and state lie side by side and are read as one range. The row written last
-- (greatest at) says lock, version and bytes, so that a change of state is one row.
CREATE TABLE object_row (
  partition_key TEXT NOT NULL,
  service TEXT NOT NULL,
  key TEXT NOT NULL,
  slot ANY NOT NULL,           -- 0: the key; above 0: inbox; below: those beside; text: state
  at INTEGER NOT NULL,
  lock INTEGER NOT NULL,       -- n of the exclusive invocation, 0 when none
  version INTEGER NOT NULL,    -- grows with each change of state
  bytes INTEGER NOT NULL,      -- of all names and values
  value ANY,                   -- inbox and beside: n; state: the value
  PRIMARY KEY (partition_key, service, key, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE promise_row (
  partition_key TEXT NOT NULL,
  service TEXT NOT NULL,
  key TEXT NOT NULL,
  name TEXT NOT NULL,
  rest TEXT NOT NULL,          -- JSON: result, waiters, at, expiry
  PRIMARY KEY (partition_key, service, key, name)
) STRICT, WITHOUT ROWID;

-- Messages for other partitions, until they are accepted there, and how far each way has come.
CREATE TABLE message_row (
  destination TEXT NOT NULL,
  seq INTEGER NOT NULL,        -- from 1, dense per destination
  at INTEGER NOT NULL,         -- position of the record that posted it
  message TEXT NOT NULL,       -- JSON
  PRIMARY KEY (destination, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE line_row (
  name TEXT NOT NULL PRIMARY KEY, -- '>' and a destination, or '<' and a producer
  at INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  accepted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE timer_row (
  due INTEGER NOT NULL,
  n INTEGER NOT NULL,
  command INTEGER NOT NULL,    -- -1: the invocation itself
  PRIMARY KEY (due, n, command)
) STRICT, WITHOUT ROWID;
`;

/** Of an index that came later than its table: a file without it works, and gets it. */
const laterIndexes = `
CREATE INDEX IF NOT EXISTS promise_by_expiry ON promise_row (rest ->> '$.expiry')
  WHERE rest ->> '$.expiry' IS NOT NULL;
`;

/** ISO 8601 with milliseconds: sorts as text. */
export const iso = (ms: string): string =>
  `strftime('%Y-%m-%dT%H:%M:%fZ', ${ms} / 1000.0, 'unixepoch')`;

const views = `
CREATE VIEW invocation AS SELECT
  n, derived_id AS id, partition_key, service, key, handler, mode, status,
  ${iso("created_at")} AS created_at,
  ${iso("modified_at")} AS modified_at,
  ${iso("rest ->> '$.begunAt'")} AS begun_at,
  ${iso("completed_at")} AS completed_at,
  ${iso("due")} AS due,
  iif(expiry > 0, ${iso("expiry")}, NULL) AS expires_at,
  coalesce(rest ->> '$.attempt', 0) AS attempts,
  coalesce(rest ->> '$.entries', 0) AS entries,
  rest ->> '$.idempotencyKey' AS idempotency_key,
  coalesce(rest ->> '$.cancelled', 0) AS cancelled,
  rest ->> '$.input' AS input,
  rest ->> '$.result.value' AS output,
  failure_code,
  coalesce(rest ->> '$.result.failure.message', rest ->> '$.pause.failure.message',
    rest ->> '$.lastFailure.message') AS failure_message
FROM invocation_row;

CREATE VIEW unfinished AS SELECT * FROM invocation WHERE status <> 'completed';

CREATE VIEW journal AS
SELECT r.n, r.first + e.key AS entry_index, e.value ->> '$.kind' AS kind, e.value AS entry
FROM entry_row r, json_each(r.entries) e
UNION ALL
SELECT r.n, e.key, e.value ->> '$.kind', e.value
FROM invocation_row r, json_each(r.journal) e WHERE r.journal IS NOT NULL;

CREATE VIEW object AS
SELECT partition_key, service, key, nullif(lock, 0) AS locked_by, version, bytes AS state_bytes
FROM (SELECT *, max(at) FROM object_row GROUP BY partition_key, service, key);

CREATE VIEW state AS
SELECT partition_key, service, key, slot AS name, value
FROM object_row WHERE typeof(slot) = 'text';

CREATE VIEW inbox AS
SELECT partition_key, service, key, CAST(slot AS INTEGER) AS position, CAST(value AS INTEGER) AS n
FROM object_row WHERE typeof(slot) <> 'text' AND slot > 0;

CREATE VIEW promise AS SELECT
  partition_key, service, key, name,
  CASE WHEN rest ->> '$.result' IS NULL THEN 'pending'
    WHEN rest -> '$.result.failure' IS NULL THEN 'resolved' ELSE 'rejected' END AS status,
  rest ->> '$.result.value' AS value,
  rest ->> '$.result.failure.code' AS failure_code,
  json_array_length(rest, '$.waiters') AS waiters
FROM promise_row;

CREATE VIEW timer AS
SELECT ${iso("due")} AS due, n, nullif(command, -1) AS command FROM timer_row;

CREATE VIEW outbox AS SELECT
  destination, seq, message ->> '$.kind' AS kind, message ->> '$.id' AS id, message
FROM message_row;

CREATE VIEW partition AS SELECT
  position, ${iso("rest ->> '$.time'")} AS time, rest ->> '$.epoch' AS epoch FROM meta_row;
`;

/** Prepares a connection that folds; creates tables and views in a file that has none. */
export function prepareWriter(connection: Connection, path: string): void {
  connection.exec(`PRAGMA busy_timeout = ${String(patienceMs)}`);
  const created = identify(connection, path);
  if (!created) connection.exec(`PRAGMA page_size = ${String(pageBytes)}`);
  // The changelog is what makes things durable; the table may lose its newest folds, whole.
  connection.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -${String(writerCacheKib)};
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = ${String(autoCheckpointPages)};
    PRAGMA journal_size_limit = ${String(logBytesMax)};
  `);
  if (!created) {
    connection.exec(`BEGIN IMMEDIATE; ${tables} ${views}
      PRAGMA application_id = ${String(applicationId)};
      PRAGMA user_version = ${String(schemaVersion)};
      COMMIT`);
  }
  connection.exec(laterIndexes);
  // From here on a lock held by another program is told, not waited for.
  connection.exec("PRAGMA busy_timeout = 0");
}

/** Prepares a connection that only reads. */
export function prepareReader(connection: Connection, path: string): void {
  connection.exec(`
    PRAGMA busy_timeout = ${String(patienceMs)};
    PRAGMA cache_size = -${String(readerCacheKib)};
    PRAGMA query_only = ON;
  `);
  if (!identify(connection, path)) throw damaged(path, "has no tables");
}

/** Whether the file holds our tables; false when it is empty. */
function identify(connection: Connection, path: string): boolean {
  const number = (sql: string): number => Number(connection.prepare(sql).get()?.[0]);
  const version = number("PRAGMA user_version");
  if (number("PRAGMA application_id") === applicationId) {
    if (version <= schemaVersion) return true;
    throw new HoldfastError("DIRECTORY_NEWER", {
      happened:
        `The table ${path} has schema ${String(version)}; ` +
        `this version reads up to ${String(schemaVersion)}.`,
      data: { path, version },
    });
  }
  if (version === 0 && number("SELECT count(*) FROM sqlite_schema") === 0) return false;
  throw damaged(path, "is a database of another program");
}
