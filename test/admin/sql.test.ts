// SQL of operators, in the process that answers it: the questions Restate's own tests ask, and those
// that must not hurt.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object, service, TerminalError } from "../../src/index.ts";
import { SqlProcess } from "../../src/local/sql-process.ts";
import { type Ask, adminOf, askerOf } from "../support/admin.ts";
import { codeOf } from "../support/scenario.ts";

const entry = new URL("../../src/sql-worker.ts", import.meta.url);
const steps = service("Steps", {
  async charge(ctx, fails: boolean): Promise<string> {
    await ctx.run("charge", () => "ok");
    if (fails) throw new TerminalError("sold out", { status: 418 });
    return "done";
  },
});
const cart = object("Cart", {
  async hold(ctx): Promise<void> {
    ctx.set("items", [1]);
    await ctx.awakeable().promise;
  },
});

let folder: string;
let engine: Engine;
let sql: SqlProcess;
let ask: Ask;
let ids: { done: string; failed: string; held: string; next: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-sql-"));
  engine = await Engine.open({ services: [steps, cart], data: folder });
  sql = new SqlProcess({ entry, msMax: 20_000 });
  ask = askerOf(adminOf(engine, { sql: (path, query) => sql.ask(path, query) }));
  const done = await engine.send(steps).charge(false);
  const failed = await engine.send(steps).charge(true);
  await done.result();
  await codeOf(failed.result());
  const held = await engine.send(cart, "k").hold();
  const next = await engine.send(cart, "k").hold();
  ids = { done: done.id, failed: failed.id, held: held.id, next: next.id };
});
afterAll(async () => {
  sql.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

type Rows = Readonly<Record<string, unknown>>[];

async function rows(query: string): Promise<Rows> {
  return (await ask("POST", "/query", { body: { query } })).json<{ rows: Rows }>().rows;
}

test("one invocation with its outcome and its journal, as Restate names them", async () => {
  const outcome = await rows(
    "SELECT i.status, i.completion_result, i.completion_failure, j.entry_type " +
      "FROM sys_invocation i LEFT JOIN sys_journal j ON i.id = j.id AND j.entry_type = 'Command: Run' " +
      `WHERE i.id = '${ids.failed}'`,
  );
  expect(outcome).toEqual([
    {
      status: "completed",
      completion_result: "failure",
      completion_failure: "[418] sold out",
      entry_type: "Command: Run",
    },
  ]);
  expect(await rows(`SELECT index, entry_type FROM sys_journal WHERE id = '${ids.done}'`)).toEqual([
    { index: 0, entry_type: "Command: Run" },
    { index: 1, entry_type: "Notification: Completion" },
  ]);
});

test("counts by group; columns that are null are left out; index may be a text", async () => {
  const grouped = await rows(
    "SELECT s, count(1) AS n FROM (SELECT CASE status WHEN 'completed' THEN completion_result " +
      `ELSE 'open' END AS s FROM sys_invocation WHERE id IN ('${ids.done}', '${ids.failed}', ` +
      `'${ids.held}')) GROUP BY s ORDER BY s;`,
  );
  expect(grouped).toEqual([
    { s: "failure", n: 1 },
    { s: "open", n: 1 },
    { s: "success", n: 1 },
  ]);
  expect(await rows("SELECT NULL AS a, 'index' AS b")).toEqual([{ b: "index" }]);
});

test("who holds a key, who waits for it, and its state", async () => {
  expect(await rows("SELECT service_key, invocation_id FROM sys_keyed_service_status")).toEqual([
    { service_key: "k", invocation_id: ids.held },
  ]);
  expect(await rows("SELECT id FROM sys_inbox")).toEqual([{ id: ids.next }]);
  expect(await rows("SELECT name, value FROM state")).toEqual([{ name: "items", value: "[1]" }]);
});

test.each([
  "DELETE FROM invocation_row",
  "PRAGMA writable_schema = ON",
  "ATTACH '/tmp/x' AS y",
  "SELECT load_extension('x')",
  "SELECT 1; DROP TABLE meta_row",
  "CREATE TABLE x (y)",
  "SELECT * FROM nothing",
  "nonsense",
])("%s is refused", async (query) => {
  const answer = await ask("POST", "/query", { body: { query } });
  expect([answer.status, answer.json()["code"]]).toEqual([400, "QUERY_INVALID"]);
});

test("more rows than an answer may have are refused", async () => {
  const numbers = (to: number): string =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${to}) SELECT i FROM n`;
  expect(await rows(numbers(10_000))).toHaveLength(10_000);
  expect((await ask("POST", "/query", { body: { query: numbers(10_001) } })).status).toBe(400);
});

test("a question without end is ended, the next one is answered, and a crowd is refused", async () => {
  const hasty = new SqlProcess({ entry, msMax: 500 });
  const path = join(folder, "table.sqlite");
  const endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  await hasty.ask(path, "SELECT 1");
  expect(await codeOf(hasty.ask(path, endless))).toBe("QUERY_INVALID");
  expect(await hasty.ask(path, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  const many = Array.from({ length: 12 }, () => codeOf(hasty.ask(path, "SELECT 1")));
  expect(await Promise.all(many)).toContain("QUERY_BUSY");
  hasty.close();
});
