// `holdfast replay`: a stored journal against code, shown beside the lines that asked. No step runs,
// so that a debugger can go through the handler as often as it takes.
import { readFileSync } from "node:fs";
import { parseJournal, rowOf } from "../../journal/stored-journal.ts";
import { replayHere } from "../../replay-here.ts";
import type { Invoked } from "../command.ts";
import { divergenceLines } from "../divergence.ts";
import { exit, UsageError } from "../exit.ts";
import { AppLoader } from "../load-app.ts";

export async function run({ args, out }: Invoked): Promise<number> {
  const [file = "", ...modules] = args;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new UsageError(`${file}: there is no such file.`);
  }
  const journal = parseJournal(text);
  const { services } = await new AppLoader(modules).load();
  const { entries, redacted } = journal;
  const replayed = await replayHere({ row: rowOf(journal), entries, redacted }, services);
  const { divergence, commands } = replayed;
  const { target, id } = journal;
  if (out.json) out.value({ id, target, commands, divergence: divergence ?? null });
  else for (const line of replayed.journal()) out.data(line);
  if (divergence === undefined) {
    out.say(`${target} (${id}) replays: ${commands} commands.`);
    return exit.done;
  }
  for (const line of divergenceLines(`${target} (${id})`, divergence)) out.say(line);
  return exit.diverges;
}
