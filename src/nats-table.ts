// The cold table of one partition in a node's directory: SQLite's file, folded into from a thread, and
// copies of it, made aside. Wiring only.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { type FileHandle, open as openFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { StartCarrier } from "./local/remote-materialiser.ts";
import { isHoldfastError } from "./model/errors.ts";
import { chunkBytes } from "./nats/copies.ts";
import type { KeepCopy, NodeTable, TablePlace } from "./nats-storage.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { discardTable } from "./sqlite/copy.ts";
import { openSqliteQueries } from "./sqlite/queries.ts";
import { folding } from "./table-folding.ts";

/** `start` starts who folds elsewhere; undefined: here. */
export function sqliteNodeTable(
  folder: string,
  start: ((path: string) => StartCarrier) | undefined,
): NodeTable {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "table.sqlite");
  const aside = join(folder, "table.copying");
  return {
    place: () => placeOrNone(path),
    create: () => openSqliteColdTable(path).close(),
    discard: () => discardTable(path),
    restore: (chunks, sha256) => restore(path, chunks, sha256),
    open: (keep) => {
      const cold = openSqliteColdTable(path, { readOnly: true });
      const keepCopy = keeper(aside, keep);
      const folded = cold.position();
      const materialiser = folding({ path, folded, keepCopy, start: start?.(path) });
      return {
        cold,
        materialiser,
        queries: () => openSqliteQueries(path),
        close: () => cold.close(),
      };
    },
  };
}

/** Copies the table aside for as long as the copy is needed. */
function keeper(aside: string, keep: KeepCopy): Parameters<typeof folding>[0]["keepCopy"] {
  return async (copy) => {
    rmSync(aside, { force: true });
    try {
      return await keep(async () => {
        await copy(aside);
        return { chunks: chunksIn(aside), place: placeOf(aside, { readOnly: true }) };
      });
    } finally {
      rmSync(aside, { force: true });
    }
  };
}

function placeOrNone(path: string): TablePlace | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return placeOf(path);
  } catch (error) {
    if (!isHoldfastError(error, "TABLE_DAMAGED")) throw error;
    discardTable(path);
    return undefined;
  }
}

function placeOf(path: string, options?: { readonly readOnly: boolean }): TablePlace {
  const table = openSqliteColdTable(path, options);
  try {
    return { position: table.position(), chain: table.chain() };
  } finally {
    table.close();
  }
}

async function restore(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  sha256: string,
): Promise<boolean> {
  const aside = `${path}.part`;
  rmSync(aside, { force: true });
  const hash = createHash("sha256");
  const file = await openFile(aside, "wx", 0o600);
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  if (hash.digest("hex") !== sha256) return false;
  discardTable(path);
  await rename(aside, path);
  return true;
}

async function* chunksIn(path: string): AsyncIterable<Uint8Array> {
  const file: FileHandle = await openFile(path, "r");
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
