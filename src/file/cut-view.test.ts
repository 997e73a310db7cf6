import { expect, test } from "vitest";
import { openOn } from "../../test/support/changelog-script.ts";
import { FakeDisk } from "../../test/support/fake-disk.ts";
import { Prng } from "../std/prng.ts";
import { CutView } from "./cut-view.ts";
import { footerBytes, numberOfName, segmentHeaderBytes, segmentName } from "./segment.ts";

const folder = "/data/changelog";
const pathOf = (number: number): string => `${folder}/${segmentName(number)}`;

/** A folder of several full segments, the number of its last one, and a view of all of it. */
async function written(): Promise<{ disk: FakeDisk; last: number; view: CutView }> {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, new Prng("cut"));
  for (let first = 1; first <= 40; first++) {
    await changelog.append({ first, count: 1, epoch: 1, bytes: new Uint8Array(200) });
  }
  await changelog.close();
  const names = await disk.list(folder);
  const last = Math.max(...names.map((name) => numberOfName(name) ?? 0));
  expect(last).toBeGreaterThan(4);
  return { disk, last, view: new CutView(disk, folder, last) };
}

async function shown(view: CutView): Promise<readonly number[]> {
  const names = await view.list(folder);
  return names.map((name) => numberOfName(name) as number).sort((a, b) => a - b);
}

async function sizeOf(view: CutView, number: number): Promise<number> {
  const file = await view.open(pathOf(number), "read");
  const size = await file.size();
  // What is asked beyond the end is not read.
  expect(await file.read(Buffer.alloc(64), 0, 64, size)).toBe(0);
  await file.close();
  expect(view.readNow(pathOf(number)).length).toBe(size);
  return size;
}

test("segments are shown, and nothing else", async () => {
  const { disk, view, last } = await written();
  expect(await disk.list(folder)).toContain("closed.json");
  expect(await shown(view)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  await expect(view.open(`${folder}/closed.json`, "read")).rejects.toMatchObject({
    code: "ENOENT",
  });
});

test("cut within a segment, it is the last one, and ends there", async () => {
  const { disk, view } = await written();
  await view.endAt(segmentName(3), 300);
  expect(await shown(view)).toEqual([1, 2, 3]);
  expect(await sizeOf(view, 3)).toBe(300);
  expect(await sizeOf(view, 2)).toBe(disk.readNow(pathOf(2)).length);
  await view.endAt(segmentName(3), 200);
  expect(await sizeOf(view, 3)).toBe(200);
});

test("cut where nothing of a segment is left, it ends before the footer that announced it", async () => {
  const { disk, view } = await written();
  await view.endAt(segmentName(3), segmentHeaderBytes);
  expect(await shown(view)).toEqual([1, 2]);
  expect(await sizeOf(view, 2)).toBe(disk.readNow(pathOf(2)).length - footerBytes);
});

test("a missing segment costs the footer that announced it, and then the one before", async () => {
  const { disk } = await written();
  const view = new CutView(disk, folder, 3);
  for (const left of [3, 2, 1]) {
    await view.endAt(segmentName(4), 0);
    expect(await shown(view)).toEqual([1, 2, 3].slice(0, left));
    expect(await sizeOf(view, left)).toBe(disk.readNow(pathOf(left)).length - footerBytes);
  }
});

test("each cut shows less than the one before, until nothing is left", async () => {
  const { view, last } = await written();
  let segments = last;
  for (let number = last; number >= 1; number--) {
    await view.endAt(segmentName(number), 0);
    const now = (await shown(view)).length;
    expect(now).toBeLessThan(segments);
    segments = now;
  }
  expect(await shown(view)).toEqual([]);
});

test("nothing is written through a view", async () => {
  const { disk, view } = await written();
  const file = await view.open(pathOf(1), "read");
  const before = disk.calls.length;
  await expect(view.open(pathOf(1), "write")).rejects.toMatchObject({ code: "ENOENT" });
  for (const attempt of [
    () => view.unlink(),
    () => view.rename(),
    () => view.makeDirectory(),
    () => view.syncDirectory(),
    () => file.write(Buffer.alloc(1), 0, 1, 0),
    () => file.truncate(0),
    () => file.sync(),
    async () => file.writeNow(Buffer.alloc(1), 0, 1, 0),
  ]) {
    await expect(attempt()).rejects.toThrow("a view is not written to");
  }
  expect(disk.calls.length).toBe(before);
});
