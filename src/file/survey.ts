// Reads what lies in a changelog's folder and proves that it is one history, without changing a
// byte: repair.ts and readers that may not write both start from here. A segment that ends with a
// footer is believed by its summary and verified later; every other one is scanned.

import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import { damaged } from "./damage.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { decodeFrame } from "./frame.ts";
import type { FrameIndex } from "./frame-index.ts";
import type { Expected, SegmentScan } from "./scan.ts";
import { scanSegment } from "./scan.ts";
import type { Segment, SegmentHeader } from "./segment.ts";
import {
  decodeHeader,
  decodeSummary,
  footerBytes,
  numberOfName,
  segmentHeaderBytes,
  segmentName,
} from "./segment.ts";
import { readWitness } from "./witness.ts";

export interface SurveyOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly folder: string;
}

export interface Surveyed {
  /** Oldest first; the last is the tail. Empty when nothing was ever written. */
  readonly segments: Segment[];
  /** Prepared to follow the tail, still without a frame. */
  readonly spare: Segment | undefined;
  /** The bytes of the last segment and what they prove; undefined when there is no segment. */
  readonly tail: { readonly bytes: Buffer; readonly scan: SegmentScan } | undefined;
  readonly last: number;
  readonly chain: number;
  readonly epoch: number;
  /** Nothing behind the tail is in doubt, and its writer ended in order. */
  readonly clean: boolean;
}

/** A segment as found, with its bytes if it was scanned. */
interface Found {
  readonly segment: Segment;
  readonly scanned: { readonly bytes: Buffer; readonly scan: SegmentScan } | undefined;
}

/** @throws HoldfastError `CHANGELOG_DAMAGED` when acknowledged records are missing or wrong. */
export async function survey(options: SurveyOptions): Promise<Surveyed> {
  const numbers = await segmentNumbers(options);
  const found: Found[] = [];
  for (const number of numbers) {
    found.push(await readSegment(options, number, found.at(-1)));
  }
  const surveyed = conclude(options, found);
  await checkWitness(options, surveyed);
  return surveyed;
}

async function segmentNumbers(options: SurveyOptions): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await options.disk.list(options.folder)) {
    const number = numberOfName(name);
    if (number !== undefined) numbers.push(number);
  }
  numbers.sort((a, b) => a - b);
  numbers.forEach((number, at) => {
    const before = numbers[at - 1];
    if (before === undefined || before === number - 1) return;
    throw refuse(options, before + 1, 0, "the file is missing, and later ones are there");
  });
  return numbers;
}

async function readSegment(
  options: SurveyOptions,
  number: number,
  before: Found | undefined,
): Promise<Found> {
  const path = join(options.folder, segmentName(number));
  const file = await options.disk.open(path, "read");
  try {
    const size = await file.size();
    const header = await readHeader(options, file, number);
    const expected = expectedAfter(number, before);
    const summarised = await readSummarised(file, size, { header, path, expected });
    if (summarised !== undefined) return { segment: summarised, scanned: undefined };
    // Not cleared first: most of it is about to be read over, 16 MiB at a time.
    const room = Buffer.allocUnsafeSlow(size);
    const bytes = room.subarray(0, await file.read(room, 0, size, 0));
    const start = cutAtOverlap(before, bytes, header) ?? expected;
    const scan = scanSegment(bytes, header.salt, start);
    refuseDamage(options, { header, scan, expected: start, before });
    return { segment: segmentOf(header, path, scan, start), scanned: { bytes, scan } };
  } finally {
    await file.close();
  }
}

async function readHeader(
  options: SurveyOptions,
  file: DiskFile,
  number: number,
): Promise<SegmentHeader> {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  await file.read(bytes, 0, bytes.length, 0);
  const header = decodeHeader(bytes);
  if (header === "newer") {
    throw new HoldfastError("DIRECTORY_NEWER", {
      happened: `${segmentName(number)} in ${options.folder} was written by a newer version.`,
    });
  }
  // A segment gets its name only once its header is durable: a bad one is never a torn write.
  if (header === undefined) throw refuse(options, number, 0, "its header fails its checksum");
  if (header.number !== number) {
    throw refuse(options, number, 16, `it says it is segment ${header.number}`);
  }
  return header;
}

/** What the first frame of a segment must be; nothing is known before the oldest one held. */
function expectedAfter(number: number, before: Found | undefined): Expected | undefined {
  if (before !== undefined) {
    return { first: before.segment.last + 1, previous: before.segment.chain };
  }
  return number === 1 ? { first: 1, previous: 0 } : undefined;
}

interface Place {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly expected: Expected | undefined;
}

/** The segment by its footer, if it has a good one that fits what came before. */
async function readSummarised(
  file: DiskFile,
  size: number,
  { header, path, expected }: Place,
): Promise<Segment | undefined> {
  const end = size - footerBytes;
  if (end < segmentHeaderBytes) return undefined;
  const bytes = Buffer.alloc(footerBytes);
  await file.read(bytes, 0, footerBytes, end);
  const footer = decodeFrame(bytes, 0, header.salt);
  if (footer?.kind !== "footer") return undefined;
  const summary = decodeSummary(footer.payload);
  if (summary === undefined) return undefined;
  const { first, previous, digest } = summary;
  // One that does not fit is scanned: the scan says where history breaks.
  if (expected !== undefined && first !== expected.first) return undefined;
  if (expected !== undefined && previous !== expected.previous) return undefined;
  return {
    ...header,
    path,
    first,
    previous,
    end,
    digest,
    last: footer.first - 1,
    chain: footer.previous,
    epoch: footer.epoch,
    index: undefined,
  };
}

