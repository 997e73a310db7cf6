// A backup: a folder with one copy of the table and a manifest that names its position, its size and
// its SHA-256. The manifest is written last, when the copy is durable and has been read back: a
// folder without one is no backup, whatever cut the making short. It knows files and positions, and
// is told by its caller what makes the copy and what is in it.
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { BackupReport } from "../ports/backup.ts";
import { makeDirectories } from "./directory.ts";
import type { Disk } from "./disk.ts";
import { errorCodeOf, isAbsent, isDiskFull, listOrNone, readWhole, replaceWhole } from "./disk.ts";
import { lockDirectory, lockFileNames } from "./lock.ts";
import { sealOf } from "./seal.ts";

export const manifestName = "backup.json";
export const backupTableName = "table.sqlite";
/** There from the first write to the last: what else lies there is ours, and not whole. */
export const unfinishedName = "unfinished";
/** Version of the manifest, and of what it is the manifest of. */
const backupFormat = 1;

/** What is in a copy of a table. */
export interface CopyPlace {
  readonly position: number;
  readonly epoch: number;
  readonly chain: number;
}

export interface MakeBackup {
  readonly disk: Disk;
  /** A folder that is empty or absent, or holds a backup that was cut short. */
  readonly to: string;
  readonly now: number;
  /** Makes the copy: a file at `path`, durable and for its owner only. */
  make(path: string): Promise<CopyPlace>;
}

/**
 * Makes a backup in a folder of its own and proves it by reading it back.
 *
 * @throws HoldfastError `TARGET_NOT_EMPTY`, `DIRECTORY_LOCKED`, `DISK_FULL`, `BACKUP_FAILED`; what
 * `make` throws.
 */
export async function makeBackup({ disk, to, now, make }: MakeBackup): Promise<BackupReport> {
  const directory = resolve(to);
  return intoEmpty({ disk, directory, whole: manifestName }, async () => {
    const path = join(directory, backupTableName);
    const { position, epoch, chain } = await make(path);
    await disk.syncDirectory(directory);
    const { bytes, sha256 } = await sealOf(disk, path);
    const created = new Date(now).toISOString();
    const facts = { position, epoch, chain, created, bytes, sha256 };
    const text = manifestText({ about, format: backupFormat, ...facts });
    await replaceWhole(disk, join(directory, manifestName), Buffer.from(text));
    return { directory, ...facts };
  });
}

const about = "Backup of a Holdfast data directory: `holdfast restore` makes a directory of it.";

/**
 * Reads a backup to its end and compares it with its manifest.
 *
 * @throws HoldfastError `BACKUP_DAMAGED`; `DIRECTORY_NEWER` for one of a later format.
 */
export async function readBackup(disk: Disk, directory: string): Promise<BackupReport> {
  const folder = resolve(directory);
  const path = join(folder, manifestName);
  const manifest = await readWhole(disk, path).catch((error: unknown) => {
    if (errorCodeOf(error) === undefined) throw error;
    return undefined;
  });
  if (manifest === undefined) {
    throw backupDamaged(
      folder,
      `it has no ${manifestName}: it was never finished, or is no backup`,
    );
  }
  const facts = parseManifest(folder, Buffer.from(manifest).toString("utf8"));
  const table = join(folder, backupTableName);
  const seal = await sealOf(disk, table).catch((error: unknown) => {
    if (!isAbsent(error)) throw error;
    throw backupDamaged(folder, `its ${backupTableName} is missing`);
  });
  if (seal.bytes !== facts.bytes) {
    throw backupDamaged(folder, `its table has ${seal.bytes} bytes of ${facts.bytes}`);
  }
  if (seal.sha256 !== facts.sha256) {
    throw backupDamaged(folder, "its table does not match its SHA-256");
  }
  return { directory: folder, ...facts };
}

type Facts = Omit<BackupReport, "directory">;

