// One segment: a file of frames behind a header with its number and its random salt. Says what
// header and footer hold, and makes new files, zero-filled and durable before their name exists.
// What the frames mean is scan.ts, which segments belong together is repair.ts.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "./disk.ts";
import { isDiskFull, writeAll } from "./disk.ts";
import { encodeFrame, frameHeaderBytes, readUint64, writeUint64 } from "./frame.ts";
import type { FrameIndex } from "./frame-index.ts";

export const segmentHeaderBytes = 64;
export const segmentVersion = 1;
export const footerPayloadBytes = 48;
export const footerBytes: number = frameHeaderBytes + footerPayloadBytes;
/** Kept free behind every batch: sealed when idle, sealed when closed, ended by a footer. */
export const reservedBytes: number = 2 * frameHeaderBytes + footerBytes;

const segmentMagic = Buffer.from("HFsegmnt", "latin1");
/** Zeros are written and synchronised in pieces, so that commits meanwhile wait for little. */
const zeros = Buffer.alloc(1024 * 1024);

export interface SegmentHeader {
  readonly number: number;
  /** Bytes it is meant to take; the file may be shorter (sealed) or not yet filled. */
  readonly size: number;
  /** CRC-32 of the sixteen random bytes: what the frames' checksums are mixed with. */
  readonly salt: number;
}

/** A segment as the changelog holds it. Grows only while it is the one being written. */
export interface Segment extends SegmentHeader {
  readonly path: string;
  /** Position of its first record, or of the next one to come. */
  readonly first: number;
  /** Chain of the batch before its first one. */
  readonly previous: number;
  /** Position of the last record at its end, its own or of a segment before. */
  last: number;
  chain: number;
  epoch: number;
  /** Offset behind the last durable frame. */
  end: number;
  /** Where its batches lie; undefined until somebody asks, for segments known by their footer. */
  index: FrameIndex | undefined;
  /** SHA-256 of all before the footer, hex; undefined where there is no footer. */
  digest: string | undefined;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.segment`;
}

/** The number in a segment's name; undefined for other names. */
export function numberOfName(name: string): number | undefined {
  const match = /^(\d{10,15})\.segment$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export function encodeHeader(number: number, size: number, salt: Uint8Array): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  segmentMagic.copy(bytes);
  bytes[12] = segmentVersion;
  writeUint64(bytes, number, 16);
  writeUint64(bytes, size, 24);
  bytes.set(salt.subarray(0, 16), 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/** "newer" when a later version wrote it, undefined when it is no header of ours or damaged. */
export function decodeHeader(bytes: Buffer): SegmentHeader | "newer" | undefined {
  if (bytes.length < segmentHeaderBytes) return undefined;
  const header = bytes.subarray(0, segmentHeaderBytes);
  if (!header.subarray(0, 8).equals(segmentMagic)) return undefined;
  if (header.readUInt32LE(8) !== crc32(header.subarray(12))) return undefined;
  if (header[12]! > segmentVersion) return "newer";
  return {
    number: readUint64(header, 16),
    size: readUint64(header, 24),
    salt: crc32(header.subarray(32, 48)),
  };
}

/** What a footer says of its segment, so that opening need not read all of it. */
export interface SegmentSummary {
  /** SHA-256 of all before the footer, hex. */
  readonly digest: string;
  readonly first: number;
  readonly previous: number;
  readonly batches: number;
}

function encodeSummary(summary: SegmentSummary): Uint8Array {
  const bytes = Buffer.alloc(footerPayloadBytes);
  bytes.write(summary.digest, "hex");
  writeUint64(bytes, summary.first, 32);
  bytes.writeUInt32LE(summary.previous, 40);
  bytes.writeUInt32LE(summary.batches, 44);
  return bytes;
}

/** The last frame of a segment, for the place at its end. */
export function encodeFooter(segment: Segment, digest: string): Uint8Array {
  const { first, previous, last, chain, epoch, index, salt } = segment;
  const summary = encodeSummary({ digest, first, previous, batches: index?.length ?? 0 });
  const head = { kind: "footer", first: last + 1, count: 0, epoch, previous: chain } as const;
  return encodeFrame({ ...head, watermark: last }, summary, salt);
}

export function decodeSummary(payload: Uint8Array): SegmentSummary | undefined {
  if (payload.length !== footerPayloadBytes) return undefined;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return {
    digest: bytes.toString("hex", 0, 32),
    first: readUint64(bytes, 32),
    previous: bytes.readUInt32LE(40),
    batches: bytes.readUInt32LE(44),
  };
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface NewSegment {
  readonly number: number;
  readonly size: number;
  /** Sixteen random bytes. */
  readonly saltBytes: Uint8Array;
  /** Frames it begins with, if any. */
  readonly content: Uint8Array;
}

/**
 * How a full disk is met while a new segment is written: wait and write the same bytes again, or
 * make do without the zeros ("short"): such a file works, only less evenly.
 */
export type WhenFull = () => Promise<"retry" | "short">;

/**
 * Writes a new segment aside, zero-filled to its size, and gives it its name only once all of it
 * is durable; a file that had the name is replaced. Only a write that finds the disk full is left
 * to `whenFull`; every other error, a sync's above all, is thrown and final.
 */
export async function createSegment(
  disk: Disk,
  folder: string,
  wanted: NewSegment,
  whenFull: WhenFull,
): Promise<DiskFile> {
  const { number, size, saltBytes, content } = wanted;
  const path = join(folder, segmentName(number));
  const file = await unlessFull(() => disk.open(`${path}.new`, "create"), whenFull);
  try {
    const begin = Buffer.concat([encodeHeader(number, size, saltBytes), content]);
    await unlessFull(() => writeAll(file, begin, 0), whenFull);
    await fillZeros(file, begin.length, size, whenFull);
    await disk.rename(`${path}.new`, path);
    await disk.syncDirectory(folder);
    return file;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

async function unlessFull<T>(attempt: () => Promise<T>, whenFull: WhenFull): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isDiskFull(error) || (await whenFull()) === "short") throw error;
    }
  }
}

async function fillZeros(
  file: DiskFile,
  from: number,
  to: number,
  whenFull: WhenFull,
): Promise<void> {
  let at = from;
  while (at < to) {
    try {
      at += await file.write(zeros, 0, Math.min(zeros.length, to - at), at);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if ((await whenFull()) === "short") break;
      continue;
    }
    if (at < to) await file.sync();
  }
  await file.sync();
}
