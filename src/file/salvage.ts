// What can be saved of a damaged changelog: every intact batch before the damage. It finds the
// damage with the code that refuses to open, by looking at the folder through a view that ends
// where the damage was found, until the view opens; so what it keeps is what an open would accept.
// It reads only; the new changelog is written aside, and nothing is deleted. When to do that, and
// what becomes of the cold table, is src/salvage.ts.

import { basename, join } from "node:path";
import { isHoldfastError } from "../model/errors.ts";
import { InvariantError, invariant } from "../std/assert.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { isAbsent, readWhole } from "./disk.ts";
import type { FrameHead } from "./frame.ts";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { FrameIndex } from "./frame-index.ts";
import type { ReadSource } from "./reader.ts";
import { readBatches, verifyDigest } from "./reader.ts";
import { scanSegment } from "./scan.ts";
import type { Segment } from "./segment.ts";
import {
  createSegment,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  footerBytes,
  numberOfName,
  reservedBytes,
  segmentHeaderBytes,
  segmentName,
  sha256Hex,
} from "./segment.ts";
import { survey } from "./survey.ts";
import { readWitness } from "./witness.ts";

/** A segment of the new changelog takes frames up to this size, or one larger frame. */
const segmentBytesFull = 16 * 1024 * 1024;
/** The last one is to be written on, and has at least the size of a first one. */
const lastBytesMin = 256 * 1024;

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
  /** The sentence that refuses to open. */
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
  const view = new View(place.disk, place.folder, numbers.at(-1) ?? 0);
  const seen = { ...place, disk: view };
  let damage: FoundDamage | undefined;
  let known = witness?.position ?? 0;
  for (;;) {
    const found = await attempt(seen);
    if ("segments" in found) {
      const { segments, last, chain, epoch } = found;
      damage ??= found.harmless ?? damageOfWitness(place, found, witness);
      if (damage !== undefined) known = Math.max(known, await lastSeen(place, numbers));
      const begins = numbers[0] ?? 1;
      known = Math.max(known, last);
      return { segments, last, chain, epoch, begins, damage, known, place: seen };
    }
    damage ??= found;
    known = Math.max(known, found.known);
    await view.endAt(basename(found.file), found.offset);
  }
}

type Damaged = FoundDamage & { readonly known: number };
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

function damageOf(error: unknown): Damaged {
  if (!isHoldfastError(error, "CHANGELOG_DAMAGED")) throw error;
  const { file, offset, to } = error.data as { file: string; offset: number; to?: number };
  return { file, offset, message: error.message, known: to ?? 0 };
}

async function indexOf(disk: Disk, segment: Segment): Promise<FrameIndex> {
  const bytes = await wholeOf(disk, segment.path);
  return scanSegment(bytes.subarray(0, segment.end), segment.salt, segment).index;
}

async function wholeOf(disk: Disk, path: string): Promise<Buffer> {
  return Buffer.from((await readWhole(disk, path)) ?? []);
}

