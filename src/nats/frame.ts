// A batch as messages of a stream. One header says what a message holds, so that each can be judged
// by itself: format, kind, app, partition, first position, count, epoch, nonce of the batch, which
// part of how many, and the chain before and after. A seal says that the changelog was closed in
// order; it takes no position.
import { createHash } from "node:crypto";
import type { Batch } from "../ports/changelog.ts";

export const frameHeader = "Holdfast";
const format = 1;

/** Larger batches are cut: a message may have 1 MiB, headers included. */
export const partBytesMax: number = 512 * 1024;

export interface Frame {
  readonly kind: "batch" | "seal";
  readonly app: string;
  readonly partition: number;
  readonly first: number;
  readonly count: number;
  readonly epoch: number;
  readonly nonce: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  /** Chain checksum of everything before, and with this batch. */
  readonly before: number;
  readonly chain: number;
}

export function frameText(frame: Frame): string {
  const { kind, app, partition, first, count, epoch, nonce, part, parts, before, chain } = frame;
  const fields = [format, kind, app, partition, first, count, epoch, nonce, part, parts];
  return [...fields, hex48(before), hex48(chain)].join(" ");
}

const pattern =
  /^1 (batch|seal) ([a-z0-9-]+) (\d+) (\d+) (\d+) (\d+) ([0-9a-f]+) (\d+) (\d+) ([0-9a-f]{12}) ([0-9a-f]{12})$/;

/** Undefined when the text is not of this format. */
export function frameOf(text: string): Frame | undefined {
  const [, kind, app = "", partition, first, count, epoch, nonce = "", ...rest] =
    pattern.exec(text) ?? [];
  if (kind === undefined) return undefined;
  const [part, parts, before = "", chain = ""] = rest;
  return {
    kind: kind as Frame["kind"],
    app,
    partition: Number(partition),
    first: Number(first),
    count: Number(count),
    epoch: Number(epoch),
    nonce,
    part: Number(part),
    parts: Number(parts),
    before: Number.parseInt(before, 16),
    chain: Number.parseInt(chain, 16),
  };
}

/** Position of a frame's last record; for a seal the one before it. */
export function lastOf({ first, count }: Pick<Frame, "first" | "count">): number {
  return first + count - 1;
}

/** The first 48 bits of SHA-256 over the chain before, the place in it and the bytes. */
export function chainAfter(before: number, { first, count, epoch, bytes }: Batch): number {
  const place = Buffer.alloc(32);
  place.writeUIntBE(before, 2, 6);
  place.writeBigUInt64BE(BigInt(first), 8);
  place.writeBigUInt64BE(BigInt(count), 16);
  place.writeBigUInt64BE(BigInt(epoch), 24);
  return createHash("sha256").update(place).update(bytes).digest().readUIntBE(0, 6);
}

/** The bytes of each message a batch is stored as: one at least. */
export function cut(bytes: Uint8Array, size: number = partBytesMax): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += size) {
    parts.push(bytes.subarray(at, at + size));
  }
  return parts;
}

function hex48(value: number): string {
  return value.toString(16).padStart(12, "0");
}
