import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { contentOf, openOn } from "../../test/support/changelog-script.ts";
import type { DiskImage } from "../../test/support/fake-disk.ts";
import { crashImage, FakeDisk, settle, systemError } from "../../test/support/fake-disk.ts";
import type { Batch } from "../ports/changelog.ts";
import { Prng } from "../std/prng.ts";
import { changelogConformance } from "../testing/conformance/changelog.ts";
import { openFileChangelog } from "./changelog.ts";

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "holdfast-file-"));
}

changelogConformance({
  test,
  expect,
  open: async () => {
    const parent = await directory();
    const place = join(parent, "data");
    return {
      open: () => openFileChangelog({ directory: place, segmentBytes: 32 * 1024 }),
      dispose: () => rm(parent, { recursive: true }),
    };
  },
  supports: { reopen: true, trim: true },
});

const seed = (): Prng => new Prng("changelog");
const batch = (first: number, length = 100): Batch => {
  return { first, count: 1, epoch: 1, bytes: new Uint8Array(length).fill(first) };
};
const segmentsOf = async (disk: FakeDisk): Promise<string[]> => {
  return (await disk.list("/data/changelog")).filter((name) => name.endsWith(".segment")).sort();
};

// Crashes need a disk that can be cut off: the conformance of recovery runs on the fake one.
changelogConformance({
  test: (name, body) => test(`crashing, ${name}`, body),
  expect,
  open: () => {
    let disk = new FakeDisk();
    return {
      open: async () => (await openOn(disk, seed(), { segmentBytes: 32 * 1024 })).changelog,
      crash: async () => {
        const keeps = (): boolean => false;
        disk = new FakeDisk(crashImage(disk.base, disk.calls, disk.calls.length, { keeps }));
      },
    };
  },
  supports: { reopen: true, trim: true, crash: true },
});

test("an idle tail is sealed once, and appends go on behind the seal", async () => {
  const disk = new FakeDisk();
  const { changelog, timers } = await openOn(disk, seed());
  await changelog.append(batch(1));
  const before = changelog.bytes;
  await timers.advance(250);
  expect(changelog.bytes).toBe(before + 48);
  await timers.advance(10_000);
  expect(changelog.bytes).toBe(before + 48);
  await changelog.append(batch(2));
  expect((await contentOf(changelog)).batches.map(({ first }) => first)).toEqual([1, 2]);
});

test("an append that comes while the tail is being sealed waits for it", async () => {
  const disk = new FakeDisk();
  const { changelog, timers } = await openOn(disk, seed());
  await changelog.append(batch(1));
  const before = disk.calls.length;
  const sealing = timers.advance(250);
  await Promise.resolve();
  const appended = changelog.append(batch(2));
  await sealing;
  await appended;
  let running = 0;
  for (const call of disk.calls.slice(before)) {
    // No write of the log may lie between another write and its sync.
    if (call.kind === "write" && call.inode === 1) expect(running++).toBe(0);
    if (call.kind === "sync" && call.inode === 1) running = 0;
  }
  expect((await contentOf(changelog)).batches.map(({ first }) => first)).toEqual([1, 2]);
});

test("one append at a time: a second one meanwhile is the caller's mistake", async () => {
  const { changelog } = await openOn(new FakeDisk(), seed());
  const first = changelog.append(batch(1));
  await expect(changelog.append(batch(1))).rejects.toBeInstanceOf(TypeError);
  await first;
  await changelog.append(batch(2));
});

test("a full segment ends with a footer, and is given to the disk for good", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  for (let first = 1; first <= 40; first++) await changelog.append(batch(first));
  const names = await segmentsOf(disk);
  expect(names.length).toBeGreaterThan(2);
  const full = Buffer.from(disk.readNow(`/data/changelog/${names[0]}`));
  expect(full.toString("latin1", full.length - 96, full.length - 92)).toBe("HFfr");
  expect(full[full.length - 96 + 13]).toBe(3);
});

test("a batch larger than a segment gets a segment of its own size", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  for (const [at, length] of [10, 5000, 10, 200_000, 10].entries()) {
    await changelog.append(batch(at + 1, length));
  }
  await changelog.close();
  const again = await openOn(disk, seed());
  const { batches } = await contentOf(again.changelog);
  expect(batches.map(({ bytes }) => bytes.length)).toEqual([10, 5000, 10, 200_000, 10]);
});