/**
 * A segment ends where the next one begins: a repair copies the batch in doubt before it removes
 * the original. The copy must have the history the original had.
 */
function cutAtOverlap(
  before: Found | undefined,
  bytes: Buffer,
  header: SegmentHeader,
): Expected | undefined {
  const index = before?.segment.index;
  const first = decodeFrame(bytes, segmentHeaderBytes, header.salt);
  if (before === undefined || index === undefined || first === undefined) return undefined;
  const { segment } = before;
  if (first.kind !== "batch" || first.first > segment.last) return undefined;
  const atStart = first.first === segment.first && first.previous === segment.previous;
  const kept = index.chainAt(first.first - 1);
  if (!atStart && (kept === undefined || kept !== first.previous)) return undefined;
  segment.end = index.offsetOf(first.first) ?? segment.end;
  segment.last = first.first - 1;
  segment.chain = first.previous;
  index.cut(segment.last);
  return { first: first.first, previous: first.previous };
}

interface Judged {
  readonly header: SegmentHeader;
  readonly scan: SegmentScan;
  readonly expected: Expected | undefined;
  readonly before: Found | undefined;
}

function refuseDamage(options: SurveyOptions, { header, scan, expected, before }: Judged): void {
  const { damage } = scan;
  if (damage === undefined) {
    if (scan.start === undefined && expected === undefined) {
      throw refuse(options, header.number, segmentHeaderBytes, "the oldest segment holds nothing");
    }
    return;
  }
  if (before !== undefined && damage.next === segmentHeaderBytes) {
    // This segment is good from its first frame on: what is missing was at the end of the other.
    throw refuse(options, header.number - 1, before.segment.end, "records are missing", damage);
  }
  throw refuse(options, header.number, damage.offset, "a frame fails its check", damage);
}

function segmentOf(
  header: SegmentHeader,
  path: string,
  scan: SegmentScan,
  expected: Expected | undefined,
): Segment {
  const start = expected ?? scan.start ?? { first: 1, previous: 0 };
  return {
    ...header,
    path,
    first: start.first,
    previous: start.previous,
    last: scan.last,
    chain: scan.chain,
    epoch: scan.epoch,
    end: scan.end,
    index: scan.index,
    digest: undefined,
  };
}

/** Which segment is the tail, what follows it, and what the whole ends with. */
function conclude(options: SurveyOptions, found: readonly Found[]): Surveyed {
  let at = found.findLastIndex(({ scanned }) => {
    return scanned === undefined || scanned.scan.start !== undefined;
  });
  const ended = at >= 0 && endsWithFooter(found[at]!);
  if (ended || at < 0) at += 1;
  const tail = found[at];
  if (tail === undefined) {
    if (!ended) return { ...nothing, segments: [], spare: undefined, tail: undefined };
    // The next segment exists, durably, before a footer is written.
    const { header, end } = placeOf(found[at - 1]!);
    throw refuse(options, header.number + 1, 0, `the file is missing, and ${end} is not the end`);
  }
  const spare = found[at + 1]?.segment;
  const { scanned, segment } = tail;
  const epoch = Math.max(segment.epoch, found[at - 1]?.segment.epoch ?? 0);
  segment.epoch = epoch;
  const { last, chain } = segment;
  const segments = found.slice(0, at + 1).map((each) => each.segment);
  const kind = scanned?.scan.lastKind;
  const clean =
    scanned?.scan.torn === false && (kind === "close" || (kind === undefined && !ended));
  return { segments, spare, tail: scanned, last, chain, epoch, clean };
}

const nothing = { last: 0, chain: 0, epoch: 0, clean: true };

function placeOf({ segment }: Found): { header: SegmentHeader; end: number } {
  return { header: segment, end: segment.last };
}

function endsWithFooter({ segment, scanned }: Found): boolean {
  return segment.digest !== undefined || scanned?.scan.footer !== undefined;
}

/** A writer that ended in order said how far it came: a log that ends before that lost records. */
async function checkWitness(options: SurveyOptions, surveyed: Surveyed): Promise<void> {
  const witness = await readWitness(options.disk, options.folder);
  if (witness === undefined) return;
  const { last, segments, tail } = surveyed;
  const end = segments.at(-1);
  if (witness.position > last) {
    const damage = { from: last + 1, to: witness.position };
    const what = "the changelog ends before its last orderly close";
    throw refuse(options, end?.number ?? 1, end?.end ?? 0, what, damage);
  }
  const chain = tail?.scan.index.chainAt(witness.position);
  if (chain !== undefined && chain !== witness.chain) {
    const what = "its history is not the one of the last orderly close";
    throw refuse(options, end?.number ?? 1, 0, what, { from: witness.position, to: last });
  }
}

function refuse(
  options: SurveyOptions,
  number: number,
  offset: number,
  what: string,
  range: { readonly from?: number | undefined; readonly to?: number | undefined } = {},
): HoldfastError {
  const file = join(options.folder, segmentName(number));
  const { from, to } = range;
  return damaged({ directory: options.directory, file, offset, what, from, to });
}

/** The chain at a position of an index-less segment, by reading it now. Undefined if not there. */
export function indexNow(disk: Disk, segment: Segment): FrameIndex {
  const bytes = disk.readNow(segment.path);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, segment.end));
  const { first, previous } = segment;
  return scanSegment(buffer, segment.salt, { first, previous }).index;
}
