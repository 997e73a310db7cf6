// Real directories, really damaged: an engine refuses them, salvage says what is lost and, told to,
// leaves a directory that opens with all that came before; what was there lies aside, untouched.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Engine, object } from "holdfast";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFileChangelog } from "../src/file/changelog.ts";
import type { Disk } from "../src/file/disk.ts";
import { nodeDisk } from "../src/file/disk.ts";
import { fileSnapshots } from "../src/file/snapshots.ts";
import { salvage } from "../src/salvage.ts";
import { openSqliteColdTable } from "../src/sqlite/cold-table.ts";
import { copyTable } from "../src/sqlite/copy.ts";

const ledger = object("Ledger", {
  async add(ctx, text: string) {
    const count = ((await ctx.get<number>("count")) ?? 0) + 1;
    ctx.set("count", count);
    ctx.set("text", text);
    return count;
  },
  async count(ctx) {
    return (await ctx.get<number>("count")) ?? 0;
  },
});

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "holdfast-salvage-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const text = "x".repeat(8_000);

/** Adds up to `count` in all, which is a segment and more for each thirty. */
async function addUpTo(count: number): Promise<void> {
  await using engine = await Engine.open({ services: [ledger], data });
  const key = engine.call(ledger, "k");
  while ((await key.count()) < count) await key.add(text);
}

async function countNow(): Promise<number> {
  await using engine = await Engine.open({ services: [ledger], data });
  return await engine.call(ledger, "k").count();
}

const segments = (): string[] => {
  const folder = join(data, "changelog");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".segment"))
    .sort()
    .map((name) => join(folder, name));
};

const writtenIn = (path: string): number => {
  return readFileSync(path).findLastIndex((byte) => byte !== 0);
};

/** Changes a byte at a share of what is written in a segment. */
function damage(path: string, share: number): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(writtenIn(path) * share)]! ^= 0x55;
  writeFileSync(path, bytes);
}

/**
 * Every file by the hash of its content: what it is called may change. Not locks, and not the table:
 * SQLite may move what lies beside it into it when it is looked at.
 */
function contents(): string[] {
  const names = readdirSync(data, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => !/(lock\.(json|sock)|table\.sqlite(-shm|-wal)?)$/.test(name))
    .filter((name) => statSync(join(data, name)).isFile())
    .map((name) =>
      createHash("sha256")
        .update(readFileSync(join(data, name)))
        .digest("hex"),
    );
}

async function keepCopy(): Promise<number> {
  const aside = join(data, "table.copying");
  const { position } = await copyTable(join(data, "table.sqlite"), aside);
  await fileSnapshots({ directory: data }).put(aside, position);
  rmSync(aside);
  return position;
}

test("what refuses to open names the command, and after it opens", async () => {
  await addUpTo(10);
  damage(segments()[0]!, 0.8);
  const refused: unknown = await countNow().catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "CHANGELOG_DAMAGED" });
  expect(String(refused)).toContain(`holdfast salvage ${data}`);
  const done = await salvage({ directory: data, acceptLoss: true });
  expect(String(refused)).toContain(done!.damage.message);
  expect(await countNow()).toBeGreaterThan(4);
});

test("damage in the middle: explained, salvaged, and nothing is deleted", async () => {
  await addUpTo(120);
  expect(segments().length).toBeGreaterThan(2);
  damage(segments()[1]!, 0.5);
  const before = contents();
  const planned = await salvage({ directory: data });
  expect(contents().sort()).toEqual(before.sort());
  expect(planned).toMatchObject({ done: false, kept: { from: 1 }, table: { kind: "rebuilt" } });
  expect(planned!.damage.file).toBe(segments()[1]);
  expect(planned!.damage.offset).toBeGreaterThan(64);
  expect(planned!.lost!.from).toBe(planned!.kept!.to + 1);
  expect(planned!.lost!.to).toBe(planned!.tableReaches);

  const done = await salvage({ directory: data, acceptLoss: true });
  expect(done).toMatchObject({ done: true, kept: planned!.kept, lost: planned!.lost });
  const after = new Set(contents());
  expect(before.filter((hash) => !after.has(hash))).toEqual([]);
  expect(done!.moved).toEqual(expect.arrayContaining(["changelog", "table.sqlite"]));
  for (const name of done!.moved) expect(existsSync(join(done!.aside, name))).toBe(true);

  const count = await countNow();
  expect(count).toBeGreaterThan(20);
  expect(count).toBeLessThan(100);
  await addUpTo(count + 3);
  expect(await countNow()).toBe(count + 3);
  expect(await salvage({ directory: data, acceptLoss: true })).toBe(undefined);
});

