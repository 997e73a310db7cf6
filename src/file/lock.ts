// One process per directory, without a dependency and without clocks. The kernel frees what a dead
// process held: a name bound to the directory's device and inode, and a socket in the directory
// that answers as long as its owner lives (it reaches across containers on one kernel). The lock
// file is only for the message. Modification times are not used: a suspended owner is alive.
//
// Whoever connects to the socket and asks for its nonce is told it. Whoever says anything else is a
// visitor, and handed on: the modes of directory and socket have decided who may come.

import { randomBytes } from "node:crypto";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";
import { errorCodeOf, isAbsent, nodeDisk, readWhole, writeAll } from "./disk.ts";

const fileName = "lock.json";
export const socketName = "lock.sock";
export const lockFileNames: readonly string[] = [fileName, socketName];

/** Longer paths do not fit the kernel's address, and would be cut off silently. */
const socketPathBytesMax = 100;

export interface DirectoryLock {
  /** Gives the directory free. Twice is once. */
  release(): Promise<void>;
}

/** One who has come through the socket: its connection, with nothing read from it. */
export type Visitor = Socket;

export interface LockOptions {
  /** Takes visitors. Default: they are turned away. */
  readonly onVisitor?: ((visitor: Visitor) => void) | undefined;
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
  { disk = nodeDisk(), now = Date.now, onVisitor }: LockOptions = {},
): Promise<DirectoryLock> {
  const nonce = randomBytes(16).toString("hex");
  const held: Server[] = [];
  const visitors = new Set<Visitor>();
  const greet = greeter(nonce, visitors, onVisitor);
  const release = async (): Promise<void> => {
    for (const visitor of visitors) visitor.destroy();
    await Promise.all(held.splice(0).reverse().map(closeServer));
  };
  try {
    const name = kernelName(await disk.identity(directory));
    if (name !== undefined) await hold(held, await listen(name, greet), disk, directory);
    await lockBySocket(held, disk, directory, { nonce, greet });
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
  { nonce, greet }: { readonly nonce: string; readonly greet: (socket: Socket) => void },
): Promise<void> {
  const path = join(directory, socketName);
  if (process.platform === "win32" || Buffer.byteLength(path) > socketPathBytesMax) return;
  let taken = await listen(path, greet);
  if (taken === "in use") {
    if (await isAnswered(path)) throw await locked(disk, directory);
    // Nobody answers: its owner is dead, and a socket outlives the process that bound it.
    await disk.unlink(path).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
    taken = await listen(path, greet);
  }
  await hold(held, taken, disk, directory);
  if (taken === "unsupported") return;
  await disk.closeToOthers?.(path);
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

/** What asks for the nonce: no request of any protocol that a visitor speaks begins so. */
const question = "?\n";
const silentMsMax = 10_000;
const visitorsMax = 1000;

/** Tells who asks the nonce, and hands on who says anything else. */
function greeter(
  nonce: string,
  visitors: Set<Visitor>,
  onVisitor: LockOptions["onVisitor"],
): (socket: Socket) => void {
  return (socket) => {
    socket.on("error", () => undefined);
    socket.unref();
    if (visitors.size >= visitorsMax) return socket.destroy();
    visitors.add(socket);
    socket.once("close", () => visitors.delete(socket));
    socket.setTimeout(silentMsMax, () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      if (first.toString("latin1") === question) return socket.end(nonce);
      if (onVisitor === undefined) return socket.destroy();
      socket.pause();
      socket.setTimeout(0);
      socket.unshift(first);
      onVisitor(socket);
    });
  };
}

/** A second server under the name is impossible. */
function listen(
  path: string,
  greet: (socket: Socket) => void,
): Promise<Server | "in use" | "unsupported"> {
  return new Promise((resolve, reject) => {
    const server = createServer(greet);
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
    const socket = connect({ path }, () => socket.write(question));
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
    fix:
      owner?.self === true
        ? "Close the engine that has it open, or share it."
        : `Ask the engine that has it open: connect({ data: ${JSON.stringify(directory)} }) of ` +
          '"holdfast/client". Or stop that process, or give this engine a directory of its own.',
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
