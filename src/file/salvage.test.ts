import { expect, test } from "vitest";
import { contentOf, openOn } from "../../test/support/changelog-script.ts";
import type { DiskImage } from "../../test/support/fake-disk.ts";
import { FakeDisk, systemError } from "../../test/support/fake-disk.ts";
import { Prng } from "../std/prng.ts";
import { rewrite } from "./rewrite.ts";
import { examine } from "./salvage.ts";

type Content = Awaited<ReturnType<typeof contentOf>>;

const place = { directory: "/data", folder: "/data/changelog" };
const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);

/** A log of several segments with batches of all sizes, seals among them. */
async function written(end: "closed" | "killed"): Promise<{ image: DiskImage; content: Content }> {
  const disk = new FakeDisk();
  const prng = new Prng("salvage");
  const { changelog, timers } = await openOn(disk, prng);
  for (let first = 1; first <= 60; first++) {
    const bytes = Uint8Array.from({ length: prng.integer(300) }, () => prng.integer(256));
    await changelog.append({ first, count: 1, epoch: 1 + (first >> 4), bytes });
    if (first % 9 === 0) await timers.advance(250);
  }
  const content = await contentOf(changelog);
  if (end === "closed") await changelog.close();
  return { image: disk.image(), content };
}

interface Salvaged {
  readonly last: number;
  readonly damaged: boolean;
  readonly known: number;
}

/** Salvages into a disk of its own, opens that, and holds it against what was there. */
async function salvaged(damaged: FakeDisk, content: Content): Promise<Salvaged> {
  const before = textOf(damaged.image());
  const intact = await examine({ disk: damaged, ...place });
  const { first, previous } = intact.segments[0] ?? { first: 1, previous: 0 };
  const files = new Map([...damaged.image().files].filter(([path]) => path.endsWith(".json")));
  files.delete("/data/changelog/closed.json");
  const disk = new FakeDisk({ directories: damaged.image().directories, files });
  await rewrite({ disk, folder: place.folder, random }, intact, { first, previous });
  expect(textOf(damaged.image())).toBe(before);
  const { changelog } = await openOn(disk, new Prng("again"));
  const kept = await contentOf(changelog);
  expect(kept.batches).toEqual(content.batches.slice(0, kept.batches.length));
  expect(kept.last).toBe(intact.last);
  // And it goes on from there.
  const next = { first: kept.last + 1, count: 1, epoch: 9, bytes: new Uint8Array(9) };
  await changelog.append(next);
  await changelog.close();
  const { known } = intact;
  return { last: kept.last, damaged: intact.damage !== undefined, known };
}

function textOf({ files }: DiskImage): string {
  return [...files].map(([path, bytes]) => `${path} ${Buffer.from(bytes).toString("hex")}`).join();
}

test("a log that is intact is kept whole, and named intact", async () => {
  for (const end of ["closed", "killed"] as const) {
    const { image, content } = await written(end);
    const found = await salvaged(new FakeDisk(image), content);
    expect(found).toEqual({ last: 60, damaged: false, known: 60 });
  }
});

test("whatever is wrong, an intact beginning is kept, and what is known of the rest is said", async () => {
  const { image, content } = await written("closed");
  const prng = new Prng("damages");
  const paths = [...image.files.keys()].filter((path) => path.endsWith(".segment"));
  expect(paths.length).toBeGreaterThan(4);
  let kept = 0;
  for (let i = 0; i < 120; i++) {
    const path = paths[prng.integer(paths.length)]!;
    const { length } = image.files.get(path)!;
    const at = prng.integer(length);
    const disk = new FakeDisk(image);
    disk.corrupt(path, (bytes) => damage(bytes, at, i, prng));
    const opened = await openOn(new FakeDisk(disk.image()), new Prng("open")).then(
      () => true,
      () => false,
    );
    const found = await salvaged(disk, content);
    expect(opened || found.damaged, `${path} at ${at}`).toBe(true);
    expect(found.known).toBe(60);
    kept += found.last;
  }
  expect(kept).toBeGreaterThan(120 * 20);
});

