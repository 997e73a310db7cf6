// Hints which node should lead a partition, never a fence: the changelog is that (I2). And marks,
// witnesses outside of each changelog of how far it had come (R24).
import type { Mark } from "../model/mark.ts";

export type { Mark } from "../model/mark.ts";

export interface Leases {
  /**
   * True when this node holds the name now: nobody else did; an earlier process of this node may
   * have. Lost unless renewed in `ttlMs`.
   */
  take(name: string): Promise<boolean>;
  /** False when the name is no longer held by this node. */
  renew(name: string): Promise<boolean>;
  /** Lets go of a name, so that another node need not wait until it expires. */
  release(name: string): Promise<void>;
  /** All names held now, with their holders. */
  held(): Promise<ReadonlyMap<string, string>>;
  readonly ttlMs: number;
  mark(partition: number): Promise<Mark | undefined>;
  /** Moves the mark forward; never back. */
  advance(partition: number, mark: Mark): Promise<void>;
}
