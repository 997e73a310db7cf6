// Writes what is intact of a changelog as a new one, in a folder of its own: the same batches with
// the same chains, so that whoever stored one finds it again, in segments with salts of their own.

import { join } from "node:path";
import { invariant } from "../std/assert.ts";
import type { Disk } from "./disk.ts";
import type { FrameHead } from "./frame.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import { readBatches } from "./reader.ts";
import type { Intact } from "./salvage.ts";
import type { Segment } from "./segment.ts";
import {
  createSegment,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  footerBytes,
  reservedBytes,
  segmentHeaderBytes,
  segmentName,
  sha256Hex,
} from "./segment.ts";

/** A segment of the new changelog takes frames up to this size, or one larger frame. */
const segmentBytesFull = 16 * 1024 * 1024;
/** The last one is to be written on, and has at least the size of a first one. */
const lastBytesMin = 256 * 1024;

/** Where the new changelog begins, and what it continues. */
export interface Beginning {
  /** Position of the first record, or of the next one to come. */
  readonly first: number;
  readonly previous: number;
}

export interface Rewriting {
  readonly disk: Disk;
  /** An empty folder, to be made into a changelog. */
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
}

/**
 * Writes the batches of `intact` into new segments, ended by a seal, durably; with none, a
 * changelog that goes on at `beginning`. History keeps its name: every batch has the chain it had.
 */
export async function rewrite(to: Rewriting, intact: Intact, beginning: Beginning): Promise<void> {
  const keeps = beginning.first <= intact.last;
  if (!keeps && beginning.first === 1) return;
  // Only a changelog that begins with the first record has a segment 1.
  const writer = new Writer(to, beginning, intact.epoch, beginning.first === 1 ? 1 : 2);
  if (keeps) {
    const { place, segments } = intact;
    const source = { ...place, segments: () => segments, check: () => undefined };
    for await (const { first, count, epoch, bytes, chain } of readBatches(source, 1)) {
      const copied = await writer.add({ kind: "batch", first, count, epoch }, bytes);
      invariant(copied === chain, () => `I12: batch ${first} has another chain than it had`);
    }
  }
  await writer.end();
}

/**
 * Begins a changelog that goes on at `beginning`, behind a table that holds all before it: no batch,
 * and an end in order. Durably; with nothing before it, an empty folder is one.
 */
export async function beginChangelog(
  to: Rewriting,
  beginning: Beginning,
  epoch: number,
): Promise<void> {
  if (beginning.first === 1) return;
  await new Writer(to, beginning, epoch, 2).end("close");
}

class Writer {
  readonly #to: Rewriting;
  #epoch: number;
  #number: number;
  #frames: Uint8Array[] = [];
  #bytes: number = segmentHeaderBytes;
  #index: FrameIndex = new FrameIndex();
  #saltBytes: Uint8Array;
  #begins: Beginning;
  #last: number;
  #chain: number;

  constructor(to: Rewriting, begins: Beginning, epoch: number, number: number) {
    this.#to = to;
    this.#begins = begins;
    this.#epoch = epoch;
    this.#number = number;
    this.#last = begins.first - 1;
    this.#chain = begins.previous;
    this.#saltBytes = to.random(16);
  }

  async add(
    head: Pick<FrameHead, "kind" | "first" | "count" | "epoch">,
    payload: Uint8Array,
  ): Promise<number> {
    if (this.#index.length > 0 && this.#bytes + payload.length > segmentBytesFull) {
      await this.#next();
    }
    const frame = this.#frame(head, payload);
    const chain = decodeFrame(Buffer.from(frame), 0, this.#salt)!.chain;
    this.#last = head.first + head.count - 1;
    this.#chain = chain;
    this.#epoch = head.epoch;
    this.#index.add(this.#last, chain, this.#bytes);
    this.#put(frame);
    return chain;
  }

  /**
   * A seal behind the last batch: it is known to be durable. A close behind that says that nothing
   * was under way.
   */
  async end(as: "seal" | "close" = "seal"): Promise<void> {
    const mark = { first: this.#last + 1, count: 0, epoch: this.#epoch };
    for (const kind of as === "close" ? (["seal", "close"] as const) : (["seal"] as const)) {
      this.#put(this.#frame({ ...mark, kind }, new Uint8Array(0)));
    }
    await this.#create(Math.max(lastBytesMin, this.#bytes + reservedBytes));
  }

  async #next(): Promise<void> {
    const size = this.#bytes + footerBytes;
    const segment = this.#segment(size);
    const header = encodeHeader(this.#number, size, this.#saltBytes);
    this.#put(encodeFooter(segment, sha256Hex(Buffer.concat([header, ...this.#frames]))));
    await this.#create(size);
    this.#number += 1;
    this.#frames = [];
    this.#bytes = segmentHeaderBytes;
    this.#index = new FrameIndex();
    this.#saltBytes = this.#to.random(16);
    this.#begins = { first: this.#last + 1, previous: this.#chain };
  }

  async #create(size: number): Promise<void> {
    const content = Buffer.concat(this.#frames);
    const wanted = { number: this.#number, size, saltBytes: this.#saltBytes, content };
    const file = await createSegment(this.#to.disk, this.#to.folder, wanted, async () => "short");
    await file.close();
  }

  /** Written with the watermark every writer of ours has written: it is part of the chain. */
  #frame(
    head: Pick<FrameHead, "kind" | "first" | "count" | "epoch">,
    payload: Uint8Array,
  ): Uint8Array {
    const links = { previous: this.#chain, watermark: this.#last };
    return encodeFrame({ ...head, ...links }, payload, this.#salt);
  }

  #put(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  get #salt(): number {
    const header = decodeHeader(encodeHeader(0, 0, this.#saltBytes));
    return typeof header === "object" ? header.salt : 0;
  }

  #segment(size: number): Segment {
    return {
      ...this.#begins,
      number: this.#number,
      size,
      salt: this.#salt,
      path: join(this.#to.folder, segmentName(this.#number)),
      last: this.#last,
      chain: this.#chain,
      epoch: this.#epoch,
      end: this.#bytes,
      index: this.#index,
      digest: undefined,
    };
  }
}
