// Prepares the segment that comes next while the present one is being written, so that an append
// never waits for zeros unless it is faster than the disk. One spare at a time.

import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Disk, DiskFile } from "./disk.ts";
import type { RoomWatch } from "./room.ts";
import type { SegmentHeader } from "./segment.ts";
import { createSegment, decodeHeader, encodeHeader, segmentHeaderBytes } from "./segment.ts";

/** A new segment that holds its header and nothing else. */
export interface Spare {
  readonly header: SegmentHeader;
  readonly headerBytes: Buffer;
  readonly file: DiskFile;
}

export interface SpareOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
  readonly room: RoomWatch;
  /** A spare could not be made: as final as a failed append. */
  readonly onFailure: (error: unknown) => void;
}

const noBytes = new Uint8Array(0);

export class SpareSegment {
  readonly #options: SpareOptions;
  #pending: Promise<Spare> | undefined;
  #stopped = false;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  /** Takes over a spare that was found at open. */
  adopt(spare: Spare): void {
    this.#pending = Promise.resolve(spare);
  }

  /** Begins to make segment `number`, unless a spare is there or under way. */
  prepare(number: number, size: number): void {
    if (this.#pending !== undefined || this.#stopped) return;
    this.#pending = this.#create(number, size);
    // Whoever takes it sees the failure too; nobody may be about to.
    this.#pending.catch((error: unknown) => {
      if (!isHoldfastError(error, "CHANGELOG_CLOSED")) this.#options.onFailure(error);
    });
  }

  /** Segment `number` with room for at least `size` bytes in all; made now if need be. */
  async take(number: number, size: number, sizeUsual: number): Promise<Spare> {
    this.prepare(number, Math.max(size, sizeUsual));
    const spare = await this.#pending!;
    this.#pending = undefined;
    if (spare.header.size >= size && spare.header.number === number) return spare;
    await spare.file.close();
    return this.#create(number, size);
  }

  /** Lets go of what is under way; a spare that is whole stays on disk for the next open. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const spare = await this.#pending?.catch(() => undefined);
    await spare?.file.close();
  }

  async #create(number: number, size: number): Promise<Spare> {
    const { disk, folder, random, room } = this.#options;
    const saltBytes = random(16);
    const whenFull = async (): Promise<"retry"> => {
      if (!(await room.wait())) throw new HoldfastError("CHANGELOG_CLOSED");
      return "retry";
    };
    const wanted = { number, size, saltBytes, content: noBytes };
    const file = await createSegment(disk, folder, wanted, whenFull);
    room.settled();
    const headerBytes = encodeHeader(number, size, saltBytes);
    return { header: decodeHeader(headerBytes) as SegmentHeader, headerBytes, file };
  }
}

/** A spare that an earlier process made. */
export async function openSpare(disk: Disk, path: string): Promise<Spare | undefined> {
  const file = await disk.open(path, "write");
  const headerBytes = Buffer.alloc(segmentHeaderBytes);
  await file.read(headerBytes, 0, headerBytes.length, 0);
  const header = decodeHeader(headerBytes);
  if (typeof header === "object") return { header, headerBytes, file };
  await file.close();
  return undefined;
}
