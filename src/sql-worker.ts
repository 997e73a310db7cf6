// Entry of the process that answers SQL: one question at a time, over the table it was started for.
// Wiring only. It is ended from outside when a question takes too long.
import { isHoldfastError } from "./model/errors.ts";
import type { SqlAnswer } from "./model/sql-message.ts";
import { openSql } from "./sqlite/sql.ts";

const [, , path = ""] = process.argv;
let sql: ReturnType<typeof openSql> | undefined;

process.on("message", (query: string) => {
  process.send?.(answer(query));
});
process.on("disconnect", () => process.exit());

function answer(query: string): SqlAnswer {
  try {
    sql ??= openSql(path);
    return { rows: sql.ask(query) };
  } catch (error) {
    const code = isHoldfastError(error) ? error.code : undefined;
    return { code, message: error instanceof Error ? error.message : String(error) };
  }
}
