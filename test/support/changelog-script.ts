// A script of appends, pauses, trims and reopenings for the fault tests of the file changelog, run
// on a fake disk, with what must be true after a crash at any of its calls.

import type { OpenFileChangelogOptions } from "../../src/file/changelog.ts";
import { openFileChangelog } from "../../src/file/changelog.ts";
import type { Batch, Changelog, StoredBatch } from "../../src/ports/changelog.ts";
import { Prng } from "../../src/std/prng.ts";
import type { DiskImage } from "./fake-disk.ts";
import { FakeDisk, FakeTimers } from "./fake-disk.ts";

export const scriptDirectory = "/data";

/** The moments a script notes among the disk's calls. */
export type ScriptNote =
  | { readonly kind: "asked"; readonly last: number }
  | { readonly kind: "acknowledged"; readonly last: number }
  | { readonly kind: "trimming"; readonly position: number };

export interface Script {
  readonly disk: FakeDisk;
  /** All batches it appended, in order, with the chains it was told. */
  readonly batches: readonly StoredBatch[];
}

export interface ScriptWorld {
  readonly changelog: Changelog;
  readonly timers: FakeTimers;
}

/** Opens the changelog on a fake disk: no lock, no real timers, small segments, seeded salts. */
export async function openOn(
  disk: FakeDisk,
  prng: Prng,
  options: Partial<OpenFileChangelogOptions> = {},
): Promise<ScriptWorld> {
  const timers = new FakeTimers();
  const random = (length: number): Uint8Array => {
    return Uint8Array.from({ length }, () => prng.integer(256));
  };
  const changelog = await openFileChangelog({
    directory: scriptDirectory,
    disk,
    random,
    after: timers.after,
    now: () => 0,
    lock: false,
    segmentBytes: 2048,
    lowWaterBytes: false,
    verify: false,
    ...options,
  });
  return { changelog, timers };
}

/** A batch whose bytes follow from its position, so that any reader can check it. */
export function batchAt(first: number, prng: Prng): Batch {
  const length = prng.random() < 0.1 ? 1500 + prng.integer(1500) : prng.integer(200);
  const bytes = Uint8Array.from({ length }, (_, at) => (first * 31 + at * 7) & 0xff);
  return { first, count: 1 + prng.integer(3), epoch: 1 + Math.floor(first / 20), bytes };
}

/** Runs `steps` seeded steps, noting among the disk's calls what was asked and acknowledged. */
export async function runScript(seed: string, steps: number): Promise<Script> {
  const prng = new Prng(seed);
  const disk = new FakeDisk();
  const batches: StoredBatch[] = [];
  let world = await openOn(disk, prng);
  for (let step = 0; step < steps; step++) {
    const { changelog, timers } = world;
    const dice = prng.random();
    if (dice < 0.78) {
      const batch = batchAt(changelog.range.last + 1, prng);
      const last = batch.first + batch.count - 1;
      disk.note({ kind: "asked", last } satisfies ScriptNote);
      batches.push({ ...batch, chain: await changelog.append(batch) });
      disk.note({ kind: "acknowledged", last } satisfies ScriptNote);
    } else if (dice < 0.9) {
      await timers.advance(250);
    } else if (dice < 0.95) {
      const { first, last } = changelog.range;
      const position = first + prng.integer(Math.max(1, last - first - 3));
      disk.note({ kind: "trimming", position } satisfies ScriptNote);
      await changelog.trim(position);
    } else {
      await changelog.close();
      world = await openOn(disk, prng);
    }
  }
  await world.changelog.close();
  return { disk, batches };
}

/** What the first `until` calls allow: the least and the most a recovery may show. */
export function boundsAt(
  disk: FakeDisk,
  until: number,
): {
  readonly acknowledged: number;
  readonly asked: number;
  readonly trimmed: number;
} {
  let acknowledged = 0;
  let asked = 0;
  let trimmed = 0;
  for (const call of disk.calls.slice(0, until)) {
    if (call.kind !== "note") continue;
    const note = call.note as ScriptNote;
    if (note.kind === "acknowledged") acknowledged = note.last;
    if (note.kind === "asked") asked = note.last;
    if (note.kind === "trimming") trimmed = Math.max(trimmed, note.position);
  }
  return { acknowledged, asked, trimmed };
}

/** Everything a changelog shows, for comparing two openings. */
export async function contentOf(changelog: Changelog): Promise<{
  readonly first: number;
  readonly last: number;
  readonly chain: number;
  readonly batches: readonly StoredBatch[];
}> {
  const batches: StoredBatch[] = [];
  for await (const batch of changelog.read(0)) batches.push(batch);
  const { first, last, chain } = changelog.range;
  return { first, last, chain, batches };
}

/** Throws unless what is held is a stretch of the script that keeps its promises. */
export function checkContent(
  content: Awaited<ReturnType<typeof contentOf>>,
  script: Script,
  bounds: ReturnType<typeof boundsAt>,
): void {
  const { first, last, chain, batches } = content;
  if (last < bounds.acknowledged) throw new Error(`lost: ends at ${last}, ${text(bounds)}`);
  if (last > bounds.asked) throw new Error(`invented: ends at ${last}, ${text(bounds)}`);
  if (first > bounds.trimmed + 1) throw new Error(`over-trimmed: begins at ${first}`);
  const held = script.batches.filter((each) => each.first >= first && each.first <= last);
  if (held.length !== batches.length) {
    throw new Error(
      `holds ${batches.length} batches, not ${held.length}, from ${first} to ${last}`,
    );
  }
  held.forEach((expected, at) => {
    const actual = batches[at]!;
    const same =
      actual.first === expected.first &&
      actual.count === expected.count &&
      actual.epoch === expected.epoch &&
      actual.chain === expected.chain &&
      Buffer.compare(actual.bytes, expected.bytes) === 0;
    if (!same) throw new Error(`batch ${expected.first} differs`);
  });
  const newest = held.at(-1);
  if (newest !== undefined && newest.chain !== chain) throw new Error("the chain differs");
  if (newest !== undefined && newest.first + newest.count - 1 !== last) throw new Error("cut");
}

/** Recovers an image, checks it, and answers the disk with all calls the recovery made. */
export async function recoverAndCheck(
  image: DiskImage,
  script: Script,
  bounds: ReturnType<typeof boundsAt>,
): Promise<FakeDisk> {
  const disk = new FakeDisk(image);
  const { changelog } = await openOn(disk, new Prng("recover"));
  checkContent(await contentOf(changelog), script, bounds);
  return disk;
}

function text(value: unknown): string {
  return JSON.stringify(value);
}
