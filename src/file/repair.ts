// Opens what a process left behind: proves that the segments form one history, tells a torn tail
// from damage, and brings an unclean tail into a state that may be trusted (R16). Every step may be
// cut short by a crash and is repeated at the next open with the same result: a new segment counts
// once its name is durable, and a segment ends where the next one begins. Keeps I12.

import type { Hash } from "node:crypto";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { isAbsent, isDiskFull, readWhole, writeAll } from "./disk.ts";
import { encodeFrame } from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import type { SegmentScan } from "./scan.ts";
import type { Segment } from "./segment.ts";
import {
  createSegment,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  reservedBytes,
  segmentHeaderBytes,
  segmentName,
  sha256Hex,
} from "./segment.ts";
import type { Spare } from "./spare.ts";
import { openSpare } from "./spare.ts";
import type { Surveyed } from "./survey.ts";
import { survey } from "./survey.ts";

/** Left behind, as far as that still works, when a write or a sync has failed. */
export const failedName = "failed";

export interface RecoverOptions {
  readonly disk: Disk;
  /** The data directory, for messages. */
  readonly directory: string;
  /** Where the segments lie. */
  readonly folder: string;
  /** Size of the segment a repair begins. Small: opening must not wait for many zeros. */
  readonly firstBytes: number;
  readonly random: (bytes: number) => Uint8Array;
}

export interface Recovered {
  /** Oldest first, at least one; the last is the one to append to. */
  readonly segments: Segment[];
  /** The segment that was prepared to come next, if there is one. */
  readonly spare: Spare | undefined;
  /** Its writer ended in order, and nothing was written since; also if nothing ever was. */
  readonly clean: boolean;
  /** The last segment, open for writing, and the hash of its bytes up to its end. */
  readonly file: DiskFile;
  readonly hash: Hash;
}

export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { disk, folder } = options;
  const found = await survey(options);
  await removeLeftovers(disk, folder);
  const distrusted = (await readWhole(disk, join(folder, failedName))) !== undefined;
  const recovered = await openTail(options, found, distrusted);
  const { segments } = recovered;
  for (const segment of segments.slice(0, -1)) {
    if (segment.digest === undefined) await endSegment(disk, segment);
  }
  if (distrusted) {
    await disk.unlink(join(folder, failedName));
    await disk.syncDirectory(folder);
  }
  return recovered;
}

async function openTail(
  options: RecoverOptions,
  found: Surveyed,
  distrusted: boolean,
): Promise<Recovered> {
  const { segments, tail } = found;
  if (tail === undefined) {
    return beginSegment(options, found, { segments: [], number: 1, content: undefined });
  }
  const active = segments.at(-1)!;
  const { scan } = tail;
  // After an unclean end the last batch may be in the page cache only: what a read shows is no
  // proof. After a failed sync not even a seal is, since it may be what failed.
  const doubtful = scan.lastKind === "batch" || distrusted ? scan.lastBatch : undefined;
  // Nothing to be written over without losing where the segment begins: it gives way to a fresh one.
  const closeOnly = scan.lastKind === "close" && scan.lastOffset === segmentHeaderBytes;
  if (doubtful === undefined && !scan.torn && !closeOnly) {
    const file = await options.disk.open(active.path, "write");
    active.end = endBeforeMark(scan);
    const spare = await spareAfter(options, found, active.number);
    const hash = createHash("sha256").update(tail.bytes.subarray(0, active.end));
    return { segments, spare, file, hash, clean: found.clean };
  }
  const cut = closeOnly ? segmentHeaderBytes : (doubtful?.offset ?? scan.end);
  const kept = segments.slice(0, -1);
  if (cut > segmentHeaderBytes) {
    active.end = cut;
    if (doubtful !== undefined) {
      active.last = doubtful.frame.first - 1;
      active.chain = doubtful.frame.previous;
      active.index?.cut(active.last);
    }
    kept.push(active);
  }
  const number = cut > segmentHeaderBytes ? active.number + 1 : active.number;
  return beginSegment(options, found, { segments: kept, number, content: doubtful?.frame });
}

/**
 * Where to write on behind a seal or a close. It proves that the batches before it are durable, not
 * that it is itself: its sync may have failed, and its writer died before it could say so. What
 * comes next is written over it, or the segment's SHA-256 would name bytes a power cut can take.
 * A seal that begins its segment was durable before the segment had its name.
 */
