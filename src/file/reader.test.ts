import { expect, test } from "vitest";
import { contentOf, openOn } from "../../test/support/changelog-script.ts";
import { FakeDisk, systemError } from "../../test/support/fake-disk.ts";
import { Prng } from "../std/prng.ts";

/** A changelog of several segments, open, and where they lie. */
async function written(): Promise<{
  disk: FakeDisk;
  changelog: Awaited<ReturnType<typeof openOn>>["changelog"];
  paths: string[];
}> {
  const disk = new FakeDisk();
  const { changelog } = await openOn(disk, new Prng("reader"));
  for (let first = 1; first <= 40; first++) {
    await changelog.append({ first, count: 1, epoch: 1, bytes: new Uint8Array(200).fill(first) });
  }
  const paths = [...disk.image().files.keys()].filter((path) => path.endsWith(".segment")).sort();
  return { disk, changelog, paths };
}

test("a segment that cannot be opened now is not called damaged", async () => {
  const { disk, changelog, paths } = await written();
  disk.fault = (call, path) =>
    call === "open" && path === paths[1] ? systemError("EMFILE", path) : undefined;
  await expect(contentOf(changelog)).rejects.toMatchObject({
    code: "CHANGELOG_FAILED",
    message: expect.stringContaining(`${paths[1]} could not be opened: EMFILE`),
  });
  disk.fault = undefined;
  expect((await contentOf(changelog)).batches.length).toBe(40);
});

test("a segment that is gone while it is held is damage, from the first record missing", async () => {
  const { disk, changelog, paths } = await written();
  const path = paths[1] as string;
  await disk.unlink(path);
  await expect(contentOf(changelog)).rejects.toMatchObject({
    code: "CHANGELOG_DAMAGED",
    data: { file: path, offset: 0, what: "it is missing", from: expect.any(Number) },
  });
});

test("a segment that a trim takes while it is being opened is passed over, or told", async () => {
  const { disk, changelog, paths } = await written();
  const reading = changelog.read(1)[Symbol.asyncIterator]();
  expect((await reading.next()).value?.first).toBe(1);
  // The reader is in the first segment: what it holds open it reads to its end.
  await changelog.trim(30);
  const seen: number[] = [];
  const failed = await (async () => {
    for (;;) {
      const { value, done } = await reading.next();
      if (done === true) return undefined;
      seen.push(value.first);
    }
  })().catch((error: unknown) => error);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(failed).toMatchObject({ code: "CHANGELOG_TRIMMED", data: { first: expect.any(Number) } });
  const { batches } = await contentOf(changelog);
  expect(batches[0]?.first).toBeLessThanOrEqual(31);
  expect(batches.at(-1)?.first).toBe(40);
  expect(disk.image().files.has(paths[0] as string)).toBe(false);
});

test("what is changed under an open changelog is refused where it is read", async () => {
  const { disk, changelog, paths } = await written();
  disk.corrupt(paths[0] as string, (bytes) => bytes.fill(0xee, 300, 310));
  await expect(contentOf(changelog)).rejects.toMatchObject({
    code: "CHANGELOG_DAMAGED",
    data: { file: paths[0], what: "a frame fails its check" },
  });
});
