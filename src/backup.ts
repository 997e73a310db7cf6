// Backups of a data directory, wired from what knows files and what knows tables: made of a running
// engine's table or of a directory that nobody has open, and made into a directory again. What is in
// a backup is a fold of all records up to its position; a restored directory goes on behind it with
// an empty changelog of the same history (docs/decisions/0011).
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { Folder } from "./engine/materialiser.ts";
import {
  backupDamaged,
  backupTableName,
  type CopyPlace,
  intoEmpty,
  makeBackup,
  readBackup,
} from "./file/backup.ts";
import { changelogFolder, finishSalvage, openFileChangelog } from "./file/changelog.ts";
import {
  inspectDirectory,
  makeDirectories,
  markDirectory,
  markerName,
  requireDirectory,
} from "./file/directory.ts";
import { nodeDisk } from "./file/disk.ts";
import { lockDirectory } from "./file/lock.ts";
import { beginChangelog } from "./file/rewrite.ts";
import { fileSnapshots } from "./file/snapshots.ts";
import { survey } from "./file/survey.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import { foldingFolder } from "./model/thread-message.ts";
import type { BackupReport } from "./ports/backup.ts";
import type { Changelog } from "./ports/changelog.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { copyTable, discardTable, restoreTable } from "./sqlite/copy.ts";

const disk = nodeDisk();
const tableName = "table.sqlite";
/** Batches folded at a time: their rows are in memory meanwhile. */
const batchesPerStretch = 64;

/**
 * Makes a backup of what `copy` writes: a table as one file at the path it is given.
 *
 * @throws HoldfastError `TARGET_NOT_EMPTY`, `DISK_FULL`, `BACKUP_FAILED`, …
 */
export function backupOf(to: string, copy: (path: string) => Promise<void>): Promise<BackupReport> {
  const make = async (path: string): Promise<CopyPlace> => {
    await copy(path);
    return placeOf(path);
  };
  return makeBackup({ disk, to, now: Date.now(), make });
}

function placeOf(path: string): CopyPlace {
  const table = openSqliteColdTable(path, { readOnly: true });
  try {
    const epoch = table.meta()?.epoch ?? 0;
    return { position: table.position(), chain: table.chain(), epoch };
  } finally {
    table.close();
  }
}

export interface BackupDirectoryOptions {
  /** The data directory. No engine may have it open; it is not changed. */
  readonly directory: string;
  readonly to: string;
  readonly allowRemote?: boolean | undefined;
}

/**
 * Makes a backup of a directory that nobody has open: its table, and what the changelog holds after
 * it folded in.
 *
 * @throws HoldfastError `DIRECTORY_LOCKED`, `DIRECTORY_FOREIGN`, `CHANGELOG_DAMAGED`,
 * `TABLE_DAMAGED`, and what `backupOf` throws.
 */
export function backupDirectory(options: BackupDirectoryOptions): Promise<BackupReport> {
  const { to } = options;
  return withClosed(options, (directory) => {
    return backupOf(to, (path) => foldedTable(directory, path));
  });
}

/** Does something with a directory that nobody has open, and keeps it closed meanwhile. */
export async function withClosed<T>(
  options: Omit<BackupDirectoryOptions, "to">,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = resolve(options.directory);
  const place = { disk, directory, allowRemote: options.allowRemote ?? false };
  await requireDirectory(place);
  const lock = await lockDirectory(directory);
  try {
    await lastFoldEnded(directory);
    await finishSalvage(disk, directory);
    return await use(directory);
  } finally {
    await lock.release();
  }
}

/** A process that folds for an engine may outlive it, for its last statement. */
async function lastFoldEnded(directory: string): Promise<void> {
  if (!(await disk.list(directory)).includes(foldingFolder)) return;
  await (await lockDirectory(join(directory, foldingFolder))).release();
}

/** The whole of a closed directory as a table at `path`: what it holds, folded to the end. */
export async function foldedTable(directory: string, path: string): Promise<void> {
  const changelog = await openFileChangelog({ directory, readOnly: true, lock: false });
  const aside = `${path}.folding`;
  try {
    await beginning(directory, aside, changelog);
    await foldAll(changelog, aside);
    await copyTable(aside, path);
  } finally {
    discardTable(aside);
    await changelog.close();
  }
}

/** Where the fold goes on from: the table, else the newest copy, else nothing. */
async function beginning(directory: string, aside: string, changelog: Changelog): Promise<void> {
  const { first, last } = changelog.range;
  const table = join(directory, tableName);
  if ((await disk.list(directory)).includes(tableName) && (await usable(table, changelog))) {
    await copyTable(table, aside);
    return;
  }
  const copy = await fileSnapshots({ directory })
    .latest()
    .catch((error: unknown) => {
      if (first === 1 && isHoldfastError(error, "COPY_DAMAGED")) return undefined;
      throw error;
    });
  if (copy !== undefined && copy.position + 1 >= first && copy.position <= last) {
    await restoreTable(copy.path, aside, copy);
  } else if (first > 1) {
    throw new HoldfastError("TABLE_DAMAGED", {
      happened:
        `The cold table ${table} is missing or damaged, the changelog begins at ${first}, and no ` +
        "copy of the table reaches that far.",
      data: { path: table, first, last },
    });
  }
}