function endBeforeMark({ end, lastKind, lastOffset }: SegmentScan): number {
  const mark = lastKind === "seal" || lastKind === "close";
  return mark && lastOffset! > segmentHeaderBytes ? lastOffset! : end;
}

interface Beginning {
  readonly segments: Segment[];
  readonly number: number;
  /** The batch it begins with, copied. */
  readonly content:
    | NonNullable<NonNullable<Surveyed["tail"]>["scan"]["lastBatch"]>["frame"]
    | undefined;
}

/** A fresh segment that holds the batch in doubt, if any, and a seal: from here on both count. */
async function beginSegment(
  options: RecoverOptions,
  found: Surveyed,
  { segments, number, content: batch }: Beginning,
): Promise<Recovered> {
  const { disk, folder } = options;
  const saltBytes = options.random(16);
  const first = batch?.first ?? found.last + 1;
  const previous = batch?.previous ?? found.chain;
  const { last, chain, epoch } = found;
  const salt = saltOf(saltBytes);
  const seal = { kind: "seal", first: last + 1, count: 0, epoch, previous: chain, watermark: last };
  const frames = [
    ...(batch === undefined ? [] : [encodeFrame(batch, batch.payload, salt)]),
    // A directory that was never written to has nothing to seal.
    ...(number === 1 && last === 0 ? [] : [encodeFrame({ ...seal, kind: "seal" }, noBytes, salt)]),
  ];
  const content = Buffer.concat(frames);
  const end = segmentHeaderBytes + content.length;
  const size = Math.max(options.firstBytes, end + reservedBytes);
  const file = await createOrRefuse(disk, folder, { number, size, saltBytes, content });
  const index = new FrameIndex();
  if (batch !== undefined) index.add(last, chain, segmentHeaderBytes);
  const path = join(folder, segmentName(number));
  const segment: Segment = {
    number,
    size,
    salt,
    path,
    first,
    previous,
    last,
    chain,
    epoch,
    end,
    index,
    digest: undefined,
  };
  const hash = createHash("sha256")
    .update(encodeHeader(number, size, saltBytes))
    .update(content);
  const spare = await spareAfter(options, found, number);
  const clean = found.tail === undefined;
  return { segments: [...segments, segment], spare, file, hash, clean };
}

/** A spare is of use only as the very next segment; another is replaced when its turn comes. */
async function spareAfter(
  { disk }: RecoverOptions,
  { spare }: Surveyed,
  number: number,
): Promise<Spare | undefined> {
  return spare?.number === number + 1 ? openSpare(disk, spare.path) : undefined;
}

const noBytes = new Uint8Array(0);

function saltOf(saltBytes: Uint8Array): number {
  const header = decodeHeader(encodeHeader(0, 0, saltBytes));
  return typeof header === "object" ? header.salt : 0;
}

/** Without room to begin a segment there is nothing to wait with: nobody is running yet. */
async function createOrRefuse(
  disk: Disk,
  folder: string,
  wanted: Parameters<typeof createSegment>[2],
): Promise<DiskFile> {
  try {
    return await createSegment(disk, folder, wanted, async () => "short");
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new HoldfastError("DISK_FULL", {
      happened: `There is no room in ${folder} to open the changelog.`,
      fix: "Free space or enlarge the disk, then open again. Nothing was changed.",
      cause: error,
    });
  }
}

/**
 * Ends a segment for good. Cut before the footer is there: no crash may leave a seal of what was
 * cut behind a torn footer. What is cut lies in the next segment already.
 */
async function endSegment(disk: Disk, segment: Segment): Promise<void> {
  const file = await disk.open(segment.path, "write");
  try {
    const bytes = Buffer.alloc(segment.end);
    await file.read(bytes, 0, bytes.length, 0);
    const digest = sha256Hex(bytes);
    await file.truncate(segment.end);
    await file.sync();
    await writeAll(file, encodeFooter(segment, digest), segment.end);
    await file.sync();
    segment.digest = digest;
  } finally {
    await file.close();
  }
}

/** Files a crash left half made; none of them ever counted. */
async function removeLeftovers(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) {
    if (!name.endsWith(".new")) continue;
    await disk.unlink(join(folder, name)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
  }
}
