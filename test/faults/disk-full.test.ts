// A disk that fills up under a real process: new work is refused with DISK_FULL, what can be read is
// read on, what was accepted waits, and all goes on by itself when there is room. And a close on a
// full disk keeps its deadline. On a file system of its own, in memory; skipped where none may be
// mounted.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileProgram, type Program } from "../support/program.ts";
import { EngineProcess } from "./directory/engine-process.ts";

const mountable = canMount();
if (!mountable)
  process.stdout.write("disk full: NOT RUN, 3 tests: tmpfs may not be mounted here\n");

let program: Program;
let folder: string;
let disk: string;
let data: string;
let running: EngineProcess[] = [];

beforeAll(async () => {
  program = await compileProgram(new URL("./directory/child.ts", import.meta.url));
});

afterAll(() => program.remove());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-full-"));
  if (!mountable) return;
  disk = join(folder, "disk");
  data = join(disk, "data");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", disk]);
});

afterEach(async () => {
  await Promise.all(running.map((engine) => engine.kill()));
  running = [];
  if (mountable) execFileSync("umount", [disk]);
  rmSync(folder, { recursive: true, force: true });
});

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const at = mkdtempSync(join(tmpdir(), "holdfast-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", at], { stdio: "ignore" });
    execFileSync("umount", [at]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

async function start(): Promise<EngineProcess> {
  const engine = new EngineProcess(program.path);
  running.push(engine);
  await engine.get({ do: "open", data });
  return engine;
}

/** Takes so many bytes of the disk, or all there are. */
function ballast(bytes: number): void {
  const file = openSync(join(disk, "ballast"), "a");
  try {
    const block = Buffer.alloc(64 * 1024);
    for (let left = bytes; left > 0; left -= block.length) writeSync(file, block);
    // A short write was no error; the last bytes go one by one.
    for (;;) writeSync(file, block, 0, 512);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

function ballastOf(bytes: number): void {
  const file = openSync(join(disk, "ballast"), "w");
  writeSync(file, Buffer.alloc(bytes));
  closeSync(file);
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 15_000; Date.now() < until; ) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not come to hold within 15 s");
}

const add = { do: "add", key: "a", by: 1 } as const;

describe.skipIf(!mountable)("a disk that fills up", () => {
  test("at the low-water mark new work is refused and results are read; with room it goes on", async () => {
    const engine = await start();
    await engine.get(add);
    const id = (await engine.get({ do: "send", steps: 1 })) as string;
    ballastOf(50 * 1024 * 1024);
    await eventually(async () => (await engine.ask(add)).code === "DISK_FULL");
    expect(await engine.get({ do: "result", id })).toBe(200_000);
    rmSync(join(disk, "ballast"));
    await eventually(async () => (await engine.ask(add)).code === undefined);
    expect(await engine.get({ do: "events" })).toContainEqual({
      kind: "admission",
      stopped: true,
      why: "disk",
    });
  }, 40_000);

  test("work that was accepted waits for room, and ends when there is some", async () => {
    const engine = await start();
    await engine.get(add);
    const id = (await engine.get({ do: "send", steps: 60 })) as string;
    ballast(96 * 1024 * 1024);
    let ended = false;
    const result = engine.get({ do: "result", id }).finally(() => {
      ended = true;
    });
    await eventually(async () => (await engine.ask(add)).code === "DISK_FULL");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(ended).toBe(false);
    rmSync(join(disk, "ballast"));
    expect(await result).toBe(60 * 200_000);
    await eventually(async () => (await engine.ask(add)).code === undefined);
    await engine.get({ do: "close" });
    const again = await start();
    expect(await again.get({ do: "result", id })).toBe(60 * 200_000);
  }, 60_000);

  test("a close on a full disk keeps its deadline, and nothing acknowledged is lost", async () => {
    const engine = await start();
    for (let i = 0; i < 20; i++) await engine.get(add);
    const id = (await engine.get({ do: "send", steps: 60 })) as string;
    ballast(96 * 1024 * 1024);
    await eventually(async () => (await engine.ask(add)).code === "DISK_FULL");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await engine.ask({ do: "close" });
    await engine.kill();
    rmSync(join(disk, "ballast"));
    const again = await start();
    expect(await again.get({ do: "read", key: "a" })).toBeGreaterThanOrEqual(20);
    expect(await again.get({ do: "result", id })).toBe(60 * 200_000);
  }, 60_000);
});