/** A damaged table is passed over; one of another history is a witness, and ends it. */
async function usable(path: string, changelog: Changelog): Promise<boolean> {
  let place: CopyPlace;
  try {
    place = placeOf(path);
  } catch (error) {
    if (isHoldfastError(error, "TABLE_DAMAGED")) return false;
    throw error;
  }
  const { first, last } = changelog.range;
  const { position, chain } = place;
  if (position + 1 < first) return false;
  const known = position === 0 ? 0 : changelog.chainAt(position);
  if (position <= last && (known === undefined || known === chain)) return true;
  throw new HoldfastError("TABLE_DAMAGED", {
    happened:
      `The cold table is folded up to ${position}, the changelog holds ${first} to ${last}, and ` +
      "they are not of one history.",
    data: { witness: true, position, chain, known, first, last },
  });
}

async function foldAll(changelog: Changelog, aside: string): Promise<void> {
  const cold = openSqliteColdTable(aside);
  try {
    const folder = new Folder(cold, { keepRows: 1000 });
    let batches = 0;
    for await (const batch of changelog.read(cold.position() + 1)) {
      folder.take(batch);
      if (++batches % batchesPerStretch === 0) folder.write();
    }
    folder.write();
  } finally {
    cold.close();
  }
}

/**
 * Reads a backup to its end: its manifest, its table's bytes, and what the table says of itself.
 *
 * @throws HoldfastError `BACKUP_DAMAGED`, `DIRECTORY_NEWER`.
 */
export async function verifyBackup(backup: string): Promise<BackupReport> {
  const report = await readBackup(disk, backup);
  const found = placeOf(join(report.directory, backupTableName));
  const { position, epoch, chain } = report;
  if (found.position === position && found.epoch === epoch && found.chain === chain) return report;
  throw backupDamaged(report.directory, `its table is at ${found.position}, not at ${position}`);
}

export interface RestoreOptions {
  readonly backup: string;
  /** The data directory to make: empty or absent, or left by a restore that was cut short. */
  readonly directory: string;
  readonly allowRemote?: boolean | undefined;
}

/**
 * Makes a data directory of a backup: all of it verified before the directory counts as one.
 *
 * @throws HoldfastError `BACKUP_DAMAGED`, `TARGET_NOT_EMPTY`, `DIRECTORY_LOCKED`,
 * `DIRECTORY_REMOTE`, `DISK_FULL`, `BACKUP_FAILED`.
 */
export async function restore(options: RestoreOptions): Promise<BackupReport> {
  const report = await verifyBackup(options.backup);
  const directory = resolve(options.directory);
  await refuseRemote(directory, options.allowRemote ?? false);
  return intoEmpty({ disk, directory, whole: markerName }, async () => {
    await fill(report, directory);
    await compare(report, directory);
    await markDirectory(disk, directory, Date.now());
    return report;
  });
}

/** Only whether it lies across a network: what is in it, `intoEmpty` judges. */
async function refuseRemote(directory: string, allowRemote: boolean): Promise<void> {
  try {
    await inspectDirectory({ disk, directory, allowRemote });
  } catch (error) {
    if (isHoldfastError(error, "DIRECTORY_REMOTE")) throw error;
  }
}

/** The copy is what the changelog leans on (R15), the table what is read; the marker comes last. */
async function fill(report: BackupReport, directory: string): Promise<void> {
  const { position, epoch, chain, bytes, sha256 } = report;
  const source = join(report.directory, backupTableName);
  const copy = await fileSnapshots({ directory, disk }).put(source, position);
  if (copy.sha256 !== sha256) throw backupDamaged(report.directory, "it changed while it was read");
  await restoreTable(copy.path, join(directory, tableName), { bytes, sha256 });
  const folder = join(directory, changelogFolder);
  await makeDirectories(disk, folder);
  const beginning = { first: position + 1, previous: chain };
  await beginChangelog({ disk, folder, random: randomBytes }, beginning, epoch);
  await disk.syncDirectory(directory);
}

/** What was written, read back: the table, and a changelog that goes on where it ends. */
async function compare(report: BackupReport, directory: string): Promise<void> {
  const { position, epoch, chain } = report;
  const table = placeOf(join(directory, tableName));
  const folder = join(directory, changelogFolder);
  const found = await survey({ disk, directory, folder });
  const same = (place: { readonly chain: number; readonly epoch: number }): boolean =>
    place.chain === chain && place.epoch === epoch;
  if (table.position === position && same(table) && found.last === position && same(found)) return;
  throw new HoldfastError("BACKUP_FAILED", {
    happened: `What was restored to ${directory} reads back differently.`,
    data: { directory, position, table, last: found.last },
  });
}
