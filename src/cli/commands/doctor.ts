// `holdfast doctor`: verifies a data directory that nobody has open, and says what to do.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyBackup } from "../../backup.ts";
import { doctor } from "../../doctor.ts";
import { manifestName } from "../../file/backup.ts";
import { isHoldfastError } from "../../model/errors.ts";
import type { BackupReport } from "../../ports/backup.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import type { Output } from "../output.ts";

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const { data, allowRemoteData: allowRemote } = configured.values;
  const directory = args[0] ?? data;
  if (existsSync(join(directory, manifestName))) return backup(directory, out);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-doctor-"));
  try {
    const report = await doctor({ directory, aside: join(folder, "table.sqlite"), allowRemote });
    const problems = [...report.problems, ...openModes(directory)];
    if (out.json) out.value({ ...report, problems });
    else {
      const { records, batches, clean, table } = report;
      out.data(
        `changelog  records ${records.from} to ${records.to} in ${batches} frames, each read`,
      );
      out.data(`ended      ${clean ? "in order" : "not in order: the next start recovers it"}`);
      if (table !== undefined) {
        const from = table.foldedFrom === 0 ? "the beginning" : `a copy at ${table.foldedFrom}`;
        out.data(`table      compared at ${table.position} with a fold from ${from}`);
      }
      for (const problem of problems) out.data(`problem    ${problem}`);
      out.say(problems.length === 0 ? "All of it is well." : advice);
    }
    return problems.length === 0 ? exit.done : exit.damage;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function backup(directory: string, out: Output): Promise<number> {
  const problems = openModes(directory);
  let found: BackupReport | undefined;
  try {
    found = await verifyBackup(directory);
  } catch (error) {
    if (!isHoldfastError(error, "BACKUP_DAMAGED")) throw error;
    problems.unshift(`${error.code}: ${error.message}`);
  }
  if (out.json) out.value({ directory, backup: found, problems });
  else {
    if (found !== undefined) {
      out.data(
        `backup     records up to ${found.position}, made ${found.created}, read to its end`,
      );
    }
    for (const problem of problems) out.data(`problem    ${problem}`);
    out.say(problems.length === 0 ? "All of it is well." : "Nothing was changed.");
  }
  return problems.length === 0 ? exit.done : exit.damage;
}

const advice =
  "Nothing was changed. The codes are in docs/errors.md, what to do in docs/operations.md; " +
  "holdfast salvage says what of a damaged changelog can be kept.";

/** Whatever others may read or write: the data is its owner's. */
function openModes(directory: string): string[] {
  if (process.platform === "win32") return [];
  const found: string[] = [];
  const check = (path: string): void => {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0 && !path.endsWith(".sock")) {
      found.push(`${path} has mode ${mode.toString(8)}: others may open it. chmod go= mends it.`);
    }
  };
  check(directory);
  for (const entry of readdirSync(directory)) check(join(directory, entry));
  return found;
}
