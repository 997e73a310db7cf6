// A disk in memory that remembers every call, so that tests can ask what a power cut at any of them
// could have left: everything synchronised, and any part of the rest. It can also run full and fail
// at a chosen call. After a failed sync the written bytes can still be read, and no later sync
// makes them durable, as on real file systems.

import { dirname } from "node:path";
import type { Disk, DiskFile, DiskRoom } from "../../src/file/disk.ts";

export type DiskCall =
  | { readonly kind: "makeDirectory" | "unlink"; readonly path: string }
  | { readonly kind: "create"; readonly path: string; readonly inode: number }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "syncDirectory"; readonly path: string; readonly covers: number }
  | {
      readonly kind: "write";
      readonly inode: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "truncate"; readonly inode: number; readonly size: number }
  | {
      readonly kind: "sync";
      readonly inode: number;
      readonly covers: number;
      readonly failed: boolean;
    }
  | { readonly kind: "note"; readonly note: unknown };

/** Calls that can be made to fail, by name. */
export type FallibleCall =
  | "write"
  | "sync"
  | "rename"
  | "truncate"
  | "syncDirectory"
  | "open"
  | "unlink";

/** What lies on a disk: directories, files, and what is in them. */
export interface DiskImage {
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface Inode {
  readonly number: number;
  bytes: Buffer;
}

export class FakeDisk implements Disk {
  readonly calls: DiskCall[] = [];
  readonly #base: DiskImage;
  readonly #directories: Set<string>;
  readonly #files = new Map<string, Inode>();
  #inodes = 0;
  /** Bytes all files together may take; overwriting takes none. */
  capacity = Number.POSITIVE_INFINITY;
  /** What `room` tells. */
  free = 2 ** 40;
  type = 0xef53;
  /** Asked before each call that can fail; an error it answers is thrown instead. */
  fault: ((call: FallibleCall, path: string) => Error | undefined) | undefined;

  constructor(image: DiskImage = { directories: ["/"], files: new Map() }) {
    this.#base = image;
    this.#directories = new Set(image.directories);
    for (const [path, bytes] of image.files) {
      this.#files.set(path, { number: this.#inodes++, bytes: Buffer.from(bytes) });
    }
  }

  /** Marks a moment in the list of calls. */
  note(note: unknown): void {
    this.calls.push({ kind: "note", note });
  }

