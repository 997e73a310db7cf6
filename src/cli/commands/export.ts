// `holdfast export`: one invocation with its journal, as a file that replay and tests take. It asks a
// running engine, or reads the data directory without opening it, in use or not.
import { type Redact, storeJournal } from "../../journal/stored-journal.ts";
import { type Invoked, textOption } from "../command.ts";
import { exit, UsageError } from "../exit.ts";
import { journalSource } from "../journal-source.ts";
import { importFile } from "../load-app.ts";

export async function run(invoked: Invoked): Promise<number> {
  const { args, configured, out } = invoked;
  const redact = await redactOf(textOption(invoked, "redact"));
  const source = await journalSource(configured);
  try {
    const { row, entries } = await source.invocation(args[0] as string);
    out.value(storeJournal(row, entries, redact));
  } finally {
    await source[Symbol.asyncDispose]();
  }
  return exit.done;
}

async function redactOf(file: string | undefined): Promise<Redact | undefined> {
  if (file === undefined) return undefined;
  const { default: redact } = (await importFile(file)) as { readonly default?: unknown };
  if (typeof redact === "function") return redact as Redact;
  throw new UsageError(`${file}: its default export is no function (value, where) => value.`);
}
