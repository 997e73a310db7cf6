// Makes a data directory whose changelog is damaged openable again, wired from what knows bytes and
// what knows tables. Everything that was there is kept in a folder named with the time: nothing is
// deleted. It says what is lost before it does anything, and does it only when told to.
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { changelogFolder, finishSalvage, salvagedFolder } from "./file/changelog.ts";
import { makeDirectories, requireDirectory } from "./file/directory.ts";
import type { Disk } from "./file/disk.ts";
import { isAbsent, nodeDisk } from "./file/disk.ts";
import { chainAt } from "./file/file-changelog.ts";
import type { DirectoryLock } from "./file/lock.ts";
import { lockDirectory } from "./file/lock.ts";
import type { Beginning } from "./file/rewrite.ts";
import { rewrite } from "./file/rewrite.ts";
import type { FoundDamage, Intact } from "./file/salvage.ts";
import { examine } from "./file/salvage.ts";
import { copiesFolder, fileSnapshots } from "./file/snapshots.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import { foldingFolder } from "./model/thread-message.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { restoreTable } from "./sqlite/copy.ts";

const tableName = "table.sqlite";

export interface SalvageOptions {
  /** The data directory. No engine may have it open. */
  readonly directory: string;
  /** Does it. Without this nothing is changed. Default false. */
  readonly acceptLoss?: boolean | undefined;
  /**
   * Goes on from the table, where it is folded further than the changelog is intact. Default false:
   * the changelog is what was promised, and the table a cache of it.
   */
  readonly fromTable?: boolean | undefined;
  /** Works on a network file system too. Default false. */
  readonly allowRemote?: boolean | undefined;
  readonly disk?: Disk | undefined;
}

export interface SalvageReport {
  readonly directory: string;
  readonly damage: FoundDamage;
  /** Records kept in the new changelog; undefined when there are none. */
  readonly kept: { readonly from: number; readonly to: number } | undefined;
  /** Where the state goes on: everything up to this position is in it. */
  readonly position: number;
  /** Records lost; undefined when every one known of is in what is kept. */
  readonly lost: { readonly from: number; readonly to: number | undefined } | undefined;
  readonly table: TableFate;
  /** Position of a table that reaches further than what is kept; see `fromTable`. */
  readonly tableReaches: number | undefined;
  /** Names moved, or that would be moved, into `aside`. */
  readonly moved: readonly string[];
  readonly aside: string;
  readonly done: boolean;
}

/**
 * What becomes of the table: it stays; it is replaced by a copy of that position; or it is rebuilt
 * from the changelog at the next open.
 */
export type TableFate =
  | { readonly kind: "stays" | "rebuilt" }
  | { readonly kind: "restored"; readonly copy: string; readonly position: number };

/**
 * Says what can be kept of a damaged data directory and, with `acceptLoss`, keeps that.
 *
 * @returns What was done or would be; undefined when nothing is damaged.
 * @throws HoldfastError `DIRECTORY_LOCKED`, `DIRECTORY_FOREIGN`, `DIRECTORY_NEWER`,
 * `DIRECTORY_REMOTE`; `TABLE_DAMAGED` when there is nothing an engine could go on from.
 */
export async function salvage(options: SalvageOptions): Promise<SalvageReport | undefined> {
  const directory = resolve(options.directory);
  const { disk = nodeDisk() } = options;
  const place = { disk, directory, allowRemote: options.allowRemote ?? false };
  await requireDirectory(place);
  const lock = await lockDirectory(directory, { disk });
  let folding: DirectoryLock | undefined;
  try {
    folding = await lockFolding(disk, directory);
    const found = await look(disk, directory);
    if (found === undefined) return undefined;
    const plan = planOf(found, options.fromTable ?? false);
    if (options.acceptLoss === true) await carryOut(disk, found, plan);
    return reportOf(found, plan, options.acceptLoss ?? false);
  } finally {
    await folding?.release();
    await lock.release();
  }
}

/** A process that folds for an engine may outlive it, for its last statement. */
async function lockFolding(disk: Disk, directory: string): Promise<DirectoryLock | undefined> {
  if (!(await disk.list(directory)).includes(foldingFolder)) return undefined;
  return lockDirectory(join(directory, foldingFolder), { disk });
}

// ---- looking

/** A table, open or copied, by what it is folded up to. */
interface Fold {
  readonly path: string;
  readonly position: number;
  readonly chain: number;
}
interface CopyFold extends Fold {
  readonly bytes: number;
  readonly sha256: string;
}

