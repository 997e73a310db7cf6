// The door to the file changelog: takes the directory (ours, local, locked), recovers what lies in
// it, and hands out a Changelog; or, read-only, looks without taking or changing anything.

import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import type { Changelog } from "../ports/changelog.ts";
import {
  inspectDirectory,
  makeDirectories,
  markDirectory,
  refuseExposed,
  refuseMoved,
} from "./directory.ts";
import type { Disk } from "./disk.ts";
import { errorCodeOf, nodeDisk } from "./disk.ts";
import { chainAt, FileChangelog } from "./file-changelog.ts";
import type { DirectoryLock, Visitor } from "./lock.ts";
import { lockDirectory } from "./lock.ts";
import { readBatches } from "./reader.ts";
import { recover } from "./repair.ts";
import type { After } from "./room.ts";
import { afterUnref } from "./room.ts";
import { survey } from "./survey.ts";

/** The folder of segments within a data directory. */
export const changelogFolder = "changelog";
/** A new changelog that is whole, and takes the damaged one's name once that is aside. */
export const salvagedFolder = "changelog.salvaged";

const segmentBytesDefault = 16 * 1024 * 1024;
/** The first segment, and one begun by a repair: opening must not wait for many zeros. */
const firstBytesMax = 256 * 1024;
/** Free bytes below which admission stops, where two segments are less. */
const lowWaterBytesMin = 64 * 1024 * 1024;

export interface OpenFileChangelogOptions {
  /** The data directory. Made if there is none; refused if it is not ours. */
  readonly directory: string;
  /** Size of a full segment. A larger batch gets a segment large enough. Default 16 MiB. */
  readonly segmentBytes?: number | undefined;
  /** Looks without a lock and without changing a byte: no append, no trim. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Told once, with the error that every later call rejects with. */
  readonly onFatal?: ((error: HoldfastError) => void) | undefined;
  /**
   * Free bytes below which `onFull` is told; false switches the watch off.
   * Default: two segments, at least 64 MiB.
   */
  readonly lowWaterBytes?: number | false | undefined;
  /** How often free space is asked for, in milliseconds. Default 1000. */
  readonly lowWaterPollMs?: number | undefined;
  /** Full segments are checked against their SHA-256 after opening. Default true. */
  readonly verify?: boolean | undefined;
  /** Opens on NFS, SMB and the like, where neither locks nor syncs are sure. Default false. */
  readonly allowRemote?: boolean | undefined;
  /** Refuses a directory that others than its owner may enter. Default false. */
  readonly exclusive?: boolean | undefined;
  /** Takes the directory's lock; false when the caller holds it already. */
  readonly lock?: ((directory: string) => Promise<DirectoryLock>) | false | undefined;
  /** Takes who comes through the lock's socket. */
  readonly onVisitor?: ((visitor: Visitor) => void) | undefined;
  readonly disk?: Disk | undefined;
  readonly now?: (() => number) | undefined;
  readonly after?: After | undefined;
  readonly random?: ((bytes: number) => Uint8Array) | undefined;
}

/**
 * Opens the changelog of a data directory, after recovering it.
 *
 * @throws HoldfastError `DIRECTORY_LOCKED`, `DIRECTORY_FOREIGN`, `DIRECTORY_NEWER`, `MOVED_AWAY`,
 * `DIRECTORY_REMOTE`, `CHANGELOG_DAMAGED`, `DISK_FULL`, `CHANGELOG_FAILED`.
 */
export async function openFileChangelog(options: OpenFileChangelogOptions): Promise<Changelog> {
  const directory = resolve(options.directory);
  try {
    return options.readOnly === true
      ? await openToRead(options, directory)
      : await openToWrite(options, directory);
  } catch (error) {
    // An error of the file system at open is as final as one later; it has a code of its own.
    if (error instanceof HoldfastError || errorCodeOf(error) === undefined) throw error;
    throw new HoldfastError("CHANGELOG_FAILED", {
      happened: `The changelog in ${directory} could not be opened: ${messageOf(error)}.`,
      data: { directory },
      cause: error,
    });
  }
}

async function openToWrite(
  options: OpenFileChangelogOptions,
  directory: string,
): Promise<Changelog> {
  const { disk = nodeDisk(), now = Date.now, allowRemote = false, random = randomBytes } = options;
  const { onVisitor } = options;
  const { lock = (path) => lockDirectory(path, { disk, now, onVisitor }) } = options;
  const place = { disk, directory, allowRemote };
  // Looked at before the lock too: a directory that is not ours must not even get a lock file.
  await inspectDirectory(place);
  if (options.exclusive === true) await refuseExposed(disk, directory);
  await makeDirectories(disk, directory);
  const held = lock === false ? undefined : await lock(directory);
  try {
    await refuseMoved(disk, directory);
    if ((await inspectDirectory(place)) === "empty") await markDirectory(disk, directory, now());
    const folder = join(directory, changelogFolder);
    await finishSalvage(disk, directory);
    await makeDirectories(disk, folder);
    // Always: an earlier open may have made the folder and failed before its name was durable.
    await disk.syncDirectory(directory);
    const { segmentBytes = segmentBytesDefault, lowWaterBytes } = options;
    const firstBytes = Math.min(segmentBytes, firstBytesMax);
    const recovered = await recover({ disk, directory, folder, firstBytes, random });
    const lowWater = lowWaterBytes ?? Math.max(2 * segmentBytes, lowWaterBytesMin);
    const changelog = new FileChangelog(
      {
        disk,
        directory,
        folder,
        segmentBytes,
        random,
        lowWaterBytes: lowWater === false ? 0 : lowWater,
        pollMs: options.lowWaterPollMs ?? 1000,
        after: options.after ?? afterUnref,
        onFatal: options.onFatal,
        onClosed: async () => held?.release(),
      },
      recovered,
    );
    // What it finds is told through onFatal; nobody waits for it.
    if (options.verify !== false) changelog.verify().catch(() => undefined);
    return changelog;
  } catch (error) {
    await held?.release();
    throw error;
  }
}

/** A salvage that was cut short: the damaged changelog is aside, the new one lacks its name. */
export async function finishSalvage(disk: Disk, directory: string): Promise<void> {
  const names = await disk.list(directory);
  if (names.includes(changelogFolder) || !names.includes(salvagedFolder)) return;
  await disk.rename(join(directory, salvagedFolder), join(directory, changelogFolder));
  await disk.syncDirectory(directory);
}

async function openToRead(
  options: OpenFileChangelogOptions,
  directory: string,
): Promise<Changelog> {
  const { disk = nodeDisk() } = options;
  const state = await inspectDirectory({ disk, directory, allowRemote: true });
  const folder = join(directory, changelogFolder);
  const found =
    state === "empty" || !(await disk.list(directory)).includes(changelogFolder)
      ? { segments: [], last: 0, epoch: 0, chain: 0, clean: true }
      : await survey({ disk, directory, folder });
  const { segments, last, epoch, chain, clean } = found;
  const source = { disk, directory, segments: () => segments, check: () => undefined };
  const refuse = (): Promise<never> => {
    return Promise.reject(new TypeError("this changelog was opened to read only"));
  };
  return {
    fence: "lock",
    range: { first: segments[0]?.first ?? 1, last, epoch, chain, clean },
    bytes: segments.reduce((sum, segment) => sum + segment.end, 0),
    append: refuse,
    trim: refuse,
    read: (position) => readBatches(source, position),
    chainAt: (position) => chainAt(disk, segments, position),
    onFull: undefined,
    close: async () => undefined,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
