// A simulated disk behind the changelog's port. What is written is in the page cache; a kill of the
// process loses none of it, a power cut any part that no sync has covered: whole writes, sectors of
// one, names. After a failed sync what it covered is in doubt for good. It runs full, fails, and is
// slow, when it is told to.
import { dirname, join } from "node:path";
import type { Disk, DiskFile, DiskRoom } from "../src/file/disk.ts";
import { applied, type Inode, never, type Pending, resized, synced, systemError } from "./inode.ts";
import type { Owner, World } from "./world.ts";

type Entry = Inode | "directory";

interface Directory {
  entries: Map<string, Entry>;
  durable: Map<string, Entry>;
  pending: { readonly name: string; readonly entry: Entry | undefined; readonly with?: string }[];
}

export type Call = "write" | "sync" | "rename" | "truncate" | "syncDirectory" | "open" | "unlink";

/** The next fault: the call of this kind that finds `left` at 0, once or from then on. */
export interface Fault {
  readonly call: Call | "any";
  left: number;
  readonly code: string;
  readonly forGood: boolean;
}

const sectorBytes = 512;

export class SimDisk {
  readonly #world: World;
  readonly #directories = new Map<string, Directory>([["/", emptyDirectory()]]);
  #inodes = 0;
  fault: Fault | undefined;
  /** Bytes all files together may take. */
  capacity = Number.POSITIVE_INFINITY;
  /** How long a sync takes, at most; the next one takes `slowSyncMs` once, if that is set. */
  syncMs = 2;
  slowSyncMs = 0;
  /** How often a write takes less than it was given. */
  shortWrites = 0;
  /** Calls that failed, other than for want of room. */
  failures = 0;
  /** Whose sync of a segment has failed: nothing counts for it any more. */
  failedFor: Owner | undefined;
  /** Told when a sync has begun: a good moment to die. */
  onSync: (() => void) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get used(): number {
    let sum = 0;
    for (const { entries } of this.#directories.values()) {
      for (const entry of entries.values()) if (entry !== "directory") sum += entry.bytes.length;
    }
    return sum;
  }

  /** The disk as one process has it: once it is dead, nothing it asks for happens. */
  of(owner: Owner): Disk {
    const later = async (): Promise<void> => {
      if (owner.dead) return never();
      await new Promise<void>((resolve) => {
        this.#world.at(this.#world.between(0.005, 0.08), resolve, owner);
      });
    };
    return {
      list: async (path) => {
        await later();
        return [...this.#directory(path).entries.keys()];
      },
      makeDirectory: async (path) => {
        await later();
        return this.#makeDirectory(path);
      },
      open: async (path, mode) => {
        await later();
        this.#check("open", path);
        return this.#handle(this.#opened(path, mode), path, owner, later);
      },
      readNow: (path) => Buffer.from(this.#file(path).bytes),
      rename: async (from, to) => {
        await later();
        this.#check("rename", from);
        this.#rename(from, to);
      },
      unlink: async (path) => {
        await later();
        this.#check("unlink", path);
        this.#file(path);
        this.#change(path, undefined);
      },
      syncDirectory: async (path) => {
        const directory = this.#directory(path);
        const covers = directory.pending.length;
        await later();
        this.#check("syncDirectory", path);
        for (const change of directory.pending.splice(0, covers)) rename(directory.durable, change);
      },
      identity: async (path) => path,
      room: async (): Promise<DiskRoom> => {
        await later();
        return { free: Math.min(2 ** 40, Math.max(0, this.capacity - this.used)), type: 0xef53 };
      },
    };
  }

  #handle(inode: Inode, path: string, owner: Owner, later: () => Promise<void>): DiskFile {
    const part = (buffer: Uint8Array, offset: number, length: number): Buffer =>
      Buffer.from(buffer.subarray(offset, offset + length));
    return {
      read: async (buffer, offset, length, position) => {
        await later();
        return inode.bytes.copy(buffer, offset, position, position + length);
      },
      write: async (buffer, offset, length, position) => {
        await later();
        return this.#write(inode, path, part(buffer, offset, length), position);
      },
      writeNow: (buffer, offset, length, position) => {
        if (owner.dead) return length;
        return this.#write(inode, path, part(buffer, offset, length), position);
      },
      sync: () => this.#sync(inode, path, owner),
      truncate: async (size) => {
        await later();
        this.#check("truncate", path);
        inode.bytes = resized(inode.bytes, size);
        inode.pending.push({ kind: "truncate", size, doubted: false });
      },
      size: async () => {
        await later();
        return inode.bytes.length;
      },
      close: later,
    };
  }

  async #sync(inode: Inode, path: string, owner: Owner): Promise<void> {
    if (owner.dead) return never();
    const world = this.#world;
    // What is written while it runs is not covered by it.
    const covered = inode.pending.slice();
    const ms = this.slowSyncMs > 0 ? this.slowSyncMs : world.between(0.05, this.syncMs);
    if (this.slowSyncMs > 0) world.sometimes("a sync takes seconds");
    this.slowSyncMs = 0;
    this.onSync?.();
    await new Promise<void>((resolve) => void world.at(ms, resolve, owner));
    try {
      this.#check("sync", path);
    } catch (error) {
      for (const each of covered) each.doubted = true;
      if (path.endsWith(".segment")) this.failedFor = owner;
      throw error;
    }
    synced(inode, covered);
  }

