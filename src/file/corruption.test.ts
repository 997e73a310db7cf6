import { expect, test } from "vitest";
import { contentOf, openOn } from "../../test/support/changelog-script.ts";
import type { DiskImage } from "../../test/support/fake-disk.ts";
import { FakeDisk } from "../../test/support/fake-disk.ts";
import { isHoldfastError } from "../model/errors.ts";
import { Prng } from "../std/prng.ts";

// Sampled by default; FILE_CORRUPTION_SCALE=30 reaches nearly every bit (T3).
const scale = Number(process.env["FILE_CORRUPTION_SCALE"] ?? 1);

type Content = Awaited<ReturnType<typeof contentOf>>;

/** A log of several segments with batches of all sizes, seals among them, and a spare behind. */
async function writtenLog(
  end: "closed" | "killed",
): Promise<{ image: DiskImage; content: Content }> {
  const disk = new FakeDisk();
  const prng = new Prng("corruption");
  const { changelog, timers } = await openOn(disk, prng);
  for (let first = 1; first <= 60; first++) {
    const length = first === 30 ? 3000 : prng.integer(160);
    const bytes = Uint8Array.from({ length }, () => prng.integer(256));
    await changelog.append({ first, count: 1, epoch: 1 + (first >> 4), bytes });
    if (first % 9 === 0) await timers.advance(250);
  }
  const content = await contentOf(changelog);
  if (end === "closed") await changelog.close();
  return { image: disk.image(), content };
}

type Change = (bytes: Buffer) => Uint8Array;

/** What the damaged log answers: "harmless", or where it was refused. Anything else throws. */
async function outcomeOf(
  image: DiskImage,
  path: string,
  change: Change,
  allows: (content: Content) => boolean,
): Promise<"harmless" | "refused"> {
  const disk = new FakeDisk(image);
  disk.corrupt(path, change);
  try {
    const { changelog } = await openOn(disk, new Prng("damaged"));
    if (!allows(await contentOf(changelog))) throw new Error("a wrong answer");
    return "harmless";
  } catch (error) {
    if (isHoldfastError(error, "DIRECTORY_FOREIGN") && path.endsWith("holdfast.json"))
      return "refused";
    if (isHoldfastError(error, "DIRECTORY_NEWER") && path.endsWith("holdfast.json"))
      return "refused";
    if (!isHoldfastError(error, "CHANGELOG_DAMAGED")) throw error;
    const data = error.data as { readonly file: unknown; readonly offset: unknown };
    expect(typeof data.file).toBe("string");
    expect(typeof data.offset).toBe("number");
    expect(error.message).toContain("holdfast salvage /data");
    return "refused";
  }
}

function sameAs(content: Content): (other: Content) => boolean {
  const text = textOf(content);
  return (other) => textOf(other) === text;
}

function textOf({ first, last, chain, batches }: Content): string {
  const texts = batches.map((each) => ({
    ...each,
    bytes: Buffer.from(each.bytes).toString("hex"),
  }));
  return JSON.stringify([first, last, chain, texts]);
}

const flip =
  (bit: number): Change =>
  (bytes) => {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  };
const remove =
  (at: number, count: number): Change =>
  (bytes) => {
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
  };
const insert =
  (at: number, byte: number): Change =>
  (bytes) => {
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]);
  };
const zero =
  (at: number, count: number): Change =>
  (bytes) => {
    return bytes.fill(0, at, Math.min(bytes.length, at + count));
  };

/** Every sector zeroed, and a seeded sample of everything else, for each file. */
function* changesOf(bytes: Uint8Array, prng: Prng, share: number): Generator<[string, Change]> {
  const { length } = bytes;
  for (let at = 0; at < length; at += 512) yield [`sector ${at} zeroed`, zero(at, 512)];
  for (let bit = 0; bit < length * 8; bit++) {
    if (prng.random() < share) yield [`bit ${bit} flipped`, flip(bit)];
  }
  for (let at = 0; at < length; at++) {
    if (prng.random() < share * 3) yield [`byte ${at} removed`, remove(at, 1)];
    if (prng.random() < share * 3) yield [`byte ${at} inserted`, insert(at, prng.integer(256))];
    if (prng.random() < share) yield [`cut at ${at}`, remove(at, length)];
    if (prng.random() < share) yield [`${at}.. removed`, remove(at, prng.integer(700))];
  }
}

