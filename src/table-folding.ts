// Who folds into a table that is a file: a thread or process of its own, wired, or this one where no
// other can be started. Shared by every storage whose cold table is SQLite.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Folding } from "./engine/folding.ts";
import { Folder } from "./engine/materialiser.ts";
import { terminable } from "./local/materialiser-thread.ts";
import {
  RemoteMaterialiser,
  type RemoteMaterialiserOptions,
  type StartCarrier,
} from "./local/remote-materialiser.ts";
import { HoldfastError } from "./model/errors.ts";
import type { StoredBatch } from "./ports/changelog.ts";
import type { Timer } from "./ports/clock.ts";
import type { Materialiser } from "./ports/materialiser.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { copyTable } from "./sqlite/copy.ts";
import { builtInFits, keepExternal } from "./sqlite/driver.ts";

const { setTimeout, clearTimeout, setImmediate } = globalThis;

export interface FoldingOptions {
  /** The table's file, which is there. */
  readonly path: string;
  readonly folded: number;
  readonly keepCopy: RemoteMaterialiserOptions["keepCopy"];
  /** Starts what folds elsewhere; undefined: here. */
  readonly start: StartCarrier | undefined;
}

export function folding({ path, folded, keepCopy, start }: FoldingOptions): Materialiser {
  if (start === undefined) return inPlace(path, keepCopy);
  const foldHere = canThread()
    ? (batches: readonly StoredBatch[]) => fold(path, batches)
    : undefined;
  return new RemoteMaterialiser({ start, folded, keepCopy, foldHere, after });
}

/**
 * The file of the thread, or process, that folds; undefined where this runs from TypeScript, as in
 * tests, which no thread can load.
 *
 * @throws HoldfastError `PACKAGE_BUNDLED`.
 */
export function workerEntry(): URL | undefined {
  // Without a value in a bundle of CommonJS. Built, this is in dist/lib.
  const here: string | undefined = import.meta.url;
  if (here?.endsWith(".ts") === true) return undefined;
  const entry = here === undefined ? undefined : new URL("../materialiser-worker.js", here);
  if (entry !== undefined && existsSync(fileURLToPath(entry))) return entry;
  throw new HoldfastError("PACKAGE_BUNDLED", {
    happened: "Holdfast was bundled, so the file of its worker thread is not found.",
    fix: keepExternal,
    data: { near: here },
  });
}

function fold(path: string, batches: readonly StoredBatch[]): void {
  const cold = openSqliteColdTable(path);
  try {
    const folder = new Folder(cold, { keepRows: 0 });
    for (const batch of batches) folder.take(batch);
    folder.write();
  } finally {
    cold.close();
  }
}

function after(ms: number, then: () => void): Timer {
  const timer = setTimeout(then, ms);
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
}

/**
 * Whether a thread may fold: not below a thread of the host, which may be terminated in the midst
 * of a statement, unless the library is Node's own. See docs/decisions/0002.
 */
export function canThread(): boolean {
  return !terminable || builtInFits(process.versions);
}

function inPlace(path: string, keepCopy: RemoteMaterialiserOptions["keepCopy"]): Materialiser {
  const cold = openSqliteColdTable(path);
  const nextTurn = (then: () => void): void => void setImmediate(then);
  const folding: Materialiser = new Folding({
    cold,
    clock: { nextTurn },
    stretchBytes: 256 * 1024,
  });
  const close = folding.close.bind(folding);
  folding.close = async () => {
    await close();
    cold.close();
  };
  folding.copy = async () => {
    await folding.drain();
    return keepCopy(async (to) => (await copyTable(path, to)).position);
  };
  folding.copyTo = async (to) => {
    await folding.drain();
    await copyTable(path, to);
  };
  return folding;
}