  #write(inode: Inode, path: string, bytes: Buffer, position: number): number {
    const world = this.#world;
    this.#check("write", path);
    const grown = Math.max(0, position + bytes.length - inode.bytes.length);
    const free =
      grown > 0 && this.capacity < Number.POSITIVE_INFINITY ? this.capacity - this.used : grown;
    let length = bytes.length - Math.max(0, grown - Math.max(0, free));
    if (length <= 0 && bytes.length > 0) {
      world.sometimes("a write finds no room");
      throw systemError("ENOSPC", path);
    }
    if (length < bytes.length) world.sometimes("a write is cut short by a full disk");
    if (this.shortWrites > 0 && length > 1 && world.chance(this.shortWrites)) {
      length = 1 + world.random.integer(length - 1);
      world.sometimes("a write takes less than it was given");
    }
    const write: Pending = {
      kind: "write",
      offset: position,
      bytes: bytes.subarray(0, length),
      doubted: false,
    };
    inode.bytes = applied(inode.bytes, write);
    inode.pending.push(write);
    return length;
  }

  #check(call: Call, path: string): void {
    const { fault } = this;
    if (fault === undefined || (fault.call !== "any" && fault.call !== call)) return;
    if (fault.left-- > 0) return;
    if (!fault.forGood) this.fault = undefined;
    this.failures++;
    this.#world.note(`${fault.code} ${call} ${path}`);
    this.#world.sometimes(`a ${call} fails`);
    throw systemError(fault.code, path);
  }

  // ---- names

  #directory(path: string): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw systemError("ENOENT", path);
    return directory;
  }

  #file(path: string): Inode {
    const entry = this.#directories.get(dirname(path))?.entries.get(nameOf(path));
    if (entry === undefined || entry === "directory") throw systemError("ENOENT", path);
    return entry;
  }

  #makeDirectory(path: string): boolean {
    if (this.#directory(dirname(path)).entries.has(nameOf(path))) return false;
    this.#change(path, "directory");
    if (!this.#directories.has(path)) this.#directories.set(path, emptyDirectory());
    return true;
  }

  #opened(path: string, mode: "read" | "write" | "create"): Inode {
    const entry = this.#directory(dirname(path)).entries.get(nameOf(path));
    if (entry === undefined || entry === "directory") {
      if (mode !== "create") throw systemError("ENOENT", path);
      const empty = Buffer.alloc(0);
      const inode = { number: this.#inodes++, bytes: empty, durable: empty, pending: [] };
      this.#change(path, inode);
      return inode;
    }
    if (mode === "create") {
      entry.bytes = Buffer.alloc(0);
      entry.pending.push({ kind: "truncate", size: 0, doubted: false });
    }
    return entry;
  }

  #rename(from: string, to: string): void {
    const inode = this.#file(from);
    const directory = this.#directory(dirname(from));
    if (dirname(to) !== dirname(from)) throw new Error("the simulated disk renames in place");
    const change = { name: nameOf(to), entry: inode, with: nameOf(from) };
    rename(directory.entries, change);
    directory.pending.push(change);
  }

  #change(path: string, entry: Entry | undefined): void {
    const directory = this.#directory(dirname(path));
    const change = { name: nameOf(path), entry };
    rename(directory.entries, change);
    directory.pending.push(change);
  }

  // ---- the end of a machine

  /** The power goes: of what no sync covered any part is left. */
  powerCut(): void {
    const world = this.#world;
    const keeps = world.pick([0, 0.5, 0.9, 1]);
    for (const directory of this.#directories.values()) {
      for (const change of directory.pending) {
        if (world.chance(keeps)) rename(directory.durable, change);
        else world.sometimes("a name is lost with the power");
      }
      directory.pending = [];
      directory.entries = new Map(directory.durable);
    }
    for (const path of [...this.#directories.keys()].sort()) {
      if (path === "/" || this.#directories.get(dirname(path))?.entries.has(nameOf(path))) continue;
      this.#directories.delete(path);
    }
    for (const inode of this.#all()) {
      for (const each of inode.pending) {
        if (!world.chance(keeps)) world.sometimes("a write is lost with the power");
        else
          inode.durable = applied(inode.durable, each.kind === "write" ? this.#torn(each) : each);
      }
      inode.pending = [];
      inode.bytes = Buffer.from(inode.durable);
    }
  }

  /** Whole or in parts: each sector there, or not, or garbage. */
  #torn(write: Extract<Pending, { kind: "write" }>): Pending {
    const world = this.#world;
    if (world.chance(0.5)) return write;
    world.sometimes("a write is torn");
    const { offset, bytes } = write;
    if (world.chance(0.5))
      return { ...write, bytes: bytes.subarray(0, world.random.integer(bytes.length + 1)) };
    const left = Buffer.from(bytes);
    const garbage = world.chance(0.3) ? world.random.integer(256) : 0;
    for (let at = 0; at < left.length; ) {
      const end = Math.min(left.length, at + sectorBytes - ((offset + at) % sectorBytes));
      if (world.chance(0.5)) left.fill(garbage, at, end);
      at = end;
    }
    return { ...write, bytes: left };
  }

  *#all(): IterableIterator<Inode> {
    const seen = new Set<Inode>();
    for (const { entries, durable } of this.#directories.values()) {
      for (const entry of [...entries.values(), ...durable.values()]) {
        if (entry === "directory" || seen.has(entry)) continue;
        seen.add(entry);
        yield entry;
      }
    }
  }

  /** Changes a file behind everybody's back. */
  damage(path: string): void {
    const inode = this.#file(path);
    const at = this.#world.random.integer(inode.bytes.length);
    inode.bytes = Buffer.from(inode.bytes);
    inode.bytes[at] = (inode.bytes[at] as number) ^ 0x40;
    inode.durable = Buffer.from(inode.bytes);
    inode.pending = [];
  }

  /** Names in a directory; none when there is no such directory. */
  names(path: string): string[] {
    return [...(this.#directories.get(path)?.entries.keys() ?? [])].map((name) => join(path, name));
  }
}

function emptyDirectory(): Directory {
  return { entries: new Map(), durable: new Map(), pending: [] };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function rename(entries: Map<string, Entry>, change: Directory["pending"][number]): void {
  if (change.with !== undefined) entries.delete(change.with);
  if (change.entry === undefined) entries.delete(change.name);
  else entries.set(change.name, change.entry);
}
