// What every changelog must do, whatever it is made of: one suite for all adapters. The caller
// brings its test runner's `test` and `expect`, so that no runner becomes a dependency, and says
// what the adapter supports. What only one adapter can do is tested beside it.

import type { Batch, Changelog, StoredBatch } from "../../ports/changelog.ts";

/** The part of a test runner's `expect` that the suite needs. */
export type ConformanceExpect = (value: unknown) => {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
};

export type ConformanceTest = (name: string, body: () => Promise<void>) => unknown;

/** One place where a changelog lives, empty at first. A fresh one per test. */
export interface ChangelogPlace {
  open(): Promise<Changelog>;
  /** Ends the adapter as a crash would, without closing it in order; then `open` recovers. */
  crash?(changelog: Changelog): Promise<void>;
  /** Removes what the test left. */
  dispose?(): Promise<void>;
}

export interface ChangelogSupports {
  /** What was appended is there after closing and opening the same place again. */
  readonly reopen: boolean;
  /** `crash` is offered. Needs `reopen`. */
  readonly crash?: boolean;
  /** Trimming really lets go of records at some point. */
  readonly trim?: boolean;
}

export interface ChangelogConformance {
  readonly test: ConformanceTest;
  readonly expect: ConformanceExpect;
  readonly open: () => ChangelogPlace | Promise<ChangelogPlace>;
  readonly supports: ChangelogSupports;
}

export function changelogConformance(suite: ChangelogConformance): void {
  whenEmpty(suite);
  appending(suite);
  refusing(suite);
  reading(suite);
  chaining(suite);
  trimming(suite);
  closing(suite);
  if (suite.supports.reopen) reopening(suite);
  if (suite.supports.crash === true) crashing(suite);
}

interface Bench {
  readonly expect: ConformanceExpect;
  readonly place: ChangelogPlace;
  readonly log: Changelog;
}

function scenario(
  suite: ChangelogConformance,
  name: string,
  body: (bench: Bench) => Promise<void>,
): void {
  suite.test(`changelog: ${name}`, async () => {
    const place = await suite.open();
    try {
      const log = await place.open();
      await body({ expect: suite.expect, place, log });
      await log.close().catch(() => undefined);
    } finally {
      await place.dispose?.();
    }
  });
}

function whenEmpty(suite: ChangelogConformance): void {
  scenario(suite, "a new one is empty, clean and has no history", async ({ expect, log }) => {
    expect(log.range).toEqual({ first: 1, last: 0, epoch: 0, chain: 0, clean: true });
    expect(await all(log.read(1))).toEqual([]);
    expect(log.chainAt(0)).toBe(0);
    expect(log.chainAt(1)).toBe(undefined);
  });
}

function appending(suite: ChangelogConformance): void {
  scenario(suite, "an append answers a chain and moves the range", async ({ expect, log }) => {
    const chain = await log.append(batchOf(1, 3, 7));
    const { first, last, epoch } = log.range;
    expect({ first, last, epoch, chain: log.range.chain }).toEqual({
      first: 1,
      last: 3,
      epoch: 7,
      chain,
    });
    expect(log.bytes > 0).toBe(true);
  });

  scenario(suite, "a batch comes back byte for byte", async ({ expect, log }) => {
    const lengths = [0, 1, 47, 4096, 70_000, 300_000];
    const written: StoredBatch[] = [];
    for (const length of lengths) {
      written.push(await append(log, { ...batchOf(log.range.last + 1), bytes: noise(length) }));
    }
    expect(plain(await all(log.read(1)))).toEqual(plain(written));
  });

  scenario(suite, "the bytes belong to the caller again once appended", async ({ expect, log }) => {
    const bytes = noise(100);
    await log.append({ first: 1, count: 1, epoch: 1, bytes });
    bytes.fill(0);
    expect(plain(await all(log.read(1)))[0]?.bytes).toBe(hex(noise(100)));
  });
}

