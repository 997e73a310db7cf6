// Folds durable batches into the cold table, elsewhere or in place. It is given bytes, never
// objects, and tells how far it has come.
import type { StoredBatch } from "./changelog.ts";

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
  /** Makes a verified copy of the table as it is, behind which the changelog may be trimmed. */
  copy(): Promise<{ readonly position: number; readonly bytes: number } | undefined>;
  close(): Promise<void>;
}
