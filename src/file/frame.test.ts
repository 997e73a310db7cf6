import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { FrameHead } from "./frame.ts";
import {
  decodeFrame,
  encodeFrame,
  frameBytesMax,
  frameHeaderBytes,
  frameLengthAt,
  lastOf,
} from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import { decodeHeader, decodeSummary, encodeFooter, encodeHeader } from "./segment.ts";

const runs = { numRuns: 300, seed: 1 };
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** A head as a writer would make it, with its payload. */
const frames = fc
  .record({
    kind: fc.constantFrom("batch", "seal", "close", "footer" as const),
    first: fc.integer({ min: 1, max: 2 ** 53 - 2 ** 33 }),
    count: fc.integer({ min: 1, max: 0xffff_ffff }),
    epoch: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    previous: uint32,
    watermark: fc.double({ min: 0, max: 1, noNaN: true }),
    payload: fc.uint8Array({ maxLength: 300 }),
    salt: uint32,
  })
  .map(({ kind, first, count, watermark, payload, salt, ...rest }) => {
    const head = {
      ...rest,
      kind,
      first,
      count: kind === "batch" ? count : 0,
      watermark: Math.floor((first - 1) * watermark),
    } as FrameHead;
    return { head, payload, salt };
  });

test("a frame comes back as it was written, from any place in a buffer", () => {
  fc.assert(
    fc.property(frames, fc.nat(100), fc.nat(50), ({ head, payload, salt }, before, after) => {
      const bytes = encodeFrame(head, payload, salt);
      const buffer = Buffer.concat([Buffer.alloc(before, 7), bytes, Buffer.alloc(after, 9)]);
      const frame = decodeFrame(buffer, before, salt);
      expect(frame).toMatchObject(head);
      expect(Buffer.compare(frame!.payload, payload)).toBe(0);
      expect(frame!.length).toBe(frameHeaderBytes + payload.length);
      expect(lastOf(frame!)).toBe(head.first + head.count - 1);
    }),
    runs,
  );
});

test("a frame with any bit changed is none", () => {
  fc.assert(
    fc.property(frames, fc.nat(), ({ head, payload, salt }, at) => {
      const bytes = Buffer.from(encodeFrame(head, payload, salt));
      const bit = at % (bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeFrame(bytes, 0, salt)).toBe(undefined);
    }),
    runs,
  );
});

test("a frame of another segment is none, and its chain is the same in every segment", () => {
  fc.assert(
    fc.property(frames, uint32, ({ head, payload, salt }, other) => {
      fc.pre(salt !== other);
      const bytes = Buffer.from(encodeFrame(head, payload, salt));
      expect(decodeFrame(bytes, 0, other)).toBe(undefined);
      const moved = Buffer.from(encodeFrame(head, payload, other));
      expect(decodeFrame(moved, 0, other)?.chain).toBe(decodeFrame(bytes, 0, salt)?.chain);
    }),
    runs,
  );
});

test("a frame cut anywhere is none", () => {
  fc.assert(
    fc.property(frames, fc.nat(), ({ head, payload, salt }, at) => {
      const bytes = Buffer.from(encodeFrame(head, payload, salt));
      expect(decodeFrame(bytes.subarray(0, at % bytes.length), 0, salt)).toBe(undefined);
    }),
    runs,
  );
});

test("no bytes at all make the decoder throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
      const magic = Buffer.concat([Buffer.from("HFfr"), bytes]);
      expect(decodeFrame(magic, 0, 0)).toBe(undefined);
      decodeFrame(Buffer.from(bytes), at, 0);
    }),
    runs,
  );
});

test("a length beyond the limit is damage before it is an allocation", () => {
  const bytes = Buffer.alloc(100);
  bytes.write("HFfr", "latin1");
  for (const length of [0, 47, frameBytesMax + 1, 0xffff_ffff]) {
    bytes.writeUInt32LE(length, 8);
    expect(frameLengthAt(bytes, 0)).toBe(undefined);
  }
});

test("a segment's header comes back, and none with a bit changed does", () => {
  const salt = Buffer.from("0123456789abcdef");
  const header = encodeHeader(7, 16 * 1024 * 1024, salt);
  expect(decodeHeader(header)).toEqual({ number: 7, size: 16 * 1024 * 1024, salt: crc32(salt) });
  for (let bit = 0; bit < header.length * 8; bit++) {
    const changed = Buffer.from(header);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(decodeHeader(changed)).toBe(undefined);
  }
});

test("a header of a later version is recognised as such", () => {
  const header = encodeHeader(7, 4096, Buffer.alloc(16));
  header[12] = 2;
  header.writeUInt32LE(crc32(header.subarray(12)), 8);
  expect(decodeHeader(header)).toBe("newer");
});

/** The bytes of version 1, which every later version must read and this one must write. */
function goldenBytes(): Uint8Array {
  const salt = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  const mixed = crc32(salt);
  const header = encodeHeader(3, 4096, salt);
  const payload = Buffer.from("records of one batch", "latin1");
  const batch: FrameHead = {
    kind: "batch",
    first: 5_000_000_001,
    count: 2,
    epoch: 4,
    previous: 0xcafe_f00d,
    watermark: 5_000_000_000,
  };
  const first = encodeFrame(batch, payload, mixed);
  const chain = decodeFrame(Buffer.from(first), 0, mixed)!.chain;
  const last = lastOf(batch);
  const mark = { first: last + 1, count: 0, epoch: 4, previous: chain, watermark: last };
  const index = new FrameIndex();
  index.add(last, chain, 64);
  const footer = encodeFooter(
    {
      number: 3,
      size: 4096,
      salt: mixed,
      path: "",
      first: batch.first,
      previous: batch.previous,
      last,
      chain,
      epoch: 4,
      end: 0,
      index,
      digest: undefined,
    },
    "ab".repeat(32),
  );
  const none = new Uint8Array(0);
  return Buffer.concat([
    header,
    first,
    encodeFrame({ ...mark, kind: "seal" }, none, mixed),
    encodeFrame({ ...mark, kind: "close" }, none, mixed),
    footer,
  ]);
}

test("header, batch, seals and footer of version 1 are these bytes", () => {
  const path = new URL("../../test/golden/frame.v1.hex", import.meta.url);
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => !line.startsWith("#"));
  const golden = Buffer.from(lines.join("").replaceAll(/\s/g, ""), "hex");
  expect(Buffer.from(goldenBytes()).toString("hex")).toBe(golden.toString("hex"));
  const header = decodeHeader(golden);
  if (typeof header !== "object") throw new Error("no header");
  let at = 64;
  const kinds: string[] = [];
  while (at < golden.length) {
    const frame = decodeFrame(golden, at, header.salt);
    if (frame === undefined) throw new Error(`no frame at ${at}`);
    kinds.push(frame.kind);
    if (frame.kind === "footer") {
      expect(decodeSummary(frame.payload)).toEqual({
        digest: "ab".repeat(32),
        first: 5_000_000_001,
        previous: 0xcafe_f00d,
        batches: 1,
      });
    }
    at += frame.length;
  }
  expect(kinds).toEqual(["batch", "seal", "close", "footer"]);
});
