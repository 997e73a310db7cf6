// The few file calls the changelog needs, over node:fs. Crash tests and simulation put their own
// here: whatever a disk can do wrong must be expressible through this interface. It adds no
// policy: errors are Node's own, with their `code`, and nothing is retried.

import fs from "node:fs";
import { dirname } from "node:path";

export interface DiskFile {
  /** Bytes read, less than asked for only at the end of the file. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Bytes written: may be fewer than asked for, with no error (a full disk does that). */
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** The same at once, for small writes: into the page cache it is faster than a thread's turn. */
  writeNow(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Durable when it resolves: the bytes written before, and the size (`fdatasync`). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface DiskRoom {
  /** Bytes an ordinary process may still write. */
  readonly free: number;
  /** The file system's magic number, as `statfs` tells it. */
  readonly type: number;
}

export interface Disk {
  /** Names in a directory, without order. */
  list(path: string): Promise<string[]>;
  /** Makes one directory, for its owner only. False if something of that name is there already. */
  makeDirectory(path: string): Promise<boolean>;
  /** "create" empties a file that exists; new files are for their owner only. */
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  /** The whole file at once, for the rare question that must be answered synchronously. */
  readNow(path: string): Uint8Array;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Who may have it, as Unix numbers it; undefined where files have no modes. */
  mode?(path: string): Promise<number>;
  /** Lets nobody but its owner have it, where files have modes. */
  closeToOthers?(path: string): Promise<void>;
  /** Makes creations, renames and removals in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** The same text for two paths exactly if they lead to the same file or directory. */
  identity(path: string): Promise<string>;
  room(path: string): Promise<DiskRoom>;
}

export function nodeDisk(): Disk {
  return {
    list: (path) => call((done) => fs.readdir(path, done)),
    makeDirectory,
    open: async (path, mode) =>
      new NodeFile(
        await call((done) => {
          fs.open(path, openFlags[mode], 0o600, done);
        }),
      ),
    readNow: (path) => fs.readFileSync(path),
    rename: (from, to) => call((done) => fs.rename(from, to, done)),
    unlink: (path) => call((done) => fs.unlink(path, done)),
    ...(process.platform === "win32" ? {} : { mode }),
    closeToOthers: (path) => call((done) => fs.chmod(path, 0o600, done)),
    syncDirectory,
    identity: async (path) => {
      const stat = await call<fs.BigIntStats>((done) => fs.stat(path, { bigint: true }, done));
      return `${stat.dev}-${stat.ino}`;
    },
    room: async (path) => {
      const stat = await call<fs.StatsFs>((done) => fs.statfs(path, done));
      return { free: stat.bavail * stat.bsize, type: stat.type };
    },
  };
}

async function mode(path: string): Promise<number> {
  const stat = await call<fs.Stats>((done) => fs.stat(path, done));
  return stat.mode & 0o777;
}

const openFlags = { read: "r", write: "r+", create: "w+" } as const;

class NodeFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  // Callbacks in a promise of ours: measured faster than FileHandle, whose calls each take a
  // reference and build a result object.
  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    let total = 0;
    while (total < length) {
      const at = total;
      const count = await call<number>((done) => {
        fs.read(this.#fd, buffer, offset + at, length - at, position + at, done);
      });
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return call((done) => fs.write(this.#fd, buffer, offset, length, position, done));
  }

  writeNow(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return fs.writeSync(this.#fd, buffer, offset, length, position);
  }

  sync(): Promise<void> {
    return call((done) => fs.fdatasync(this.#fd, done));
  }

  truncate(size: number): Promise<void> {
    return call((done) => fs.ftruncate(this.#fd, size, done));
  }

  async size(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#fd, done))).size;
  }

  close(): Promise<void> {
    return call((done) => fs.close(this.#fd, done));
  }
}

async function makeDirectory(path: string): Promise<boolean> {
  try {
    await call<void>((done) => fs.mkdir(path, { mode: 0o700 }, done));
    return true;
  } catch (error) {
    if (errorCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; there a rename is as durable as the system makes it.
  if (process.platform === "win32") return;
  const fd = await call<number>((done) => fs.open(path, "r", done));
  try {
    await call<void>((done) => fs.fsync(fd, done));
  } finally {
    await call<void>((done) => fs.close(fd, done));
  }
}

type Done<T> = (error: Error | null, value: T) => void;

function call<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(error);
    });
  });
}

/** The `code` of a system error, such as "ENOSPC"; undefined when it has none. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** No room, or none within a quota. From a write it is a wait; from a sync it is fatal (R16). */
export function isDiskFull(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

export function isAbsent(error: unknown): boolean {
  return errorCodeOf(error) === "ENOENT";
}

/** The names in a folder, none where it is absent. */
export async function listOrNone(disk: Disk, folder: string): Promise<string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** The whole of a file that is not large, undefined if there is none of that name. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, "read");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0, bytes.length, 0));
  } finally {
    await file.close();
  }
}

/** The same, empty where there is none of that name. */
export async function wholeOf(disk: Disk, path: string): Promise<Buffer> {
  return Buffer.from((await readWhole(disk, path)) ?? []);
}

/** Writes all of `bytes`, looping on short counts. A full disk is an error here. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const rest = bytes.length - written;
    const count = await file.write(bytes, written, rest, position + written);
    if (count <= 0) throw new Error(`a write of ${rest} bytes wrote none and gave no error`);
    written += count;
  }
}

/** Replaces a small file so that a crash leaves the old one or the new one, never a part. */
export async function replaceWhole(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const aside = `${path}.new`;
  const file = await disk.open(aside, "create");
  try {
    await writeAll(file, bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(aside, path);
  await disk.syncDirectory(dirname(path));
}
