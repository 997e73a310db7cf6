// SQL of operators, in the process that answers it: the questions Restate's own tests ask, and those
// that must not hurt.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Engine, handler, object, service, TerminalError } from "../../src/index.ts";
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
  async flaky(ctx): Promise<void> {
    await ctx.run("flaky", () => Promise.reject(new Error("not yet")), { retry: { delay: "1h" } });
  },
  breaks: handler({ retry: { delay: "1h" } }, async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("it breaks");
  }),
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
    { index: 1, entry_type: "Notification: Run" },
    { index: 2, entry_type: "Command: Output" },
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

test("what was learned is named by what had asked for it, and results are in Restate's shape", async () => {
  const types = await rows(
    `SELECT entry_type FROM sys_journal WHERE id = '${ids.done}' ORDER BY index`,
  );
  expect(types.map((row) => row["entry_type"])).toEqual([
    "Command: Run",
    "Notification: Run",
    "Command: Output",
  ]);
  const of = async (id: string, type: string): Promise<unknown> => {
    const found = await rows(
      `SELECT entry_json FROM sys_journal WHERE id = '${id}' AND entry_type = '${type}'`,
    );
    return JSON.parse(String(found[0]?.["entry_json"])) as unknown;
  };
  const bytes = (text: string): number[] => [...Buffer.from(JSON.stringify(text))];
  expect(await of(ids.done, "Notification: Run")).toEqual({
    Notification: { Completion: { Run: { completion_id: 1, result: { Success: bytes("ok") } } } },
  });
  expect(await of(ids.done, "Command: Output")).toEqual({
    Command: { Output: { result: { Success: bytes("done") }, name: "" } },
  });
  expect(await of(ids.failed, "Command: Output")).toMatchObject({
    Command: { Output: { result: { Failure: { code: 418, message: "sold out" } } } },
  });
});

test("what went wrong last, of an attempt and of a step, and what is paused, are events", async () => {
  const { id } = await engine.send(steps).flaky();
  const { id: failing } = await engine.send(steps).breaks();
  const events = async (of: string): Promise<Rows> => {
    const found = await rows(
      `SELECT event_type, event_json FROM sys_journal_events WHERE id = '${of}' ` +
        "AND event_type = 'TransientError' ORDER BY appended_at",
    );
    return found.map((row) => JSON.parse(String(row["event_json"])) as Rows[number]);
  };
  await vi.waitFor(async () => expect((await events(id)).length).toBe(1), 5000);
  expect(await events(id)).toMatchObject([
    { ty: "TransientError", error_message: "not yet", related_command_name: "flaky" },
  ]);
  await vi.waitFor(async () => expect((await events(failing)).length).toBe(1), 5000);
  expect(await events(failing)).toMatchObject([{ error_code: 500, error_message: "it breaks" }]);
  await engine.pause(id);
  const paused = await rows(`SELECT event_type FROM sys_journal_events WHERE id = '${id}'`);
  expect(paused.map((row) => row["event_type"])).toContain("Paused");
  for (const one of [id, failing]) await engine.kill(one);
});
