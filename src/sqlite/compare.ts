// Two tables that should say the same: what one has and the other has not, by the views that users
// rely on. Which row of a key was written last depends on how a changelog was cut into folds, so the
// rows themselves are not compared.
import { openConnection, tableFault } from "./driver.ts";

const views = ["invocation", "journal", "state", "promise", "inbox", "object", "timer_row"];
/** Differing rows named one by one, per view. */
const namedMax = 3;

/** Sentences about rows that only one of two tables has. */
export function differences(path: string, again: string): string[] {
  const connection = openConnection(path, { readOnly: true });
  try {
    connection.exec(`ATTACH '${again.replaceAll("'", "''")}' AS again`);
    const found: string[] = [];
    for (const view of views) {
      for (const [has, hasNot, whose] of [
        ["main", "again", "is in the table and not in a fold of the changelog"],
        ["again", "main", "is in a fold of the changelog and not in the table"],
      ] as const) {
        const sql = `SELECT * FROM ${has}.${view} EXCEPT SELECT * FROM ${hasNot}.${view}`;
        const rows = connection.prepare(`${sql} LIMIT ${String(namedMax + 1)}`).all();
        for (const row of rows.slice(0, namedMax)) {
          found.push(`A row of ${view} ${whose}: ${JSON.stringify(row).slice(0, 300)}`);
        }
        if (rows.length > namedMax) found.push(`More rows of ${view}: each ${whose}.`);
      }
    }
    return found;
  } catch (error) {
    throw tableFault(error, path);
  } finally {
    connection.close();
  }
}

/** What SQLite itself finds wrong with the file. */
export function tableProblems(path: string): string[] {
  const connection = openConnection(path, { readOnly: true });
  try {
    const rows = connection.prepare("PRAGMA integrity_check(10)").all();
    return rows.map(([said]) => String(said)).filter((said) => said !== "ok");
  } catch (error) {
    throw tableFault(error, path);
  } finally {
    connection.close();
  }
}
