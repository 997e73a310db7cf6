// Stored journals against code: what was exported replays against the code that wrote it, and every
// change that would pause its invocation is told with its entry and line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { type HoldfastError, object, service, TerminalError } from "../../src/index.ts";
import {
  type ReplayFailure,
  replayTest,
  type StoredJournal,
  TestEngine,
} from "../../src/testing/index.ts";
import { later } from "../support/scenario.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-replay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lines = readFileSync(fileURLToPath(import.meta.url), "utf8").split("\n");
const marked = (mark: string): number =>
  lines.findIndex((line) => line.endsWith(`// <- ${mark}`)) + 1;

const charged: string[] = [];
const account = object("Account", {
  async pay(ctx, input: { amount: number; card: string }): Promise<string> {
    const before = (await ctx.get<number>("paid")) ?? 0;
    const receipt = await ctx.run("charge", () => `r${charged.push(input.card)} ${input.card}`);
    ctx.set("paid", before + input.amount);
    await ctx.call(audit).note(receipt);
    await ctx.sleep("1d");
    return `${receipt} at ${ctx.date.now()}`;
  },
});
const audit = service("Audit", {
  async note(_ctx, text: string): Promise<void> {
    if (text === "") throw new TerminalError("nothing to note");
  },
});
const services = [account, audit];

/** A journal of `pay`: waiting in its sleep, or to its end. */
async function recorded(finish: boolean, redact?: Parameters<TestEngine["journal"]>[1]) {
  const engine = await TestEngine.open({ services });
  const { id } = await engine.send(account, "a").pay({ amount: 5, card: "4711" });
  if (finish) await engine.advance("1d");
  const journal = await engine.journal(id, redact);
  await engine.close();
  return journal;
}

async function failureOf(journal: StoredJournal, code: Parameters<typeof replayTest>[1]) {
  const failed = await replayTest(journal, code).then(
    () => new Error("it replays"),
    (error: unknown) => error as HoldfastError,
  );
  expect(failed).toMatchObject({ code: "REPLAY_DIVERGED" });
  return { ...((failed as HoldfastError).data as ReplayFailure), message: failed.message };
}

test("a journal replays against the code that wrote it, from a file, and no step runs", async () => {
  const path = join(folder, "run.json");
  for (const finish of [false, true]) {
    writeFileSync(path, JSON.stringify(await recorded(finish)));
    const before = charged.length;
    await replayTest(path, services);
    expect(charged.length).toBe(before);
  }
});

const changed = object("Account", {
  async pay(ctx, input: { amount: number; card: string }): Promise<string> {
    const before = (await ctx.get<number>("paid")) ?? 0;
    await ctx.run("check", () => true); // <- inserted
    const receipt = await ctx.run("charge", () => input.card);
    ctx.set("paid", before + input.amount);
    return receipt;
  },
});

test("a step that was inserted is told with its entry and line, beside the journal", async () => {
  const failure = await failureOf(await recorded(false), [changed, audit]);
  expect(failure).toMatchObject({
    code: "JOURNAL_MISMATCH",
    target: "Account/a/pay",
    entry: 1,
    expected: 'run "charge"',
    actual: 'run "check"',
    line: marked("inserted"),
    file: "test/testing/replay-test.test.ts",
  });
  expect(failure.message).toMatch(/> +1 {2}run "charge"/);
});

test("another result at the end, an end too early and one too late are told", async () => {
  const journal = await recorded(true);
  const at = (body: (ctx: Parameters<Parameters<typeof rest>[0]>[0]) => Promise<string>) => [
    rest(body),
    audit,
  ];
  const other = await failureOf(
    journal,
    at((ctx) => ctx.sleep("1d").then(() => "other")),
  );
  expect(other).toMatchObject({ code: "RESULT_DIFFERS", entry: 5 });
  const early = await failureOf(
    journal,
    at(async () => "early"),
  );
  expect(early).toMatchObject({
    code: "JOURNAL_MISMATCH",
    entry: 4,
    actual: "the end of the handler",
  });
  const late = await failureOf(
    journal,
    at(async (ctx) => {
      await ctx.sleep("1d");
      return ctx.run("more", () => "late");
    }),
  );
  expect(late).toMatchObject({ code: "JOURNAL_MISMATCH", entry: 5, actual: 'run "more"' });
  const thrown = await failureOf(
    journal,
    at(() => Promise.reject(new Error("broken"))),
  );
  expect(thrown).toMatchObject({ code: "HANDLER_FAILED", entry: 4 });
});

/** The same as `account`, but for what follows the call. */
function rest(
  body: (ctx: {
    sleep(duration: "1d"): Promise<void>;
    run: <T>(name: string, f: () => T) => Promise<T>;
  }) => Promise<string>,
) {
  return object("Account", {
    async pay(ctx, input: { amount: number; card: string }): Promise<string> {
      const before = (await ctx.get<number>("paid")) ?? 0;
      const receipt = await ctx.run("charge", () => "");
      ctx.set("paid", before + input.amount);
      await ctx.call(audit).note(receipt);
      return body(ctx);
    },
  });
}

test("an await outside the journal, and a handler that is gone, are told", async () => {
  const journal = await recorded(false);
  const waiting = object("Account", {
    async pay(ctx): Promise<unknown> {
      await ctx.get("paid"); // <- before
      return new Promise(() => {});
    },
  });
  expect(await failureOf(journal, [waiting, audit])).toMatchObject({
    entry: 1,
    actual: "a wait for something that is not in the journal",
    line: marked("before"),
  });
  expect(await failureOf(journal, [audit])).toMatchObject({ code: "HANDLER_NOT_FOUND" });
});

test("secrets are redacted on the way out, and the journal still replays", async () => {
  const seen = new Set<string>();
  const journal = await recorded(true, (value, { kind, of }) => {
    seen.add(`${kind} ${of}`);
    return typeof value === "object" ? { amount: 1, card: "redacted" } : "redacted";
  });
  expect(JSON.stringify(journal)).not.toContain("4711");
  expect(seen).toEqual(new Set(["input pay", "output pay", "step charge", "state paid"]));
  await replayTest(journal, services);
});

test("a file that is no journal, or of a later version, is refused", async () => {
  const path = join(folder, "wrong.json");
  for (const text of ["", "{}", '{"format":1}', '{"format":2,"invocation":{},"entries":[]}']) {
    writeFileSync(path, text);
    await expect(replayTest(path, services)).rejects.toMatchObject({
      code: "JOURNAL_FILE_INVALID",
    });
  }
});

test("an invocation that is not there has no journal", async () => {
  const engine = await TestEngine.open({ services });
  const { id } = await engine.send(audit).note("x");
  await engine.runUntilIdle();
  await engine.purge(id);
  await expect(engine.journal(id)).rejects.toMatchObject({ code: "INVOCATION_NOT_FOUND" });
  void later(engine.close());
});
