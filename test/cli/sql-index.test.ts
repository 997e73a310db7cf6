// `holdfast sql --index`: an index for questions of one's own, and what it costs.
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Engine } from "../../src/index.ts";
import { openConnection } from "../../src/sqlite/driver.ts";
import { CliFolder } from "../support/cli.ts";
import { counter, greeter } from "../support/services.ts";

let folder: CliFolder;
let data: string;
beforeEach(() => {
  folder = new CliFolder("sql-index");
  data = join(folder.path, "data");
});
afterEach(() => folder.remove());

const questions = {
  service: "SELECT n FROM invocation WHERE service = 'Counter' AND key = 'k1'",
  created: "SELECT n FROM invocation WHERE created_at > '2999-01-01T00:00:00.000Z'",
  "idempotency-key": "SELECT n FROM invocation WHERE idempotency_key = 'once'",
} as const;

/** How SQLite would answer, in its own words. */
function plan(question: string): string {
  const connection = openConnection(join(data, "table.sqlite"), { readOnly: true });
  try {
    return JSON.stringify(connection.prepare(`EXPLAIN QUERY PLAN ${question}`).all());
  } finally {
    connection.close();
  }
}

async function fill(): Promise<void> {
  await using engine = await Engine.open({ services: [counter, greeter], data });
  for (let i = 0; i < 20; i++) await engine.call(counter, `k${i}`).add(1);
  await engine.call(greeter, { idempotencyKey: "once" }).greet("Ada");
}

test("a question that read all rows finds its own; the engine goes on with it, and it can be taken away", async () => {
  await fill();
  for (const [name, question] of Object.entries(questions)) {
    expect(plan(question)).toContain("SCAN");
    const made = await folder.run("sql", "--index", name, "--data", "data", "--json");
    expect([made.code, made.error]).toEqual([0, ""]);
    expect(JSON.parse(made.out)).toMatchObject({ index: name, known: false, invocations: 21 });
    expect((JSON.parse(made.out) as { bytes: number }).bytes).toBeGreaterThan(0);
    expect(plan(question)).toMatch(/SEARCH invocation_row USING (COVERING )?INDEX user_by_/);
  }
  await fill();
  const doctor = await folder.run("doctor", "data");
  expect([doctor.code, doctor.error]).toEqual([0, expect.stringContaining("well")]);
  const again = await folder.run("sql", "--index", "service", "--data", "data");
  expect(again.error).toContain("there already");
  expect((await folder.run("sql", "--drop-index", "service", "--data", "data")).code).toBe(0);
  expect(plan(questions.service)).toContain("SCAN");
});

test("a name nobody knows, a directory without a table, and one that is open are refused", async () => {
  const unknown = await folder.run("sql", "--index", "colour", "--data", "data");
  expect([unknown.code, unknown.error.includes("idempotency-key")]).toEqual([1, true]);
  expect((await folder.run("sql", "--index", "service", "--data", "data")).code).toBe(4);
  expect((await folder.run("sql", "--data", "data")).code).toBe(1);
  await using engine = await Engine.open({ services: [counter], data });
  await engine.start();
  const open = await folder.run("sql", "--index", "service", "--data", "data");
  expect([open.code, open.error.includes("DIRECTORY_LOCKED")]).toEqual([2, true]);
});