interface Found {
  readonly directory: string;
  readonly intact: Intact;
  readonly damage: FoundDamage;
  /** Undefined when there is none, or none that can be read. */
  readonly table: Fold | undefined;
  /** Those that match their checksum and can be read, newest first. */
  readonly copies: readonly CopyFold[];
  readonly names: readonly string[];
  readonly copyNames: readonly string[];
  /** When it was looked at: what the folder aside is named with. */
  readonly time: number;
}

async function look(disk: Disk, directory: string): Promise<Found | undefined> {
  await finishSalvage(disk, directory);
  const intact = await examine({ disk, directory, folder: join(directory, changelogFolder) });
  const hasTable = (await disk.list(directory)).includes(tableName);
  const table = hasTable ? foldOf(join(directory, tableName)) : undefined;
  const copies: CopyFold[] = [];
  for (const copy of await fileSnapshots({ directory, disk }).good()) {
    const fold = foldOf(copy.path);
    if (fold !== undefined) copies.push({ ...copy, ...fold });
  }
  const damage = intact.damage ?? damageByTable(intact, table);
  if (damage === undefined) return undefined;
  // Looked at now: closing a table takes away what lay beside it.
  const names = await disk.list(directory);
  const copyNames = names.includes(copiesFolder)
    ? await disk.list(join(directory, copiesFolder))
    : [];
  return { directory, intact, damage, table, copies, names, copyNames, time: Date.now() };
}

function foldOf(path: string): Fold | undefined {
  try {
    const table = openSqliteColdTable(path, { readOnly: true });
    try {
      return { path, position: table.position(), chain: table.chain() };
    } finally {
      table.close();
    }
  } catch (error) {
    if (isHoldfastError(error, "TABLE_DAMAGED")) return undefined;
    throw error;
  }
}

/**
 * A table takes durable records only: what it is folded up to was in the changelog. One that is
 * behind, or of another history, is replaced by the next open.
 */
function damageByTable(intact: Intact, table: Fold | undefined): FoundDamage | undefined {
  if (table === undefined || table.position <= intact.last) return undefined;
  const end = intact.segments.at(-1);
  const message =
    `The changelog ends at ${intact.last}; the table ${table.path} is folded up to ` +
    `${table.position}: records are missing`;
  return { file: end?.path ?? intact.place.folder, offset: end?.end ?? 0, message };
}

// ---- deciding

interface Plan {
  readonly beginning: Beginning;
  /** The last position of what is kept. */
  readonly position: number;
  readonly table: TableFate;
  readonly restore: CopyFold | undefined;
}

function planOf(found: Found, fromTable: boolean): Plan {
  const { intact, table, copies } = found;
  const { first, previous } = intact.segments[0] ?? { first: 1, previous: 0 };
  const whole = { beginning: { first, previous }, position: intact.last, restore: undefined };
  const further = fromTable && table !== undefined && table.position > intact.last;
  if (!further) {
    if (table !== undefined && reaches(intact, table))
      return { ...whole, table: { kind: "stays" } };
    const copy = copies.find((each) => reaches(intact, each));
    if (copy !== undefined) return { ...whole, ...restoring(copy) };
    // Replayed from its first record.
    if (intact.last > 0 && first === 1) return { ...whole, table: { kind: "rebuilt" } };
  }
  return planFromTable(found) ?? nothingLeft(found, { ...whole, table: { kind: "rebuilt" } });
}

/** A new changelog behind the table or the newest copy: the log's own beginning is gone. */
function planFromTable({ table, copies }: Found): Plan | undefined {
  const copy = copies[0];
  const newest = table !== undefined && table.position >= (copy?.position ?? 0) ? table : copy;
  if (newest === undefined || newest.position === 0) return undefined;
  const { position, chain } = newest;
  const beginning = { first: position + 1, previous: chain };
  if (newest === copy) return { beginning, position, ...restoring(copy) };
  return { beginning, position, table: { kind: "stays" }, restore: undefined };
}

/** Where all of it began with the first record, nothing is a beginning too; else it is no state. */
function nothingLeft({ directory, intact, damage }: Found, empty: Plan): Plan {
  if (empty.beginning.first === 1 && intact.begins <= 1) return empty;
  throw new HoldfastError("TABLE_DAMAGED", {
    happened:
      `Nothing in ${directory} is a state to go on from: the changelog is damaged ` +
      `(${damage.message}), it does not begin with its first record, and neither the table nor a ` +
      "copy of it can be read.",
    fix: "Nothing was changed. Restore the directory from a backup.",
    data: { directory, first: empty.beginning.first, last: intact.last },
  });
}

