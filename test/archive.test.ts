// A data directory is looked at while an engine has it open, after it closed and after it died: what
// is durable is there, and nothing is locked or written.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Archive } from "../src/archive.ts";
import { Engine, object } from "../src/index.ts";
import { codeOf } from "./support/scenario.ts";

const data = mkdtempSync(join(tmpdir(), "holdfast-archive-"));
const sleeper = object("Sleeper", {
  async sleep(ctx, days: number): Promise<void> {
    await ctx.run("lie down", () => days);
    ctx.set("days", days);
    await ctx.sleep({ days });
  },
});
let engine: Engine;
let ids: string[] = [];

beforeAll(async () => {
  engine = await Engine.open({ services: [sleeper], data });
  const sent = await Promise.all(
    ["a", "b", "c"].map((key, days) => engine.send(sleeper, key).sleep(days)),
  );
  ids = sent.map(({ id }) => id);
  await sent[0]?.result();
  // The others have come to their sleep when the last of them has.
  while ((await engine.inspect.invocation(ids[2] as string)).entries < 4) await engine.start();
});
afterAll(async () => {
  await engine.close();
  rmSync(data, { recursive: true, force: true });
});

async function seen(): Promise<string[]> {
  await using archive = await Archive.open(data);
  const shown = [...archive.live()].map(
    ({ row, entries }) => `${row.key}: ${entries.length} entries`,
  );
  const ended = archive.invocation(ids[0] as string);
  return [...shown, `${ended.row.key}: ${ended.row.status}, ${ended.entries.length} entries`];
}
const all = ["b: 4 entries", "c: 4 entries", "a: completed, 5 entries"];

test("while an engine has it open", async () => {
  expect(await seen()).toEqual(all);
  await using archive = await Archive.open(data);
  expect(
    await codeOf(Promise.resolve().then(() => archive.invocation(`${ids[0]}`.slice(0, -3)))),
  ).toBe("INVOCATION_ID_INVALID");
  const other = `${ids[0]?.slice(0, -1)}${ids[0]?.endsWith("a") ? "b" : "a"}`;
  expect(await codeOf(Promise.resolve().then(() => archive.invocation(other)))).toBe(
    "INVOCATION_NOT_FOUND",
  );
});

test("after it closed, and without its table, and not a byte is changed", async () => {
  await engine.close();
  const before = fingerprint();
  expect(await seen()).toEqual(all);
  expect(fingerprint()).toEqual(before);
  rmSync(join(data, "table.sqlite"));
  expect(await seen()).toEqual(all);
});

test("a folder that is not ours is refused", async () => {
  const other = mkdtempSync(join(tmpdir(), "holdfast-archive-"));
  await expect(Archive.open(other)).rejects.toMatchObject({ code: "DIRECTORY_FOREIGN" });
  rmSync(other, { recursive: true });
});

/** Every file and what is in it; SQLite's shared memory is its own. */
function fingerprint(): string[] {
  return readdirSync(data, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(data, name)).isFile() && !/-(shm|wal)$/.test(name))
    .sort()
    .map((name) => `${name} ${readFileSync(join(data, name)).toString("base64").length}`);
}
