// A note of how far the changelog reached when its writer last ended in order. It is a lower bound
// and nothing else: it can show that the end of the log was lost, where damage has left nothing
// behind that could. A note that cannot be read is as good as none.

import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Disk } from "./disk.ts";
import { readWhole, replaceWhole } from "./disk.ts";

export interface Witness {
  readonly position: number;
  readonly chain: number;
}

const witnessName = "closed.json";

export async function writeWitness(disk: Disk, folder: string, witness: Witness): Promise<void> {
  const { position, chain } = witness;
  const text = JSON.stringify({ position, chain, check: checkOf(witness) });
  await replaceWhole(disk, join(folder, witnessName), Buffer.from(`${text}\n`));
}

export async function readWitness(disk: Disk, folder: string): Promise<Witness | undefined> {
  const bytes = await readWhole(disk, join(folder, witnessName));
  if (bytes === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString("latin1"));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  if (!("position" in parsed) || !("chain" in parsed) || !("check" in parsed)) return undefined;
  const { position, chain, check } = parsed;
  if (typeof position !== "number" || typeof chain !== "number") return undefined;
  return check === checkOf({ position, chain }) ? { position, chain } : undefined;
}

function checkOf({ position, chain }: Witness): number {
  return crc32(`${position} ${chain}`);
}
