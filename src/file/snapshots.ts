// Copies of the cold table: what the changelog may be trimmed behind (R15). A copy is written aside,
// synchronised, read back and only then given its name, which says position and SHA-256: a name
// never means two contents. Two are kept, so that one damaged copy is not the end. It knows files
// and positions, never what is in them.

import { join } from "node:path";
import { HoldfastError } from "../model/errors.ts";
import { makeDirectories } from "./directory.ts";
import type { Disk } from "./disk.ts";
import { isDiskFull, listOrNone, nodeDisk, writeAll } from "./disk.ts";
import { type Seal, sealOf, sealRead, withFile } from "./seal.ts";

/** The folder of copies within a data directory. */
export const copiesFolder = "copies";
const copiesKept = 2;

export interface TableCopy {
  readonly path: string;
  /** The changelog position the copy is folded up to. */
  readonly position: number;
  /** SHA-256 of the file, hex. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface FileSnapshots {
  /**
   * Keeps a copy of the file at `source`, which nobody may write meanwhile, as the table at
   * `position`. Durable and read back when it resolves.
   *
   * @throws HoldfastError `DISK_FULL`, `COPY_DAMAGED`.
   */
  put(source: string, position: number): Promise<TableCopy>;
  /**
   * The newest copy that matches its checksum; undefined when there never was one.
   *
   * @throws HoldfastError `COPY_DAMAGED` when there are copies and none of them is good.
   */
  latest(): Promise<TableCopy | undefined>;
  /** The copies that match their checksum, newest first. */
  good(): Promise<TableCopy[]>;
  /** Removes all but the two newest copies, and what a crash left half made. */
  prune(): Promise<void>;
}

export interface FileSnapshotsOptions {
  /** The data directory. */
  readonly directory: string;
  readonly disk?: Disk | undefined;
  /** Told of each copy that was passed over because it does not match its checksum. */
  readonly onDamaged?: ((error: HoldfastError) => void) | undefined;
}

export function fileSnapshots(options: FileSnapshotsOptions): FileSnapshots {
  const { disk = nodeDisk(), onDamaged } = options;
  const folder = join(options.directory, copiesFolder);
  return {
    put: (source, position) => put(disk, folder, source, position),
    latest: () => latest(disk, folder, onDamaged),
    good: () => good(disk, folder),
    prune: () => prune(disk, folder),
  };
}

async function put(
  disk: Disk,
  folder: string,
  source: string,
  position: number,
): Promise<TableCopy> {
  if (!Number.isSafeInteger(position) || position < 0) {
    throw new TypeError(`put: position is ${position}`);
  }
  await makeDirectories(disk, folder);
  const aside = join(folder, `${nameOf(position, "")}.new`);
  try {
    const { sha256, bytes } = await copyFile(disk, source, aside);
    const { sha256: back } = await sealOf(disk, aside);
    if (back !== sha256) {
      throw new HoldfastError("COPY_DAMAGED", {
        happened: `The copy of the table at position ${position} reads back differently.`,
        fix: "The changelog is kept until a copy succeeds. Check the disk.",
        data: { path: aside, expected: sha256, actual: back },
      });
    }
    const path = join(folder, nameOf(position, sha256));
    await disk.rename(aside, path);
    await disk.syncDirectory(folder);
    return { path, position, sha256, bytes };
  } catch (error) {
    await disk.unlink(aside).catch(() => undefined);
    throw isDiskFull(error) ? full(folder, error) : error;
  }
}

function full(folder: string, cause: unknown): HoldfastError {
  return new HoldfastError("DISK_FULL", {
    happened: `There is no room in ${folder} for a copy of the table.`,
    fix: "Free space or enlarge the disk. The changelog grows until a copy succeeds.",
    data: { folder },
    cause,
  });
}

async function latest(
  disk: Disk,
  folder: string,
  onDamaged: FileSnapshotsOptions["onDamaged"],
): Promise<TableCopy | undefined> {
  const named = await namedCopies(disk, folder);
  let newest: HoldfastError | undefined;
  for (const { name, position, sha256 } of named) {
    const path = join(folder, name);
    const { sha256: actual, bytes } = await sealOf(disk, path);
    if (actual === sha256) return { path, position, sha256, bytes };
    const error = new HoldfastError("COPY_DAMAGED", {
      happened: `The copy ${path} does not match its checksum.`,
      data: { path, position, expected: sha256, actual },
    });
    onDamaged?.(error);
    newest ??= error;
  }
  if (newest !== undefined) throw newest;
  return undefined;
}

async function good(disk: Disk, folder: string): Promise<TableCopy[]> {
  const copies: TableCopy[] = [];
  for (const { name, position, sha256 } of await namedCopies(disk, folder)) {
    const path = join(folder, name);
    const seal = await sealOf(disk, path);
    if (seal.sha256 === sha256) copies.push({ path, position, ...seal });
  }
  return copies;
}

async function prune(disk: Disk, folder: string): Promise<void> {
  const kept = new Set(
    (await namedCopies(disk, folder)).slice(0, copiesKept).map(({ name }) => name),
  );
  for (const name of await listOrNone(disk, folder)) {
    if (kept.has(name) || !isOurs(name)) continue;
    await disk.unlink(join(folder, name));
  }
  if (kept.size > 0) await disk.syncDirectory(folder);
}

interface NamedCopy {
  readonly name: string;
  readonly position: number;
  readonly sha256: string;
}

/** Newest first. Only whole copies have such a name. */
async function namedCopies(disk: Disk, folder: string): Promise<NamedCopy[]> {
  const copies: NamedCopy[] = [];
  for (const name of await listOrNone(disk, folder)) {
    const match = namePattern.exec(name);
    if (match !== null) copies.push({ name, position: Number(match[1]), sha256: match[2]! });
  }
  return copies.sort((a, b) => b.position - a.position || (a.name < b.name ? -1 : 1));
}

const namePattern = /^(\d{16})-([0-9a-f]{64})\.copy$/;

function nameOf(position: number, sha256: string): string {
  return `${String(position).padStart(16, "0")}-${sha256}.copy`;
}

function isOurs(name: string): boolean {
  return namePattern.test(name) || /^\d{16}-\.copy\.new$/.test(name);
}

/** Copies, synchronises, and says what was read from the source. */
function copyFile(disk: Disk, source: string, target: string): Promise<Seal> {
  return withFile(disk, source, "read", (from) =>
    withFile(disk, target, "create", async (to) => {
      const seal = await sealRead(from, (chunk, at) => writeAll(to, chunk, at));
      await to.sync();
      return seal;
    }),
  );
}