test("a chain is known in segments that were believed by their footer", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  const chains: number[] = [];
  for (let first = 1; first <= 60; first++) chains.push(await changelog.append(batch(first)));
  await changelog.close();
  const again = await openOn(disk, seed());
  for (let at = 1; at <= 60; at++) expect(again.changelog.chainAt(at)).toBe(chains[at - 1]);
  expect(again.changelog.chainAt(0)).toBe(0);
});

test("a reader that a trim overtakes is told, not shown a gap", async () => {
  const { changelog } = await openOn(new FakeDisk(), seed());
  for (let first = 1; first <= 60; first++) await changelog.append(batch(first));
  const reader = changelog.read(1)[Symbol.asyncIterator]();
  expect((await reader.next()).value?.first).toBe(1);
  await changelog.trim(59);
  const rest = async (): Promise<void> => {
    while ((await reader.next()).done !== true);
  };
  await expect(rest()).rejects.toMatchObject({ code: "CHANGELOG_TRIMMED" });
});

test("a full segment that changed on disk is found after opening", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  for (let first = 1; first <= 60; first++) await changelog.append(batch(first));
  await changelog.close();
  const path = "/data/changelog/0000000001.segment";
  disk.corrupt(path, (bytes) => bytes.fill(9, 130, 131));
  const fatal: unknown[] = [];
  const onFatal = (error: unknown): void => void fatal.push(error);
  const again = await openOn(disk, seed(), { verify: true, onFatal });
  await settle();
  await settle();
  expect(fatal).toMatchObject([{ code: "CHANGELOG_DAMAGED", data: { file: path, offset: 64 } }]);
  await expect(again.changelog.append(batch(61))).rejects.toBe(fatal[0]);
});

test("read-only looks at a changelog in use, and changes nothing", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  for (let first = 1; first <= 30; first++) await changelog.append(batch(first));
  const calls = disk.calls.length;
  const { changelog: looking } = await openOn(disk, seed(), { readOnly: true });
  expect(looking.range).toMatchObject({ first: 1, last: 30, clean: false });
  expect((await contentOf(looking)).batches).toHaveLength(30);
  await expect(looking.append(batch(31))).rejects.toBeInstanceOf(TypeError);
  await expect(looking.trim(1)).rejects.toBeInstanceOf(TypeError);
  await looking.close();
  expect(disk.calls.length).toBe(calls);
  const nowhere = await openOn(new FakeDisk(), seed(), { readOnly: true });
  expect(nowhere.changelog.range).toMatchObject({ first: 1, last: 0, chain: 0 });
});

test("a directory that is not ours is refused before a single file is made in it", async () => {
  const files = new Map([["/data/thesis.doc", Buffer.from("...")]]);
  const disk = new FakeDisk({ directories: ["/", "/data"], files });
  await expect(openOn(disk, seed())).rejects.toMatchObject({ code: "DIRECTORY_FOREIGN" });
  expect(disk.calls).toEqual([]);
});

test("a directory or a segment of a newer format is refused", async () => {
  const disk = new FakeDisk();
  await (await openOn(disk, seed())).changelog.close();
  const newer = new FakeDisk(disk.image());
  newer.corrupt("/data/holdfast.json", () => Buffer.from(`{"format": 2}`));
  await expect(openOn(newer, seed())).rejects.toMatchObject({ code: "DIRECTORY_NEWER" });
  disk.corrupt("/data/changelog/0000000001.segment", (bytes) => {
    bytes[12] = 2;
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 64)), 8);
    return bytes;
  });
  await expect(openOn(disk, seed())).rejects.toMatchObject({ code: "DIRECTORY_NEWER" });
});

test.runIf(process.platform === "linux")(
  "a network file system is refused, unless asked",
  async () => {
    for (const type of [0x6969, 0xff534d42, 0x01021997]) {
      const disk = new FakeDisk({ directories: ["/", "/data"], files: new Map() });
      disk.type = type;
      await expect(openOn(disk, seed())).rejects.toMatchObject({ code: "DIRECTORY_REMOTE" });
      await openOn(disk, seed(), { allowRemote: true });
    }
  },
);

test("files and directories are for their owner only, and a second engine is refused", async () => {
  const parent = await directory();
  const place = join(parent, "a", "data");
  const log = await openFileChangelog({ directory: place });
  await log.append(batch(1));
  for (const name of [
    "",
    "changelog",
    "holdfast.json",
    "lock.json",
    "changelog/0000000001.segment",
  ]) {
    const { mode } = await stat(join(place, name));
    expect((mode & 0o777).toString(8)).toBe(name === "" || name === "changelog" ? "700" : "600");
  }
  await expect(openFileChangelog({ directory: place })).rejects.toMatchObject({
    code: "DIRECTORY_LOCKED",
  });
  await log.close();
  const again = await openFileChangelog({ directory: place });
  expect(again.range).toMatchObject({ last: 1, clean: true });
  await again.close();
  await rm(parent, { recursive: true });
});

