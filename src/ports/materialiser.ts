// Folds durable batches into the cold table, elsewhere or in place. It is given bytes, never
// objects, and tells how far it has come.
import type { StoredBatch } from "./changelog.ts";

export interface TableCopied {
  /** Position and size of the copy. */
  readonly position: number;
  readonly bytes: number;
  /**
   * Behind it the changelog is not needed: a copy before this one stands there and was read again,
   * so that this one may go bad and nothing is lost (R15). 0 when there is none.
   */
  readonly behind: number;
}

export interface Materialiser {
  /** Takes a durable batch, in order. */
  give(batch: StoredBatch): void;
  /** Position up to which the cold table is folded. */
  readonly folded: number;
  /** Bytes given and not yet folded. */
  readonly lagBytes: number;
  /** Told whenever `folded` has moved. */
  onFold: (() => void) | undefined;
  /** Told of an error that ends folding; the cold table can no longer be trusted. */
  onError: ((error: unknown) => void) | undefined;
  /** Folds all it was given; resolves when it is in the table. */
  drain(): Promise<void>;
  /** Makes a verified copy of the table as it is. */
  copy(): Promise<TableCopied | undefined>;
  /**
   * Folds all it was given and writes a verified copy of the table to a new file: for a backup, and
   * of no consequence for the changelog. Only where the table is a file.
   */
  copyTo?(path: string): Promise<void>;
  close(): Promise<void>;
}