function damage(bytes: Buffer, at: number, i: number, prng: Prng): Uint8Array {
  if (i % 4 === 0) return bytes.fill(0, at, Math.min(at + 512, bytes.length));
  if (i % 4 === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 5)]);
  if (i % 4 === 2) return bytes.subarray(0, at);
  bytes[at]! ^= 1 + prng.integer(255);
  return bytes;
}

test("a missing segment ends what is kept with the one before it", async () => {
  const { image, content } = await written("closed");
  const paths = [...image.files.keys()].filter((path) => path.endsWith(".segment")).sort();
  for (const missing of paths.slice(0, -2)) {
    const files = new Map([...image.files].filter(([path]) => path !== missing));
    const found = await salvaged(new FakeDisk({ ...image, files }), content).catch(() => undefined);
    // Without its first one nothing connects with a beginning: what follows is believed as such.
    if (missing === paths[0]) expect(found).toBe(undefined);
    else expect(found).toMatchObject({ damaged: true, known: 60 });
  }
});

test("two places: the first one ends it, the records behind both are known", async () => {
  const { image, content } = await written("killed");
  const disk = new FakeDisk(image);
  disk.corrupt("/data/changelog/0000000004.segment", (bytes) => bytes.fill(1, 200, 260));
  disk.corrupt("/data/changelog/0000000002.segment", (bytes) => bytes.fill(1, 600, 620));
  const found = await salvaged(disk, content);
  expect(found.last).toBeLessThan(30);
  expect(found).toMatchObject({ damaged: true, known: 60 });
});

test("a changelog that goes on behind a table begins there", async () => {
  const { image } = await written("closed");
  const intact = await examine({ disk: new FakeDisk(image), ...place });
  const files = new Map([...image.files].filter(([path]) => path === "/data/holdfast.json"));
  const disk = new FakeDisk({ directories: image.directories, files });
  const beginning = { first: 101, previous: 0xcafe };
  await rewrite({ disk, folder: place.folder, random }, intact, beginning);
  const { changelog } = await openOn(disk, new Prng("again"));
  expect(changelog.range).toMatchObject({ first: 101, last: 100, chain: 0xcafe });
  expect(changelog.chainAt(100)).toBe(0xcafe);
  await changelog.append({ first: 101, count: 1, epoch: 9, bytes: new Uint8Array(3) });
});

test("a folder that is not there is an empty changelog; one that cannot be read is not", async () => {
  const disk = new FakeDisk();
  expect(await examine({ disk, ...place })).toMatchObject({ last: 0, known: 0, damage: undefined });
  const { image } = await written("closed");
  const unread = new FakeDisk(image);
  unread.list = async () => {
    throw systemError("EIO", place.folder);
  };
  await expect(examine({ disk: unread, ...place })).rejects.toMatchObject({ code: "EIO" });
  const unopened = new FakeDisk(image);
  unopened.fault = (call, path) =>
    call === "open" && path.endsWith("3.segment") ? systemError("EIO", path) : undefined;
  await expect(examine({ disk: unopened, ...place })).rejects.toMatchObject({ code: "EIO" });
});

test("an end that was cut off without a trace is told by the note of the last close", async () => {
  const { image } = await written("closed");
  const { image: shorter } = await writtenUpTo(20);
  const closed = "/data/changelog/closed.json";
  const files = new Map(shorter.files).set(closed, image.files.get(closed) as Uint8Array);
  const found = await examine({ disk: new FakeDisk({ ...shorter, files }), ...place });
  expect(found).toMatchObject({ last: 20, known: 60 });
  expect(found.damage?.message).toContain("it ends at 20, and reached 60");
  // The same positions, but of another history.
  const { image: other } = await writtenUpTo(60);
  const swapped = new Map(other.files).set(closed, image.files.get(closed) as Uint8Array);
  const twin = await examine({ disk: new FakeDisk({ ...other, files: swapped }), ...place });
  expect(twin.damage?.message).toContain("its history is not the one of its last orderly close");
});

async function writtenUpTo(last: number): Promise<{ image: DiskImage }> {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, new Prng("other"));
  for (let first = 1; first <= last; first++) {
    await changelog.append({ first, count: 1, epoch: 1, bytes: Uint8Array.of(first) });
  }
  await changelog.close();
  return { image: disk.image() };
}
