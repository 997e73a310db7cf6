// The end of the changelog that is being written: one open segment, one buffer, one running digest.
// A frame is written, then synchronised, and counts only then. A full segment is ended with its
// footer before the next one takes a frame. Who may write what, and when, is changelog.ts.

import type { Hash } from "node:crypto";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { DiskFile } from "./disk.ts";
import { isDiskFull } from "./disk.ts";
import type { FrameKind } from "./frame.ts";
import { encodeFrameHead, frameHeaderBytes } from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import type { Recovered } from "./repair.ts";
import type { RoomWatch } from "./room.ts";
import type { Segment } from "./segment.ts";
import {
  encodeFooter,
  footerBytes,
  reservedBytes,
  segmentHeaderBytes,
  segmentName,
} from "./segment.ts";
import type { SpareSegment } from "./spare.ts";

/** Up to this size a payload is copied behind its header and written in one synchronous call. */
const copiedBytesMax = 64 * 1024;
/** A segment is at most this many times the one before, until it has its full size. */
const growth = 4;

export interface TailOptions {
  readonly folder: string;
  readonly segmentBytes: number;
  readonly room: RoomWatch;
  readonly spare: SpareSegment;
}

export class Tail {
  readonly #options: TailOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(frameHeaderBytes + copiedBytesMax);
  readonly #head = this.#buffer.subarray(0, frameHeaderBytes);
  #segment: Segment;
  #file: DiskFile;
  #hash: Hash;

  constructor(options: TailOptions, { segments, file, hash }: Recovered) {
    this.#options = options;
    this.#segment = segments.at(-1)!;
    this.#file = file;
    this.#hash = hash;
  }

  get segment(): Segment {
    return this.#segment;
  }

  /** Whether a batch of that many bytes, and what must be able to follow it, fits in. */
  fits(bytes: number): boolean {
    return this.#segment.end + frameHeaderBytes + bytes + reservedBytes <= this.#segment.size;
  }

  /** Durable when it resolves; answers the chain of the frame. Batches become the new end. */
  async write(kind: FrameKind, count: number, epoch: number, payload: Uint8Array): Promise<number> {
    const { end, last, chain: previous, salt } = this.#segment;
    const head = { kind, first: last + 1, count, epoch, previous, watermark: last };
    const chain = encodeFrameHead(this.#buffer, head, payload, salt);
    const length = frameHeaderBytes + payload.length;
    if (payload.length <= copiedBytesMax) {
      this.#buffer.set(payload, frameHeaderBytes);
      await this.#put(this.#buffer, length, end);
    } else {
      await this.#put(this.#head, frameHeaderBytes, end);
      await this.#put(payload, payload.length, end + frameHeaderBytes);
    }
    const synced = this.#file.sync();
    // While the disk works.
    this.#hash.update(this.#head).update(payload);
    await synced;
    this.#advance(count, epoch, chain, length);
    return chain;
  }

  #advance(count: number, epoch: number, chain: number, length: number): void {
    const segment = this.#segment;
    if (count > 0) {
      segment.last += count;
      segment.chain = chain;
      segment.epoch = epoch;
      segment.index?.add(segment.last, chain, segment.end);
    }
    segment.end += length;
    if (segment.end * 2 > segment.size) {
      this.#options.spare.prepare(segment.number + 1, this.#sizeOfNext());
    }
  }

  /**
   * Writes all of it. A short count is no error; a full disk is a wait, after which the same bytes
   * are written again at the same place (R16).
   */
  async #put(bytes: Uint8Array, length: number, position: number): Promise<void> {
    let done = 0;
    let waited = false;
    while (done < length) {
      try {
        done += await this.#putSome(bytes, done, length, position);
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        if (!(await this.#options.room.wait())) {
          throw new HoldfastError("CHANGELOG_CLOSED", { cause: error });
        }
        waited = true;
        done = 0;
      }
    }
    if (waited) this.#options.room.settled();
  }

  #putSome(
    bytes: Uint8Array,
    done: number,
    length: number,
    position: number,
  ): number | Promise<number> {
    const rest = length - done;
    // Small: into the page cache at once is faster than a turn through a thread.
    if (length > this.#buffer.length) {
      return this.#file.write(bytes, done, rest, position + done).then(someOf(rest));
    }
    return someOf(rest)(this.#file.writeNow(bytes, done, rest, position + done));
  }

  /** Ends this segment and begins the next, which has room for a batch of `bytes`. */
  async roll(bytes: number): Promise<Segment> {
    const full = this.#segment;
    const needed = segmentHeaderBytes + frameHeaderBytes + bytes + reservedBytes;
    const spare = await this.#options.spare.take(full.number + 1, needed, this.#sizeOfNext());
    full.digest = this.#hash.digest("hex");
    await this.#put(encodeFooter(full, full.digest), footerBytes, full.end);
    await this.#file.truncate(full.end + footerBytes);
    await this.#file.sync();
    await this.#file.close();
    const { last, chain, epoch } = full;
    this.#file = spare.file;
    this.#hash = createHash("sha256").update(spare.headerBytes);
    this.#segment = {
      ...spare.header,
      path: join(this.#options.folder, segmentName(spare.header.number)),
      first: last + 1,
      previous: chain,
      last,
      chain,
      epoch,
      end: segmentHeaderBytes,
      index: new FrameIndex(),
      digest: undefined,
    };
    return this.#segment;
  }

  #sizeOfNext(): number {
    return Math.min(this.#options.segmentBytes, this.#segment.size * growth);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function someOf(asked: number): (count: number) => number {
  return (count) => {
    if (count > 0) return count;
    throw new Error(`a write of ${asked} bytes wrote none and gave no error`);
  };
}