function refusing(suite: ChangelogConformance): void {
  scenario(suite, "an append anywhere but at the tail is refused", async ({ expect, log }) => {
    await log.append(batchOf(1, 2));
    for (const first of [1, 2, 4]) {
      expect(await refused(() => log.append(batchOf(first)))).toBe(true);
    }
    expect(log.range.last).toBe(2);
  });

  scenario(suite, "an epoch never goes back", async ({ expect, log }) => {
    await log.append(batchOf(1, 1, 5));
    expect(await refused(() => log.append(batchOf(2, 1, 4)))).toBe(true);
    expect(log.range.last).toBe(1);
  });
}

function reading(suite: ChangelogConformance): void {
  scenario(suite, "reading starts with the batch that holds it", async ({ expect, log }) => {
    const written = await appendMany(log, 6, 3);
    expect(plain(await all(log.read(1)))).toEqual(plain(written));
    expect(plain(await all(log.read(0)))).toEqual(plain(written));
    expect(plain(await all(log.read(8)))).toEqual(plain(written.slice(2)));
    expect(plain(await all(log.read(9)))).toEqual(plain(written.slice(2)));
    expect(plain(await all(log.read(10)))).toEqual(plain(written.slice(3)));
    expect(await all(log.read(19))).toEqual([]);
  });

  scenario(suite, "two readers do not disturb each other", async ({ expect, log }) => {
    const written = await appendMany(log, 20);
    const [a, b] = await Promise.all([all(log.read(1)), all(log.read(11))]);
    expect(plain(a)).toEqual(plain(written));
    expect(plain(b)).toEqual(plain(written.slice(10)));
  });

  scenario(suite, "a reader may stop early", async ({ expect, log }) => {
    await appendMany(log, 5);
    for await (const batch of log.read(2)) {
      expect(batch.first).toBe(2);
      break;
    }
    expect((await append(log, batchOf(6))).first).toBe(6);
  });
}

function chaining(suite: ChangelogConformance): void {
  scenario(suite, "a chain is known where a batch ends, only there", async ({ expect, log }) => {
    const written = await appendMany(log, 4, 2);
    for (const batch of written) {
      expect(log.chainAt(batch.first + 1)).toBe(batch.chain);
      expect(log.chainAt(batch.first)).toBe(undefined);
    }
    expect(log.chainAt(9)).toBe(undefined);
  });

  suite.test("changelog: a chain names the whole history", async () => {
    const chains: number[] = [];
    for (const bytes of [noise(8), noise(9), noise(8)]) {
      const place = await suite.open();
      const log = await place.open();
      await log.append({ first: 1, count: 1, epoch: 1, bytes });
      chains.push(await log.append({ first: 2, count: 1, epoch: 1, bytes: noise(5) }));
      await log.close();
      await place.dispose?.();
    }
    const [same, other, again] = chains;
    suite.expect(same === other).toBe(false);
    suite.expect(same).toBe(again);
  });
}

function trimming(suite: ChangelogConformance): void {
  scenario(suite, "a trim keeps everything behind its position", async ({ expect, log }) => {
    const written = await appendMany(log, 40, 2, 3000);
    await log.trim(41);
    const { first } = log.range;
    expect(first <= 42).toBe(true);
    expect(plain(await all(log.read(42)))).toEqual(plain(written.slice(20)));
    if (first > 1) {
      expect(log.chainAt(first - 1)).toBe(written[(first - 1) / 2 - 1]?.chain);
      expect(first > 3 ? log.chainAt(2) : undefined).toBe(undefined);
    }
    expect((await append(log, batchOf(81))).first).toBe(81);
  });

  if (suite.supports.trim !== true) return;
  scenario(suite, "a trim gives bytes back", async ({ expect, log }) => {
    await appendMany(log, 60, 1, 3000);
    const before = log.bytes;
    await log.trim(60);
    expect(log.bytes < before).toBe(true);
    expect(log.range.first > 1).toBe(true);
    expect(log.range.last).toBe(60);
  });
}

function closing(suite: ChangelogConformance): void {
  scenario(suite, "closed twice is closed once, and takes no more", async ({ expect, log }) => {
    await log.append(batchOf(1));
    await Promise.all([log.close(), log.close()]);
    await log.close();
    expect(await codeOf(() => log.append(batchOf(2)))).toBe("CHANGELOG_CLOSED");
  });

  scenario(suite, "a close waits for the append under way", async ({ expect, log, place }) => {
    const appended = log.append(batchOf(1));
    await log.close();
    expect(typeof (await appended)).toBe("number");
    if (!suite.supports.reopen) return;
    const again = await place.open();
    expect(again.range.last).toBe(1);
    await again.close();
  });
}