async function segmentNumbers({ disk, folder }: Place): Promise<number[]> {
  const names = await disk.list(folder).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
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
  return { file, offset: end?.end ?? 0, message: `The changelog in ${directory}: ${what}.` };
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

/** A folder as it would be if it ended before the damage; nothing can be written through it. */
class View implements Disk {
  readonly #disk: Disk;
  readonly #folder: string;
  #lastNumber: number;
  /** Bytes shown of the last segment. */
  #lastBytes: number = Number.POSITIVE_INFINITY;

  constructor(disk: Disk, folder: string, lastNumber: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#lastNumber = lastNumber;
  }

  /** Shows nothing from `offset` of that segment on: each time less than before. */
  async endAt(name: string, offset: number): Promise<void> {
    const number = numberOfName(name) ?? 1;
    const within =
      number < this.#lastNumber || (number === this.#lastNumber && this.#hides(offset));
    if (within && offset > segmentHeaderBytes) {
      this.#lastNumber = number;
      this.#lastBytes = offset;
      return;
    }
    // It is not there, or nothing of it is worth showing, or what is shown of it is refused.
    const end = number > this.#lastNumber ? await this.#beforeFooter() : undefined;
    if (end === undefined) {
      this.#lastNumber = Math.min(number, this.#lastNumber) - 1;
      this.#lastBytes = Number.POSITIVE_INFINITY;
    }
    // The last one must not end with a footer, which says that there is another.
    this.#lastBytes = end ?? (await this.#beforeFooter()) ?? this.#lastBytes;
  }

  #hides(offset: number): boolean {
    return offset < this.#lastBytes;
  }

  /** Where the footer of the last segment begins, if that is shown. */
  async #beforeFooter(): Promise<number | undefined> {
    const path = join(this.#folder, segmentName(this.#lastNumber));
    const bytes = await wholeOf(this.#disk, path);
    const header = decodeHeader(bytes);
    const end = bytes.length - footerBytes;
    if (typeof header !== "object" || end < segmentHeaderBytes || !this.#hides(end)) {
      return undefined;
    }
    return decodeFrame(bytes, end, header.salt)?.kind === "footer" ? end : undefined;
  }

  async list(path: string): Promise<string[]> {
    // The note of the last close is compared apart: it says where damage is, not what is intact.
    return (await this.#disk.list(path)).filter((name) => {
      const number = numberOfName(name);
      return number !== undefined && number <= this.#lastNumber;
    });
  }

  async open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile> {
    const number = numberOfName(basename(path));
    if (mode !== "read" || number === undefined) {
      throw Object.assign(new Error(`not shown: ${path}`), { code: "ENOENT" });
    }
    const file = await this.#disk.open(path, "read");
    return number < this.#lastNumber ? file : new CutFile(file, this.#lastBytes);
  }

  readNow(path: string): Uint8Array {
    const bytes = this.#disk.readNow(path);
    const last = numberOfName(basename(path)) === this.#lastNumber;
    return last ? bytes.subarray(0, Math.min(bytes.length, this.#lastBytes)) : bytes;
  }

  makeDirectory = refuse;
  rename = refuse;
  unlink = refuse;
  syncDirectory = refuse;
  identity = refuse;
  room = refuse;
}

class CutFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #bytes: number;

  constructor(file: DiskFile, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  async read(buffer: Uint8Array, offset: number, length: number, at: number): Promise<number> {
    const most = Math.max(0, Math.min(length, this.#bytes - at));
    return most === 0 ? 0 : this.#file.read(buffer, offset, most, at);
  }

  async size(): Promise<number> {
    return Math.min(this.#bytes, await this.#file.size());
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  write = refuse;
  writeNow = refuseNow;
  sync = refuse;
  truncate = refuse;
}

async function refuse(): Promise<never> {
  return refuseNow();
}

function refuseNow(): never {
  throw new InvariantError("a view is not written to");
}

// ---- writing

/** Where the new changelog begins, and what it continues. */
export interface Beginning {
  /** Position of the first record, or of the next one to come. */
  readonly first: number;
  readonly previous: number;
}

export interface Rewriting {
  readonly disk: Disk;
  /** An empty folder, to be made into a changelog. */
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
}

/**
 * Writes the batches of `intact` into new segments, ended by a seal, durably; with none, a
 * changelog that goes on at `beginning`. History keeps its name: every batch has the chain it had.
 */
export async function rewrite(to: Rewriting, intact: Intact, beginning: Beginning): Promise<void> {
  const keeps = beginning.first <= intact.last;
  if (!keeps && beginning.first === 1) return;
  // Only a changelog that begins with the first record has a segment 1.
  const writer = new Writer(to, beginning, intact.epoch, beginning.first === 1 ? 1 : 2);
  if (keeps) {
    const { place, segments } = intact;
    const source = { ...place, segments: () => segments, check: () => undefined };
    for await (const { first, count, epoch, bytes, chain } of readBatches(source, 1)) {
      const copied = await writer.add({ kind: "batch", first, count, epoch }, bytes);
      invariant(copied === chain, () => `I12: batch ${first} has another chain than it had`);
    }
  }
  await writer.end();
}

class Writer {
  readonly #to: Rewriting;
  #epoch: number;
  #number: number;
  #frames: Uint8Array[] = [];
  #bytes: number = segmentHeaderBytes;
  #index: FrameIndex = new FrameIndex();
  #saltBytes: Uint8Array;
  #begins: Beginning;
  #last: number;
  #chain: number;

  constructor(to: Rewriting, begins: Beginning, epoch: number, number: number) {
    this.#to = to;
    this.#begins = begins;
    this.#epoch = epoch;
    this.#number = number;
    this.#last = begins.first - 1;
    this.#chain = begins.previous;
    this.#saltBytes = to.random(16);
  }

  async add(
    head: Pick<FrameHead, "kind" | "first" | "count" | "epoch">,
    payload: Uint8Array,
  ): Promise<number> {
    if (this.#index.length > 0 && this.#bytes + payload.length > segmentBytesFull) {
      await this.#next();
    }
    const frame = this.#frame(head, payload);
    const chain = decodeFrame(Buffer.from(frame), 0, this.#salt)!.chain;
    this.#last = head.first + head.count - 1;
    this.#chain = chain;
    this.#epoch = head.epoch;
    this.#index.add(this.#last, chain, this.#bytes);
    this.#put(frame);
    return chain;
  }

  /** A seal behind the last batch: it is known to be durable, and its writer did not close. */
  async end(): Promise<void> {
    const mark = { kind: "seal", first: this.#last + 1, count: 0, epoch: this.#epoch } as const;
    this.#put(this.#frame(mark, new Uint8Array(0)));
    await this.#create(Math.max(lastBytesMin, this.#bytes + reservedBytes));
  }

  async #next(): Promise<void> {
    const size = this.#bytes + footerBytes;
    const segment = this.#segment(size);
    const header = encodeHeader(this.#number, size, this.#saltBytes);
    this.#put(encodeFooter(segment, sha256Hex(Buffer.concat([header, ...this.#frames]))));
    await this.#create(size);
    this.#number += 1;
    this.#frames = [];
    this.#bytes = segmentHeaderBytes;
    this.#index = new FrameIndex();
    this.#saltBytes = this.#to.random(16);
    this.#begins = { first: this.#last + 1, previous: this.#chain };
  }

  async #create(size: number): Promise<void> {
    const content = Buffer.concat(this.#frames);
    const wanted = { number: this.#number, size, saltBytes: this.#saltBytes, content };
    const file = await createSegment(this.#to.disk, this.#to.folder, wanted, async () => "short");
    await file.close();
  }

  /** Written with the watermark every writer of ours has written: it is part of the chain. */
  #frame(
    head: Pick<FrameHead, "kind" | "first" | "count" | "epoch">,
    payload: Uint8Array,
  ): Uint8Array {
    const links = { previous: this.#chain, watermark: this.#last };
    return encodeFrame({ ...head, ...links }, payload, this.#salt);
  }

  #put(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  get #salt(): number {
    const header = decodeHeader(encodeHeader(0, 0, this.#saltBytes));
    return typeof header === "object" ? header.salt : 0;
  }

  #segment(size: number): Segment {
    return {
      ...this.#begins,
      number: this.#number,
      size,
      salt: this.#salt,
      path: join(this.#to.folder, segmentName(this.#number)),
      last: this.#last,
      chain: this.#chain,
      epoch: this.#epoch,
      end: this.#bytes,
      index: this.#index,
      digest: undefined,
    };
  }
}
