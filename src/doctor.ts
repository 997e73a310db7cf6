// Verifies a data directory that nobody has open: every frame of its changelog, its copies, and every
// row of its table against a fold of the changelog. It changes nothing in the directory; what it folds
// goes to a file aside. What to do about what it finds is salvage.ts.
import { join, resolve } from "node:path";
import { Folder } from "./engine/materialiser.ts";
import { openFileChangelog } from "./file/changelog.ts";
import { requireDirectory } from "./file/directory.ts";
import { nodeDisk } from "./file/disk.ts";
import { lockDirectory } from "./file/lock.ts";
import { fileSnapshots } from "./file/snapshots.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import type { Changelog } from "./ports/changelog.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { differences, tableProblems } from "./sqlite/compare.ts";
import { restoreTable } from "./sqlite/copy.ts";

const tableName = "table.sqlite";
/** Batches folded at a time: their rows are in memory meanwhile. */
const batchesPerStretch = 64;

export interface DoctorOptions {
  readonly directory: string;
  /** A file that does not exist yet, for the table that is folded again. */
  readonly aside: string;
  readonly allowRemote?: boolean | undefined;
}

export interface DoctorReport {
  readonly directory: string;
  /** Records read, from the oldest held to the newest. */
  readonly records: { readonly from: number; readonly to: number };
  readonly batches: number;
  /** Whether the last process closed in order. */
  readonly clean: boolean;
  /** Where the table is folded to, and what it was compared with; undefined without a table. */
  readonly table: { readonly position: number; readonly foldedFrom: number } | undefined;
  /** What is wrong, in sentences; none: all of it is well. */
  readonly problems: readonly string[];
}

/** @throws HoldfastError `DIRECTORY_LOCKED`, `DIRECTORY_FOREIGN`, `DIRECTORY_NEWER`, … */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  const directory = resolve(options.directory);
  const place = { disk: nodeDisk(), directory, allowRemote: options.allowRemote ?? false };
  await requireDirectory(place);
  const lock = await lockDirectory(directory);
  try {
    return await examined(directory, options.aside);
  } finally {
    await lock.release();
  }
}

async function examined(directory: string, aside: string): Promise<DoctorReport> {
  const problems: string[] = [];
  const told = (error: unknown): undefined => {
    if (!isHoldfastError(error)) throw error;
    problems.push(`${error.code}: ${error.message}`);
  };
  const none = { from: 0, to: 0 };
  const report = { directory, records: none, batches: 0, clean: false, table: undefined, problems };
  const changelog = await openFileChangelog({ directory, readOnly: true, lock: false }).catch(told);
  if (changelog === undefined) return report;
  try {
    const { first, last, clean } = changelog.range;
    const position = tablePosition(join(directory, tableName), told);
    const begun = await beginning(directory, aside, first).catch(told);
    const until = begun === undefined ? undefined : position;
    const batches = await readAll(changelog, begun === undefined ? undefined : aside, until).catch(
      told,
    );
    const records = { from: first, to: last };
    if (batches === undefined || begun === undefined || position === undefined) {
      return { ...report, records, clean, batches: batches ?? 0 };
    }
    if (position > last)
      problems.push(`The table is folded to ${position}, the changelog ends at ${last}.`);
    else problems.push(...differences(join(directory, tableName), aside));
    return { directory, records, batches, clean, table: { position, foldedFrom: begun }, problems };
  } finally {
    await changelog.close();
  }
}

function tablePosition(path: string, told: (error: unknown) => undefined): number | undefined {
  try {
    for (const problem of tableProblems(path)) {
      told(new HoldfastError("TABLE_DAMAGED", { happened: problem }));
    }
    const table = openSqliteColdTable(path, { readOnly: true });
    const position = table.position();
    table.close();
    return position;
  } catch (error) {
    return told(error);
  }
}

/** The table to fold on from: an empty one, or the newest copy where the changelog was trimmed. */
async function beginning(directory: string, aside: string, first: number): Promise<number> {
  // Read whether it is needed or not: a copy is what a trimmed changelog leans on.
  const copy = await fileSnapshots({ directory }).latest();
  if (first === 1) return 0;
  if (copy === undefined || copy.position + 1 < first) {
    throw new HoldfastError("TABLE_DAMAGED", {
      happened: `The changelog begins at ${first}, and no copy of the table reaches that far.`,
    });
  }
  await restoreTable(copy.path, aside, copy);
  return copy.position;
}

/** Reads every frame; folds aside what the table holds. */
async function readAll(
  changelog: Changelog,
  aside: string | undefined,
  until: number | undefined,
): Promise<number> {
  const cold = aside === undefined ? undefined : openSqliteColdTable(aside);
  const folder = cold && new Folder(cold, { keepRows: 1000 });
  let batches = 0;
  try {
    for await (const batch of changelog.read(changelog.range.first)) {
      batches++;
      if (until === undefined || batch.first + batch.count - 1 > until) continue;
      folder?.take(batch);
      if (batches % batchesPerStretch === 0) folder?.write();
    }
    folder?.write();
    return batches;
  } finally {
    cold?.close();
  }
}
