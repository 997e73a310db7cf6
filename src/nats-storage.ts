// Storage of one partition in a cluster, wired: the changelog in a JetStream stream, and the cold
// table of this node as a cache of it. A table that is missing or behind is rebuilt from the newest
// copy, else from the stream; one that disagrees with the stream is a witness (R24).
import { isHoldfastError } from "./model/errors.ts";
import { type NatsChangelog, openNatsChangelog } from "./nats/changelog.ts";
import type { Copy, NatsCopies } from "./nats/copies.ts";
import { halted, isHalted } from "./nats/halt.ts";
import type { JetStream } from "./nats/jetstream.ts";
import { deadline } from "./nats/link.ts";
import { changelogNames } from "./nats/names.ts";
import type { Witness } from "./nats/opening.ts";
import type { Leases } from "./ports/leases.ts";
import type { TableCopied } from "./ports/materialiser.ts";
import type { OpenStorage, Storage } from "./ports/storage.ts";

export interface NatsStorageOptions {
  readonly jetstream: JetStream;
  readonly janitor?: JetStream | undefined;
  readonly app: string;
  readonly partition: number;
  /** Bytes of one message of the changelog; for tests. */
  readonly partBytes?: number | undefined;
  /** What the durability is, for the line printed at start. */
  readonly promise: string;
  readonly table: NodeTable;
  readonly copies: NatsCopies;
  readonly leases: Pick<Leases, "mark">;
  /** When the partition's stream was made, by the app's record. */
  made(): Promise<string>;
  /** Has something done once nothing else of its kind is being done. */
  inTurn(work: () => Promise<void>): Promise<void>;
}

/** Up to where a table is folded, and the chain of the changelog there. */
export interface TablePlace {
  readonly position: number;
  readonly chain: number;
}

/** The cold table of one partition on one node. */
export interface NodeTable {
  /** Undefined where there is none. One that is damaged remembers nothing, and goes. */
  place(): TablePlace | undefined;
  /** Makes an empty one, where there is none. */
  create(): void;
  /** Drops it; it is not open. */
  discard(): void;
  /** Puts what these chunks hold in its place, if they hash to this: false when they do not. */
  restore(chunks: AsyncIterable<Uint8Array>, sha256: string): Promise<boolean>;
  open(keep: KeepCopy): OpenTable;
}

/** `made` makes a copy, which is there until `keep` has ended. */
export type KeepCopy = (
  made: () => Promise<{ readonly chunks: AsyncIterable<Uint8Array>; readonly place: TablePlace }>,
) => Promise<TableCopied>;

export type OpenTable = Pick<OpenStorage, "cold" | "materialiser" | "queries"> & {
  close(): void;
};

/**
 * How long a changelog may end before what is remembered elsewhere, from when that is first seen: a
 * leader of NATS that has just been chosen may be behind, and one of ours still be writing.
 */
const behindMs = 5000;

export function natsStorage(options: NatsStorageOptions): Storage {
  return { promise: options.promise, open: ({ onFatal }) => openPatiently(options, onFatal) };
}

/** A stream that ends too early is believed to when it stays so. */
async function openPatiently(
  options: NatsStorageOptions,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const { jetstream } = options;
  let over: (() => boolean) | undefined;
  for (;;) {
    try {
      return await open(options, onFatal);
    } catch (error) {
      over ??= deadline(jetstream.world, Math.min(behindMs, jetstream.patienceMs));
      if (!isHalted(error, "rolled-back") || over()) throw error;
      await jetstream.pause(200);
    }
  }
}

async function open(
  options: NatsStorageOptions,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const { jetstream, janitor, app, partition, partBytes, leases, table, copies } = options;
  const witnesses = [...tableWitness(table), ...(await markWitness(leases, partition))];
  const created = await options.made();
  const changelog = await openNatsChangelog({
    ...{ jetstream, janitor, app, partition, partBytes, created, witnesses },
  });
  try {
    await prepareTable(options, changelog);
    const { cold, materialiser, queries, close: closeTable } = table.open(keeper(copies));
    verifyInTurn(options, changelog, onFatal);
    const close = async (): Promise<void> => {
      try {
        await materialiser.close();
      } finally {
        closeTable();
        await changelog.close();
      }
    };
    let closed: Promise<void> | undefined;
    return {
      ...{ changelog, cold, materialiser },
      ...(queries === undefined ? {} : { queries }),
      close: () => (closed ??= close()),
      discardTable: () => table.discard(),
    };
  } catch (error) {
    await changelog.close();
    throw error;
  }
}

function tableWitness(table: NodeTable): Witness[] {
  const place = table.place();
  return place === undefined ? [] : [{ of: "this node's table", ...place }];
}

async function markWitness(leases: Pick<Leases, "mark">, partition: number): Promise<Witness[]> {
  const mark = await leases.mark(partition);
  return mark === undefined ? [] : [{ of: "the mark", ...mark }];
}

/** Makes sure that there is a table from which the changelog leads on. */
async function prepareTable(
  { table, copies, app, partition }: NatsStorageOptions,
  changelog: NatsChangelog,
): Promise<void> {
  const { first, last } = changelog.range;
  const place = table.place();
  if (place !== undefined) {
    if (place.position + 1 >= first) return;
    table.discard();
  }
  const restored = await restoreNewest(copies, table, changelog);
  if (!restored && first > 1) {
    const { stream } = changelogNames(app, partition);
    throw halted(stream, "trimmed-ahead", { first, last });
  }
  if (!restored) table.create();
}

/** Puts the newest good copy in the table's place, if it reaches the changelog. */
async function restoreNewest(
  copies: NatsCopies,
  table: NodeTable,
  changelog: NatsChangelog,
): Promise<boolean> {
  const tried = new Set<string>();
  for (;;) {
    // Reading a bad one takes long: meanwhile its leader may have made another, and removed an older.
    const untried = (await copies.newest()).filter(({ name }) => !tried.has(name));
    if (untried.length === 0) return false;
    for (const copy of untried) {
      const { name, position, chain } = copy;
      tried.add(name);
      // A copy is a witness, too: it was made of what was durable.
      await changelog.hear({ of: "a copy of the table", position, chain });
      if (position + 1 < changelog.range.first) continue;
      if (await fetched(copies, copy, table)) return true;
    }
  }
}

async function fetched(copies: NatsCopies, copy: Copy, table: NodeTable): Promise<boolean> {
  try {
    return await table.restore(copies.chunksOf(copy), copy.sha256);
  } catch (error) {
    // Chunks of it are gone: the copy before it may be whole.
    if (isHoldfastError(error, "PARTITION_HALTED")) return false;
    throw error;
  }
}

/** Sends a copy of the table, and says behind which copy the changelog may be trimmed. */
function keeper(copies: NatsCopies): KeepCopy {
  return async (made) => {
    const [before] = await copies.newest(1);
    const behind = before !== undefined && (await copies.matches(before)) ? before.position : 0;
    const { chunks, place } = await made();
    const { position, bytes } = await copies.put(chunks, place);
    // A bad one is none of the two: what it was to stand in for stays.
    if (before === undefined || behind > 0) await copies.prune();
    return { position, bytes, behind };
  };
}

/** What lies before the table's position nobody reads: until another node needs it. */
function verifyInTurn(
  { inTurn }: NatsStorageOptions,
  changelog: NatsChangelog,
  onFatal: (error: unknown) => void,
): void {
  inTurn(() => changelog.verify()).catch((error: unknown) => {
    // NATS is away: that says nothing about what it holds.
    if (!isHoldfastError(error, "NATS_UNAVAILABLE")) onFatal(error);
  });
}
