// The data directory as such: made for its owner only, marked as ours with a format version, and
// refused when it is somebody else's, written by a newer version, or not on a local disk. The
// marker is written before anything else is, so that a crash never leaves our files unmarked.

import { dirname, join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { Disk } from "./disk.ts";
import { errorCodeOf, isAbsent, readWhole, replaceWhole } from "./disk.ts";
import { lockFileNames } from "./lock.ts";

export const markerName = "holdfast.json";
/** Format of the directory as a whole: which files there are and what they are for. */
export const directoryFormat = 1;

/** Names that say nothing about whom a directory belongs to. */
const ignored: ReadonlySet<string> = new Set([
  `${markerName}.new`,
  ...lockFileNames,
  "lost+found",
  ".gitkeep",
  ".gitignore",
  ".DS_Store",
]);

/** File systems across a network, as Linux numbers them: NFS, SMB, CIFS, SMB2, 9P, AFS, Ceph. */
const remoteTypes: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
]);

export interface DirectoryOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** Opens on a network file system too, where neither locks nor syncs can be trusted. */
  readonly allowRemote: boolean;
}

/**
 * Refuses a directory that others than its owner may enter: what is in it is everybody's then, and
 * whoever reaches its socket may do everything.
 *
 * @throws HoldfastError `DIRECTORY_EXPOSED`.
 */
export async function refuseExposed(disk: Disk, directory: string): Promise<void> {
  const mode = await disk.mode?.(directory).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (mode === undefined || (mode & 0o077) === 0) return;
  const octal = mode.toString(8).padStart(4, "0");
  throw new HoldfastError("DIRECTORY_EXPOSED", {
    happened: `${directory} is open to others than its owner: its mode is ${octal}.`,
    fix: `chmod 700 ${directory}; or name a folder within it, which is made for its owner only.`,
    data: { directory, mode: octal },
  });
}

/** What the directory holds, without changing anything. @throws when it must not be opened. */
export async function inspectDirectory(options: DirectoryOptions): Promise<"ours" | "empty"> {
  const { disk, directory } = options;
  let names: string[];
  try {
    names = await disk.list(directory);
  } catch (error) {
    if (isAbsent(error)) return "empty";
    throw error;
  }
  if (!options.allowRemote) await refuseRemote(options);
  if (names.includes(markerName)) {
    await checkMarker(options);
    return "ours";
  }
  const foreign = names.filter((name) => !ignored.has(name));
  if (foreign.length === 0) return "empty";
  throw new HoldfastError("DIRECTORY_FOREIGN", {
    happened:
      `${directory} has no ${markerName} and is not empty: it holds ${foreign[0]}` +
      `${foreign.length > 1 ? ` and ${foreign.length - 1} more` : ""}.`,
    data: { directory, names: foreign.slice(0, 10) },
  });
}

/**
 * Refuses what is not a data directory of ours, an absent one among them.
 *
 * @throws HoldfastError `DIRECTORY_FOREIGN`, and what `inspectDirectory` throws.
 */
export async function requireDirectory(options: DirectoryOptions): Promise<void> {
  if ((await inspectDirectory(options)) !== "empty") return;
  const { directory } = options;
  throw new HoldfastError("DIRECTORY_FOREIGN", {
    happened: `${directory} is no data directory: it is empty or absent.`,
    fix: "Name the directory that the engine was given as `data`.",
    data: { directory },
  });
}

/** Makes the directory and those above it, each durable in the one that holds it. */
export async function makeDirectories(disk: Disk, directory: string): Promise<void> {
  const parent = dirname(directory);
  try {
    if (await disk.makeDirectory(directory)) await disk.syncDirectory(parent);
  } catch (error) {
    if (errorCodeOf(error) !== "ENOENT" || parent === directory) throw error;
    await makeDirectories(disk, parent);
    await makeDirectories(disk, directory);
  }
}