function parseManifest(folder: string, text: string): Facts {
  let found: Record<string, unknown>;
  try {
    const { check: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    found = rest;
  } catch {
    throw backupDamaged(folder, `its ${manifestName} is no JSON`);
  }
  // The same text, byte by byte, or something was changed.
  if (manifestText(found) !== text) {
    throw backupDamaged(folder, `its ${manifestName} does not match its own checksum`);
  }
  const { format, position, epoch, chain, created, bytes, sha256 } = found as {
    [K in keyof Facts | "format"]?: unknown;
  };
  if (typeof format === "number" && format > backupFormat) {
    throw new HoldfastError("DIRECTORY_NEWER", {
      happened: `The backup ${folder} has format ${format}; this version reads ${backupFormat}.`,
      data: { directory: folder, format, readable: backupFormat },
    });
  }
  const numbers = [position, epoch, chain, bytes].every((value) => Number.isSafeInteger(value));
  if (!numbers || typeof created !== "string" || typeof sha256 !== "string") {
    throw backupDamaged(folder, `its ${manifestName} lacks what a manifest says`);
  }
  return { position, epoch, chain, created, bytes, sha256 } as Facts;
}

/** With the SHA-256 of all it says, so that no byte of it can change unseen. */
function manifestText(facts: object): string {
  const check = createHash("sha256").update(JSON.stringify(facts)).digest("hex");
  return `${JSON.stringify({ ...facts, check }, undefined, 2)}\n`;
}

export function backupDamaged(directory: string, how: string): HoldfastError {
  return new HoldfastError("BACKUP_DAMAGED", {
    happened: `The backup ${directory} is not whole: ${how}.`,
    data: { directory },
  });
}

export interface EmptyFolder {
  readonly disk: Disk;
  readonly directory: string;
  /** The name that makes the folder count; it is written last. */
  readonly whole: string;
}

/**
 * Fills a folder that is empty, or holds what an earlier filling left unfinished, which goes first.
 * Nobody else fills it meanwhile. What fails leaves it unfinished, and marked so.
 */
export async function intoEmpty<T>(folder: EmptyFolder, fill: () => Promise<T>): Promise<T> {
  const { disk, directory } = folder;
  try {
    if ((await whatLies(folder)) === "taken") throw taken(directory);
    await makeDirectories(disk, directory);
    const lock = await lockDirectory(directory, { disk });
    try {
      const found = await whatLies(folder);
      if (found === "taken") throw taken(directory);
      if (found === "unfinished") await removeWithin(disk, directory);
      else await replaceWhole(disk, join(directory, unfinishedName), Buffer.from(""));
      const filled = await fill();
      await disk.unlink(join(directory, unfinishedName));
      await disk.syncDirectory(directory);
      return filled;
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw isHoldfastError(error) ? error : failed(directory, error);
  }
}

/** Names that say nothing: the lock's, and a mark that was never made. */
const passedOver: ReadonlySet<string> = new Set([...lockFileNames, `${unfinishedName}.new`]);

async function whatLies({ disk, directory, whole }: EmptyFolder): Promise<string> {
  const names = (await listOrNone(disk, directory)).filter((name) => !passedOver.has(name));
  if (names.length === 0) return "empty";
  return names.includes(unfinishedName) && !names.includes(whole) ? "unfinished" : "taken";
}

function taken(directory: string): HoldfastError {
  return new HoldfastError("TARGET_NOT_EMPTY", {
    happened: `${directory} is not empty.`,
    data: { directory },
  });
}

function failed(directory: string, cause: unknown): unknown {
  const code = errorCodeOf(cause);
  if (code === undefined) return cause;
  if (isDiskFull(cause)) return new HoldfastError("DISK_FULL", { data: { directory }, cause });
  const text = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("BACKUP_FAILED", {
    happened: `${directory} could not be written or read: ${text}.`,
    data: { directory },
    cause,
  });
}

/** What an earlier filling left: files, and folders of files. */
async function removeWithin(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name === unfinishedName || passedOver.has(name)) continue;
    const path = join(directory, name);
    await disk.unlink(path).catch(async (error: unknown) => {
      if (!isDirectoryError.has(errorCodeOf(error) ?? "")) throw error;
      for (const inner of await disk.list(path)) await disk.unlink(join(path, inner));
    });
  }
  await disk.syncDirectory(directory);
}

/** What removing a folder as a file is answered with, on Linux and elsewhere. */
const isDirectoryError: ReadonlySet<string> = new Set(["EISDIR", "EPERM"]);
