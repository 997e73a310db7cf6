// Storage of one partition in a cluster, wired: the changelog in a JetStream stream, and the cold
// table in this node's directory as a cache of it. A table that is missing or behind is rebuilt from
// the newest copy, else from the stream; one that disagrees with the stream is a witness (R24).
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open as openFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { RemoteMaterialiserOptions, StartCarrier } from "./local/remote-materialiser.ts";
import { isHoldfastError } from "./model/errors.ts";
import { type NatsChangelog, openNatsChangelog } from "./nats/changelog.ts";
import { type Copy, chunkBytes, type NatsCopies } from "./nats/copies.ts";
import { halted } from "./nats/halt.ts";
import type { JetStream } from "./nats/jetstream.ts";
import { changelogNames } from "./nats/names.ts";
import type { Witness } from "./nats/opening.ts";
import type { Leases } from "./ports/leases.ts";
import type { OpenStorage, Storage } from "./ports/storage.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { discardTable } from "./sqlite/copy.ts";
import { openSqliteQueries } from "./sqlite/queries.ts";
import { folding } from "./table-folding.ts";

export interface NatsStorageOptions {
  readonly jetstream: JetStream;
  readonly janitor?: JetStream | undefined;
  readonly app: string;
  readonly partition: number;
  /** What the durability is, for the line printed at start. */
  readonly promise: string;
  /** Of this node; one folder in it is this partition's. */
  readonly data: string;
  readonly copies: NatsCopies;
  readonly leases: Pick<Leases, "mark">;
  /** When the partition's stream was made, by the app's record. */
  made(): Promise<string>;
  /** Starts who folds elsewhere; undefined: here. */
  readonly start: ((path: string) => StartCarrier) | undefined;
  /** Has something done once nothing else of its kind is being done. */
  inTurn(work: () => Promise<void>): Promise<void>;
}

export function natsStorage(options: NatsStorageOptions): Storage {
  return { promise: options.promise, open: ({ onFatal }) => open(options, onFatal) };
}

async function open(
  options: NatsStorageOptions,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const { jetstream, janitor, app, partition, leases } = options;
  const folder = join(options.data, `${app}-${partition}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "table.sqlite");
  const witnesses = [...tableWitness(path), ...(await markWitness(leases, partition))];
  const created = await options.made();
  const changelog = await openNatsChangelog({
    ...{ jetstream, janitor, app, partition, created, witnesses },
  });
  try {
    await prepareTable(options, path, changelog);
    const cold = openSqliteColdTable(path, { readOnly: true });
    const start = options.start?.(path);
    const keepCopy = copyKeeper(options.copies, folder);
    const materialiser = folding({ path, folded: cold.position(), keepCopy, start });
    verifyInTurn(options, changelog, onFatal);
    const close = async (): Promise<void> => {
      try {
        await materialiser.close();
      } finally {
        cold.close();
        await changelog.close();
      }
    };
    let closed: Promise<void> | undefined;
    return {
      changelog,
      cold,
      materialiser,
      queries: () => openSqliteQueries(path),
      close: () => (closed ??= close()),
      discardTable: () => discardTable(path),
    };
  } catch (error) {
    await changelog.close();
    throw error;
  }
}

/** What the table of this node remembers. A damaged one remembers nothing, and goes. */
function tableWitness(path: string): Witness[] {
  if (!existsSync(path)) return [];
  try {
    const table = openSqliteColdTable(path);
    try {
      return [{ of: "this node's table", position: table.position(), chain: table.chain() }];
    } finally {
      table.close();
    }
  } catch (error) {
    if (!isHoldfastError(error, "TABLE_DAMAGED")) throw error;
    discardTable(path);
    return [];
  }
}

async function markWitness(leases: Pick<Leases, "mark">, partition: number): Promise<Witness[]> {
  const mark = await leases.mark(partition);
  return mark === undefined ? [] : [{ of: "the mark", ...mark }];
}

/** Makes sure that there is a table from which the changelog leads on. */
async function prepareTable(
  { copies, app, partition }: NatsStorageOptions,
  path: string,
  changelog: NatsChangelog,
): Promise<void> {
  const { first, last } = changelog.range;
  if (existsSync(path)) {
    if (positionOf(path) + 1 >= first) return;
    discardTable(path);
  }
  const restored = await restoreNewest(copies, path, changelog);
  if (!restored && first > 1) {
    const { stream } = changelogNames(app, partition);
    throw halted(stream, "trimmed-ahead", { first, last });
  }
  if (!restored) openSqliteColdTable(path).close();
}

function positionOf(path: string): number {
  const table = openSqliteColdTable(path);
  try {
    return table.position();
  } finally {
    table.close();
  }
}

/** Puts the newest good copy in the table's place, if it reaches the changelog. */
async function restoreNewest(
  copies: NatsCopies,
  path: string,
  changelog: NatsChangelog,
): Promise<boolean> {
  for (const copy of await copies.newest()) {
    const { position, chain } = copy;
    // A copy is a witness, too: it was made of what was durable.
    await changelog.hear({ of: "a copy of the table", position, chain });
    if (position + 1 < changelog.range.first) continue;
    if (await fetched(copies, copy, path)) return true;
  }
  return false;
}

async function fetched(copies: NatsCopies, copy: Copy, path: string): Promise<boolean> {
  const aside = `${path}.part`;
  rmSync(aside, { force: true });
  const hash = createHash("sha256");
  const file = await openFile(aside, "wx", 0o600);
  try {
    for await (const chunk of copies.chunksOf(copy)) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.datasync();
  } catch (error) {
    // Chunks of it are gone: the copy before it may be whole.
    if (isHoldfastError(error, "PARTITION_HALTED")) return false;
    throw error;
  } finally {
    await file.close();
  }
  if (hash.digest("hex") !== copy.sha256) return false;
  discardTable(path);
  await rename(aside, path);
  return true;
}

/** Copies the table aside, sends it, and says behind which copy the changelog may be trimmed. */
function copyKeeper(copies: NatsCopies, folder: string): RemoteMaterialiserOptions["keepCopy"] {
  const aside = join(folder, "table.copying");
  return async (copy) => {
    rmSync(aside, { force: true });
    try {
      const [before] = await copies.newest(1);
      const behind = before !== undefined && (await copies.matches(before)) ? before.position : 0;
      await copy(aside);
      const { position, bytes } = await copies.put(chunksIn(aside), placeOf(aside));
      await copies.prune();
      return { position, bytes, behind };
    } finally {
      rmSync(aside, { force: true });
    }
  };
}

function placeOf(path: string): { readonly position: number; readonly chain: number } {
  const table = openSqliteColdTable(path, { readOnly: true });
  try {
    return { position: table.position(), chain: table.chain() };
  } finally {
    table.close();
  }
}

async function* chunksIn(path: string): AsyncIterable<Uint8Array> {
  const file: FileHandle = await openFile(path, "r");
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
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
