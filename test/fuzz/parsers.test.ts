// T12: whatever bytes a parser is given, it reads them or refuses them in the one way it says; and
// what was written is read back the same. FUZZ=n cases for each (default 200).
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeReply, decodeRequest } from "../../src/codec/bus-message.ts";
import { batchBytes, recordLine, recordsOf } from "../../src/codec/record.ts";
import { decodePayload, decodeText, encodePayload, encodeText } from "../../src/codec/row.ts";
import {
  decodeFrame,
  encodeFrame,
  type FrameHead,
  frameHeaderBytes,
} from "../../src/file/frame.ts";
import { scanSegment } from "../../src/file/scan.ts";
import {
  decodeHeader,
  decodeSummary,
  encodeHeader,
  segmentHeaderBytes,
} from "../../src/file/segment.ts";
import {
  formatAwakeableId,
  formatInvocationId,
  parseAwakeableId,
  parseInvocationId,
} from "../../src/model/ids.ts";
import {
  base64Of,
  base64urlOf,
  bytesOfBase64,
  bytesOfBase64url,
  bytesOfHex,
  hexOf,
} from "../../src/std/bytes.ts";
import { durationMsMax, formatDuration, parseDuration } from "../../src/std/duration.ts";
import { arbitraryRecord } from "../support/changes.ts";

const numRuns = Number(process.env["FUZZ"] ?? 200);
const seed = 20_261_122;
const minutes = 60_000 * Math.ceil(numRuns / 10_000);

function fuzz<T>(name: string, of: fc.Arbitrary<T>, holds: (value: T) => void): void {
  test(name, () => fc.assert(fc.property(of, holds), { numRuns, seed }), minutes);
}

/** The code something is refused with, undefined where it is not. */
function refusal(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}

const salt = 0x1234_5678;
const bytes = fc.uint8Array({ maxLength: 400 });
const head: fc.Arbitrary<FrameHead> = fc
  .record({
    first: fc.integer({ min: 1, max: 2 ** 48 }),
    count: fc.integer({ min: 0, max: 1000 }),
    epoch: fc.nat(),
    previous: fc.nat(),
    mark: fc.constantFrom("seal", "close", "footer"),
  })
  .map(({ mark, first, ...rest }) => ({
    ...rest,
    first,
    kind: rest.count > 0 ? "batch" : mark,
    watermark: first - 1,
  }));

fuzz("a frame is read back as it was written", fc.tuple(head, bytes), ([head, payload]) => {
  const frame = decodeFrame(Buffer.from(encodeFrame(head, payload, salt)), 0, salt);
  expect(frame).toMatchObject(head);
  expect(Buffer.compare(frame?.payload ?? Buffer.alloc(1), payload)).toBe(0);
});

fuzz(
  "a frame with one byte changed, or of another segment, is none",
  fc.tuple(head, bytes, fc.nat(), fc.integer({ min: 1, max: 255 })),
  ([head, payload, at, flip]) => {
    const frame = Buffer.from(encodeFrame(head, payload, salt));
    expect(decodeFrame(frame, 0, salt ^ flip)).toBeUndefined();
    const changed = at % frame.length;
    frame[changed] = (frame[changed] as number) ^ flip;
    expect(decodeFrame(frame, 0, salt)).toBeUndefined();
  },
);

fuzz("any bytes are a frame or none", fc.tuple(bytes, fc.nat(500)), ([given, offset]) => {
  const magic = Buffer.concat([Buffer.from("HFfr"), given]);
  for (const each of [Buffer.from(given), magic]) {
    const frame = decodeFrame(each, offset, salt);
    if (frame !== undefined) expect(frame.length).toBeGreaterThanOrEqual(frameHeaderBytes);
  }
});

/** A segment of batches that follow one another, with what came in between. */
const log = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), bytes), { maxLength: 8 });

