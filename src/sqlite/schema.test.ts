import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  changes,
  completedRow,
  entriesFrom,
  invocationRow,
  metaRow,
  objectRow,
  partitionKey,
  promiseRow,
} from "../testing/conformance/cold-rows.ts";
import { openSqliteColdTable } from "./cold-table.ts";
import type { Connection, SqlRow } from "./driver.ts";
import { openConnection } from "./driver.ts";

const failure = { code: "SOLD_OUT", message: "sold out", status: 409 };
let folder: string;
let connection: Connection;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-schema-"));
  const path = join(folder, "table.db");
  const table = openSqliteColdTable(path);
  const paused = { status: "paused", attempt: 3, due: 1_700_000_000_007 } as const;
  const inbox = [
    { at: 5, n: 4 },
    { at: 30, n: 8 },
  ];
  table.write(
    changes({
      position: 40,
      meta: metaRow({ epoch: 6 }),
      invocations: [
        [1, invocationRow(1, { ...paused, lastFailure: failure, idempotencyKey: "k" })],
        [2, completedRow(2, 1_800_000_000_000, { derivedId: "inv_x" })],
        [3, completedRow(3, -5, { result: { failure } })],
      ],
      journals: [
        { n: 1, from: 0, entries: entriesFrom(0, 2), end: "open" },
        { n: 2, from: 0, entries: entriesFrom(0, 3), end: "finished" },
      ],
      objects: [
        objectRow("a", {
          ...{ at: 30, lock: 3, version: 2, stateBytes: 9, inbox, state: { cart: '["T"]' } },
          ...{ entered: inbox, names: ["cart"] },
        }),
      ],
      promises: [
        [promiseRow("go", { waiters: [{ n: 1, of: 2 }] }), "put"],
        [promiseRow("yes", { result: { value: "7" } }), "put"],
        [promiseRow("no", { result: { failure } }), "put"],
      ],
      timers: [
        [{ due: 1_700_000_000_001, n: 1, of: -1 }, "put"],
        [{ due: 1_700_000_000_002, n: 1, of: 4 }, "put"],
      ],
    }),
  );
  const journals = [{ n: 1, from: 2, entries: entriesFrom(2, 1), end: "open" }] as const;
  table.write(changes({ position: 41, journals }));
  table.close();
  connection = openConnection(path, { readOnly: true });
});
afterAll(() => {
  connection.close();
  rmSync(folder, { recursive: true, force: true });
});

function all(sql: string): SqlRow[] {
  return connection.prepare(sql).all();
}

test("invocations are seen with their times, outcome and failure", () => {
  const columns = "n, id, key, status, attempts, due, expires_at, idempotency_key, input, output";
  const failed = ["SOLD_OUT", "sold out"];
  const [input, output] = ['"TICKET-1"', '"done"'];
  const [due, leaves] = ["2023-11-14T22:13:20.007Z", "2027-01-15T08:00:00.000Z"];
  const sql = `SELECT ${columns}, failure_code, failure_message FROM invocation ORDER BY n`;
  expect(all(sql)).toEqual([
    [1, null, "user-1", "paused", 3, due, null, "k", input, null, ...failed],
    [2, "inv_x", "user-2", "completed", 0, null, leaves, null, input, output, null, null],
    [3, null, "user-3", "completed", 0, null, null, null, input, null, ...failed],
  ]);
  expect(all("SELECT created_at FROM invocation WHERE n = 1")).toEqual([
    ["2023-11-14T22:13:20.001Z"],
  ]);
});

test("the unfinished are counted by status through the index", () => {
  const count = "SELECT count(*) FROM unfinished WHERE status = 'paused'";
  expect(all(count)).toEqual([[1]]);
  expect(String(all(`EXPLAIN QUERY PLAN ${count}`)[0]?.[3])).toContain("invocation_by_status");
});

test("journals are seen entry by entry, open or finished", () => {
  expect(all("SELECT n, entry_index, kind FROM journal ORDER BY n, entry_index")).toEqual([
    ...[
      [1, 0, "command"],
      [1, 1, "completed"],
      [1, 2, "command"],
    ],
    ...[
      [2, 0, "command"],
      [2, 1, "completed"],
      [2, 2, "command"],
    ],
  ]);
});

test("a key's lock, state and inbox are seen as what they are", () => {
  const names = [partitionKey, "Cart", "a"];
  expect(all("SELECT * FROM object")).toEqual([[...names, 3, 2, 9]]);
  expect(all("SELECT * FROM state")).toEqual([[...names, "cart", '["T"]']]);
  expect(all("SELECT * FROM inbox")).toEqual([
    [...names, 5, 4],
    [...names, 30, 8],
  ]);
});

test("promises, timers and the partition's position are seen", () => {
  const promises = "SELECT name, status, value, failure_code, waiters FROM promise ORDER BY name";
  expect(all(promises)).toEqual([
    ["go", "pending", null, null, 1],
    ["no", "rejected", null, "SOLD_OUT", 0],
    ["yes", "resolved", "7", null, 0],
  ]);
  expect(all("SELECT * FROM timer")).toEqual([
    ["2023-11-14T22:13:20.001Z", 1, null],
    ["2023-11-14T22:13:20.002Z", 1, 4],
  ]);
  expect(all("SELECT * FROM partition")).toEqual([[41, "2023-11-14T22:13:20.000Z", 1]]);
});

test("ranges are found through a key or an index, in order", () => {
  const indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
  expect(all(`${indexes} ORDER BY name`)).toEqual([
    ["invocation_by_expiry"],
    ["invocation_by_status"],
    ["promise_by_expiry"],
  ]);
  for (const sql of [
    "SELECT derived_id, n FROM invocation_row WHERE expiry > 0 AND expiry <= 9",
    "SELECT n FROM invocation_row WHERE expiry > 0 AND mode = 'workflow' ORDER BY expiry",
    "SELECT n FROM invocation_row WHERE status = 'ready' AND status <> 'completed' AND n > 4",
    "SELECT * FROM timer_row WHERE (due, n, command) > (1, 2, 3) AND due <= 9 ORDER BY due, n",
    "SELECT 1 FROM invocation_row WHERE expiry > 1 AND expiry <= 9 AND mode <> 'workflow' LIMIT 1",
    `SELECT service, key, name FROM promise_row WHERE rest ->> '$.expiry' IS NOT NULL
      AND rest ->> '$.expiry' <= 9 ORDER BY rest ->> '$.expiry' LIMIT 1`,
    "SELECT * FROM object_row WHERE partition_key = 'a' AND service = 'b' AND key = 'c'",
  ]) {
    const plan = all(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row[3]));
    expect(plan.filter((step) => step.startsWith("SCAN"))).toEqual([]);
    expect(plan.filter((step) => step.includes("TEMP B-TREE"))).toEqual([]);
  }
});
