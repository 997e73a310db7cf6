// A data directory moves into a cluster, and a cluster's app into a directory, wired: which side is
// left, which is reached, and in what order that is said. The source is marked as moved before
// anything is written elsewhere, and the target counts only once it was read back and compared: at no
// moment may both be started. Cut short, the same command goes on with it.
import { mkdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { foldedTable, withClosed } from "./backup.ts";
import { type AtRest, openAtRest, openFenced, type PlannedMove, planMove } from "./engine/move.ts";
import type { Content } from "./engine/move-content.ts";
import { markMoved, movedMark, movedName } from "./file/directory.ts";
import { errorCodeOf, nodeDisk } from "./file/disk.ts";
import { fileStorage } from "./file-storage.ts";
import { HoldfastError } from "./model/errors.ts";
import { placeText } from "./model/place.ts";
import type { AppRecord } from "./ports/apps.ts";
import type { Cluster, OpenCluster } from "./ports/cluster.ts";
import { openSqliteQueries } from "./sqlite/queries.ts";

const disk = nodeDisk();

export interface MigrateOptions {
  readonly directory: string;
  readonly cluster: Cluster;
  readonly allowRemote?: boolean | undefined;
}

export interface MigrateReport {
  readonly from: string;
  readonly to: string;
  readonly partitions: number;
  /** What was moved, counted and summed, equal on both sides. */
  readonly content: Content;
  /** Messages that had not arrived when the app stopped, and go along. */
  readonly pending: number;
}

/**
 * Moves a data directory that nobody has open into an app that nobody has used yet. The directory is
 * left as it is, and marked: an engine that opens it is told where it went.
 *
 * @throws HoldfastError `DIRECTORY_LOCKED`, `MOVED_AWAY`, `TARGET_NOT_EMPTY`, `CLUSTER_RUNNING`,
 * `MIGRATION_UNFINISHED`, `MIGRATION_NOT_DRAINED`, `MIGRATION_DIFFERS`, `NATS_UNAVAILABLE`, …
 */
export function migrateToCluster(options: MigrateOptions): Promise<MigrateReport> {
  const { cluster } = options;
  return withClosed(options, (directory) =>
    withWork(directory, async (work) => {
      const open = await cluster.connect({ data: join(work, "write") });
      try {
        return await toCluster(options, directory, work, open);
      } finally {
        await open.close();
      }
    }),
  );
}

async function toCluster(
  { cluster }: MigrateOptions,
  directory: string,
  work: string,
  open: OpenCluster,
): Promise<MigrateReport> {
  const { app } = cluster;
  const to = `the app ${app}`;
  const known = (await open.apps.all()).find((each) => each.app === app);
  if (known !== undefined) await refuseRunning(open, app);
  const table = join(work, "table.sqlite");
  await foldedTable(directory, table);
  const queries = openSqliteQueries(table);
  try {
    const secret = queries.table.meta()?.secret;
    if (secret === undefined || secret === "") {
      throw new HoldfastError("DIRECTORY_FOREIGN", {
        happened: `${directory} holds nothing: no engine has used it.`,
        data: { directory },
      });
    }
    const { partitions } = known ?? cluster;
    const places = Array.from({ length: partitions }, (_, i) => placeText({ app, partition: i }));
    const plan = planMove([{ place: "", queries }], { places, secret });
    const moving = plan.fingerprint;
    const marked = await markSource(directory, { to, source: moving });
    const record = { app, partitions, secret, services: [], moving };
    await begun(open, directory, record, marked);
    for (let i = 0; i < partitions; i++) await plan.write(i, open.storage(i));
    await readBack(cluster, join(work, "read"), places, plan);
    await open.apps.move({ kind: "end", app, moving });
    return { from: directory, to, partitions, content: plan.content, pending: plan.pending };
  } finally {
    queries.close();
  }
}

/** Answers whether it was marked just now. */
async function markSource(
  directory: string,
  mark: { readonly to: string; readonly source: string },
): Promise<boolean> {
  const before = await movedMark(disk, directory);
  if (before?.to === mark.to && before.source === mark.source) return false;
  if (before !== undefined) {
    throw new HoldfastError("MOVED_AWAY", {
      happened: `${directory} was moved to ${before.to}.`,
      data: { directory, ...before },
    });
  }
  await markMoved(disk, directory, mark);
  return true;
}

/** An app that cannot be moved into leaves the source as it was. */
async function begun(
  open: OpenCluster,
  directory: string,
  record: AppRecord & { readonly moving: string },
  marked: boolean,
): Promise<void> {
  try {
    await open.apps.move({ kind: "begin", record });
  } catch (error) {
    if (marked) {
      unlinkSync(join(directory, movedName));
      await disk.syncDirectory(directory);
    }
    throw error;
  }
}

/** Reads all of the target again, as another node would, and compares. */
async function readBack(
  cluster: Cluster,
  data: string,
  places: readonly string[],
  plan: PlannedMove,
): Promise<void> {
  const open = await cluster.connect({ data });
  const targets: AtRest[] = [];
  try {
    for (const [i, place] of places.entries()) {
      targets.push(await openAtRest(place, open.storage(i)));
    }
    plan.verify(targets);
  } finally {
    for (const target of targets) await target.close();
    await open.close();
  }
}

/**
 * Moves an app whose nodes have all stopped into a new data directory. The app is left as it is, and
 * marked: nodes that start are told where it went.
 *
 * @throws HoldfastError as `migrateToCluster`, and `APP_NOT_FOUND`.
 */
export async function migrateToDirectory(options: MigrateOptions): Promise<MigrateReport> {
  const { cluster } = options;
  const directory = resolve(options.directory);
  await refuseTaken(directory);
  return withWork(directory, async (work) => {
    const open = await cluster.connect({ data: join(work, "nodes") });
    try {
      return await toDirectory(options, directory, work, open);
    } finally {
      await open.close();
    }
  });
}

async function toDirectory(
  { cluster, allowRemote = false }: MigrateOptions,
  directory: string,
  work: string,
  open: OpenCluster,
): Promise<MigrateReport> {
  const { app } = cluster;
  const movedTo = `the directory ${directory}`;
  const record = (await open.apps.all()).find((each) => each.app === app);
  if (record === undefined) throw new HoldfastError("APP_NOT_FOUND", { data: { app } });
  await refuseRunning(open, app);
  const sources: AtRest[] = [];
  try {
    for (let partition = 0; partition < record.partitions; partition++) {
      const place = placeText({ app, partition });
      sources.push(await openFenced(place, open.storage(partition)));
    }
    const plan = planMove(sources, { places: [""], secret: record.secret });
    await open.apps.move({ kind: "leave", app, movedTo });
    // From here on no node starts; one that did meanwhile is found out by this.
    for (const source of sources) await source.fence();
    const staged = join(work, "data");
    await plan.write(0, fileStorage({ directory: staged, allowRemote }));
    const target = await openAtRest("", fileStorage({ directory: staged, allowRemote }));
    try {
      plan.verify([target]);
    } finally {
      await target.close();
    }
    await put(staged, directory);
    const { content, pending } = plan;
    return { from: `the app ${app}`, to: directory, partitions: 1, content, pending };
  } finally {
    for (const source of sources) await source.close();
  }
}

async function refuseRunning(open: OpenCluster, app: string): Promise<void> {
  const held = await open.leases.held();
  if (held.size === 0) return;
  const nodes = [...new Set(held.values())];
  throw new HoldfastError("CLUSTER_RUNNING", {
    happened: `Nodes of the app ${app} are running: ${nodes.join(", ")}.`,
    data: { app, nodes },
  });
}

async function refuseTaken(directory: string): Promise<void> {
  const names = await disk.list(directory).catch((error: unknown) => {
    if (errorCodeOf(error) === "ENOENT") return [];
    throw error;
  });
  if (names.length === 0) return;
  throw new HoldfastError("TARGET_NOT_EMPTY", {
    happened: `${directory} is not empty.`,
    data: { directory },
  });
}

/** All of it at once, under its name. */
async function put(staged: string, directory: string): Promise<void> {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (errorCodeOf(error) !== "ENOENT") throw error;
  }
  renameSync(staged, directory);
  await disk.syncDirectory(resolve(directory, ".."));
}

/** A folder beside the directory, for what is needed meanwhile; one that was left is removed. */
async function withWork<T>(directory: string, use: (work: string) => Promise<T>): Promise<T> {
  const work = `${directory}.migrating`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  try {
    return await use(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
