import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { changes, invocationRow } from "../testing/conformance/cold-rows.ts";
import { openSqliteColdTable, type SqliteColdTable } from "./cold-table.ts";
import { checkCopy, checkpointTable, copyTable, discardTable, restoreTable } from "./copy.ts";

let folder: string;
let path: string;
let to: string;
let table: SqliteColdTable;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-copy-"));
  path = join(folder, "table.db");
  to = join(folder, "copy.db");
  table = openSqliteColdTable(path);
});
afterEach(() => {
  table.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Folds `count` rows, each with an input large enough for the table to take several chunks. */
function fold(first: number, count: number): void {
  const input = JSON.stringify("x".repeat(2000));
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  const invocations = numbers.map((n) => [n, invocationRow(n, { input })] as const);
  table.write(changes({ position: first + count - 1, chain: first, invocations }));
}

function damage(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

test("R15: a checkpoint counts only when all frames were copied", () => {
  fold(1, 10);
  expect(checkpointTable(path)).toBe(true);
  const reader = openSqliteColdTable(path, { readOnly: true });
  reader.beginReads();
  reader.position();
  fold(11, 10);
  expect(checkpointTable(path)).toBe(false);
  reader.endReads();
  reader.close();
  expect(checkpointTable(path)).toBe(true);
});

test("a copy is one state of the table though folds go on while it is taken", async () => {
  fold(1, 2000);
  const under = copyTable(path, to);
  let folds = 0;
  let done = false;
  const finished = under.finally(() => {
    done = true;
  });
  for (let n = 2001; !done; n += 500) {
    fold(n, 500);
    folds += 1;
    checkpointTable(path);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const copy = await finished;
  expect(folds).toBeGreaterThan(1);
  expect(copy.bytes).toBeGreaterThan(2 * 1024 * 1024);
  const sha256 = createHash("sha256").update(readFileSync(to)).digest("hex");
  expect(copy.sha256).toBe(sha256);
  const copied = openSqliteColdTable(to, { readOnly: true });
  expect(copied.position()).toBe(copy.position);
  expect(copied.chain()).toBe(copy.chain);
  expect(copied.unfinished("scheduled", 0, 1e9).length).toBe(copy.position);
  copied.close();
  expect(readdirSync(folder).filter((name) => name.startsWith("copy"))).toEqual(["copy.db"]);
});

test("a table restored from a copy is folded up to where the copy was, and goes on", async () => {
  fold(1, 50);
  const copy = await copyTable(path, to);
  fold(51, 50);
  table.close();
  await restoreTable(to, path, copy);
  table = openSqliteColdTable(path);
  expect(table.position()).toBe(50);
  expect(table.invocation(51)).toBeUndefined();
  fold(51, 5);
  expect(table.position()).toBe(55);
});

test("a copy that was changed, cut short or is no table is COPY_DAMAGED", async () => {
  fold(1, 500);
  const copy = await copyTable(path, to);
  await checkCopy(to, copy);
  damage(to, copy.bytes - 5);
  await expect(checkCopy(to, copy)).rejects.toEqual(code("COPY_DAMAGED"));
  table.close();
  await expect(restoreTable(to, path, copy)).rejects.toEqual(code("COPY_DAMAGED"));
  const cut = readFileSync(to).subarray(0, 8192 * 3);
  writeFileSync(to, cut);
  const sha256 = createHash("sha256").update(cut).digest("hex");
  const seal = { bytes: cut.length, sha256 };
  await expect(checkCopy(to, seal)).rejects.toEqual(code("COPY_DAMAGED"));
  table = openSqliteColdTable(path);
  expect(table.position()).toBe(500);
});

test("a copy that cannot be written is no fault of the table", async () => {
  fold(1, 10);
  await expect(copyTable(path, join(folder, "absent", "copy.db"))).rejects.toEqual(
    expect.objectContaining({ code: "COPY_DAMAGED" }),
  );
  expect(table.position()).toBe(10);
});

test("a copy that is aborted leaves no file", async () => {
  fold(1, 2000);
  const abort = new AbortController();
  const copying = copyTable(path, to, { signal: abort.signal });
  abort.abort();
  await expect(copying).rejects.toEqual(expect.objectContaining({ name: "AbortError" }));
  expect(readdirSync(folder).filter((name) => name.startsWith("copy"))).toEqual([]);
  fold(2001, 1);
  expect(table.position()).toBe(2001);
});

const posix = test.skipIf(process.platform === "win32");
posix("only their owner reads table, log and copy", async () => {
  fold(1, 10);
  await copyTable(path, to);
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
});

test("a table that is discarded leaves nothing behind", () => {
  fold(1, 10);
  table.close();
  discardTable(path);
  expect(readdirSync(folder)).toEqual([]);
  discardTable(path);
  table = openSqliteColdTable(path);
  expect(table.position()).toBe(0);
});
