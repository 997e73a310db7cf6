// `holdfast backup`: of a directory that nobody has open, or through the admin side of the engine
// that has it open.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { backupDirectory, backupOf } from "../../backup.ts";
import { backupDamaged } from "../../file/backup.ts";
import { isHoldfastError } from "../../model/errors.ts";
import type { BackupReport } from "../../ports/backup.ts";
import type { Invoked } from "../command.ts";
import type { Configured } from "../config.ts";
import { CliError, exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const report = await made(args[0] as string, configured);
  if (out.json) out.value(report);
  else {
    out.data(report.directory);
    out.say(
      `Backed up all records up to ${report.position}: ${report.bytes} bytes, read back and ` +
        `compared, SHA-256 ${report.sha256}`,
    );
  }
  return exit.done;
}

async function made(to: string, configured: Configured): Promise<BackupReport> {
  const { data, adminUrl, allowRemoteData: allowRemote } = configured.values;
  if (adminUrl !== "") return ofEngine(to, configured);
  try {
    return await backupDirectory({ directory: data, to, allowRemote });
  } catch (error) {
    if (!isHoldfastError(error, "DIRECTORY_LOCKED")) throw error;
    // An engine has it open and can be asked; or somebody writes into the target.
    const { directory } = (error.data ?? {}) as { readonly directory?: string };
    if (directory !== resolve(data)) throw error;
  }
  return ofEngine(to, configured);
}

type Sent = Omit<BackupReport, "directory">;

function ofEngine(to: string, configured: Configured): Promise<BackupReport> {
  return backupOf(to, async (path) => {
    const response = await adminClient(configured).ask("/backup", { method: "POST" });
    const sent = response.headers.get("x-holdfast-backup");
    if (sent === null || response.body === null) {
      throw new CliError("The admin side answered what is no backup.");
    }
    const { bytes, sha256 } = JSON.parse(sent) as Sent;
    const received = await write(path, response.body);
    if (received.bytes === bytes && received.sha256 === sha256) return;
    throw backupDamaged(to, `${received.bytes} bytes of ${bytes} arrived as they were sent`);
  });
}

async function write(
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  const file = await open(path, "w", 0o600);
  let bytes = 0;
  try {
    for await (const chunk of body) {
      await file.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}
