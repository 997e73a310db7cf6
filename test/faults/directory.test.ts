// States of a data directory, each met by a real process on real files: what can be rebuilt is, what
// cannot be trusted is refused with a code, and nothing acknowledged is lost unseen.
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileProgram, type Program } from "../support/program.ts";
import type { Answer } from "./directory/child.ts";
import { EngineProcess } from "./directory/engine-process.ts";

let program: Program;
/** A directory with work done in it, closed in order; each test gets a copy. */
let made: string;
let folder: string;
let data: string;
let running: EngineProcess[] = [];

beforeAll(async () => {
  program = await compileProgram(new URL("./directory/child.ts", import.meta.url));
  // Readable for whoever the tests are run as.
  chmodSync(join(program.path, ".."), 0o755);
  made = mkdtempSync(join(tmpdir(), "holdfast-made-"));
  await work(join(made, "data"), async (engine) => {
    for (let i = 0; i < 200; i++) await engine.get({ do: "add", key: `k${i % 10}`, by: 1 });
  });
}, 30_000);

afterAll(() => {
  program.remove();
  rmSync(made, { recursive: true, force: true });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-directory-"));
  data = join(folder, "data");
});

afterEach(async () => {
  await Promise.all(running.map((engine) => engine.kill()));
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

function start(uid?: number): EngineProcess {
  const engine = new EngineProcess(program.path, { uid });
  running.push(engine);
  return engine;
}

async function work(
  path: string,
  act: (engine: EngineProcess) => Promise<unknown>,
  keep = 10_000,
): Promise<void> {
  const engine = start();
  await engine.get({ do: "open", data: path, keep });
  await act(engine);
  await engine.get({ do: "close" });
  await engine.kill();
}

const useMade = (): void => cpSync(join(made, "data"), data, { recursive: true });

async function opened(uid?: number): Promise<Answer> {
  return start(uid).ask({ do: "open", data });
}

/** All of it is there: every key has its count. */
const isWhole = (): Promise<void> =>
  work(data, async (engine) => {
    for (let i = 0; i < 10; i++) {
      expect(await engine.get({ do: "read", key: `k${i}` })).toBe(20);
    }
  });

function segments(): string[] {
  const changelog = join(data, "changelog");
  const names = readdirSync(changelog).filter((name) => name.endsWith(".segment"));
  return names.sort().map((name) => join(changelog, name));
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

describe("the table is a cache", () => {
  const table = (): string => join(data, "table.sqlite");
  const states: readonly [name: string, damage: () => void][] = [
    ["is deleted", () => rmSync(table())],
    ["is empty", () => truncateSync(table(), 0)],
    ["is cut in half", () => truncateSync(table(), statSync(table()).size >> 1)],
    ["is not SQLite's", () => overwrite(table(), 0, Buffer.from("something else altogether"))],
    ["lost its first page", () => overwrite(table(), 100, Buffer.alloc(7000, 0xaa))],
    ["is of zeros", () => writeFileSync(table(), Buffer.alloc(100_000))],
    ["has a foreign log beside it", () => writeFileSync(`${table()}-wal`, Buffer.alloc(5000, 7))],
  ];
  test.each(states)("one that %s is rebuilt", async (_name, damage) => {
    useMade();
    damage();
    await isWhole();
  });

  test("one whose inner pages are damaged is rebuilt while it is opened, or at the next open", async () => {
    useMade();
    const { size } = statSync(table());
    overwrite(table(), 8192, Buffer.alloc(size - 8192, 0x5a));
    const first = start();
    const { code } = await first.ask({ do: "open", data });
    // What it reads while it opens, or when it is asked; a right answer at the first is as well.
    const read = code === undefined ? await first.ask({ do: "read", key: "k1" }) : { code };
    if (read.code === undefined) expect(read).toEqual({ value: 20 });
    else expect(["TABLE_DAMAGED", "ENGINE_FAILED"]).toContain(read.code);
    await first.ask({ do: "close" });
    await first.kill();
    await isWhole();
  });

  test("copies that are damaged are no harm while the changelog reaches back", async () => {
    useMade();
    rmSync(table());
    mkdirSync(join(data, "copies"), { recursive: true });
    writeFileSync(join(data, "copies", `0000000000000100-${"ab".repeat(32)}.sqlite`), "no copy");
    await isWhole();
  });
});

describe("the changelog is the truth", () => {
  test("a flipped bit is refused, with file and offset, and nothing is changed", async () => {
    useMade();
    const file = segments()[0] as string;
    const before = readFileSync(file);
    const offset = 5000;
    overwrite(file, offset, Buffer.of((before[offset] as number) ^ 1));
    const { code, data: where } = await opened();
    expect(code).toBe("CHANGELOG_DAMAGED");
    expect(where).toMatchObject({ file, offset: expect.any(Number), from: expect.any(Number) });
    expect((where as { offset: number }).offset).toBeLessThanOrEqual(offset);
    const after = readFileSync(file);
    expect(after.findIndex((byte, i) => byte !== before[i])).toBe(offset);
  });

  test("an end that is missing after an orderly close is refused", async () => {
    useMade();
    const file = segments().at(-1) as string;
    truncateSync(file, 6000);
    expect(await opened()).toMatchObject({ code: "CHANGELOG_DAMAGED", data: { file } });
  });

  test("a segment that is missing is refused", async () => {
    useMade();
    rmSync(segments()[0] as string);
    expect((await opened()).code).toBe("CHANGELOG_DAMAGED");
  });

  test("a changelog older than the table is refused: neither is believed", async () => {
    useMade();
    const newer = join(folder, "newer");
    cpSync(data, newer, { recursive: true });
    const key = "k0";
    await work(newer, (engine) => engine.get({ do: "add", key, by: 1 }));
    for (const name of readdirSync(data)) if (name.startsWith("table.")) rmSync(join(data, name));
    for (const name of readdirSync(newer)) {
      if (name.startsWith("table.")) copyFileSync(join(newer, name), join(data, name));
    }
    const { code, data: why } = await opened();
    expect(code).toBe("TABLE_DAMAGED");
    expect(why).toMatchObject({ witness: true });
    // A witness is kept.
    expect(existsSync(join(data, "table.sqlite"))).toBe(true);
  });
});

describe("a changelog that was trimmed behind copies", () => {
  const copies = (): string[] => {
    const names = readdirSync(join(data, "copies")).sort();
    return names.map((name) => join(data, "copies", name));
  };
  const dropTable = (): void => {
    for (const name of readdirSync(data)) if (name.startsWith("table.")) rmSync(join(data, name));
  };
  const damage = (path: string): void => overwrite(path, 20_000, Buffer.alloc(64, 0x5a));
  const reads = (): Promise<void> =>
    work(data, async (engine) => {
      expect(await engine.get({ do: "read", key: "k0" })).toBe(7);
      expect(await engine.get({ do: "size", key: "k1" })).toBe(3_000_000);
    });

  test("the table comes back from the newest copy, or the one before; else it is refused", async () => {
    await work(
      data,
      async (engine) => {
        await engine.get({ do: "add", key: "k0", by: 7 });
        const copied = async (): Promise<number> => {
          const events = (await engine.get({ do: "events" })) as { kind: string }[];
          return events.filter(({ kind }) => kind === "copied").length;
        };
        for (let i = 0; (await copied()) < 2; i++) {
          await engine.get({ do: "put", key: `k${1 + (i % 3)}`, by: 3_000_000 });
        }
        // Journals hold what was set: the fewer are kept, the sooner a copy is due again.
      },
      0,
    );
    expect(copies()).toHaveLength(2);
    expect(segments()[0]).not.toMatch(/0000001\.segment$/);
    dropTable();
    await reads();
    damage(copies()[1] as string);
    dropTable();
    await reads();
    damage(copies()[0] as string);
    dropTable();
    expect((await opened()).code).toBe("COPY_DAMAGED");
    expect(readdirSync(data).filter((name) => name.startsWith("table."))).toEqual([]);
  }, 180_000);
});

describe("the directory is ours, and may be written", () => {
  test("one of a newer version is refused", async () => {
    useMade();
    writeFileSync(join(data, "holdfast.json"), '{ "format": 99 }');
    expect(await opened()).toMatchObject({ code: "DIRECTORY_NEWER", data: { format: 99 } });
  });

  test("one that holds something else is refused, and gets no file of ours", async () => {
    mkdirSync(data);
    writeFileSync(join(data, "thesis.tex"), "years of work");
    expect((await opened()).code).toBe("DIRECTORY_FOREIGN");
    expect(readdirSync(data)).toEqual(["thesis.tex"]);
  });

  test("one that may only be read is refused with a code, and serves when it may be written", async () => {
    useMade();
    // Root may write everywhere.
    const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
    chmodSync(folder, 0o755);
    for (const path of [data, join(data, "changelog")]) chmodSync(path, 0o555);
    const { code, message } = await opened(nobody);
    expect(code).toBe("CHANGELOG_FAILED");
    expect(message).toMatch(/EACCES|EROFS|EPERM/);
    for (const path of [data, join(data, "changelog")]) chmodSync(path, 0o700);
    await isWhole();
  });
});
