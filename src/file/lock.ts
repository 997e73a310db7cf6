// One process per directory, without a dependency and without clocks. The kernel frees what a dead
// process held: a name bound to the directory's device and inode, and a socket in the directory
// that answers as long as its owner lives (it reaches across containers on one kernel). The lock
// file is only for the message. Modification times are not used: a suspended owner is alive.

import { randomBytes } from "node:crypto";
import type { Server } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";
import { errorCodeOf, isAbsent, nodeDisk, readWhole, writeAll } from "./disk.ts";

const fileName = "lock.json";
const socketName = "lock.sock";
export const lockFileNames: readonly string[] = [fileName, socketName];

/** Longer paths do not fit the kernel's address, and would be cut off silently. */
const socketPathBytesMax = 100;

export interface DirectoryLock {
  /** Gives the directory free. Twice is once. */
  release(): Promise<void>;
}

export interface LockOptions {
  readonly disk?: Disk;
  readonly now?: () => number;
}

/**
 * Takes the lock of an existing directory, for this process alone. Nothing of it keeps the process
 * alive; the end of the process, however it comes, gives it free.
 *
 * @throws HoldfastError `DIRECTORY_LOCKED`, naming the process that holds it and since when.
 */
export async function lockDirectory(
  directory: string,
  { disk = nodeDisk(), now = Date.now }: LockOptions = {},
): Promise<DirectoryLock> {
  const nonce = randomBytes(16).toString("hex");
  const held: Server[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(held.splice(0).reverse().map(closeServer));
  };
  try {
    const name = kernelName(await disk.identity(directory));
    if (name !== undefined) await hold(held, await listen(name, nonce), disk, directory);
    await lockBySocket(held, disk, directory, nonce);
    await writeLockFile(disk, directory, now());
  } catch (error) {
    await release();
    throw error;
  }
  let released: Promise<void> | undefined;
  return {
    release: () =>
      (released ??= (async () => {
        // While the lock is still held: a successor's file must not be the one removed.
        await disk.unlink(join(directory, fileName)).catch(() => undefined);
        await release();
      })()),
  };
}

/** Scoped to the network namespace on Linux, to the machine on Windows; macOS has no such names. */
function kernelName(identity: string): string | undefined {
  if (process.platform === "linux") return `\0holdfast-${identity}`;
  if (process.platform === "win32") return `\\\\.\\pipe\\holdfast-${identity}`;
  return undefined;
}

async function lockBySocket(
  held: Server[],
  disk: Disk,
  directory: string,
  nonce: string,
): Promise<void> {
  const path = join(directory, socketName);
  if (process.platform === "win32" || Buffer.byteLength(path) > socketPathBytesMax) return;
  let taken = await listen(path, nonce);
  if (taken === "in use") {
    if (await isAnswered(path)) throw await locked(disk, directory);
    // Nobody answers: its owner is dead, and a socket outlives the process that bound it.
    await disk.unlink(path).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
    taken = await listen(path, nonce);
  }
  await hold(held, taken, disk, directory);
  if (taken === "unsupported") return;
  // Two that found the same dead socket may both have replaced it: only one is still there.
  if ((await answerOf(path)) !== nonce) throw await locked(disk, directory);
}

async function hold(
  held: Server[],
  taken: Server | "in use" | "unsupported",
  disk: Disk,
  directory: string,
): Promise<void> {
  if (taken === "in use") throw await locked(disk, directory);
  if (taken !== "unsupported") held.push(taken);
}

/** A server that tells whoever connects its nonce; a second one under the name is impossible. */
function listen(path: string, nonce: string): Promise<Server | "in use" | "unsupported"> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.unref();
      socket.end(nonce);
    });
    server.once("error", (error) => {
      const code = errorCodeOf(error);
      if (code === "EADDRINUSE") resolve("in use");
      else if (code !== undefined && noSockets.has(code)) resolve("unsupported");
      else reject(error);
    });
    // Exclusive: in a cluster of Node processes the name would otherwise be shared among them.
    server.listen({ path, exclusive: true }, () => resolve(server));
    server.unref();
  });
}

/** What file systems that know no sockets say. */
const noSockets: ReadonlySet<string> = new Set([
  "ENOTSUP",
  "EOPNOTSUPP",
  "EPERM",
  "ENOSYS",
  "EINVAL",
  "ENAMETOOLONG",
]);

/** Whether somebody lives behind a socket. A suspended process accepts, and never says a word. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error) => {
      const code = errorCodeOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(false);
      // More are waiting at its door than fit: somebody has it open.
      else if (code === "EAGAIN") resolve(true);
      else reject(error);
    });
  });
}

/** The nonce of whoever owns the socket under this name now. */
function answerOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ path });
    socket.setEncoding("utf8");
    socket.setTimeout(1000, () => socket.destroy());
    socket.on("data", (text: string) => {
      answer += text;
    });
    // No answer is not ours either.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

interface Owner {
  readonly pid: number;
  readonly since: string;
  readonly self: boolean;
}

/** Tells this process from one of the same number in another container. */
const processName = randomBytes(8).toString("hex");

async function writeLockFile(disk: Disk, directory: string, now: number): Promise<void> {
  const owner = {
    pid: process.pid,
    process: processName,
    since: new Date(now).toISOString(),
    started: new Date(now - process.uptime() * 1000).toISOString(),
    boot: await bootId(disk),
  };
  // Not synchronised: it only has to be true while this process lives.
  const file = await disk.open(join(directory, fileName), "create");
  try {
    await writeAll(file, Buffer.from(`${JSON.stringify(owner)}\n`), 0);
  } finally {
    await file.close();
  }
}

async function bootId(disk: Disk): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const file = await disk.open("/proc/sys/kernel/random/boot_id", "read").catch(() => undefined);
  if (file === undefined) return undefined;
  const bytes = Buffer.alloc(64);
  const length = await file.read(bytes, 0, bytes.length, 0).catch(() => 0);
  await file.close();
  return bytes.toString("latin1", 0, length).trim();
}

async function locked(disk: Disk, directory: string): Promise<HoldfastError> {
  const owner = await readOwner(disk, directory);
  const who =
    owner === undefined
      ? "another process"
      : `${owner.self ? "this process" : "process"} ${owner.pid}, since ${owner.since}`;
  return new HoldfastError("DIRECTORY_LOCKED", {
    happened: `${directory} is in use by ${who}.`,
    ...(owner?.self === true ? { fix: "Close the engine that has it open, or share it." } : {}),
    data: { directory, pid: owner?.pid, since: owner?.since },
  });
}

async function readOwner(disk: Disk, directory: string): Promise<Owner | undefined> {
  try {
    const bytes = await readWhole(disk, join(directory, fileName));
    const parsed: unknown = JSON.parse(Buffer.from(bytes ?? []).toString("utf8"));
    if (typeof parsed !== "object" || parsed === null) return undefined;
    if (!("pid" in parsed) || !("since" in parsed)) return undefined;
    const { pid, since } = parsed;
    if (typeof pid !== "number" || typeof since !== "string") return undefined;
    return { pid, since, self: "process" in parsed && parsed.process === processName };
  } catch {
    return undefined;
  }
}
