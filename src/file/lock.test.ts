import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeDisk } from "./disk.ts";
import { lockDirectory } from "./lock.ts";

const holder = fileURLToPath(new URL("../../test/support/hold-lock.ts", import.meta.url));
let directory: string;
let children: ChildProcessByStdio<Writable, Readable, null>[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-lock-"));
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await rm(directory, { recursive: true });
});

/** A process that tries to take the lock, and the first line it prints. */
async function contender(mode = "stay"): Promise<{
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly said: string;
}> {
  const args = ["--import", "tsx", holder, directory, mode];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: line.toString().trim() };
}

/** What a process in another network namespace sees of us: only the socket in the directory. */
const elsewhere = { ...nodeDisk(), identity: async () => `elsewhere-${process.pid}` };

test("a second process is refused, with the owner's number and since when", async () => {
  const { child, said } = await contender();
  expect(said).toBe("held");
  await expect(lockDirectory(directory)).rejects.toMatchObject({
    code: "DIRECTORY_LOCKED",
    data: { directory, pid: child.pid, since: expect.stringMatching(/^20\d\d-.*Z$/) },
    message: expect.stringContaining(`process ${child.pid}, since 20`),
  });
});

test("a process that died holds nothing, one that is suspended holds all", async () => {
  const { child } = await contender();
  child.kill("SIGSTOP");
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
  await expect(lockDirectory(directory, { disk: elsewhere })).rejects.toMatchObject({
    code: "DIRECTORY_LOCKED",
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await lockDirectory(directory);
  await lock.release();
});

test("another process is refused while this one holds it, and served afterwards", async () => {
  const lock = await lockDirectory(directory);
  expect((await contender("leave")).said).toBe("DIRECTORY_LOCKED");
  await lock.release();
  expect((await contender("leave")).said).toBe("held");
});

test("a lock keeps no process alive", async () => {
  const { child, said } = await contender("leave");
  expect(said).toBe("held");
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
});

test("the same process is refused too, in words of its own", async () => {
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({
    code: "DIRECTORY_LOCKED",
    message: expect.stringContaining(`this process ${process.pid}`),
  });
  await lock.release();
});

test("the socket in the directory is enough where the kernel's name does not reach", async () => {
  const lock = await lockDirectory(directory, { disk: elsewhere });
  await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
  await lock.release();
  const again = await lockDirectory(directory);
  await again.release();
});

test("released twice is released once, and leaves nothing behind", async () => {
  const lock = await lockDirectory(directory);
  await Promise.all([lock.release(), lock.release()]);
  await lock.release();
  expect(await readdir(directory)).toEqual([]);
});

test("of many that try at once exactly one gets it", async () => {
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
  const won = tries.filter((each) => each.status === "fulfilled");
  expect(won).toHaveLength(1);
  await won[0]!.value.release();
});

test("a path too long for a socket still has the kernel's name", async () => {
  const deep = join(directory, "d".repeat(120));
  await mkdir(deep);
  const lock = await lockDirectory(deep);
  expect(await readdir(deep)).toEqual(["lock.json"]);
  if (process.platform === "linux") {
    await expect(lockDirectory(deep)).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
  }
  await lock.release();
});

test("an owner whose note cannot be read is another process", async () => {
  const lock = await lockDirectory(directory);
  for (const text of ["", "null", "7", "{}", '{"pid":"1","since":"now"}', '{"pid":1,"since":2}']) {
    await writeFile(join(directory, "lock.json"), text);
    await expect(lockDirectory(directory), text).rejects.toMatchObject({
      code: "DIRECTORY_LOCKED",
      message: expect.stringContaining(`${directory} is in use by another process.`),
    });
  }
  await lock.release();
});

test("a lock whose note cannot be written is given free", async () => {
  const disk = nodeDisk();
  const full = {
    ...disk,
    open: async (path: string, mode: "read" | "write" | "create") => {
      if (mode === "create") throw Object.assign(new Error("full"), { code: "ENOSPC" });
      // Nor can the number of this start of the machine be read: the note does without.
      if (path.startsWith("/proc")) throw Object.assign(new Error("none"), { code: "ENOENT" });
      return disk.open(path, mode);
    },
  };
  await expect(lockDirectory(directory, { disk: full })).rejects.toMatchObject({ code: "ENOSPC" });
  const lock = await lockDirectory(directory);
  await lock.release();
});

test("the socket of a dead process is replaced, or why it is not is told", async () => {
  const { child } = await contender();
  child.kill("SIGKILL");
  await once(child, "exit");
  const disk = nodeDisk();
  const kept = {
    ...disk,
    unlink: async () => {
      throw Object.assign(new Error("not yours"), { code: "EACCES" });
    },
  };
  await expect(lockDirectory(directory, { disk: kept })).rejects.toMatchObject({ code: "EACCES" });
  // Another one that came at the same moment has replaced it already.
  const gone = {
    ...disk,
    unlink: async (path: string) => {
      await disk.unlink(path);
      throw Object.assign(new Error("gone"), { code: "ENOENT" });
    },
  };
  const lock = await lockDirectory(directory, { disk: gone });
  await lock.release();
});

test("of two that replace the same dead socket the one that is still there has the lock", async () => {
  const { child } = await contender();
  child.kill("SIGKILL");
  await once(child, "exit");
  const other = createServer((socket) => socket.end("somebody else"));
  const disk = nodeDisk();
  const beaten = {
    ...disk,
    unlink: async (path: string) => {
      await disk.unlink(path);
      if (!other.listening) await new Promise<void>((resolve) => other.listen(path, resolve));
    },
  };
  await expect(lockDirectory(directory, { disk: beaten })).rejects.toMatchObject({
    code: "DIRECTORY_LOCKED",
  });
  await new Promise((resolve) => other.close(resolve));
  const lock = await lockDirectory(directory);
  await lock.release();
});
