// Two implementations of one port, over the same rows: SQLite's slices answer what reading all rows
// in memory answers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import { MemoryQueries } from "../../src/local/memory-queries.ts";
import type { InvocationRow, OpenCommand, Status } from "../../src/model/row.ts";
import type { ColdQueries, InvocationFilter } from "../../src/ports/cold-queries.ts";
import { openSqliteColdTable } from "../../src/sqlite/cold-table.ts";
import { openSqliteQueries } from "../../src/sqlite/queries.ts";
import { Prng } from "../../src/std/prng.ts";
import { changes, invocationRow } from "../../src/testing/conformance/cold-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-queries-"));
const statuses: readonly Status[] = ["suspended", "running", "paused", "completed"];
const rowsMade = 12_000;
const derived = Array.from(
  { length: 21 },
  (_, i) => [`inv_1${String(i).padStart(5, "0")}`, i + 1] as const,
);
let memory: ColdQueries;
let sqlite: ColdQueries;

beforeAll(() => {
  const prng = new Prng("queries");
  const of = <T>(list: readonly T[]): T => list[prng.integer(list.length)] as T;
  const invocations: [number, InvocationRow][] = [];
  for (let n = 1; n <= rowsMade; n++) {
    const status = of(statuses);
    const open = new Map<number, OpenCommand>();
    if (status !== "completed" && prng.integer(10) === 0) open.set(0, { kind: "awakeable" });
    const service = of(["Cart", "Größe", "a\u0000b"]);
    const key = of(["k", "x", "\ud800"]);
    const input = prng.integer(20) === 0 ? JSON.stringify("x".repeat(5000)) : '"1"';
    invocations.push([n, invocationRow(n, { status, open, service, key, input })]);
  }
  const path = join(folder, "table.db");
  const writer = openSqliteColdTable(path);
  const table = new MemoryColdTable();
  for (const cold of [writer, table])
    cold.write(changes({ position: rowsMade, invocations, derived }));
  writer.close();
  memory = new MemoryQueries(table);
  sqlite = openSqliteQueries(path);
});

afterAll(() => {
  sqlite.close();
  rmSync(folder, { recursive: true, force: true });
});

test("ids that lead to an invocation are listed in order, by pages", () => {
  for (const of of [sqlite, memory]) {
    const found: (readonly [string, number])[] = [];
    for (let after: string | undefined; ; ) {
      const { rows, next } = of.ids(after, 7);
      found.push(...rows);
      if (next === undefined) break;
      after = next;
    }
    expect(found).toEqual(derived);
  }
});

const filters: readonly InvocationFilter[] = [
  {},
  { statuses: ["paused"] },
  { statuses: ["suspended", "running", "completed"] },
  { service: "Cart", key: "k" },
  { service: "a\u0000b", statuses: ["running"] },
  { key: "\ud800", handler: "addTicket" },
  { handler: "none" },
  { createdFrom: 1_700_000_000_000 + 3000, createdBefore: 1_700_000_000_000 + 3010 },
  { waitsFor: "awakeable", statuses: ["suspended", "paused"] },
  { waitsFor: "signal" },
];

function* pages(of: ColdQueries, filter: InvocationFilter, limit: number): Generator<number> {
  let before: number | undefined = rowsMade + 1;
  while (before !== undefined) {
    const slice = of.invocations(filter, before, limit);
    for (const { n } of slice.rows) yield n;
    before = slice.next;
  }
}

function counted(of: ColdQueries, filter: InvocationFilter): number {
  let count = 0;
  for (let before: number | undefined = rowsMade + 1; before !== undefined; ) {
    const slice = of.count(filter, before);
    count += slice.count;
    before = slice.next;
  }
  return count;
}

test.each(filters)("SQLite finds and counts what memory does: %j", (filter) => {
  const expected = [...pages(memory, filter, 5000)];
  expect([...pages(sqlite, filter, 900)]).toEqual(expected);
  expect([...pages(sqlite, filter, 100_000)]).toEqual(expected);
  expect(counted(sqlite, filter)).toBe(expected.length);
});

test("a list leaves out what makes a row long; the row itself has it", () => {
  const { rows } = sqlite.invocations({}, rowsMade + 1, 1000);
  const long = rows.find(({ n }) => String(sqlite.table.invocation(n)?.input).length > 5000);
  expect(long?.input).toBe(null);
  expect(long?.service).toBe(sqlite.table.invocation(long?.n ?? 0)?.service);
});
