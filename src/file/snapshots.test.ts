import { expect, test } from "vitest";
import { crashImage, FakeDisk, systemError, unsynced } from "../../test/support/fake-disk.ts";
import { isHoldfastError } from "../model/errors.ts";
import { replaceWhole } from "./disk.ts";
import { fileSnapshots } from "./snapshots.ts";

async function diskWith(...tables: readonly string[]): Promise<FakeDisk> {
  const disk = new FakeDisk();
  await disk.makeDirectory("/data");
  for (const [at, text] of tables.entries()) {
    await replaceWhole(disk, `/data/table${at}`, Buffer.from(text));
  }
  return disk;
}

const flipped = (bytes: Buffer): Uint8Array =>
  bytes.map((byte, at) => (at === 3 ? byte ^ 1 : byte));

test("there is no copy before one was put", async () => {
  const disk = await diskWith();
  expect(await fileSnapshots({ directory: "/data", disk }).latest()).toBe(undefined);
  await fileSnapshots({ directory: "/data", disk }).prune();
});

test("the newest copy is found, with the content it was made from", async () => {
  const disk = await diskWith("older table", "newer table");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  await snapshots.put("/data/table1", 900);
  await snapshots.put("/data/table0", 70);
  const copy = await snapshots.latest();
  expect(copy).toMatchObject({ position: 900, bytes: 11 });
  expect(Buffer.from(disk.readNow(copy!.path)).toString()).toBe("newer table");
});

test("a damaged copy is passed over and reported, and none left is an error", async () => {
  const disk = await diskWith("one", "two!");
  const reported: unknown[] = [];
  const onDamaged = (error: Error): void => void reported.push(error);
  const snapshots = fileSnapshots({ directory: "/data", disk, onDamaged });
  const older = await snapshots.put("/data/table1", 1);
  const newer = await snapshots.put("/data/table1", 2);
  disk.corrupt(newer.path, flipped);
  expect((await snapshots.latest())?.position).toBe(1);
  expect(reported).toMatchObject([{ code: "COPY_DAMAGED", data: { path: newer.path } }]);
  disk.corrupt(older.path, flipped);
  await expect(snapshots.latest()).rejects.toMatchObject({ code: "COPY_DAMAGED" });
});

test("two copies are kept, and nothing a crash left half made", async () => {
  const disk = await diskWith("a table");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  for (const position of [5, 6, 7]) await snapshots.put("/data/table0", position);
  await disk.open("/data/copies/0000000000000009-.copy.new", "create");
  await snapshots.prune();
  const names = (await disk.list("/data/copies")).map((name) => Number(name.slice(0, 16)));
  expect(names.sort()).toEqual([6, 7]);
});

test("the same table at the same position is the same copy", async () => {
  const disk = await diskWith("a table");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  const first = await snapshots.put("/data/table0", 5);
  expect(await snapshots.put("/data/table0", 5)).toEqual(first);
  expect(await disk.list("/data/copies")).toHaveLength(1);
});

test("a copy that reads back differently never gets a name", async () => {
  const disk = await diskWith("a table");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  disk.fault = (call, path) => {
    if (call === "sync" && path.endsWith(".new")) disk.corrupt(path, flipped);
    return undefined;
  };
  await expect(snapshots.put("/data/table0", 5)).rejects.toMatchObject({ code: "COPY_DAMAGED" });
  expect(await disk.list("/data/copies")).toEqual([]);
});

test("a full disk is told by its code and leaves nothing behind", async () => {
  const disk = await diskWith("a table");
  disk.capacity = 10;
  const snapshots = fileSnapshots({ directory: "/data", disk });
  await expect(snapshots.put("/data/table0", 5)).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(await disk.list("/data/copies")).toEqual([]);
});

test("an error at any call leaves the copy of before", async () => {
  for (let failing = 0; failing < 12; failing++) {
    const disk = await diskWith("old", "new");
    const snapshots = fileSnapshots({ directory: "/data", disk });
    await snapshots.put("/data/table0", 1);
    let calls = 0;
    disk.fault = (_, path) => (calls++ === failing ? systemError("EIO", path) : undefined);
    await snapshots.put("/data/table1", 2).catch(() => undefined);
    disk.fault = undefined;
    expect((await snapshots.latest())?.position).toBeGreaterThanOrEqual(1);
  }
});

test("a crash at any call leaves the copy of before or the new one, whole", async () => {
  const disk = await diskWith("older table", "newer table");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  await snapshots.put("/data/table0", 1);
  disk.note("first");
  await snapshots.put("/data/table1", 2);
  disk.note("second");
  const { calls, base } = disk;
  const first = calls.findIndex((call) => call.kind === "note" && call.note === "first");
  for (let until = first; until <= calls.length; until++) {
    const open = unsynced(calls, until).length;
    for (let bits = 0; bits < 2 ** open; bits++) {
      const keeps = (index: number): boolean => ((bits >> index) & 1) === 1;
      const left = new FakeDisk(crashImage(base, calls, until, { keeps }));
      const copy = await fileSnapshots({ directory: "/data", disk: left })
        .latest()
        .catch((error: unknown) => (isHoldfastError(error) ? error.code : error));
      expect(copy).toMatchObject({ position: until === calls.length ? 2 : expect.any(Number) });
    }
  }
});

test("what is no position is refused, and a folder that cannot be read is not an empty one", async () => {
  const disk = await diskWith("one", "two!");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  for (const position of [-1, 1.5, Number.NaN]) {
    await expect(snapshots.put("/data/table0", position)).rejects.toBeInstanceOf(TypeError);
  }
  await snapshots.put("/data/table0", 1);
  disk.list = async () => {
    throw systemError("EIO", "/data/copies");
  };
  await expect(snapshots.latest()).rejects.toMatchObject({ code: "EIO" });
  await expect(snapshots.prune()).rejects.toMatchObject({ code: "EIO" });
});

test("of two tables at one position both are copies, in the order of their names", async () => {
  const disk = await diskWith("one", "two!");
  const snapshots = fileSnapshots({ directory: "/data", disk });
  const copies = [await snapshots.put("/data/table0", 7), await snapshots.put("/data/table1", 7)];
  const names = copies.map(({ path }) => path).sort();
  const good = await snapshots.good();
  expect(good.map(({ path }) => path)).toEqual(names);
  disk.corrupt(names[0] as string, (bytes) => bytes.fill(0));
  expect((await snapshots.good()).map(({ path }) => path)).toEqual(names.slice(1));
});
