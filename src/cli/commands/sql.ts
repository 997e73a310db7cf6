// `holdfast sql`: one read-only question to the table of a running engine.
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";

type Row = Readonly<Record<string, unknown>>;

export async function run({ args, configured, out }: Invoked): Promise<number> {
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
