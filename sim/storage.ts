// Storage of a simulated machine for one life of the engine: the shipped file changelog on the
// simulated disk, the table, the shipped materialiser with its other side across a channel that
// delays, and the shipped copies. What src/file-storage.ts wires for a real directory, wired here.
import { join } from "node:path";
import { Folding } from "../src/engine/folding.ts";
import { Stretch } from "../src/engine/stretch.ts";
import { openFileChangelog } from "../src/file/changelog.ts";
import { type Disk, isDiskFull, readWhole, writeAll } from "../src/file/disk.ts";
import { fileSnapshots } from "../src/file/snapshots.ts";
import { type Carrier, RemoteMaterialiser } from "../src/local/remote-materialiser.ts";
import { HoldfastError, isHoldfastError } from "../src/model/errors.ts";
import type { FromThread, ToThread } from "../src/model/thread-message.ts";
import type { Changelog } from "../src/ports/changelog.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Materialiser, TableCopied } from "../src/ports/materialiser.ts";
import type { OpenStorage, Storage } from "../src/ports/storage.ts";
import type { Archive } from "./archive.ts";
import type { SimDisk } from "./disk.ts";
import type { Profile } from "./profile.ts";
import type { SimTable } from "./table.ts";
import type { Owner, World } from "./world.ts";

export const directory = "/data";

/** What outlives a process: the disk, the table, and what we know was written. */
export interface Machine {
  readonly world: World;
  readonly profile: Profile;
  readonly disk: SimDisk;
  readonly table: SimTable;
  readonly archive: Archive;
}

export function simStorage(machine: Machine, life: Owner, clock: Clock): Storage {
  return {
    promise: "on a simulated disk",
    open: (told) => open(machine, life, clock, told.onFatal),
  };
}

async function open(
  machine: Machine,
  life: Owner,
  clock: Clock,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const { world, profile, archive, table } = machine;
  const disk = machine.disk.of(life);
  const opened = await openFileChangelog({
    directory,
    disk,
    lock: false,
    segmentBytes: profile.segmentBytes,
    lowWaterBytes: 1024,
    verify: profile.verify,
    now: () => clock.now(),
    after: (ms, run) => {
      const timer = clock.after(ms, run);
      return () => timer.cancel();
    },
    random: (length) => Uint8Array.from({ length }, () => world.random.integer(256)),
    onFatal,
  });
  const changelog = archive.watched(opened, life, machine.disk, profile.bytesScale);
  await archive.recovered(opened);
  await prepareTable(machine, disk, changelog);
  const cold = table.current as NonNullable<typeof table.current>;
  const keep = keeper(machine, disk);
  const materialiser = (profile.inPlace ? inPlace : elsewhere)({ world, table, life, clock, keep });
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await materialiser.close();
    } finally {
      await changelog.close();
    }
  };
  const discardTable = (): void => {
    world.sometimes("a damaged table is discarded");
    table.discard();
  };
  return { changelog, cold, materialiser, close: () => (closed ??= close()), discardTable };
}

async function prepareTable(machine: Machine, disk: Disk, changelog: Changelog): Promise<void> {
  const { table, world } = machine;
  const { first, last } = changelog.range;
  const { current } = table;
  if (current !== undefined && current.position() + 1 >= first) return;
  table.discard();
  const snapshots = fileSnapshots({ directory, disk });
  const copy = await snapshots.latest().catch((error: unknown) => {
    if (first === 1 && isHoldfastError(error, "COPY_DAMAGED")) return undefined;
    throw error;
  });
  if (copy !== undefined && copy.position + 1 >= first && copy.position <= last) {
    table.restore((await readWhole(disk, copy.path)) as Uint8Array);
  } else {
    if (first > 1) throw new HoldfastError("TABLE_DAMAGED", { data: { first, last, copy } });
    if (last > 0) world.sometimes("a table is rebuilt from the beginning");
    table.create();
  }
}

/** Makes a copy of what is folded once all was folded that had been given. */
type Keep = (drained: () => Promise<unknown>) => Promise<TableCopied>;

/** Copies as src/file-storage.ts keeps them. */
function keeper(machine: Machine, disk: Disk): Keep {
  const { table, world } = machine;
  const snapshots = fileSnapshots({ directory, disk });
  const aside = join(directory, "table.copying");
  const keep: Keep = async (drained) => {
    const before = await snapshots.latest().catch(() => undefined);
    await drained();
    const { bytes, position } = table.copy();
    const file = await disk.open(aside, "create");
    await writeAll(file, bytes, 0);
    await file.sync();
    await file.close();
    const copy = await snapshots.put(aside, position);
    await snapshots.prune();
    await disk.unlink(aside);
    world.sometimes(before === undefined ? "a first copy is made" : "a further copy is made");
    return { position: copy.position, bytes: copy.bytes, behind: before?.position ?? 0 };
  };
  // As SQLite's copies say it: no room is a wait, and a copy that fails is only that.
  return (drained) =>
    keep(drained).catch((error: unknown) => {
      if (isHoldfastError(error)) throw error;
      throw new HoldfastError(isDiskFull(error) ? "DISK_FULL" : "COPY_DAMAGED", { cause: error });
    });
}

export interface FoldingParts {
  readonly world: World;
  readonly table: SimTable;
  readonly life: Owner;
  readonly clock: Clock;
  readonly keep: Keep;
}

export function inPlace({ world, table, clock, keep }: FoldingParts): Materialiser {
  const stretchBytes = world.pick([0, 500, 5000]);
  const folding = new Folding({ cold: table.writer(), clock, stretchBytes });
  folding.copy = () => keep(() => folding.drain());
  return folding;
}

export function elsewhere(parts: FoldingParts): Materialiser {
  const { table, clock, keep } = parts;
  return new RemoteMaterialiser({
    start: (told, failed) => carrier(parts, told, failed),
    folded: table.current?.position() ?? 0,
    after: (ms, then) => clock.after(ms, then),
    keepCopy: (copy) => keep(() => copy("")),
  });
}

/** The other side, as src/materialiser-worker.ts wires it; messages take their time, in order. */
function carrier(
  { world, table, life, clock }: FoldingParts,
  told: (message: FromThread) => void,
  died: (error: Error) => void,
): Carrier {
  const channel = <M>(take: (message: M) => void): ((message: M) => void) => {
    let free = 0;
    return (message) => {
      free = Math.max(free, world.now + world.between(0.01, 1));
      world.say(() => `message ${JSON.stringify({ ...message, bytes: undefined })}`);
      world.at(free - world.now, () => take(message), life);
    };
  };
  const send = channel<FromThread>(told);
  const failed = (ticket: number | undefined, error: unknown): void => {
    if (!isHoldfastError(error)) return died(error as Error);
    send({ kind: "failed", ticket, code: error.code, message: error.message });
  };
  const stretch = new Stretch(table.writer(), {
    after: (ms, then) => clock.after(ms, then),
    folded: (position, bytes) => send({ kind: "folded", position, bytes }),
    failed: (error) => failed(undefined, error),
  });
  const take = (message: ToThread): void => {
    if (message.kind === "batch") return stretch.take(message);
    const { ticket } = message;
    const done = (position: number): void => send({ kind: "done", ticket, position });
    if (message.kind === "close") return done(stretch.close());
    stretch.whenWritten(done);
  };
  const post = channel<ToThread>((message) => {
    try {
      take(message);
    } catch (error) {
      failed(undefined, error);
    }
  });
  return { post, ref: () => {}, unref: () => {}, end: () => Promise.resolve() };
}