function written(batches: readonly (readonly [number, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [Buffer.alloc(segmentHeaderBytes)];
  let [first, previous] = [1, 0];
  for (const [count, payload] of batches) {
    const head = { kind: "batch", first, count, epoch: 1, previous, watermark: first - 1 } as const;
    const frame = Buffer.from(encodeFrame(head, payload, salt));
    previous = decodeFrame(frame, 0, salt)?.chain ?? 0;
    parts.push(frame);
    first += count;
  }
  return Buffer.concat([...parts, Buffer.alloc(200)]);
}

fuzz(
  "a segment with any bytes overwritten shows a beginning of what was there, or says damage",
  fc.tuple(log, fc.nat(), bytes),
  ([batches, at, garbage]) => {
    const whole = written(batches);
    const asked = batches.reduce((sum, [count]) => sum + count, 0);
    const expected = { first: 1, previous: 0 };
    expect(scanSegment(whole, salt, expected)).toMatchObject({ last: asked, torn: false });
    const hit = Buffer.from(whole);
    hit.set(garbage.subarray(0, whole.length - (at % whole.length)), at % whole.length);
    const scan = scanSegment(hit, salt, expected);
    expect(scan.last).toBeLessThanOrEqual(asked);
    const before = scanSegment(Buffer.from(whole.subarray(0, scan.end)), salt, expected);
    if (scan.damage === undefined) expect(before.chain).toBe(scan.chain);
  },
);

fuzz("any bytes are a segment's header or none", bytes, (given) => {
  decodeHeader(Buffer.from(given));
  decodeSummary(given);
  const header = encodeHeader(7, 4096, Buffer.alloc(16, given[0] ?? 0));
  expect(decodeHeader(header)).toMatchObject({ number: 7, size: 4096 });
  const at = given.length % segmentHeaderBytes;
  header[at] = (header[at] as number) ^ 0x10;
  expect(decodeHeader(header)).toBeOneOf([undefined, "newer"]);
});

fuzz(
  "records are read back as they were written",
  fc.array(arbitraryRecord, { minLength: 1 }),
  (all) => {
    const lines = all.map(({ time, changes }) => recordLine(time, changes));
    const read = recordsOf(batchBytes(lines), 1);
    expect(read.map(({ time, changes }) => recordLine(time, changes))).toEqual(lines);
  },
);

fuzz("any bytes are records, or RECORD_UNREADABLE", bytes, (given) => {
  expect(refusal(() => recordsOf(given, 1))).toBeOneOf([undefined, "RECORD_UNREADABLE"]);
});

fuzz("any JSON in a record's place is a record, or RECORD_UNREADABLE", fc.json(), (json) => {
  for (const line of [json, `[1,${json}]`, `[1,["c",${json}]]`]) {
    const said = refusal(() => recordsOf(batchBytes([line]), 1));
    expect(said).toBeOneOf([undefined, "RECORD_UNREADABLE"]);
  }
});

fuzz(
  "a record with a piece cut out is a record, or RECORD_UNREADABLE",
  fc.tuple(arbitraryRecord, fc.nat(), fc.nat(20)),
  ([{ time, changes }, at, length]) => {
    const line = recordLine(time, changes);
    const from = at % line.length;
    const cut = line.slice(0, from) + line.slice(from + length);
    const said = refusal(() => recordsOf(batchBytes([cut]), 1));
    expect(said).toBeOneOf([undefined, "RECORD_UNREADABLE"]);
  },
);

fuzz(
  "any bytes are a message between nodes, or RECORD_UNREADABLE",
  fc.oneof(bytes, fc.json()),
  (given) => {
    const sent = typeof given === "string" ? Buffer.from(`[1,${given}]`) : given;
    for (const decode of [decodeRequest, decodeReply]) {
      expect(refusal(() => decode(sent))).toBeOneOf([undefined, "RECORD_UNREADABLE"]);
    }
  },
);

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));

fuzz("texts and payloads survive their cell", fc.tuple(anyText, fc.json()), ([text, json]) => {
  expect(decodeText(encodeText(text))).toBe(text);
  expect(decodePayload(encodePayload(json))).toBe(json);
  expect(decodePayload(encodePayload(text))).toBe(text);
});

fuzz(
  "an id is printed as it was parsed",
  fc.tuple(fc.uint8Array({ minLength: 24, maxLength: 24 }), fc.nat(), fc.nat()),
  ([raw, position, index]) => {
    const partitionKey = hexOf(raw.subarray(0, 8));
    const uuid = raw.subarray(8);
    const id = formatInvocationId(partitionKey, uuid);
    expect(parseInvocationId(id)).toEqual({ partitionKey, uuid: new Uint8Array(uuid) });
    const address = { partitionKey, position, index, incarnation: base64urlOf(uuid) };
    expect(parseAwakeableId(formatAwakeableId(address))).toEqual(address);
  },
);

const idLike = fc.oneof(
  anyText,
  fc
    .tuple(fc.constantFrom("inv_1", "awk_1", "inv_2", "prom_1", "_"), fc.base64String())
    .map((parts) => parts.join("")),
  fc.string({ minLength: 38, maxLength: 38 }).map((text) => `inv_1${text.slice(5)}`),
);

fuzz("any text is an id, or its code", idLike, (text) => {
  const invocation = refusal(() => parseInvocationId(text));
  expect(invocation).toBeOneOf([undefined, "INVOCATION_ID_INVALID"]);
  if (invocation === undefined) {
    const { partitionKey, uuid } = parseInvocationId(text);
    expect(formatInvocationId(partitionKey, uuid)).toBe(text);
  }
  expect(refusal(() => parseAwakeableId(text))).toBeOneOf([undefined, "AWAKEABLE_ID_INVALID"]);
});

const durationLike = fc.oneof(
  anyText,
  fc.double(),
  fc.anything(),
  fc
    .array(fc.tuple(fc.nat(100), fc.constantFrom("d", "h", "m", "s", "ms", "", "y")))
    .map((all) => all.flat().join("")),
  fc.tuple(fc.nat(100), fc.nat(100)).map(([h, m]) => `PT${h}H${m}M`),
);

fuzz("anything is a duration within bounds, or DURATION_INVALID", durationLike, (given) => {
  const said = refusal(() => parseDuration(given));
  expect(said).toBeOneOf([undefined, "DURATION_INVALID"]);
  if (said !== undefined) return;
  const ms = parseDuration(given);
  expect(Number.isInteger(ms) && ms >= 0 && ms <= durationMsMax).toBe(true);
  expect(parseDuration(formatDuration(ms))).toBe(ms);
});

fuzz(
  "bytes survive hex and base64, and other texts are refused",
  fc.tuple(bytes, anyText),
  ([given, text]) => {
    expect(bytesOfHex(hexOf(given))).toEqual(given);
    expect(bytesOfBase64(base64Of(given))).toEqual(given);
    expect(bytesOfBase64url(base64urlOf(given))).toEqual(given);
    for (const [parse, print] of [
      [bytesOfBase64, base64Of],
      [bytesOfBase64url, base64urlOf],
    ] as const) {
      // One text for each bytes: what is read is what would be written.
      if (refusal(() => parse(text)) === undefined) expect(print(parse(text))).toBe(text);
    }
  },
);
