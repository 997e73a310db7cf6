// `holdfast sql`: one read-only question to the table of a running engine; or an index for such
// questions, made in a directory that no engine has open.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "../../file/lock.ts";
import { changeIndex, indexNames } from "../../sqlite/indexes.ts";
import type { Invoked } from "../command.ts";
import { CliError, exit, UsageError } from "../exit.ts";
import { adminClient } from "../http-client.ts";

type Row = Readonly<Record<string, unknown>>;

export async function run(invoked: Invoked): Promise<number> {
  const { args, options, configured, out } = invoked;
  if (options["index"] !== undefined) return changed(invoked, options["index"], "make");
  if (options["dropIndex"] !== undefined) return changed(invoked, options["dropIndex"], "drop");
  if (args[0] === undefined) throw new UsageError("Give a question: one SELECT.");
  const body = { query: args[0] };
  const { rows } = await adminClient(configured).json<{ rows: readonly Row[] }>("/query", {
    method: "POST",
    body,
  });
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  out.rows(
    rows,
    [...names].map((title) => ({ title, of: (row: Row) => textOf(row[title]) })),
  );
  return exit.done;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function changed(
  { configured, out }: Invoked,
  asked: unknown,
  how: "make" | "drop",
): Promise<number> {
  const index = indexNames.find((name) => name === asked);
  if (index === undefined) {
    throw new UsageError(`There is no index "${String(asked)}": give ${indexNames.join(", ")}.`);
  }
  const { data } = configured.values;
  const path = join(data, "table.sqlite");
  if (!existsSync(path)) throw new CliError(`${data} holds no table.`, exit.notFound);
  const lock = await lockDirectory(data);
  try {
    const since = performance.now();
    const report = { ...changeIndex(path, index, how), ms: Math.round(performance.now() - since) };
    if (out.json) out.value(report);
    else {
      const { known, invocations, bytes, ms } = report;
      const was =
        known === (how === "make") ? `It was ${known ? "there" : "not there"} already. ` : "";
      out.data(`${index}: ${invocations} invocations, ${bytes} bytes, ${ms} ms`);
      const cost = "Each fold writes it too from now on; --drop-index takes it away.";
      out.say(`${was}${how === "make" ? cost : "It is gone."}`);
    }
    return exit.done;
  } finally {
    await lock.release();
  }
}