function restoring(copy: CopyFold): Pick<Plan, "table" | "restore"> {
  const { path, position } = copy;
  return { restore: copy, table: { kind: "restored", copy: path, position } };
}

/** Whether the intact changelog goes on where a table ends, and is of the same history. */
function reaches(intact: Intact, fold: Fold): boolean {
  const { segments, last, place } = intact;
  const first = segments[0]?.first ?? 1;
  if (fold.position > last || fold.position + 1 < first) return false;
  const chain = fold.position === 0 ? 0 : chainAt(place.disk, segments, fold.position);
  return chain === undefined || chain === fold.chain;
}

// ---- doing

/**
 * In an order that a crash may cut anywhere: until the damaged changelog is aside, the directory is
 * refused as before and this can be run again; from then on the next open finishes the rename.
 */
async function carryOut(disk: Disk, found: Found, plan: Plan): Promise<void> {
  const { directory, intact, names } = found;
  const aside = asideOf(found);
  const built = join(directory, salvagedFolder);
  await makeDirectories(disk, aside);
  // Left by a run that was cut short.
  const folder = join(directory, `${salvagedFolder}.new`);
  for (const name of [`${salvagedFolder}.new`, salvagedFolder]) {
    if (names.includes(name) && names.includes(changelogFolder)) {
      await disk.rename(join(directory, name), join(aside, name));
    }
  }
  await makeDirectories(disk, folder);
  await rewrite({ disk, folder, random: randomBytes }, intact, plan.beginning);
  await disk.rename(folder, built);
  await disk.syncDirectory(directory);
  await moveTables(disk, found, plan, aside);
  if (names.includes(changelogFolder)) {
    await disk.rename(join(directory, changelogFolder), join(aside, changelogFolder));
  }
  await disk.syncDirectory(aside);
  await disk.syncDirectory(directory);
  await disk.rename(built, join(directory, changelogFolder));
  await disk.syncDirectory(directory);
}

async function moveTables(disk: Disk, found: Found, plan: Plan, aside: string): Promise<void> {
  const { directory } = found;
  for (const name of movedOf(found, plan)) {
    if (name === changelogFolder) continue;
    if (name.startsWith(`${copiesFolder}/`)) await makeDirectories(disk, join(aside, copiesFolder));
    try {
      await disk.rename(join(directory, name), join(aside, name));
    } catch (error) {
      // SQLite removes the log beside a table once it has moved it into the table.
      if (!isAbsent(error) || !name.startsWith(`${tableName}-`)) throw error;
    }
  }
  await disk.syncDirectory(aside);
  await disk.syncDirectory(directory);
  if (plan.restore !== undefined) {
    await restoreTable(plan.restore.path, join(directory, tableName), plan.restore);
  }
}

/** What does not go with the new changelog: a table ahead of it is a witness of what is lost. */
function movedOf({ names, copies, copyNames }: Found, plan: Plan): string[] {
  const fits = new Set(copies.filter((each) => each.position <= plan.position).map(nameOf));
  const table = [`${tableName}-wal`, `${tableName}-shm`, tableName];
  return [
    ...(names.includes(changelogFolder) ? [changelogFolder] : []),
    ...(plan.table.kind === "stays" ? [] : table.filter((name) => names.includes(name))),
    ...copyNames.filter((name) => !fits.has(name)).map((name) => `${copiesFolder}/${name}`),
  ];
}

function nameOf({ path }: Fold): string {
  return path.slice(path.lastIndexOf(copiesFolder) + copiesFolder.length + 1);
}

function asideOf({ directory, time }: Found): string {
  return join(directory, `damaged-${new Date(time).toISOString().replaceAll(/[:.]/g, "-")}`);
}

function reportOf(found: Found, plan: Plan, done: boolean): SalvageReport {
  const { directory, damage, intact, table, copies } = found;
  const { beginning, position } = plan;
  const known = Math.max(intact.known, table?.position ?? 0, copies[0]?.position ?? 0);
  const ahead = table !== undefined && table.position > position ? table.position : undefined;
  const keeps = beginning.first <= intact.last;
  return {
    directory,
    damage,
    kept: keeps ? { from: beginning.first, to: intact.last } : undefined,
    position,
    lost: known > position ? { from: position + 1, to: known } : undefined,
    table: plan.table,
    tableReaches: ahead,
    moved: movedOf(found, plan),
    aside: asideOf(found),
    done,
  };
}
