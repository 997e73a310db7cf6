// One frame: a batch as the file changelog writes it, or one of its two marks, seal and footer.
// Bytes in, bytes out; no file, no clock. Two checks in one: the stored checksum also depends on
// the segment's salt, so that bytes of another segment never validate; the chain does not, so that
// a frame copied to another segment (R16) keeps its place in history. docs/changelog-format.md has
// the layout.

import { crc32 } from "node:zlib";
import { invariant } from "../std/assert.ts";

/** Bytes of a frame before its payload. */
export const frameHeaderBytes = 48;
/** A length beyond this is damage, and never a reason to allocate. Far above any batch. */
export const frameBytesMax: number = 256 * 1024 * 1024;
export const frameVersion = 1;

/** "HFfr": no text and no small number looks like it. */
export const frameMagic: Uint8Array = Uint8Array.of(0x48, 0x46, 0x66, 0x72);
const magicNumber = 0x72664648;

/**
 * - `batch`: records.
 * - `seal`: none; says that all before it is durable.
 * - `close`: a seal whose writer ended in order.
 * - `footer`: the last frame of a full segment, with its summary as payload.
 */
export type FrameKind = "batch" | "seal" | "close" | "footer";
const kinds: readonly FrameKind[] = ["batch", "seal", "close", "footer"];

export interface FrameHead {
  readonly kind: FrameKind;
  /** Position of the first record; of the next one to come where the frame holds none. */
  readonly first: number;
  readonly count: number;
  readonly epoch: number;
  /** Chain of the batch before: only batches are links, a lost seal breaks nothing. */
  readonly previous: number;
  /** Highest position known durable when this was written. */
  readonly watermark: number;
}

export interface Frame extends FrameHead {
  /** CRC-32 of everything behind the checksum field: names the history up to this frame. */
  readonly chain: number;
  /** Bytes of the whole frame. */
  readonly length: number;
  /** A view into the buffer it was decoded from. */
  readonly payload: Uint8Array;
}

/**
 * Writes head and checksum of a frame into the first 48 bytes of `target` and answers its chain.
 * The payload need not lie in `target`: it is only read.
 */
export function encodeFrameHead(
  target: Buffer,
  head: FrameHead,
  payload: Uint8Array,
  salt: number,
): number {
  const length = frameHeaderBytes + payload.length;
  invariant(length <= frameBytesMax, () => `a frame of ${length} bytes (most ${frameBytesMax})`);
  target.writeUInt32LE(magicNumber, 0);
  target.writeUInt32LE(length, 8);
  target[12] = frameVersion;
  target[13] = kinds.indexOf(head.kind);
  target[14] = 0;
  target[15] = 0;
  writeUint64(target, head.first, 16);
  target.writeUInt32LE(head.count, 24);
  target.writeUInt32LE(head.previous, 28);
  writeUint64(target, head.epoch, 32);
  writeUint64(target, head.watermark, 40);
  const chain = crc32(payload, crc32(target.subarray(8, frameHeaderBytes)));
  target.writeUInt32LE((chain ^ salt) >>> 0, 4);
  return chain;
}

/** A whole frame in a buffer of its own, for the rare ones: seals, footers, copies. */
export function encodeFrame(head: FrameHead, payload: Uint8Array, salt: number): Uint8Array {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  encodeFrameHead(bytes, head, payload, salt);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

/** Length of the frame that may begin at `offset`; undefined if none can. Checks no checksum. */
export function frameLengthAt(bytes: Buffer, offset: number): number | undefined {
  if (offset + frameHeaderBytes > bytes.length) return undefined;
  if (bytes.readUInt32LE(offset) !== magicNumber) return undefined;
  const length = bytes.readUInt32LE(offset + 8);
  return length >= frameHeaderBytes && length <= frameBytesMax ? length : undefined;
}

/** The frame at `offset` if one lies there whole and its checksum holds for this salt. */
export function decodeFrame(bytes: Buffer, offset: number, salt: number): Frame | undefined {
  const length = frameLengthAt(bytes, offset);
  if (length === undefined || offset + length > bytes.length) return undefined;
  const chain = crc32(bytes.subarray(offset + 8, offset + length));
  if (bytes.readUInt32LE(offset + 4) !== (chain ^ salt) >>> 0) return undefined;
  // From here on the bytes are what was written; what follows guards against our own mistakes
  // and against a version that should have been refused at the door.
  const kind = kinds[bytes[offset + 13]!];
  if (bytes[offset + 12] !== frameVersion || kind === undefined) return undefined;
  const first = readUint64(bytes, offset + 16);
  const count = bytes.readUInt32LE(offset + 24);
  const epoch = readUint64(bytes, offset + 32);
  const watermark = readUint64(bytes, offset + 40);
  if (first < 1 || watermark >= first || (kind === "batch") !== count > 0) return undefined;
  return {
    kind,
    first,
    count,
    epoch,
    previous: bytes.readUInt32LE(offset + 28),
    watermark,
    chain,
    length,
    payload: bytes.subarray(offset + frameHeaderBytes, offset + length),
  };
}

/** Position of the last record at or before the end of this frame. */
export function lastOf(frame: FrameHead): number {
  return frame.first + frame.count - 1;
}

/** Numbers up to 2^53 in eight bytes, low half first. BigInt would cost an allocation each. */
export function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % 0x1_0000_0000, offset);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}

export function readUint64(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset) + source.readUInt32LE(offset + 4) * 0x1_0000_0000;
}
