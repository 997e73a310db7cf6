// Reads batches back in order, while others are appended, and checks sealed segments against the
// digest in their footer. It reads through handles of its own and never beyond what is durable.
// Every frame is checked again here: opening believed the footers of full segments.

import { createHash } from "node:crypto";
import { HoldfastError } from "../model/errors.ts";
import type { StoredBatch } from "../ports/changelog.ts";
import { damaged } from "./damage.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { isAbsent } from "./disk.ts";
import { decodeFrame, frameBytesMax, frameHeaderBytes, frameLengthAt, lastOf } from "./frame.ts";
import type { Expected } from "./scan.ts";
import { scanSegment } from "./scan.ts";
import type { Segment } from "./segment.ts";
import { segmentHeaderBytes } from "./segment.ts";

/** Bytes per read; a longer frame is read whole. */
const chunkBytes = 1024 * 1024;

export interface ReadSource {
  readonly disk: Disk;
  /** The data directory, for messages. */
  readonly directory: string;
  /** What is held now, oldest first; grows and is trimmed while somebody reads. */
  readonly segments: () => readonly Segment[];
  /** Throws when nothing may be read any more. */
  readonly check: () => void;
}

export async function* readBatches(
  source: ReadSource,
  position: number,
): AsyncGenerator<StoredBatch, void, undefined> {
  source.check();
  // A reader that starts before the oldest record starts with it; one that is overtaken by a trim
  // later on would skip records, and is told.
  let next = Math.max(position, source.segments()[0]?.first ?? 1);
  for (;;) {
    source.check();
    const held = source.segments();
    if (next < (held[0]?.first ?? 1)) throw trimmed(next, held[0]!.first);
    const segment = held.find((each) => each.last >= next);
    if (segment === undefined) return;
    // By the chunk: one asynchronous step per batch is what reading costs, two would double it.
    for await (const batches of readSegment(source, segment, next)) {
      for (const batch of batches) {
        yield batch;
        source.check();
        next = batch.first + batch.count;
      }
    }
  }
}

function trimmed(position: number, first: number): HoldfastError {
  return new HoldfastError("CHANGELOG_TRIMMED", {
    happened:
      `Record ${position} was let go of while it was being read towards; ` +
      `the oldest one held is ${first}.`,
    data: { position, first },
  });
}

/** The batches of one segment from the one that holds `position`, to its end at this moment. */
async function* readSegment(
  source: ReadSource,
  segment: Segment,
  position: number,
): AsyncGenerator<readonly StoredBatch[], void, undefined> {
  const file = await openHeld(source, segment, position);
  if (file === undefined) return;
  try {
    const { end } = segment;
    const start = segment.index?.offsetOf(position);
    let offset = start ?? segmentHeaderBytes;
    let expected: Expected | undefined = start === undefined ? segment : undefined;
    while (offset < end) {
      const bytes = await readChunk(file, offset, end);
      const taken = takeBatches(bytes, segment.salt, expected);
      expected = taken.expected ?? expected;
      yield taken.batches.filter(({ first, count }) => first + count > position);
      offset += taken.length;
      if (taken.length > 0) continue;
      offset = await skipLostSeal(source, file, segment, { offset, end, expected });
    }
  } finally {
    await file.close();
  }
}

/** Undefined if a trim took the segment away in the meantime. */
async function openHeld(
  source: ReadSource,
  segment: Segment,
  position: number,
): Promise<DiskFile | undefined> {
  try {
    return await source.disk.open(segment.path, "read");
  } catch (error) {
    // What is there and cannot be opened now (too many files, no right) is not damaged by that.
    if (!isAbsent(error)) throw failed(segment, error);
    if (!source.segments().includes(segment)) return undefined;
    throw damaged({
      directory: source.directory,
      file: segment.path,
      offset: 0,
      what: "it is missing",
      from: position,
      to: segment.last,
      cause: error,
    });
  }
}

function failed({ path }: Segment, cause: unknown): HoldfastError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const happened = `The changelog's segment ${path} could not be opened: ${text}.`;
  return new HoldfastError("CHANGELOG_FAILED", { happened, data: { file: path }, cause });
}

/** At least one whole frame from `offset`, if a good one begins there. A buffer of its own. */
async function readChunk(file: DiskFile, offset: number, end: number): Promise<Buffer> {
  let length = Math.min(chunkBytes, end - offset);
  for (;;) {
    // Not cleared: only what was read is looked at.
    const bytes = Buffer.allocUnsafeSlow(length);
    const read = bytes.subarray(0, await file.read(bytes, 0, length, offset));
    const first = frameLengthAt(read, 0);
    const whole = Math.min(first ?? 0, end - offset, frameBytesMax);
    if (whole <= length) return read;
    length = whole;
  }
}

interface Taken {
  readonly batches: StoredBatch[];
  /** Bytes of the frames taken. */
  readonly length: number;
  readonly expected: Expected | undefined;
}

function takeBatches(bytes: Buffer, salt: number, from: Expected | undefined): Taken {
  const batches: StoredBatch[] = [];
  let expected = from;
  let offset = 0;
  while (offset + frameHeaderBytes <= bytes.length) {
    const frame = decodeFrame(bytes, offset, salt);
    if (frame === undefined) break;
    const { first, count, epoch, chain, previous, payload } = frame;
    if (expected !== undefined) {
      if (first !== expected.first || previous !== expected.previous) break;
    }
    if (frame.kind === "batch") {
      batches.push({ first, count, epoch, bytes: payload, chain });
      expected = { first: lastOf(frame) + 1, previous: chain };
    } else {
      expected = { first, previous };
    }
    offset += frame.length;
  }
  return { batches, length: offset, expected };
}

interface Stop {
  readonly offset: number;
  readonly end: number;
  readonly expected: Expected | undefined;
}

/** Where reading goes on behind bytes that are no frame, when nothing but a seal can have been. */
async function skipLostSeal(
  source: ReadSource,
  file: DiskFile,
  segment: Segment,
  { offset, end, expected }: Stop,
): Promise<number> {
  const bytes = Buffer.alloc(end);
  await file.read(bytes, 0, end, 0);
  const scan = scanSegment(bytes, segment.salt, segment);
  const from = expected?.first ?? segment.first;
  const on = scan.last >= from && scan.damage === undefined ? scan.index.offsetOf(from) : end;
  if (scan.last >= segment.last && on !== undefined && on > offset) return on;
  throw damaged({
    directory: source.directory,
    file: segment.path,
    offset,
    what: "a frame fails its check",
    from,
    to: segment.last,
  });
}

/** Compares a full segment with its footer's SHA-256. @throws HoldfastError `CHANGELOG_DAMAGED` */
export async function verifyDigest(source: ReadSource, segment: Segment): Promise<void> {
  const file = await openHeld(source, segment, segment.first);
  if (file === undefined) return;
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(Math.min(chunkBytes, segment.end));
    for (let at = 0; at < segment.end; ) {
      source.check();
      const count = await file.read(buffer, 0, Math.min(buffer.length, segment.end - at), at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    if (hash.digest("hex") === segment.digest) return;
    const bytes = Buffer.alloc(segment.end);
    await file.read(bytes, 0, bytes.length, 0);
    const scan = scanSegment(bytes, segment.salt, segment);
    const what = "its SHA-256 is not the one its footer names";
    const offset = scan.damage?.offset ?? scan.end;
    throw damaged({
      directory: source.directory,
      file: segment.path,
      offset,
      what,
      from: scan.damage?.from ?? segment.first,
      to: segment.last,
    });
  } finally {
    await file.close();
  }
}
