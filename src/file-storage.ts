// Durable storage in one directory, wired: the file changelog, the cold table beside it, the thread
// that folds one into the other, and the copies behind which the changelog is trimmed (R15).
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Folding } from "./engine/folding.ts";
import { openFileChangelog } from "./file/changelog.ts";
import { fileSnapshots } from "./file/snapshots.ts";
import { MaterialiserThread } from "./local/materialiser-thread.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import type { FileStorageOptions } from "./platform.ts";
import type { Changelog } from "./ports/changelog.ts";
import type { Materialiser } from "./ports/materialiser.ts";
import type { OpenStorage, Storage } from "./ports/storage.ts";
import { openSqliteColdTable, type SqliteColdTable } from "./sqlite/cold-table.ts";

const tableName = "table.sqlite";

export function fileStorage(options: FileStorageOptions): Storage {
  const { directory } = options;
  return {
    promise: `in ${directory}: each answer waits for fdatasync`,
    open: (told) => open(options, told.onFatal),
  };
}

async function open(
  { directory, allowRemote }: FileStorageOptions,
  onFatal: (error: unknown) => void,
): Promise<OpenStorage> {
  const changelog = await openFileChangelog({ directory, allowRemote, onFatal });
  try {
    const path = join(directory, tableName);
    await prepareTable(directory, path, changelog);
    const cold = openSqliteColdTable(path, { readOnly: true });
    const materialiser = materialiserFor(directory, path, cold.position());
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      try {
        await materialiser.close();
      } finally {
        cold.close();
        await changelog.close();
      }
    };
    return { changelog, cold, materialiser, close: () => (closed ??= close()) };
  } catch (error) {
    await changelog.close();
    throw error;
  }
}

/**
 * Makes sure that there is a table which is a fold of this changelog. A table that is damaged or
 * was lost is rebuilt, from the newest copy where the changelog no longer reaches back.
 */
async function prepareTable(
  directory: string,
  path: string,
  changelog: Changelog,
): Promise<void> {
  const { first, last } = changelog.range;
  if (existsSync(path) && usable(path, changelog)) return;
  removeTable(path);
  const copy = await fileSnapshots({ directory }).latest();
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

/** A damaged table is discarded; one that is folded further than the changelog is a witness. */
function usable(path: string, changelog: Changelog): boolean {
  let table: SqliteColdTable | undefined;
  try {
    table = openSqliteColdTable(path);
    return table.position() + 1 >= changelog.range.first;
  } catch (error) {
    if (isHoldfastError(error, "TABLE_DAMAGED")) return false;
    throw error;
  } finally {
    table?.close();
  }
}

function removeTable(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

function materialiserFor(directory: string, path: string, folded: number): Materialiser {
  const entry = new URL("./materialiser-worker.js", import.meta.url);
  if (!existsSync(fileURLToPath(entry))) return inPlace(path);
  const snapshots = fileSnapshots({ directory });
  const aside = join(dirname(path), "table.copying");
  return new MaterialiserThread({
    entry,
    path,
    folded,
    keepCopy: async (copy) => {
      rmSync(aside, { force: true });
      try {
        const kept = await snapshots.put(aside, await copy(aside));
        await snapshots.prune();
        return kept;
      } finally {
        rmSync(aside, { force: true });
      }
    },
  });
}

/** Where this runs from TypeScript, as in tests, no thread can load it: folding is done in place. */
function inPlace(path: string): Materialiser {
  const cold = openSqliteColdTable(path);
  const nextTurn = (then: () => void): void => void setImmediate(then);
  const folding = new Folding({ cold, clock: { nextTurn }, stretchBytes: 256 * 1024 });
  const close = folding.close.bind(folding);
  folding.close = async () => {
    await close();
    cold.close();
  };
  return folding;
}
