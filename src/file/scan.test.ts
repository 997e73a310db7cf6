import { expect, test } from "vitest";
import type { FrameHead } from "./frame.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import type { SegmentScan } from "./scan.ts";
import { scanSegment } from "./scan.ts";
import { segmentHeaderBytes } from "./segment.ts";

const salt = 0x1234_5678;
const start = { first: 1, previous: 0 };

/** Frames of one record each, linked, as an orderly writer would make them. */
function linked(count: number): { readonly bytes: Buffer; readonly head: FrameHead }[] {
  const frames: { bytes: Buffer; head: FrameHead }[] = [];
  let previous = 0;
  for (let first = 1; first <= count; first++) {
    const head: FrameHead = {
      kind: "batch",
      first,
      count: 1,
      epoch: 1,
      previous,
      watermark: first - 1,
    };
    const bytes = Buffer.from(encodeFrame(head, Buffer.alloc(30, first), salt));
    previous = decodeFrame(bytes, 0, salt)?.chain ?? 0;
    frames.push({ bytes, head });
  }
  return frames;
}

function sealAfter({ head, bytes }: { head: FrameHead; bytes: Buffer }): Buffer {
  const previous = decodeFrame(bytes, 0, salt)?.chain ?? 0;
  const { first } = head;
  const seal = { kind: "seal", first: first + 1, count: 0, epoch: 1, watermark: first } as const;
  return Buffer.from(encodeFrame({ ...seal, previous }, new Uint8Array(0), salt));
}

function scan(...parts: readonly Buffer[]): SegmentScan {
  const header = Buffer.alloc(segmentHeaderBytes);
  return scanSegment(Buffer.concat([header, ...parts, Buffer.alloc(500)]), salt, start);
}

/** The same bytes with one bit of the payload changed. */
function bad(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[60]! ^= 4;
  return copy;
}

const [a, b, c] = linked(3) as [
  ReturnType<typeof linked>[0],
  ReturnType<typeof linked>[0],
  ReturnType<typeof linked>[0],
];

test("frames and zeros behind them are a clean end", () => {
  const found = scan(a.bytes, b.bytes);
  expect(found).toMatchObject({ last: 2, torn: false, damage: undefined, lastKind: "batch" });
  expect(found.end).toBe(segmentHeaderBytes + a.bytes.length + b.bytes.length);
});

test("a bad frame with nothing behind it is a torn tail", () => {
  expect(scan(a.bytes, bad(b.bytes))).toMatchObject({ last: 1, torn: true, damage: undefined });
  expect(scan(a.bytes, b.bytes.subarray(0, 20))).toMatchObject({ last: 1, torn: true });
});

test("a bad frame whose records a later one knew to be durable is damage", () => {
  const offset = segmentHeaderBytes + a.bytes.length;
  const damage = { offset, from: 2, to: 2 };
  expect(scan(a.bytes, bad(b.bytes), c.bytes).damage).toMatchObject(damage);
  expect(scan(a.bytes, bad(b.bytes), sealAfter(b)).damage).toMatchObject(damage);
  expect(scan(a.bytes, Buffer.alloc(b.bytes.length), c.bytes).damage).toMatchObject(damage);
  expect(scan(a.bytes, b.bytes.subarray(0, 40), c.bytes).damage).toMatchObject(damage);
});

test("later frames that knew nothing of it to be durable are a torn tail too", () => {
  const early = Buffer.from(encodeFrame({ ...c.head, watermark: 1 }, Buffer.alloc(9), salt));
  expect(scan(a.bytes, bad(b.bytes), early)).toMatchObject({
    last: 1,
    torn: true,
    damage: undefined,
  });
});

test("a bad seal costs nothing, since batches link to batches", () => {
  const found = scan(a.bytes, bad(Buffer.concat([sealAfter(a), Buffer.alloc(20)])), b.bytes);
  expect(found).toMatchObject({ last: 2, torn: false, damage: undefined });
});

test("another history at the same place is damage: two writers were at work", () => {
  const other = Buffer.from(encodeFrame({ ...b.head, previous: 99 }, Buffer.alloc(9), salt));
  expect(scan(a.bytes, other).damage).toMatchObject({ from: 2 });
});

test("frames of another segment are bytes like any others", () => {
  const stale = Buffer.from(encodeFrame(c.head, Buffer.alloc(30, 3), salt + 1));
  expect(scan(a.bytes, bad(b.bytes), stale)).toMatchObject({ last: 1, damage: undefined });
});

test("an epoch that goes back is no continuation", () => {
  const back = Buffer.from(encodeFrame({ ...b.head, epoch: 0 }, Buffer.alloc(9), salt));
  expect(scan(a.bytes, back).damage).toMatchObject({ from: 2 });
});

test("the oldest segment held is believed from its first frame, and only from there", () => {
  const header = Buffer.alloc(segmentHeaderBytes);
  const from = scanSegment(Buffer.concat([header, b.bytes, c.bytes]), salt, undefined);
  expect(from).toMatchObject({ start: { first: 2 }, last: 3, damage: undefined });
  const broken = scanSegment(Buffer.concat([header, bad(b.bytes), c.bytes]), salt, undefined);
  expect(broken.damage).toMatchObject({ offset: segmentHeaderBytes, from: undefined, to: 2 });
});

test("bytes made to keep the search busy are refused rather than called a torn tail", () => {
  // Each magic claims all that follows: checked one by one that would be quadratic.
  const many = Buffer.alloc(400_000);
  for (let at = 0; at + 48 <= many.length; at += 48) {
    many.write("HFfr", at, "latin1");
    many.writeUInt32LE(many.length - at, at + 8);
  }
  expect(scan(a.bytes, many).damage).toMatchObject({ from: 2 });
});
