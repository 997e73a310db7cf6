// Indexes that users may add to a table, for questions of their own: the engine needs none of them,
// and each makes every fold a little dearer, so none is there by itself. A table that is rebuilt has
// lost them.
import { openConnection, tableFault } from "./driver.ts";
import { iso } from "./schema.ts";

export type IndexName = "service" | "created" | "idempotency-key";

/** By what is searched for: on what an index then is. Its terms are those of the views. */
const terms: Readonly<Record<IndexName, string>> = {
  service: "invocation_row (service, key, n)",
  created: `invocation_row (${iso("created_at")})`,
  "idempotency-key":
    "invocation_row (rest ->> '$.idempotencyKey') WHERE rest ->> '$.idempotencyKey' IS NOT NULL",
};

export const indexNames: readonly IndexName[] = Object.keys(terms) as IndexName[];

export interface IndexReport {
  readonly index: IndexName;
  /** It was there before. */
  readonly known: boolean;
  readonly invocations: number;
  /** By which the file has grown, or shrunk in itself: freed pages are used again. */
  readonly bytes: number;
}

/** Makes or drops an index of a table that no engine has open. @throws HoldfastError. */
export function changeIndex(path: string, index: IndexName, how: "make" | "drop"): IndexReport {
  const connection = openConnection(path, { readOnly: false });
  try {
    const number = (sql: string): number => Number(connection.prepare(sql).get()?.[0]);
    const name = `user_by_${index.replaceAll("-", "_")}`;
    const used = (): number =>
      (number("PRAGMA page_count") - number("PRAGMA freelist_count")) * number("PRAGMA page_size");
    const known = number(`SELECT count(*) FROM sqlite_schema WHERE name = '${name}'`) > 0;
    const before = used();
    if (how === "drop") connection.exec(`DROP INDEX IF EXISTS ${name}`);
    else connection.exec(`CREATE INDEX IF NOT EXISTS ${name} ON ${terms[index]}`);
    const invocations = number("SELECT count(*) FROM invocation_row");
    return { index, known, invocations, bytes: used() - before };
  } catch (error) {
    throw tableFault(error, path);
  } finally {
    connection.close();
  }
}
