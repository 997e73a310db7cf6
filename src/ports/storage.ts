// Where a partition keeps what it decided: a changelog, the cold table behind it, and who folds one
// into the other; as one thing to pass.
import type { BackupReport } from "./backup.ts";
import type { Changelog } from "./changelog.ts";
import type { ColdQueries } from "./cold-queries.ts";
import type { ColdRead } from "./cold-table.ts";
import type { Materialiser } from "./materialiser.ts";

export interface OpenStorage {
  readonly changelog: Changelog;
  readonly cold: ColdRead & {
    /** One snapshot for all reads until `endReads`; only where that is cheaper. */
    beginReads?(): void;
    endReads?(): void;
  };
  readonly materialiser: Materialiser;
  /** Opens what operators look at the cold table through; whoever asks closes it. */
  queries?(): ColdQueries;
  /** The file of the cold table, where it is one that SQL may be asked of. */
  readonly tablePath?: string;
  /** Makes a backup of all that was given to the materialiser; only where there are files. */
  backup?(to: string): Promise<BackupReport>;
  close(): Promise<void>;
  /** After `close`: drops a table that failed a check, so that the next open rebuilds it (R15). */
  discardTable?(): void;
}

export interface Storage {
  /** What the durability of this storage is, in words, for the line printed at start. */
  readonly promise: string;
  /** `onFatal`: it has failed for good, after the fact (a lock taken, an idle write refused). */
  open(options: { onFatal(error: unknown): void }): Promise<OpenStorage>;
}
