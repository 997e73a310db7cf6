// O6 on what a run leaves behind: the whole changelog folded again from its beginning, in other
// stretches than the run's, says the same as the table that was folded by its lives.
import { join } from "node:path";
import { Folder } from "../../../src/engine/materialiser.ts";
import { openFileChangelog } from "../../../src/file/changelog.ts";
import { openSqliteColdTable } from "../../../src/sqlite/cold-table.ts";
import { openConnection } from "../../../src/sqlite/driver.ts";

/** What users may rely on; which row of a key was written last depends on the stretches. */
const views = ["invocation", "journal", "state", "promise", "inbox", "object", "timer_row"];
const batchesPerStretch = 13;

/** Rows that one of the two tables has and the other has not. */
export async function refolded(directory: string, aside: string): Promise<string[]> {
  const changelog = await openFileChangelog({ directory, readOnly: true });
  const cold = openSqliteColdTable(aside);
  const folder = new Folder(cold, { keepRows: 100 });
  let batches = 0;
  for await (const batch of changelog.read(1)) {
    folder.take(batch);
    if (++batches % batchesPerStretch === 0) folder.write();
  }
  folder.write();
  cold.close();
  const [lived, again] = [rowsOf(join(directory, "table.sqlite")), rowsOf(aside)];
  if (again.size === 0) return ["nothing was folded"];
  return [
    ...[...lived].filter((row) => !again.has(row)).map((row) => `only lived: ${row}`),
    ...[...again].filter((row) => !lived.has(row)).map((row) => `only folded again: ${row}`),
  ];
}

function rowsOf(path: string): Set<string> {
  const table = openConnection(path, { readOnly: true });
  try {
    const rows = new Set<string>();
    for (const view of views) {
      for (const row of table.prepare(`SELECT * FROM ${view}`).all()) {
        rows.add(`${view} ${JSON.stringify(row)}`);
      }
    }
    return rows;
  } finally {
    table.close();
  }
}
