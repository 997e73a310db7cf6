// Durable storage in one directory, wired: the file changelog, the cold table beside it, the thread
// that folds one into the other, and the copies behind which the changelog is trimmed (R15).
import { copyFileSync, existsSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { backupOf } from "./backup.ts";
import { openFileChangelog } from "./file/changelog.ts";
import { lockDirectory } from "./file/lock.ts";
import { fileSnapshots, type TableCopy } from "./file/snapshots.ts";
import { inProcess } from "./local/materialiser-process.ts";
import { inThread } from "./local/materialiser-thread.ts";
import type { RemoteMaterialiserOptions } from "./local/remote-materialiser.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import { foldingFolder } from "./model/thread-message.ts";
import type { FileStorageOptions } from "./platform.ts";
import type { Changelog } from "./ports/changelog.ts";
import type { Materialiser } from "./ports/materialiser.ts";
import type { OpenStorage, Storage } from "./ports/storage.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { openSqliteQueries } from "./sqlite/queries.ts";
import { canThread, folding, workerEntry } from "./table-folding.ts";

const { setTimeout } = globalThis;
const tableName = "table.sqlite";

export function fileStorage(options: FileStorageOptions): Storage {
  const { directory } = options;
  return {
    promise: `in ${directory}: each answer waits for fdatasync`,
    open: (told) => open(options, told.onFatal),
  };
}

async function open(
  { directory, allowRemote, exclusive, onVisitor }: FileStorageOptions,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const entry = workerEntry();
  const changelog = await openFileChangelog({
    directory,
    allowRemote,
    exclusive,
    onFatal,
    onVisitor,
  });
  try {
    const path = join(directory, tableName);
    await lastFoldEnded(directory);
    await prepareTable(directory, path, changelog);
    const cold = openSqliteColdTable(path, { readOnly: true });
    const materialiser = materialiserFor(directory, path, cold.position(), entry);
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      try {
        await materialiser.close();
      } finally {
        cold.close();
        await changelog.close();
      }
    };
    return {
      changelog,
      cold,
      materialiser,
      queries: () => openSqliteQueries(path),
      tablePath: path,
      backup: (to) => backupOf(to, async (aside) => materialiser.copyTo?.(aside)),
      close: () => (closed ??= close()),
      discardTable: () => removeTable(path),
    };
  } catch (error) {
    await changelog.close();
    throw error;
  }
}

/** How long a process that folded for a host that is gone may take for its last statement. */
const lastFoldMsMax = 10_000;

async function lastFoldEnded(directory: string): Promise<void> {
  const folder = join(directory, foldingFolder);
  if (!existsSync(folder)) return;
  for (const until = Date.now() + lastFoldMsMax; ; ) {
    try {
      return await (await lockDirectory(folder)).release();
    } catch (error) {
      if (!isHoldfastError(error, "DIRECTORY_LOCKED") || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Makes sure that there is a table which is a fold of this changelog. A table that is damaged or
 * was lost is rebuilt, from the newest copy where the changelog no longer reaches back.
 */
async function prepareTable(directory: string, path: string, changelog: Changelog): Promise<void> {
  const { first, last } = changelog.range;
  if (existsSync(path) && usable(path, changelog)) return;
  removeTable(path);
  const copy = await newestCopy(directory, first);
  const reaches = copy !== undefined && copy.position + 1 >= first && copy.position <= last;
  if (reaches) copyFileSync(copy.path, path);
  else if (first > 1) {
    throw new HoldfastError("TABLE_DAMAGED", {
      happened:
        `The cold table ${path} is missing or damaged, the changelog begins at ${first}, and no ` +
        "copy of the table reaches that far.",
      fix: "Restore the directory from a backup.",
      data: { path, first, last, copy: copy?.position },
    });
  }
  openSqliteColdTable(path).close();
}

/** Where the changelog reaches back to its beginning, no copy is needed, and a bad one is no harm. */
async function newestCopy(directory: string, first: number): Promise<TableCopy | undefined> {
  try {
    return await fileSnapshots({ directory }).latest();
  } catch (error) {
    if (first === 1 && isHoldfastError(error, "COPY_DAMAGED")) return undefined;
    throw error;
  }
}

/** A damaged table is discarded; one that is folded further than the changelog is a witness. */
function usable(path: string, changelog: Changelog): boolean {
  try {
    const table = openSqliteColdTable(path);
    try {
      return table.position() + 1 >= changelog.range.first;
    } finally {
      table.close();
    }
  } catch (error) {
    if (isHoldfastError(error, "TABLE_DAMAGED")) return false;
    throw error;
  }
}

function removeTable(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

function materialiserFor(
  directory: string,
  path: string,
  folded: number,
  entry: URL | undefined,
): Materialiser {
  const snapshots = fileSnapshots({ directory });
  const aside = join(dirname(path), "table.copying");
  const keepCopy: RemoteMaterialiserOptions["keepCopy"] = async (copy) => {
    rmSync(aside, { force: true });
    try {
      const before = await newestCopy(directory, 1);
      const { position, bytes } = await snapshots.put(aside, await copy(aside));
      await snapshots.prune();
      return { position, bytes, behind: before?.position ?? 0 };
    } finally {
      rmSync(aside, { force: true });
    }
  };
  const start = entry && (canThread() ? inThread : inProcess)(entry, path);
  return folding({ path, folded, keepCopy, start });
}

/** The same directory under one name, whatever links lead to it; it need not be there yet. */
export function canonicalPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(canonicalPath(parent), basename(absolute));
  }
}
