// `holdfast restore`: a data directory made of a backup.
import { restore } from "../../backup.ts";
import { isHoldfastError } from "../../model/errors.ts";
import type { Invoked } from "../command.ts";
import { CliError, exit } from "../exit.ts";

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const [backup = "", directory = ""] = args;
  const { allowRemoteData: allowRemote } = configured.values;
  const report = await restore({ backup, directory, allowRemote }).catch((error: unknown) => {
    if (!isHoldfastError(error, "BACKUP_DAMAGED")) throw error;
    throw new CliError(`${error.code}: ${error.message}`, exit.damage);
  });
  if (out.json) out.value({ ...report, backup: report.directory, directory });
  else {
    out.data(directory);
    out.say(
      `Restored all records up to ${report.position}, as of ${report.created}; read back and ` +
        "compared. What was done outside since then may be done again: run one engine on it.",
    );
  }
  return exit.done;
}
