import { expect, test } from "vitest";
import { checkContent, contentOf, openOn } from "../../test/support/changelog-script.ts";
import type { FallibleCall } from "../../test/support/fake-disk.ts";
import { crashImage, FakeDisk, settle, systemError } from "../../test/support/fake-disk.ts";
import { isHoldfastError } from "../model/errors.ts";
import type { Changelog, StoredBatch } from "../ports/changelog.ts";
import { Prng } from "../std/prng.ts";
import type { OpenFileChangelogOptions } from "./changelog.ts";

function batch(
  first: number,
  length = 100,
): { first: number; count: number; epoch: number; bytes: Uint8Array } {
  return { first, count: 1, epoch: 1, bytes: new Uint8Array(length).fill(first) };
}

interface Outcome {
  readonly acknowledged: StoredBatch[];
  readonly asked: StoredBatch[];
  readonly errors: unknown[];
  readonly fatal: unknown[];
}

/** Opens, appends over several segments with pauses and a trim, closes; notes what it was told. */
async function work(disk: FakeDisk): Promise<Outcome> {
  const outcome: Outcome = { acknowledged: [], asked: [], errors: [], fatal: [] };
  const onFatal = (error: unknown): void => void outcome.fatal.push(error);
  const note = (error: unknown): void => void outcome.errors.push(error);
  const world = await openOn(disk, new Prng("work"), { onFatal }).catch(note);
  if (world === undefined) return outcome;
  const { changelog, timers } = world;
  for (let first = 1; first <= 30; first++) {
    const next = batch(first, first % 10 === 0 ? 2500 : 90);
    outcome.asked.push({ ...next, chain: 0 });
    await changelog.append(next).then((chain) => {
      outcome.acknowledged.push({ ...next, chain });
    }, note);
    if (first % 7 === 0) await timers.advance(250);
    if (first === 25) await changelog.trim(10).catch(note);
  }
  await changelog.close().catch(note);
  await settle();
  return outcome;
}

const fallible: readonly FallibleCall[] = [
  "write",
  "sync",
  "rename",
  "truncate",
  "syncDirectory",
  "open",
  "unlink",
];

/** One call fails, or the disk is gone from that call on until it is opened again. */
const fates = ["once", "for good"] as const;

for (const kind of fallible) {
  for (const fate of fates) {
    test(`a ${kind} that fails ${fate} ends it, and nothing is lost`, async () => {
      for (let failing = 0; ; failing++) {
        const disk = new FakeDisk();
        let calls = 0;
        disk.fault = (call, path) => {
          const now = call === kind && calls++ === failing;
          const gone = fate === "for good" && calls > failing;
          return now || gone ? systemError("EIO", path) : undefined;
        };
        const outcome = await work(disk);
        disk.fault = undefined;
        if (calls <= failing) break;
        await checkFailed(disk, outcome).catch((error: unknown) => {
          throw new Error(`${kind} number ${failing}`, { cause: error });
        });
      }
    });
  }
}

async function checkFailed(disk: FakeDisk, outcome: Outcome): Promise<void> {
  const { acknowledged, asked, errors, fatal } = outcome;
  // The first failure is what everybody is told, and everybody after it.
  const all = new Set([...errors, ...fatal]);
  expect([...all].map((error) => (isHoldfastError(error) ? error.code : error))).toEqual([
    "CHANGELOG_FAILED",
  ]);
  expect(fatal.length).toBeLessThanOrEqual(1);
  expect(acknowledged.map(({ first }) => first)).toEqual(
    asked.slice(0, acknowledged.length).map(({ first }) => first),
  );

  // The same boot: reads still show what no sync made durable.
  const again = await openOn(disk, new Prng("again"));
  const shown = await contentOf(again.changelog);
  const script = { disk, batches: asked.map((each) => ({ ...each })) };
  const bounds = {
    acknowledged: acknowledged.length,
    asked: asked.length,
    trimmed: asked.length >= 25 ? 10 : 0,
  };
  script.batches.forEach((each, at) => {
    Object.assign(each, { chain: shown.batches.find(({ first }) => first === at + 1)?.chain });
  });
  checkContent(shown, script, bounds);

  // What was shown then survives the power cut that keeps nothing unsynchronised.
  const image = crashImage(disk.base, disk.calls, disk.calls.length, { keeps: () => false });
  const after = await openOn(new FakeDisk(image), new Prng("after"));
  expect(after.changelog.range).toEqual({ ...again.changelog.range, clean: expect.any(Boolean) });
  checkContent(await contentOf(after.changelog), script, bounds);
}