test("what no batch can be is the caller's mistake, and changes nothing", async () => {
  const { changelog } = await openOn(new FakeDisk(), seed());
  await changelog.append({ ...batch(1), epoch: 3 });
  const huge = { length: 2 ** 28 } as Uint8Array;
  for (const wrong of [
    { ...batch(2), count: 0 },
    { ...batch(2), count: 1.5 },
    { ...batch(2), count: 2 ** 32 },
    { ...batch(2), epoch: 2 },
    { ...batch(2), epoch: 3.5 },
    { ...batch(2), epoch: 3, bytes: huge },
    { ...batch(3), epoch: 3 },
  ]) {
    await expect(changelog.append(wrong)).rejects.toBeInstanceOf(TypeError);
  }
  await changelog.append({ ...batch(2), epoch: 3 });
  expect(changelog.range.last).toBe(2);
});

test("a changelog that is closed, or has failed, says so to all, and to each the same", async () => {
  const { changelog } = await openOn(new FakeDisk(), seed());
  await changelog.append(batch(1));
  await changelog.close();
  await expect(changelog.append(batch(2))).rejects.toMatchObject({ code: "CHANGELOG_CLOSED" });
  await expect(contentOf(changelog)).rejects.toMatchObject({ code: "CHANGELOG_CLOSED" });
  const disk = new FakeDisk();
  let fatal: unknown;
  const onFatal = (error: unknown): void => void (fatal = error);
  const { changelog: failing } = await openOn(disk, seed(), { onFatal });
  disk.fault = (call) => (call === "sync" ? systemError("EIO") : undefined);
  const failed = { code: "CHANGELOG_FAILED", message: expect.stringContaining("EIO") };
  await expect(failing.append(batch(1))).rejects.toMatchObject(failed);
  expect(fatal).toMatchObject(failed);
  // The disk works again: nobody knows what it holds, so nothing is tried (facts of R16).
  disk.fault = undefined;
  await expect(failing.append(batch(1))).rejects.toBe(fatal);
  await expect(contentOf(failing)).rejects.toBe(fatal);
});

test("the note of the last close shows another history of the same length", async () => {
  const logs = [0, 1].map(async (fill) => {
    const disk = new FakeDisk();
    const { changelog } = await openOn(disk, seed());
    await changelog.append({ ...batch(1), bytes: new Uint8Array(9).fill(fill) });
    await changelog.close();
    return disk.image();
  });
  const [one, other] = (await Promise.all(logs)) as [DiskImage, DiskImage];
  const note = "/data/changelog/closed.json";
  const files = new Map(one.files).set(note, other.files.get(note) as Uint8Array);
  await expect(openOn(new FakeDisk({ ...one, files }), seed())).rejects.toMatchObject({
    code: "CHANGELOG_DAMAGED",
    data: { what: "its history is not the one of the last orderly close" },
  });
  // A note that cannot be read is as good as none.
  for (const text of ["", "null", "{}", '{"position":"1","chain":2,"check":3}']) {
    const unread = new Map(one.files).set(note, Buffer.from(text));
    const { changelog } = await openOn(new FakeDisk({ ...one, files: unread }), seed());
    expect(changelog.range.last, text).toBe(1);
  }
});

// The segment an append begins is durable before the batch in it is. A trim meanwhile must not take
// the one before: what is left would hold nothing, and not say where history stands.
test("a trim during the first append of a segment survives a crash at any call", async () => {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, seed());
  let acknowledged = 0;
  const marks: { readonly calls: number; readonly last: number }[] = [];
  for (let first = 1; first <= 60; first++) {
    let done = false;
    const appending = changelog.append(batch(first)).then(() => {
      done = true;
    });
    while (!done) await changelog.trim(acknowledged);
    await appending;
    acknowledged = first;
    marks.push({ calls: disk.calls.length, last: first });
  }
  for (let until = marks[0]!.calls; until <= disk.calls.length; until++) {
    const last = marks.findLast(({ calls }) => calls <= until)!.last;
    const image = crashImage(disk.base, disk.calls, until, { keeps: () => false });
    const { changelog: after } = await openOn(new FakeDisk(image), seed());
    expect(after.range.last).toBeGreaterThanOrEqual(last);
  }
  expect(changelog.range.first).toBeGreaterThan(40);
});