/** Marks an empty directory as ours. To be called by whoever holds its lock. */
export async function markDirectory(disk: Disk, directory: string, now: number): Promise<void> {
  // Somebody else may have made it a moment ago; what is in it is no safer than its name.
  await disk.syncDirectory(dirname(directory)).catch((error: unknown) => {
    if (!notAllowed.has(errorCodeOf(error) ?? "")) throw error;
  });
  const marker = {
    about: "Data directory of a Holdfast engine. Do not change or remove single files.",
    format: directoryFormat,
    created: new Date(now).toISOString(),
  };
  const text = `${JSON.stringify(marker, undefined, 2)}\n`;
  await replaceWhole(disk, join(directory, markerName), Buffer.from(text));
}

/** A parent that may be entered and not read: a mount point, mostly, and durable by itself. */
const notAllowed: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** In a directory that was moved elsewhere: where to, and by which move. */
export const movedName = "moved.json";

export interface MovedMark {
  readonly to: string;
  /** Names the state that was moved. */
  readonly source: string;
}

export async function movedMark(disk: Disk, directory: string): Promise<MovedMark | undefined> {
  const bytes = await readWhole(disk, join(directory, movedName));
  if (bytes === undefined) return undefined;
  try {
    const { to, source } = JSON.parse(Buffer.from(bytes).toString("utf8")) as MovedMark;
    return { to: String(to), source: String(source) };
  } catch {
    // Whatever it says: somebody moved this.
    return { to: "a place that its mark no longer tells", source: "" };
  }
}

/** Marks a directory as moved: nothing is written to it from then on. */
export async function markMoved(disk: Disk, directory: string, mark: MovedMark): Promise<void> {
  const about = "This data was moved: an engine that opened it would do the same work twice.";
  const text = `${JSON.stringify({ about, ...mark }, undefined, 2)}\n`;
  await replaceWhole(disk, join(directory, movedName), Buffer.from(text));
}

/** @throws HoldfastError `MOVED_AWAY`. */
export async function refuseMoved(disk: Disk, directory: string): Promise<void> {
  const mark = await movedMark(disk, directory);
  if (mark === undefined) return;
  throw new HoldfastError("MOVED_AWAY", {
    happened: `${directory} was moved to ${mark.to}.`,
    data: { directory, ...mark },
  });
}

async function checkMarker({ disk, directory }: DirectoryOptions): Promise<void> {
  const path = join(directory, markerName);
  const format = formatOf(await readWhole(disk, path));
  if (format === undefined) {
    throw new HoldfastError("DIRECTORY_FOREIGN", {
      happened: `${path} is not a marker that Holdfast wrote.`,
      fix:
        "Name the directory that was used before; if this is it, restore this file from a " +
        `backup or write {"format": ${directoryFormat}} into it.`,
      data: { directory, file: path },
    });
  }
  if (format > directoryFormat) {
    throw new HoldfastError("DIRECTORY_NEWER", {
      happened: `${directory} has format ${format}; this version reads up to ${directoryFormat}.`,
      data: { directory, format, readable: directoryFormat },
    });
  }
}

function formatOf(bytes: Uint8Array | undefined): number | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes ?? []).toString("utf8"));
    if (typeof parsed !== "object" || parsed === null || !("format" in parsed)) return undefined;
    const { format } = parsed;
    return typeof format === "number" && Number.isSafeInteger(format) && format > 0
      ? format
      : undefined;
  } catch {
    return undefined;
  }
}

async function refuseRemote({ disk, directory }: DirectoryOptions): Promise<void> {
  const { type } = await disk.room(directory);
  // Elsewhere the numbers mean other things.
  const name = process.platform === "linux" ? remoteTypes.get(type >>> 0) : undefined;
  if (name === undefined) return;
  throw new HoldfastError("DIRECTORY_REMOTE", {
    happened: `${directory} lies on a network file system (${name}).`,
    data: { directory, fileSystem: name },
  });
}