async function opened(disk: FakeDisk, options: Partial<OpenFileChangelogOptions> = {}) {
  const world = await openOn(disk, new Prng("full"), options);
  const told: boolean[] = [];
  world.changelog.onFull = (full) => void told.push(full);
  return { ...world, told };
}

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await settle();
  return settled;
}

test("a full disk is a wait: the same bytes are written again when there is room", async () => {
  const disk = new FakeDisk();
  const { changelog, timers, told } = await opened(disk, { segmentBytes: 1024 });
  await changelog.append(batch(1));
  disk.capacity = 2000;
  const waiting = changelog.append(batch(2, 3000));
  expect(await isSettled(waiting)).toBe(false);
  expect(told).toEqual([true]);
  await timers.advance(2000);
  expect(await isSettled(waiting)).toBe(false);
  disk.capacity = Number.POSITIVE_INFINITY;
  await timers.advance(300);
  expect(typeof (await waiting)).toBe("number");
  expect(told).toEqual([true, false]);
  await changelog.close();
  const again = await openOn(disk, new Prng("again"));
  expect((await contentOf(again.changelog)).batches.map(({ bytes }) => bytes.length)).toEqual([
    100, 3000,
  ]);
});

test("a short count without an error is written on, in the active segment too", async () => {
  const disk = new FakeDisk();
  const { changelog, timers, told } = await opened(disk);
  await changelog.append(batch(1));
  let full = true;
  disk.fault = (call) => (call === "write" && full ? systemError("EDQUOT") : undefined);
  const waiting = changelog.append(batch(2));
  expect(await isSettled(waiting)).toBe(false);
  full = false;
  await timers.advance(250);
  await waiting;
  expect(told).toEqual([true, false]);
});

test("the next segment waits for room in the background, appends go on meanwhile", async () => {
  const disk = new FakeDisk();
  const { changelog, timers, told } = await opened(disk, { segmentBytes: 8192 });
  disk.capacity = 8192 + 2000;
  for (let first = 1; first <= 40; first++) await changelog.append(batch(first));
  await settle();
  expect(told).toEqual([true]);
  await changelog.append(batch(41));
  disk.capacity = Number.POSITIVE_INFINITY;
  await timers.advance(300);
  expect(told).toEqual([true, false]);
  await changelog.close();
});

test("no room reported by a sync is final: it says nothing about what is durable", async () => {
  const disk = new FakeDisk();
  const { changelog } = await opened(disk);
  disk.fault = (call) => (call === "sync" ? systemError("ENOSPC") : undefined);
  await expect(changelog.append(batch(1))).rejects.toMatchObject({ code: "CHANGELOG_FAILED" });
  disk.fault = undefined;
  await expect(changelog.append(batch(1))).rejects.toMatchObject({ code: "CHANGELOG_FAILED" });
});

test("closed while it waits for room, an append was never made", async () => {
  const disk = new FakeDisk();
  const { changelog } = await opened(disk);
  await changelog.append(batch(1));
  disk.fault = (call) => (call === "write" ? systemError("ENOSPC") : undefined);
  const waiting = changelog.append(batch(2));
  const told = expect(waiting).rejects.toMatchObject({ code: "CHANGELOG_CLOSED" });
  await settle();
  await changelog.close();
  await told;
  disk.fault = undefined;
  const again = await openOn(disk, new Prng("again"));
  expect(again.changelog.range).toMatchObject({ last: 1, clean: false });
});

test("closed while the next segment waits for room, everything is in order", async () => {
  const disk = new FakeDisk();
  const { changelog, told } = await opened(disk, { segmentBytes: 8192 });
  disk.capacity = 8192 + 2000;
  for (let first = 1; first <= 40; first++) await changelog.append(batch(first));
  await settle();
  expect(told).toEqual([true]);
  disk.capacity = Number.POSITIVE_INFINITY;
  await changelog.close();
  const again = await openOn(disk, new Prng("again"));
  expect(again.changelog.range).toMatchObject({ last: 40, clean: true });
});

test("opening on a full disk is refused by its code and changes nothing", async () => {
  const disk = new FakeDisk();
  const { changelog } = await opened(disk);
  await changelog.append(batch(1));
  const torn = new FakeDisk(disk.image());
  torn.capacity = 0;
  await expect(openOn(torn, new Prng("full"))).rejects.toMatchObject({ code: "DISK_FULL" });
  torn.capacity = Number.POSITIVE_INFINITY;
  const again = await openOn(torn, new Prng("again"));
  expect(again.changelog.range.last).toBe(1);
});

