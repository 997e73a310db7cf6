// `holdfast salvage`: what of a damaged data directory can be kept, and the way to keep it.
import type { SalvageReport } from "../../salvage.ts";
import { salvage } from "../../salvage.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";

export async function run({ args, options, out }: Invoked): Promise<number> {
  const directory = args[0] as string;
  const acceptLoss = options["acceptLoss"] === true;
  const fromTable = options["fromTable"] === true;
  const report = await salvage({ directory, acceptLoss, fromTable });
  if (report === undefined) {
    out.say(`Nothing in ${directory} is damaged. Nothing was changed.`);
    return exit.done;
  }
  out.value(report);
  for (const line of linesOf(report)) out.say(line);
  return report.done ? exit.done : exit.damage;
}

function* linesOf(report: SalvageReport): Generator<string> {
  const { damage, kept, lost, position, table, tableReaches, moved, aside, done } = report;
  yield `${damage.message}.`;
  if (kept === undefined) yield "Kept of the changelog: no record.";
  else yield `Kept of the changelog: records ${kept.from} to ${kept.to}.`;
  if (lost === undefined) yield "Lost: no record that anything speaks of.";
  else yield `Lost: records ${lost.from} to ${lost.to}, and any after that.`;
  if (table.kind === "restored") yield `The table is restored from ${table.copy}.`;
  if (table.kind === "rebuilt") yield "The table is rebuilt from the changelog at the next open.";
  if (tableReaches !== undefined && !done) {
    yield `The table reaches ${tableReaches}, beyond ${position}: --from-table goes on from there.`;
  }
  yield `${done ? "Moved" : "Would be moved"} to ${aside}: ${moved.join(", ")}.`;
  if (done) yield "The directory can be opened.";
  else yield "Nothing was changed. Back up the directory, then run it again with --accept-loss.";
}