test("a table that reaches further is gone on from when that is asked for", async () => {
  await addUpTo(60);
  damage(segments()[0]!, 0.3);
  const done = await salvage({ directory: data, acceptLoss: true, fromTable: true });
  expect(done).toMatchObject({ kept: undefined, table: { kind: "stays" }, moved: ["changelog"] });
  expect(await countNow()).toBe(60);
  await addUpTo(62);
  expect(await countNow()).toBe(62);
});

test("a table ahead gives way to the newest copy that the salvaged changelog reaches", async () => {
  await addUpTo(60);
  const position = await keepCopy();
  await addUpTo(160);
  const ahead = await keepCopy();
  damage(segments().at(-2)!, 0.8);
  const done = await salvage({ directory: data, acceptLoss: true });
  expect(done!.table).toMatchObject({ kind: "restored", position });
  expect(done!.kept!.to).toBeGreaterThan(position);
  expect(done!.kept!.to).toBeLessThan(ahead);
  expect(readdirSync(join(data, "copies"))).toHaveLength(1);
  expect(readdirSync(join(done!.aside, "copies"))).toHaveLength(1);
  const table = openSqliteColdTable(join(data, "table.sqlite"), { readOnly: true });
  expect(table.position()).toBe(position);
  table.close();
  expect(await countNow()).toBeGreaterThan(60);
});

test("a trimmed changelog whose beginning is damaged goes on behind the newest table there is", async () => {
  await addUpTo(120);
  const position = await keepCopy();
  const changelog = await openFileChangelog({ directory: data });
  await changelog.trim(position);
  expect(changelog.range.first).toBeGreaterThan(1);
  await changelog.close();
  rmSync(join(data, "table.sqlite"));
  damage(segments()[0]!, 0.01);
  const done = await salvage({ directory: data, acceptLoss: true });
  expect(done).toMatchObject({ kept: undefined, position, table: { kind: "restored", position } });
  expect(await countNow()).toBe(120);
});

test("a changelog that lost its end against its table is damaged, though no frame of it is", async () => {
  await addUpTo(120);
  for (const path of segments().slice(1)) rmSync(path);
  rmSync(join(data, "changelog", "closed.json"));
  const first = readFileSync(segments()[0]!);
  writeFileSync(segments()[0]!, first.subarray(0, first.length - 96));
  const done = await salvage({ directory: data, acceptLoss: true });
  expect(done!.damage.message).toContain("records are missing");
  expect(await countNow()).toBe(await countNow());
});

test("without changelog, table and copy to go on from, it says so and changes nothing", async () => {
  await addUpTo(120);
  const changelog = await openFileChangelog({ directory: data });
  await changelog.trim(changelog.range.last);
  await changelog.close();
  rmSync(join(data, "table.sqlite"));
  damage(segments()[0]!, 0.01);
  const before = contents().sort();
  const trying = salvage({ directory: data, acceptLoss: true });
  await expect(trying).rejects.toMatchObject({ code: "TABLE_DAMAGED" });
  expect(contents().sort()).toEqual(before);
});

test("a salvage that was cut short before the last rename is finished by the next open", async () => {
  await addUpTo(60);
  const aside = join(data, "changelog");
  renameSync(aside, join(data, "changelog.salvaged"));
  expect(await countNow()).toBe(60);
  expect(existsSync(aside)).toBe(true);
});