  /** What can be read now: after a power cut, less of it may be there. */
  image(): DiskImage {
    const files = new Map([...this.#files].map(([path, { bytes }]) => [path, Buffer.from(bytes)]));
    return { directories: [...this.#directories], files };
  }

  /** The image the first calls began with. */
  get base(): DiskImage {
    return this.#base;
  }

  /** Changes bytes behind everybody's back, as a failing disk does. */
  corrupt(path: string, change: (bytes: Buffer) => Uint8Array): void {
    const inode = this.#files.get(path);
    if (inode === undefined) throw new Error(`no file ${path}`);
    inode.bytes = Buffer.from(change(Buffer.from(inode.bytes)));
  }

  async list(path: string): Promise<string[]> {
    await turn();
    if (!this.#directories.has(path)) throw systemError("ENOENT", path);
    const all = [...this.#files.keys(), ...this.#directories];
    return all
      .filter((each) => each !== "/" && dirname(each) === path)
      .map((each) => each.slice(path === "/" ? 1 : path.length + 1));
  }

  async makeDirectory(path: string): Promise<boolean> {
    await turn();
    if (this.#directories.has(path)) return false;
    if (!this.#directories.has(dirname(path))) throw systemError("ENOENT", path);
    this.#directories.add(path);
    this.calls.push({ kind: "makeDirectory", path });
    return true;
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    await turn();
    this.#check("open", path);
    let inode = this.#files.get(path);
    if (inode === undefined) {
      if (mode !== "create" || !this.#directories.has(dirname(path))) {
        throw systemError("ENOENT", path);
      }
      inode = { number: this.#inodes++, bytes: Buffer.alloc(0) };
      this.#files.set(path, inode);
      this.calls.push({ kind: "create", path, inode: inode.number });
    } else if (mode === "create") {
      this.#truncate(inode, 0);
    }
    return this.#handle(inode, path);
  }

  readNow(path: string): Uint8Array {
    const inode = this.#files.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return Buffer.from(inode.bytes);
  }

  async rename(from: string, to: string): Promise<void> {
    await turn();
    this.#check("rename", from);
    const inode = this.#files.get(from);
    if (inode === undefined) throw systemError("ENOENT", from);
    this.#files.delete(from);
    this.#files.set(to, inode);
    this.calls.push({ kind: "rename", from, to });
  }

  async unlink(path: string): Promise<void> {
    await turn();
    this.#check("unlink", path);
    if (!this.#files.delete(path)) throw systemError("ENOENT", path);
    this.calls.push({ kind: "unlink", path });
  }

  async syncDirectory(path: string): Promise<void> {
    const covers = this.calls.length;
    await turn();
    this.#check("syncDirectory", path);
    this.calls.push({ kind: "syncDirectory", path, covers });
  }

  async identity(path: string): Promise<string> {
    return path;
  }

  async room(): Promise<DiskRoom> {
    return { free: this.free, type: this.type };
  }

  #handle(inode: Inode, path: string): DiskFile {
    const { number } = inode;
    return {
      read: async (buffer, offset, length, position) => {
        await turn();
        return inode.bytes.copy(buffer, offset, position, position + length);
      },
      write: async (buffer, offset, length, position) => {
        await turn();
        return this.#write(inode, path, buffer.subarray(offset, offset + length), position);
      },
      writeNow: (buffer, offset, length, position) => {
        return this.#write(inode, path, buffer.subarray(offset, offset + length), position);
      },
      sync: async () => {
        // What is written while it runs is not covered by it.
        const covers = this.calls.length;
        // Slow: whoever does not wait for its end is found out.
        for (let i = 0; i < 12; i++) await turn();
        const error = this.fault?.("sync", path);
        const failed = error !== undefined;
        this.calls.push({ kind: "sync", inode: number, covers, failed });
        if (failed) throw error;
      },
      truncate: async (size) => {
        await turn();
        this.#check("truncate", path);
        this.#truncate(inode, size);
      },
      size: async () => inode.bytes.length,
      close: turn,
    };
  }

  #write(inode: Inode, path: string, bytes: Uint8Array, position: number): number {
    this.#check("write", path);
    const taken = [...this.#files.values()].reduce((sum, each) => sum + each.bytes.length, 0);
    const grown = Math.max(0, position + bytes.length - inode.bytes.length);
    const lacking = Math.max(0, Math.min(grown, taken + grown - this.capacity));
    const part = Buffer.from(bytes.subarray(0, bytes.length - lacking));
    if (part.length === 0 && bytes.length > 0) throw systemError("ENOSPC", path);
    inode.bytes = patched(inode.bytes, part, position);
    this.calls.push({ kind: "write", inode: inode.number, offset: position, bytes: part });
    return part.length;
  }

  #truncate(inode: Inode, size: number): void {
    inode.bytes = resized(inode.bytes, size);
    this.calls.push({ kind: "truncate", inode: inode.number, size });
  }

  #check(call: FallibleCall, path: string): void {
    const error = this.fault?.(call, path);
    if (error !== undefined) throw error;
  }
}

export function systemError(code: string, path = ""): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** Every asynchronous call takes its turn: others may come between. */
async function turn(): Promise<void> {
  await Promise.resolve();
}

/** Which of the calls that were not synchronised a power cut left, and in what state. */
export interface CrashChoice {
  /** For each unsynchronised change in order: whether it is there. Default: all. */
  readonly keeps?: (index: number, of: number) => boolean;
  /** What is left of the newest unsynchronised write, where it is kept. */
  readonly tear?: (bytes: Uint8Array, offset: number) => Uint8Array;
}

/** The changes among the first `until` calls that no sync had covered, by their place. */
export function unsynced(calls: readonly DiskCall[], until: number): number[] {
  const covers = coversOf(calls);
  const open: number[] = [];
  for (let at = 0; at < until; at++) {
    if (isChange(calls[at]!) && covers[at]! >= until) open.push(at);
  }
  return open;
}

/** What a power cut after the first `until` calls may have left. */
export function crashImage(
  base: DiskImage,
  calls: readonly DiskCall[],
  until: number,
  { keeps = () => true, tear }: CrashChoice = {},
): DiskImage {
  const open = unsynced(calls, until);
  const lost = new Set(open.filter((_, index) => !keeps(index, open.length)));
  const torn = tear === undefined ? undefined : open.findLast((at) => calls[at]!.kind === "write");
  const directories = new Set(base.directories);
  const entries = new Map<string, number>();
  const inodes = new Map<number, Buffer>();
  let number = 0;
  for (const [path, bytes] of base.files) {
    inodes.set(number, Buffer.from(bytes));
    entries.set(path, number++);
  }
  // Creation of a file and its name are two things: a lost name does not lose a later rename's.
  const origin = inodesByCall(base, calls, until);
  for (let at = 0; at < until; at++) {
    const call = calls[at]!;
    if (lost.has(at)) continue;
    switch (call.kind) {
      case "makeDirectory":
        directories.add(call.path);
        break;
      case "create":
        entries.set(call.path, call.inode);
        break;
      case "unlink":
        entries.delete(call.path);
        break;
      case "rename":
        entries.delete(call.from);
        entries.set(call.to, origin.get(at)!);
        break;
      case "truncate":
        inodes.set(call.inode, resized(inodes.get(call.inode) ?? Buffer.alloc(0), call.size));
        break;
      case "write": {
        const left = at === torn ? tear!(call.bytes, call.offset) : call.bytes;
        const before = inodes.get(call.inode) ?? Buffer.alloc(0);
        inodes.set(call.inode, patched(before, left, call.offset));
        break;
      }
      default:
        break;
    }
  }
  const files = new Map<string, Uint8Array>();
  for (const [path, inode] of entries) {
    if (directories.has(dirname(path))) files.set(path, inodes.get(inode) ?? Buffer.alloc(0));
  }
  return { directories: [...directories], files };
}

/** Which inode each rename moved, had nothing been lost. */
function inodesByCall(
  base: DiskImage,
  calls: readonly DiskCall[],
  until: number,
): Map<number, number> {
  const entries = new Map([...base.files.keys()].map((path, inode) => [path, inode]));
  const moved = new Map<number, number>();
  for (let at = 0; at < until; at++) {
    const call = calls[at]!;
    if (call.kind === "create") entries.set(call.path, call.inode);
    if (call.kind === "unlink") entries.delete(call.path);
    if (call.kind !== "rename") continue;
    const inode = entries.get(call.from)!;
    entries.delete(call.from);
    entries.set(call.to, inode);
    moved.set(at, inode);
  }
  return moved;
}

function isChange(call: DiskCall): boolean {
  return call.kind !== "sync" && call.kind !== "syncDirectory" && call.kind !== "note";
}

/** For each call the place of the sync that made it durable, infinity where none did. */
function coversOf(calls: readonly DiskCall[]): readonly number[] {
  const known = coversKnown.get(calls);
  if (known?.length === calls.length) return known;
  const covers = calls.map((_, at) => coverOf(calls, at));
  coversKnown.set(calls, covers);
  return covers;
}

const coversKnown = new WeakMap<readonly DiskCall[], readonly number[]>();

function coverOf(calls: readonly DiskCall[], at: number): number {
  const call = calls[at]!;
  if (!isChange(call)) return Number.POSITIVE_INFINITY;
  const directory = directoryOf(call);
  for (let next = at + 1; next < calls.length; next++) {
    const sync = calls[next]!;
    if (call.kind === "write" || call.kind === "truncate") {
      if (sync.kind !== "sync" || sync.inode !== call.inode || sync.covers <= at) continue;
      // The first sync decides: after a failed one the pages count as clean.
      return sync.failed ? Number.POSITIVE_INFINITY : next;
    }
    if (sync.kind !== "syncDirectory" || sync.covers <= at) continue;
    if (sync.path === directory) return next;
  }
  return Number.POSITIVE_INFINITY;
}

function directoryOf(call: DiskCall): string | undefined {
  switch (call.kind) {
    case "create":
    case "unlink":
    case "makeDirectory":
      return dirname(call.path);
    case "rename":
      return dirname(call.to);
    default:
      return undefined;
  }
}

/** In place where it fits: images are built by the thousand. */
function patched(bytes: Buffer, part: Uint8Array, offset: number): Buffer {
  const end = offset + part.length;
  const result = end > bytes.length ? resized(bytes, end) : bytes;
  result.set(part, offset);
  return result;
}

function resized(bytes: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size);
  bytes.copy(result, 0, 0, Math.min(size, bytes.length));
  return result;
}

/** Timers that fire when the test says so. */
export class FakeTimers {
  #now = 0;
  readonly #pending = new Set<{ readonly at: number; readonly run: () => void }>();

  get after(): (ms: number, run: () => void) => () => void {
    return (ms, run) => {
      const timer = { at: this.#now + ms, run };
      this.#pending.add(timer);
      return () => void this.#pending.delete(timer);
    };
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Lets `ms` pass: what is due fires in order, and what that starts is let run. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#pending].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = due.at;
      this.#pending.delete(due);
      due.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }
}

/** Lets everything that needs no timer and no real disk come to its end. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
