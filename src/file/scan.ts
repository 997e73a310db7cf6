// Reads the bytes of one segment and says what they prove: which batches follow one another without
// a gap, whether the end is clean, torn or damage (the table of docs/changelog-format.md). It
// judges one segment, touches no disk and repairs nothing: that is repair.ts.

import type { Frame, FrameKind } from "./frame.ts";
import { decodeFrame, frameMagic, lastOf } from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import { segmentHeaderBytes } from "./segment.ts";

/** What must come next: position and chain. Undefined fields are not known and not checked. */
export interface Expected {
  readonly first: number;
  readonly previous: number;
}

export interface Damage {
  readonly offset: number;
  /** The first record that is missing, undefined when even that cannot be told. */
  readonly from: number | undefined;
  /** The last record known to have been there; it may be one before `from`. */
  readonly to: number;
  /** Offset of the good frame that proves it. */
  readonly next: number;
}

export interface SegmentScan {
  /** Of the first frame, whatever its kind; undefined when there is none. */
  readonly start: Expected | undefined;
  readonly index: FrameIndex;
  /** The last batch, with its offset; undefined when there is none. */
  readonly lastBatch: { readonly frame: Frame; readonly offset: number } | undefined;
  /** What the segment ends with; undefined when it holds no frame. */
  readonly lastKind: FrameKind | undefined;
  /** Offset of the frame it ends with; undefined when it holds none. */
  readonly lastOffset: number | undefined;
  readonly footer: Frame | undefined;
  readonly last: number;
  readonly chain: number;
  readonly epoch: number;
  /** Offset behind the last good frame; a footer lies behind it. */
  readonly end: number;
  /** Bytes behind `end` that are neither zeros nor good frames. */
  readonly torn: boolean;
  /** Acknowledged records are gone: they were durable when a later frame was written. */
  readonly damage: Damage | undefined;
}

/**
 * Scans a segment's bytes, header included. `expected` is what the segment before ends with;
 * undefined for the oldest one held, whose first frame is believed.
 */
export function scanSegment(
  bytes: Buffer,
  salt: number,
  expected: Expected | undefined,
): SegmentScan {
  const state = new ScanState(expected);
  let offset = segmentHeaderBytes;
  for (;;) {
    const frame = decodeFrame(bytes, offset, salt);
    if (frame !== undefined && state.continues(frame)) {
      state.take(frame, offset);
      if (frame.kind === "footer") return state.result(offset, false, undefined);
      offset += frame.length;
      continue;
    }
    const verdict = judge(bytes, offset, salt, state);
    if (verdict.kind !== "resume") {
      return state.result(offset, verdict.kind === "torn", verdict.damage);
    }
    offset = verdict.offset;
  }
}

class ScanState {
  expected: Expected | undefined;
  readonly #index = new FrameIndex();
  #start: Expected | undefined;
  #lastBatch: SegmentScan["lastBatch"];
  #lastKind: FrameKind | undefined;
  #lastOffset: number | undefined;
  #footer: Frame | undefined;
  #epoch = 0;

  constructor(expected: Expected | undefined) {
    this.expected = expected;
  }

  continues(frame: Frame): boolean {
    if (frame.epoch < this.#epoch) return false;
    const { expected } = this;
    if (expected === undefined) return true;
    return frame.first === expected.first && frame.previous === expected.previous;
  }

  holds(frame: Frame): boolean {
    return frame.kind === "batch" && this.#index.chainAt(lastOf(frame)) === frame.chain;
  }

  take(frame: Frame, offset: number): void {
    this.#start ??= { first: frame.first, previous: frame.previous };
    this.#lastKind = frame.kind;
    this.#lastOffset = offset;
    this.#epoch = frame.epoch;
    if (frame.kind === "batch") {
      this.#index.add(lastOf(frame), frame.chain, offset);
      this.#lastBatch = { frame, offset };
      this.expected = { first: lastOf(frame) + 1, previous: frame.chain };
    } else {
      if (frame.kind === "footer") this.#footer = frame;
      this.expected = { first: frame.first, previous: frame.previous };
    }
  }

  result(end: number, torn: boolean, damage: Damage | undefined): SegmentScan {
    return {
      start: this.#start,
      index: this.#index,
      lastBatch: this.#lastBatch,
      lastKind: this.#lastKind,
      lastOffset: this.#lastOffset,
      footer: this.#footer,
      last: (this.expected?.first ?? 1) - 1,
      chain: this.expected?.previous ?? 0,
      epoch: this.#epoch,
      end,
      torn,
      damage,
    };
  }
}

type Verdict =
  | { readonly kind: "clean" | "torn"; readonly damage?: undefined }
  | { readonly kind: "damaged"; readonly damage: Damage }
  | { readonly kind: "resume"; readonly offset: number; readonly damage?: undefined };

/**
 * A bad frame is a torn tail unless a later frame knew its records to be durable. A good frame for
 * this place or an earlier one, but with another history, is damage too: two writers were at work.
 */
function judge(bytes: Buffer, offset: number, salt: number, state: ScanState): Verdict {
  const from = state.expected?.first;
  const lookAhead = new LookAhead(bytes, salt);
  let next = lookAhead.find(offset);
  // Only batches are links, so what was lost before a frame that fits can only have been a seal.
  if (next !== undefined && from !== undefined && state.continues(next.frame)) {
    return { kind: "resume", offset: next.offset };
  }
  while (next !== undefined) {
    const { frame } = next;
    // A copy of what is there already proves nothing: records may hold anything, even frames.
    if (from !== undefined && state.holds(frame)) {
      next = lookAhead.find(next.offset + frame.length);
      continue;
    }
    const unsynced = from !== undefined && frame.first > from && frame.watermark < from;
    if (!unsynced) {
      return { kind: "damaged", damage: { offset, from, to: frame.watermark, next: next.offset } };
    }
    next = lookAhead.find(next.offset + frame.length);
  }
  if (lookAhead.exhausted)
    return { kind: "damaged", damage: { offset, from, to: 0, next: offset } };
  return { kind: isZero(bytes, offset) ? "clean" : "torn" };
}

/** Finds good frames among bytes that are not: byte by byte, since lengths cannot be believed. */
class LookAhead {
  /** Bytes it may checksum in all. Records that imitate frames must not make it quadratic. */
  #budget: number;
  readonly #bytes: Buffer;
  readonly #salt: number;

  constructor(bytes: Buffer, salt: number) {
    this.#bytes = bytes;
    this.#salt = salt;
    this.#budget = Math.max(64 * bytes.length, 64 * 1024 * 1024);
  }

  /** It gave up: what lies there cannot be told, so nobody may call it a torn tail. */
  get exhausted(): boolean {
    return this.#budget <= 0;
  }

  find(from: number): { readonly frame: Frame; readonly offset: number } | undefined {
    let offset = this.#bytes.indexOf(frameMagic, from);
    while (offset !== -1 && this.#budget > 0) {
      const frame = decodeFrame(this.#bytes, offset, this.#salt);
      if (frame !== undefined) return { frame, offset };
      const claimed = offset + 12 <= this.#bytes.length ? this.#bytes.readUInt32LE(offset + 8) : 0;
      if (offset + claimed <= this.#bytes.length) this.#budget -= claimed;
      offset = this.#bytes.indexOf(frameMagic, offset + 1);
    }
    return undefined;
  }
}

const zeros = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
}