function reopening(suite: ChangelogConformance): void {
  scenario(suite, "an orderly close is seen as one", async ({ expect, log, place }) => {
    const written = await appendMany(log, 10, 2, 500);
    await log.close();
    const again = await place.open();
    const chain = written.at(-1)?.chain;
    expect(again.range).toEqual({ first: 1, last: 20, epoch: 1, chain, clean: true });
    expect(plain(await all(again.read(1)))).toEqual(plain(written));
    expect(again.chainAt(10)).toBe(written[4]?.chain);
    await again.close();
  });

  scenario(suite, "history goes on where it ended", async ({ expect, log, place }) => {
    const written = await appendMany(log, 3);
    await log.close();
    for (let life = 0; life < 4; life++) {
      const again = await place.open();
      written.push(...(await appendMany(again, 2)));
      expect(plain(await all(again.read(1)))).toEqual(plain(written));
      await again.close();
    }
  });

  scenario(suite, "what a trim let go of stays away", async ({ expect, log, place }) => {
    const written = await appendMany(log, 60, 1, 3000);
    await log.trim(40);
    const { range, bytes } = log;
    await log.close();
    const again = await place.open();
    expect({ ...again.range, clean: true }).toEqual({ ...range, clean: true });
    expect(again.bytes >= bytes).toBe(true);
    expect(plain(await all(again.read(41)))).toEqual(plain(written.slice(40)));
    expect(again.chainAt(range.first - 1)).toBe(written[range.first - 2]?.chain ?? 0);
    await again.close();
  });
}

function crashing(suite: ChangelogConformance): void {
  scenario(suite, "what was acknowledged survives a crash", async ({ expect, log, place }) => {
    const written = await appendMany(log, 7, 3, 900);
    let held = log;
    for (let life = 0; life < 4; life++) {
      await place.crash?.(held);
      held = await place.open();
      expect(held.range.clean).toBe(false);
      expect(held.range.chain).toBe(written.at(-1)?.chain);
      written.push(...(await appendMany(held, 2)));
      expect(plain(await all(held.read(1)))).toEqual(plain(written));
    }
    await held.close();
  });
}

/** A batch with bytes that depend on its place only. */
export function batchOf(first: number, count = 1, epoch = 1, length = 40): Batch {
  return { first, count, epoch, bytes: noise(length, first) };
}

/** Appends it and answers it as it must come back. */
async function append(log: Changelog, batch: Batch): Promise<StoredBatch> {
  return { ...batch, chain: await log.append(batch) };
}

async function appendMany(
  log: Changelog,
  batches: number,
  count = 1,
  length = 40,
): Promise<StoredBatch[]> {
  const written: StoredBatch[] = [];
  for (let i = 0; i < batches; i++) {
    written.push(await append(log, batchOf(log.range.last + 1, count, 1, length)));
  }
  return written;
}

async function all(batches: AsyncIterable<StoredBatch>): Promise<StoredBatch[]> {
  const held: StoredBatch[] = [];
  for await (const batch of batches) held.push(batch);
  return held;
}

/** For comparing: bytes as text, whatever class of array they came in. */
function plain(batches: readonly StoredBatch[]): Record<string, unknown>[] {
  return batches.map(({ first, count, epoch, chain, bytes }) => {
    return { first, count, epoch, chain, bytes: hex(bytes) };
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes that look like none of a format's own, the same for the same arguments. */
function noise(length: number, seed = 1): Uint8Array {
  let state = (seed * 2654435761) >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

async function refused(attempt: () => Promise<unknown>): Promise<boolean> {
  return attempt().then(
    () => false,
    () => true,
  );
}

async function codeOf(attempt: () => Promise<unknown>): Promise<unknown> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return typeof error === "object" && error !== null && "code" in error ? error.code : error;
  }
}
