// What names a file's content: how long it is, and its SHA-256. Read in pieces, however large it is.
import { createHash } from "node:crypto";
import type { Disk, DiskFile } from "./disk.ts";

const chunkBytes = 1024 * 1024;

export interface Seal {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

export function sealOf(disk: Disk, path: string): Promise<Seal> {
  return withFile(disk, path, "read", (file) => sealRead(file));
}

/** Reads a file to its end, and hands each piece on before the next is read. */
export async function sealRead(
  file: DiskFile,
  use?: (chunk: Uint8Array, at: number) => Promise<void>,
): Promise<Seal> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  for (let bytes = 0; ; ) {
    const count = await file.read(buffer, 0, buffer.length, bytes);
    if (count === 0) return { bytes, sha256: hash.digest("hex") };
    const chunk = buffer.subarray(0, count);
    hash.update(chunk);
    await use?.(chunk, bytes);
    bytes += count;
  }
}

export async function withFile<T>(
  disk: Disk,
  path: string,
  mode: "read" | "create",
  use: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
