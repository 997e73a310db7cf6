// A changelog's folder as it would be if it ended before some damage: what lies behind is not shown,
// and nothing can be written through it. It knows what a segment's end looks like, and judges nothing.

import { basename, join } from "node:path";
import { InvariantError } from "../std/assert.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { listOrNone, wholeOf } from "./disk.ts";
import { decodeFrame } from "./frame.ts";
import {
  decodeHeader,
  footerBytes,
  numberOfName,
  segmentHeaderBytes,
  segmentName,
} from "./segment.ts";

export class CutView implements Disk {
  readonly #disk: Disk;
  readonly #folder: string;
  #lastNumber: number;
  /** Bytes shown of the last segment. */
  #lastBytes: number = Number.POSITIVE_INFINITY;

  constructor(disk: Disk, folder: string, lastNumber: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#lastNumber = lastNumber;
  }

  /** Shows nothing from `offset` of that segment on: each time less than before. */
  async endAt(name: string, offset: number): Promise<void> {
    const number = numberOfName(name) ?? 1;
    const within =
      number < this.#lastNumber || (number === this.#lastNumber && this.#hides(offset));
    if (within && offset > segmentHeaderBytes) {
      this.#lastNumber = number;
      this.#lastBytes = offset;
      return;
    }
    // It is not there, or nothing of it is worth showing, or what is shown of it is refused.
    const end = number > this.#lastNumber ? await this.#beforeFooter() : undefined;
    if (end === undefined) {
      this.#lastNumber = Math.min(number, this.#lastNumber) - 1;
      this.#lastBytes = Number.POSITIVE_INFINITY;
    }
    // The last one must not end with a footer, which says that there is another.
    this.#lastBytes = end ?? (await this.#beforeFooter()) ?? this.#lastBytes;
  }

  #hides(offset: number): boolean {
    return offset < this.#lastBytes;
  }

  /** Where the footer of the last segment begins, if that is shown. */
  async #beforeFooter(): Promise<number | undefined> {
    const path = join(this.#folder, segmentName(this.#lastNumber));
    const bytes = await wholeOf(this.#disk, path);
    const header = decodeHeader(bytes);
    const end = bytes.length - footerBytes;
    if (typeof header !== "object" || end < segmentHeaderBytes || !this.#hides(end)) {
      return undefined;
    }
    return decodeFrame(bytes, end, header.salt)?.kind === "footer" ? end : undefined;
  }

  async list(path: string): Promise<string[]> {
    // The note of the last close is compared apart: it says where damage is, not what is intact.
    const names = await listOrNone(this.#disk, path);
    return names.filter((name) => {
      const number = numberOfName(name);
      return number !== undefined && number <= this.#lastNumber;
    });
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const number = numberOfName(basename(path));
    if (mode !== "read" || number === undefined) {
      throw Object.assign(new Error(`not shown: ${path}`), { code: "ENOENT" });
    }
    const file = await this.#disk.open(path, "read");
    const bytes = number < this.#lastNumber ? Number.POSITIVE_INFINITY : this.#lastBytes;
    return new CutFile(file, bytes);
  }

  readNow(path: string): Uint8Array {
    const bytes = this.#disk.readNow(path);
    const last = numberOfName(basename(path)) === this.#lastNumber;
    return last ? bytes.subarray(0, Math.min(bytes.length, this.#lastBytes)) : bytes;
  }

  makeDirectory: () => Promise<never> = refuse;
  rename: () => Promise<never> = refuse;
  unlink: () => Promise<never> = refuse;
  syncDirectory: () => Promise<never> = refuse;
  identity: () => Promise<never> = refuse;
  room: () => Promise<never> = refuse;
}

class CutFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #bytes: number;

  constructor(file: DiskFile, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  async read(buffer: Uint8Array, offset: number, length: number, at: number): Promise<number> {
    const most = Math.max(0, Math.min(length, this.#bytes - at));
    return most === 0 ? 0 : this.#file.read(buffer, offset, most, at);
  }

  async size(): Promise<number> {
    return Math.min(this.#bytes, await this.#file.size());
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  write = refuse;
  writeNow = refuseNow;
  sync = refuse;
  truncate = refuse;
}

async function refuse(): Promise<never> {
  return refuseNow();
}

function refuseNow(): never {
  throw new InvariantError("a view is not written to");
}
