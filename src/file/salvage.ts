// What is intact of a damaged changelog: every batch before the damage. It finds the damage with the
// code that refuses to open, by looking at the folder through a view that ends where the damage was
// found, until the view opens; so what is kept is what an open would accept. It reads only. Writing
// it anew is rewrite.ts; when to do that, and what becomes of the cold table, is src/salvage.ts.

import { basename, join } from "node:path";
import { isHoldfastError } from "../model/errors.ts";
import { CutView } from "./cut-view.ts";
import type { Disk } from "./disk.ts";
import { listOrNone, wholeOf } from "./disk.ts";
import type { FrameIndex } from "./frame-index.ts";
import type { ReadSource } from "./reader.ts";
import { readBatches, verifyDigest } from "./reader.ts";
import { scanSegment } from "./scan.ts";
import type { Segment } from "./segment.ts";
import { decodeHeader, numberOfName, segmentHeaderBytes, segmentName } from "./segment.ts";
import { survey } from "./survey.ts";
import { readWitness } from "./witness.ts";

export interface Place {
  readonly disk: Disk;
  /** The data directory, for messages. */
  readonly directory: string;
  /** Where the segments lie. */
  readonly folder: string;
}

export interface FoundDamage {
  readonly file: string;
  readonly offset: number;
  /** What is wrong, without what to do about it. */
  readonly message: string;
}

/** A changelog as far as it is intact. */
export interface Intact {
  /** Oldest first, each with its index. Empty when nothing is left, or nothing ever was. */
  readonly segments: readonly Segment[];
  readonly last: number;
  readonly chain: number;
  readonly epoch: number;
  /** Number of the oldest segment, intact or not; 1 when there is none. */
  readonly begins: number;
  /** The first damage there is; undefined when all of it is intact. */
  readonly damage: FoundDamage | undefined;
  /** The highest position anything in the folder speaks of. */
  readonly known: number;
  /** Where it is read. */
  readonly place: Place;
}

/** @throws HoldfastError `DIRECTORY_NEWER`; what a disk says. */
export async function examine(place: Place): Promise<Intact> {
  const witness = await readWitness(place.disk, place.folder);
  const numbers = await segmentNumbers(place);
  const view = new CutView(place.disk, place.folder, numbers.at(-1) ?? 0);
  const seen = { ...place, disk: view };
  let damage: FoundDamage | undefined;
  let known = witness?.position ?? 0;
  for (;;) {
    const found = await attempt(seen);
    if ("segments" in found) {
      const { segments, last, chain, epoch } = found;
      damage ??= found.harmless?.damage ?? damageOfWitness(place, found, witness);
      if (damage !== undefined) known = Math.max(known, await lastSeen(place, numbers));
      const begins = numbers[0] ?? 1;
      known = Math.max(known, last);
      return { segments, last, chain, epoch, begins, damage, known, place: seen };
    }
    damage ??= found.damage;
    known = Math.max(known, found.known);
    await view.endAt(basename(found.damage.file), found.damage.offset);
  }
}

interface Damaged {
  readonly damage: FoundDamage;
  /** The highest position the refusal speaks of. */
  readonly known: number;
}
interface Opened extends Pick<Intact, "segments" | "last" | "chain" | "epoch"> {
  /** Damage that costs no record. */
  readonly harmless: Damaged | undefined;
}

/** All of the view, read and checked frame by frame; or the first thing wrong with it. */
async function attempt(place: Place): Promise<Opened | Damaged> {
  try {
    const { segments, last, chain, epoch } = await survey(place);
    const source = { ...place, segments: () => segments, check: () => undefined };
    for (const segment of segments) segment.index ??= await indexOf(place.disk, segment);
    for await (const _ of readBatches(source, 1));
    return { segments, last, chain, epoch, harmless: await digestDamage(source, segments) };
  } catch (error) {
    return damageOf(error);
  }
}

/** A segment that is not what its footer names, though every batch is good: a seal was lost. */
async function digestDamage(
  source: ReadSource,
  segments: readonly Segment[],
): Promise<Damaged | undefined> {
  for (const segment of segments) {
    if (segment.digest === undefined) continue;
    try {
      await verifyDigest(source, segment);
    } catch (error) {
      return damageOf(error);
    }
  }
  return undefined;
}

/** What the refusal says; see damage.ts. */
interface Said {
  readonly file: string;
  readonly offset: number;
  readonly what: string;
  readonly to?: number;
}

function damageOf(error: unknown): Damaged {
  if (!isHoldfastError(error, "CHANGELOG_DAMAGED")) throw error;
  const { file, offset, what, to } = error.data as Said;
  const message = `${file} is damaged at offset ${offset}: ${what}`;
  return { damage: { file, offset, message }, known: to ?? 0 };
}

async function indexOf(disk: Disk, segment: Segment): Promise<FrameIndex> {
  const bytes = await wholeOf(disk, segment.path);
  return scanSegment(bytes.subarray(0, segment.end), segment.salt, segment).index;
}

async function segmentNumbers({ disk, folder }: Place): Promise<number[]> {
  const names = await listOrNone(disk, folder);
  return names.flatMap((name) => numberOfName(name) ?? []).sort((a, b) => a - b);
}

/** What the note of the last orderly close says against a changelog that looks intact. */
function damageOfWitness(
  { directory, folder }: Place,
  { segments, last }: Opened,
  witness: { readonly position: number; readonly chain: number } | undefined,
): FoundDamage | undefined {
  if (witness === undefined) return undefined;
  const chain = segments.at(-1)?.index?.chainAt(witness.position);
  const other = chain !== undefined && chain !== witness.chain;
  if (witness.position <= last && !other) return undefined;
  const end = segments.at(-1);
  const file = end?.path ?? join(folder, segmentName(1));
  const what = other
    ? "its history is not the one of its last orderly close"
    : `it ends at ${last}, and reached ${witness.position} at its last orderly close`;
  return { file, offset: end?.end ?? 0, message: `The changelog in ${directory}: ${what}` };
}

/** The last record that any good frame of the folder holds, connected or not. */
async function lastSeen({ disk, folder }: Place, numbers: readonly number[]): Promise<number> {
  let last = 0;
  for (const number of numbers) {
    const bytes = await wholeOf(disk, join(folder, segmentName(number)));
    const header = decodeHeader(bytes);
    if (typeof header !== "object") continue;
    let from = 0;
    for (;;) {
      // Behind damage as at a beginning: whatever frame comes first there is believed.
      const scan = scanSegment(bytes.subarray(from), header.salt, undefined);
      if (scan.start !== undefined) last = Math.max(last, scan.last);
      const next = scan.damage?.next;
      if (next === undefined || next <= segmentHeaderBytes) break;
      from += next - segmentHeaderBytes;
    }
  }
  return last;
}