test("below the low-water mark admission stops, and goes on by itself", async () => {
  const disk = new FakeDisk();
  const { changelog, timers, told } = await opened(disk, { lowWaterBytes: 1000 });
  await timers.advance(1000);
  expect(told).toEqual([]);
  disk.free = 999;
  await timers.advance(1000);
  expect(told).toEqual([true]);
  await changelog.append(batch(1));
  disk.free = 1000;
  await timers.advance(1000);
  expect(told).toEqual([true, false]);
});

test("whoever listens late to a full disk is told at once", async () => {
  const disk = new FakeDisk();
  disk.free = 5;
  const { changelog } = await openOn(disk, new Prng("late"), { lowWaterBytes: 10 });
  await settle();
  const told: boolean[] = [];
  changelog.onFull = (full) => void told.push(full);
  expect(told).toEqual([true]);
});

test("a failed background seal is told, and found by the next open", async () => {
  const disk = new FakeDisk();
  const fatal: unknown[] = [];
  const onFatal = (error: unknown): void => void fatal.push(error);
  const { changelog, timers } = await opened(disk, { onFatal });
  await changelog.append(batch(1));
  disk.fault = (call) => (call === "sync" ? systemError("EIO") : undefined);
  await timers.advance(250);
  expect(fatal).toMatchObject([{ code: "CHANGELOG_FAILED" }]);
  disk.fault = undefined;
  await expect(changelog.append(batch(2))).rejects.toBe(fatal[0]);
  await changelog.close();
  const again = await openOn(disk, new Prng("again"));
  expect(again.changelog.range).toMatchObject({ last: 1, clean: false });
});

/** Appends until a second segment is begun, and fails before its first batch is written. */
async function failBehindRoll(disk: FakeDisk, changelog: Changelog): Promise<void> {
  let footers = 0;
  disk.fault = (call, path) => {
    if (call === "truncate") footers += 1;
    return call === "write" && footers > 0 ? systemError("EIO", path) : undefined;
  };
  const fill = async (): Promise<void> => {
    for (let first = 2; first <= 30; first++) await changelog.append(batch(first));
  };
  await expect(fill()).rejects.toMatchObject({ code: "CHANGELOG_FAILED" });
  await changelog.close().catch(() => undefined);
  await settle();
  disk.fault = undefined;
}

for (const marks of ["seal", "close", "close that begins a segment"] as const) {
  test(`a ${marks} whose sync failed without a note leaves no digest of lost bytes`, async () => {
    const disk = new FakeDisk();
    let { changelog, timers } = await opened(disk);
    await changelog.append(batch(1));
    if (marks === "close that begins a segment") {
      await failBehindRoll(disk, changelog);
      ({ changelog, timers } = await opened(disk));
    }
    const { last } = changelog.range;
    // The disk is gone from that sync on: no note can be left either.
    let gone = false;
    disk.fault = (call, path) => {
      gone ||= call === "sync";
      return gone ? systemError("EIO", path) : undefined;
    };
    if (marks === "seal") await timers.advance(250);
    await changelog.close().catch(() => undefined);
    await settle();
    expect(gone).toBe(true);
    disk.fault = undefined;

    // The same boot: the mark can be read, and the segment is filled behind it.
    const again = await openOn(disk, new Prng("again"));
    expect(again.changelog.range).toMatchObject({ last, clean: marks === "close" });
    for (let first = last + 1; first <= 30; first++) await again.changelog.append(batch(first));
    await again.changelog.close();

    const image = crashImage(disk.base, disk.calls, disk.calls.length, { keeps: () => false });
    const fatal: unknown[] = [];
    const onFatal = (error: unknown): void => void fatal.push(error);
    const after = await openOn(new FakeDisk(image), new Prng("after"), { verify: true, onFatal });
    await settle();
    expect(fatal).toEqual([]);
    expect((await contentOf(after.changelog)).batches).toHaveLength(30);
  });
}

test("every timer is given back when it closes", async () => {
  const { changelog, timers } = await opened(new FakeDisk(), { lowWaterBytes: 10 });
  await changelog.append(batch(1));
  expect(timers.size).toBeGreaterThan(0);
  await changelog.close();
  await settle();
  expect(timers.size).toBe(0);
});

test("a segment that cannot be opened for now is a failure, and no damage", async () => {
  const disk = new FakeDisk();
  const { changelog } = await opened(disk);
  await changelog.append(batch(1));
  disk.fault = (call, path) => (call === "open" ? systemError("EMFILE", path) : undefined);
  await expect(contentOf(changelog)).rejects.toMatchObject({ code: "CHANGELOG_FAILED" });
  disk.fault = undefined;
  expect((await contentOf(changelog)).last).toBe(1);
});