test(
  "damage to a log closed in order is harmless or refused, never a wrong answer",
  async () => {
    const { image, content } = await writtenLog("closed");
    const prng = new Prng("sweep");
    const counts = { harmless: 0, refused: 0 };
    for (const [path, bytes] of image.files) {
      for (const [name, change] of changesOf(bytes, prng, 0.03 * scale)) {
        const outcome = await outcomeOf(image, path, change, sameAs(content)).catch(
          (error: unknown) => {
            throw new Error(`${path}: ${name}`, { cause: error });
          },
        );
        counts[outcome] += 1;
      }
    }
    expect(counts.refused).toBeGreaterThan(1000);
    expect(counts.harmless).toBeGreaterThan(300);
  },
  60_000 * scale,
);

test(
  "damage to a log that was killed costs at most the batch nothing came after",
  async () => {
    const { image, content } = await writtenLog("killed");
    const prng = new Prng("killed");
    const whole = sameAs(content);
    const newest = content.batches.at(-1)!;
    const but = {
      ...content,
      last: newest.first - 1,
      chain: content.batches.at(-2)!.chain,
      batches: content.batches.slice(0, -1),
    };
    const butLast = sameAs(but);
    for (const [path, bytes] of image.files) {
      for (const [name, change] of changesOf(bytes, prng, 0.015 * scale)) {
        // Whoever loses everything from a point on leaves nothing that could tell.
        if (name.startsWith("cut") || (name.endsWith("removed") && name.includes(".."))) continue;
        if (name.startsWith("sector")) continue;
        await outcomeOf(image, path, change, (other) => whole(other) || butLast(other)).catch(
          (error: unknown) => {
            throw new Error(`${path}: ${name}`, { cause: error });
          },
        );
      }
    }
  },
  60_000 * scale,
);

test("a missing segment is refused, whichever it is", async () => {
  const { image, content } = await writtenLog("closed");
  const segments = [...image.files.keys()].filter((path) => path.endsWith(".segment")).sort();
  expect(segments.length).toBeGreaterThan(4);
  for (const missing of segments.slice(1)) {
    const files = new Map([...image.files].filter(([path]) => path !== missing));
    const opening = openOn(new FakeDisk({ ...image, files }), new Prng("missing"));
    const spare =
      missing === segments.at(-1) &&
      (await opening.catch(() => undefined))?.changelog.range.last === content.last;
    if (!spare) await expect(opening).rejects.toMatchObject({ code: "CHANGELOG_DAMAGED" });
  }
});

test("a segment from another log of the same shape is refused", async () => {
  const { image } = await writtenLog("closed");
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, new Prng("other"));
  for (let first = 1; first <= 60; first++) {
    await changelog.append({ first, count: 1, epoch: 1, bytes: new Uint8Array(first % 100) });
  }
  await changelog.close();
  const path = "/data/changelog/0000000002.segment";
  const files = new Map([...image.files, [path, disk.image().files.get(path)!]]);
  await expect(openOn(new FakeDisk({ ...image, files }), new Prng("mixed"))).rejects.toMatchObject({
    code: "CHANGELOG_DAMAGED",
  });
});

test("records that imitate frames neither hide damage nor invent it", async () => {
  const path = "/data/changelog/0000000001.segment";
  for (const sealed of [false, true]) {
    const disk = new FakeDisk();
    const { changelog, timers } = await openOn(disk, new Prng("imitation"));
    await changelog.append({ first: 1, count: 1, epoch: 1, bytes: new Uint8Array(50) });
    const real = Buffer.from(disk.readNow(path)).subarray(64, 64 + 98);
    const bytes = Buffer.concat([real, real, real]);
    await changelog.append({ first: 2, count: 1, epoch: 1, bytes });
    if (sealed) await timers.advance(250);
    disk.corrupt(path, flip((64 + 98 + 20) * 8));
    const opening = openOn(disk, new Prng("again"));
    if (sealed) await expect(opening).rejects.toMatchObject({ code: "CHANGELOG_DAMAGED" });
    else expect((await opening).changelog.range.last).toBe(1);
  }
});
