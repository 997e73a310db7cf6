import { expect, test } from "vitest";
import type { Script } from "../../test/support/changelog-script.ts";
import {
  boundsAt,
  checkContent,
  contentOf,
  openOn,
  recoverAndCheck,
  runScript,
} from "../../test/support/changelog-script.ts";
import type { CrashChoice, DiskImage } from "../../test/support/fake-disk.ts";
import { crashImage, FakeDisk, unsynced } from "../../test/support/fake-disk.ts";
import { Prng } from "../std/prng.ts";

// Sampled by default, less than in `make check`; FILE_CRASH_SCALE=20 is the size of the proof plan (T2).
const scale = Number(process.env["FILE_CRASH_SCALE"] ?? 0.25);

/** Ways the unsynchronised part may have been left: everything, nothing, parts, torn. */
function* choices(script: Script, until: number, prng: Prng): Generator<CrashChoice> {
  const { calls } = script.disk;
  const open = unsynced(calls, until);
  yield {};
  if (open.length === 0) return;
  if (open.length <= 4) {
    for (let bits = 0; bits < 2 ** open.length - 1; bits++) {
      yield { keeps: (index) => ((bits >> index) & 1) === 1 };
    }
  } else {
    for (let i = 0; i < 8; i++) {
      const bits = Array.from(open, () => prng.random() < 0.5);
      yield { keeps: (index) => bits[index]! };
    }
  }
  const write = open.map((at) => calls[at]!).findLast((call) => call.kind === "write");
  if (write?.kind !== "write") return;
  const { length } = write.bytes;
  yield { tear: (bytes) => new Uint8Array(bytes.length) };
  for (let i = 0; i < 2; i++) {
    const cut = prng.integer(length);
    const sector = Math.ceil((write.offset + 1) / 512) * 512 - write.offset;
    const garbage = prng.integer(256);
    yield { tear: (bytes) => bytes.subarray(0, cut) };
    yield { tear: (bytes) => bytes.map((byte, at) => (at < cut ? byte : garbage)) };
    // Later sectors without the first: what is kept need not be a beginning.
    if (sector < length) yield { tear: (bytes) => bytes.map((b, at) => (at < sector ? 0 : b)) };
  }
}

async function crashEverywhere(script: Script, prng: Prng): Promise<number> {
  const { calls, base } = script.disk;
  let images = 0;
  for (let until = 0; until <= calls.length; until++) {
    if (calls[until - 1]?.kind === "note") continue;
    const bounds = boundsAt(script.disk, until);
    for (const choice of choices(script, until, prng)) {
      const image = crashImage(base, calls, until, choice);
      images += 1;
      try {
        const recovered = await recoverAndCheck(image, script, bounds);
        if (prng.random() < 0.1) images += await crashAgain(recovered, script, bounds, prng);
      } catch (error) {
        throw new Error(`crash after call ${until} (${calls[until - 1]?.kind})`, { cause: error });
      }
    }
  }
  return images;
}

/** A crash at a call of the recovery itself: the next one must show the same. */
async function crashAgain(
  recovered: FakeDisk,
  script: Script,
  bounds: ReturnType<typeof boundsAt>,
  prng: Prng,
): Promise<number> {
  const { calls, base } = recovered;
  // What the first recovery showed to the outside once it had ended is never taken back.
  const whole = await contentOf((await openOn(new FakeDisk(recovered.image()), prng)).changelog);
  let images = 0;
  for (let until = 0; until <= calls.length; until++) {
    const open = unsynced(calls, until).length;
    const bits = prng.integer(2 ** Math.min(open, 20));
    const image = crashImage(base, calls, until, { keeps: (index) => ((bits >> index) & 1) === 1 });
    const disk = new FakeDisk(image);
    const { changelog } = await openOn(disk, prng);
    const content = await contentOf(changelog);
    checkContent(content, script, bounds);
    if (contentText(content) !== contentText(whole)) throw new Error(`differs after ${until}`);
    images += 1;
  }
  return images;
}

test(
  "a crash at any call, whatever it left, loses nothing acknowledged",
  async () => {
    let images = 0;
    for (let seed = 0; seed < 8 * scale; seed++) {
      const prng = new Prng(`crash ${seed}`);
      const script = await runScript(`script ${seed}`, 40);
      images += await crashEverywhere(script, prng).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
    expect(images).toBeGreaterThan(5000 * scale);
  },
  60_000 * Math.max(1, scale),
);

test("an opening after a recovery finds nothing to repair", async () => {
  const script = await runScript("idempotent", 60);
  const { calls, base } = script.disk;
  for (let until = 0; until <= calls.length; until += 3) {
    const once = new FakeDisk(crashImage(base, calls, until));
    await openOn(once, new Prng("once"));
    const twice = new FakeDisk(once.image());
    await openOn(twice, new Prng("twice"));
    expect(twice.calls.filter(({ kind }) => kind !== "syncDirectory")).toEqual([]);
    expect(imageText(twice.image())).toEqual(imageText(once.image()));
  }
});

/** As text: comparing that is far quicker than comparing bytes one by one. */
function contentText({ batches, ...rest }: Awaited<ReturnType<typeof contentOf>>): string {
  const texts = batches.map((each) => ({
    ...each,
    bytes: Buffer.from(each.bytes).toString("hex"),
  }));
  return JSON.stringify({ ...rest, batches: texts });
}

function imageText({ files }: DiskImage): Record<string, string> {
  return Object.fromEntries(
    [...files].map(([path, bytes]) => {
      return [path, Buffer.from(bytes).toString("hex")];
    }),
  );
}