/** A disk whose changes fail from the n-th on, as when the process dies there. */
function dyingDisk(changes: number): Disk {
  const disk = nodeDisk();
  let left = changes;
  const change = async <T>(act: () => Promise<T>): Promise<T> => {
    if (left-- <= 0) throw new Error("died");
    return act();
  };
  return {
    ...disk,
    makeDirectory: (path) => change(() => disk.makeDirectory(path)),
    rename: (from, to) => change(() => disk.rename(from, to)),
    unlink: (path) => change(() => disk.unlink(path)),
    open: (path, mode) =>
      mode === "read" ? disk.open(path, mode) : change(() => disk.open(path, mode)),
  };
}

test("wherever a salvage is cut short, it can be run again, and nothing is lost by it", async () => {
  await addUpTo(60);
  const position = await keepCopy();
  await addUpTo(90);
  await keepCopy();
  damage(segments()[1]!, 0.9);
  const damaged = `${data}-damaged`;
  cpSync(data, damaged, { recursive: true, filter: (path) => !path.endsWith("lock.sock") });
  const before = contents();
  const planned = await salvage({ directory: data });
  let cuts = 0;
  for (let died = true; died; cuts++) {
    rmSync(data, { recursive: true });
    cpSync(damaged, data, { recursive: true });
    const disk = dyingDisk(cuts);
    died = await salvage({ directory: data, acceptLoss: true, disk }).then(
      () => false,
      () => true,
    );
    const again = await salvage({ directory: data, acceptLoss: true });
    if (again !== undefined) expect(again.kept).toEqual(planned!.kept);
    const after = new Set(contents());
    expect(before.filter((hash) => !after.has(hash))).toEqual([]);
    expect(await countNow(), `cut at ${cuts}`).toBeGreaterThan(60);
  }
  expect(planned!.table).toMatchObject({ kind: "restored", position });
  expect(cuts).toBeGreaterThan(10);
  rmSync(damaged, { recursive: true });
});

test("an engine that has it open keeps salvage out; what is no data directory is refused", async () => {
  await using engine = await Engine.open({ services: [ledger], data });
  await engine.call(ledger, "k").add("x");
  await expect(salvage({ directory: data })).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
  const other = join(data, "nowhere");
  await expect(salvage({ directory: other })).rejects.toMatchObject({ code: "DIRECTORY_FOREIGN" });
});

describe("the command", () => {
  const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const tsx = import.meta.resolve("tsx");

  function holdfast(...args: string[]): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", tsx, main, ...args],
      { encoding: "utf8" },
    );
    return { code: status, out: stdout, err: stderr };
  }

  test("says what it can do, and which version it is", () => {
    expect(holdfast("--help")).toMatchObject({ code: 0, err: "" });
    expect(holdfast("--help").out).toContain("salvage [options] <directory>");
    const version = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(holdfast("--version")).toEqual({ code: 0, out: `${version.version}\n`, err: "" });
  });

  test.each(["", "mend", "salvage", "salvage a b", "salvage a --force"])(
    "holdfast %s: a mistake in usage",
    (line) => {
      const { code, out, err } = holdfast(...line.split(" ").filter((each) => each !== ""));
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toContain("Usage: holdfast");
    },
  );

  test("answers 3 for damage, and 0 when its loss is accepted or nothing is damaged", async () => {
    await addUpTo(60);
    damage(segments()[0]!, 0.5);
    const planned = holdfast("salvage", data);
    expect(planned.code).toBe(3);
    expect(JSON.parse(planned.out)).toMatchObject({ directory: data, done: false });
    expect(planned.err).toContain("Nothing was changed.");
    expect(holdfast("salvage", data, "--accept-loss").code).toBe(0);
    expect(await countNow()).toBeGreaterThan(5);
    const again = holdfast("salvage", data, "--accept-loss");
    expect(again).toMatchObject({ code: 0, out: "" });
    expect(again.err).toContain("Nothing in");
    expect(holdfast("salvage", join(data, "nowhere"))).toMatchObject({ code: 2, out: "" });
  });
});
