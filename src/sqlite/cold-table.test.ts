import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { changes, invocationRow } from "../testing/conformance/cold-rows.ts";
import { coldTableConformance } from "../testing/conformance/cold-table.ts";
import { openSqliteColdTable, type SqliteColdTable } from "./cold-table.ts";
import { openConnection } from "./driver.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-table-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function opened(path: string, readOnly = false): SqliteColdTable {
  const table = openSqliteColdTable(path, { readOnly });
  cleanups.push(() => table.close());
  return table;
}

coldTableConformance({
  test,
  expect,
  supports: { reopen: true, reader: true },
  open: () => {
    const path = join(directory(), "table.db");
    const table = opened(path);
    return {
      table,
      reopen: () => {
        table.close();
        return opened(path);
      },
      reader: () => opened(path, true),
    };
  },
});

test("within a turn of reads all see one snapshot, begun by the first of them", () => {
  const path = join(directory(), "table.db");
  const writer = opened(path);
  const reader = opened(path, true);
  reader.beginReads();
  writer.write(changes({ position: 1 }));
  expect(reader.position()).toBe(1);
  writer.write(changes({ position: 2, invocations: [[7, invocationRow(7)]] }));
  expect(reader.position()).toBe(1);
  expect(reader.invocation(7)).toBeUndefined();
  reader.endReads();
  expect(reader.position()).toBe(2);
  reader.beginReads();
  reader.endReads();
  expect(reader.invocation(7)).toEqual(invocationRow(7));
});

test("a fold finds the table locked by another program and says so; later it works", () => {
  const path = join(directory(), "table.db");
  const table = opened(path);
  const other = openConnection(path, { readOnly: false });
  other.exec("BEGIN IMMEDIATE");
  expect(() => table.write(changes())).toThrow(expect.objectContaining({ code: "TABLE_LOCKED" }));
  other.exec("COMMIT");
  other.close();
  table.write(changes({ position: 3 }));
  expect(table.position()).toBe(3);
});

test("a file that is no table, of another program or absent is TABLE_DAMAGED with its path", () => {
  const folder = directory();
  const garbage = join(folder, "garbage.db");
  writeFileSync(garbage, "not a database ".repeat(1000));
  const foreign = join(folder, "foreign.db");
  const other = openConnection(foreign, { readOnly: false });
  other.exec("CREATE TABLE theirs (a)");
  other.close();
  const damaged = (path: string): unknown =>
    expect.objectContaining({ code: "TABLE_DAMAGED", data: expect.objectContaining({ path }) });
  expect(() => openSqliteColdTable(garbage)).toThrow(damaged(garbage));
  expect(() => openSqliteColdTable(foreign)).toThrow(damaged(foreign));
  const absent = join(folder, "absent.db");
  expect(() => openSqliteColdTable(absent, { readOnly: true })).toThrow(damaged(absent));
});

test("a table of a newer schema is refused", () => {
  const path = join(directory(), "table.db");
  openSqliteColdTable(path).close();
  const connection = openConnection(path, { readOnly: false });
  connection.exec("PRAGMA user_version = 99");
  connection.close();
  const newer: unknown = expect.objectContaining({ code: "DIRECTORY_NEWER" });
  expect(() => openSqliteColdTable(path)).toThrow(newer);
});

test("a row that does not read is TABLE_DAMAGED, as is a journal with a hole", () => {
  const path = join(directory(), "table.db");
  const table = opened(path);
  table.write(changes({ invocations: [[7, invocationRow(7)]] }));
  const connection = openConnection(path, { readOnly: false });
  connection.exec("UPDATE invocation_row SET rest = '{'");
  connection.exec(`INSERT INTO entry_row VALUES (7, 0, '[{"kind":"cancelled","at":1}]')`);
  connection.exec(`INSERT INTO entry_row VALUES (7, 2, '[]')`);
  connection.close();
  const damaged: unknown = expect.objectContaining({ code: "TABLE_DAMAGED" });
  expect(() => table.invocation(7)).toThrow(damaged);
  expect(() => table.journal(7, 0)).toThrow(damaged);
});
