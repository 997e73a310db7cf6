// The changelog of one partition: an append-only, durable sequence of batches. It knows bytes,
// positions and epochs, never what a record means. The fence is here (I2): an append names the
// position it expects, and an adapter whose place was taken refuses it for good.

/** What one group commit makes durable: `count` records from position `first`, already encoded. */
export interface Batch {
  /** Position of the first record; dense, from 1. Must be the changelog's tail plus one. */
  readonly first: number;
  /** Records in this batch, at least 1. */
  readonly count: number;
  /** Epoch of the leader that wrote it; never smaller than that of the batch before. */
  readonly epoch: number;
  /** The records, encoded. At most `batchBytesMax`. */
  readonly bytes: Uint8Array;
}

/** A batch as it was read back. `chain` names the whole history up to and including it. */
export interface StoredBatch extends Batch {
  readonly chain: number;
}

/** Where a changelog begins and ends. Positions are those of records. */
export interface ChangelogRange {
  /** Position of the oldest record still held; `last + 1` when there is none. */
  readonly first: number;
  /** Position of the newest durable record; 0 when nothing was ever written. */
  readonly last: number;
  /** Epoch of the newest batch, be it one that was never finished; 0 when none. */
  readonly epoch: number;
  /** Chain checksum of the newest batch, 0 when none. */
  readonly chain: number;
  /** Whether the last owner closed it in order: nothing behind the watermark was in doubt. */
  readonly clean: boolean;
}

export interface Changelog {
  /**
   * What keeps a second writer out. `lock`: as long as this is open there is none. `append`: there
   * may be one, and only an append begun now tells that there was none until now (R22).
   */
  readonly fence: "lock" | "append";
  readonly range: ChangelogRange;
  /** Bytes held from the oldest record on. */
  readonly bytes: number;
  /**
   * Makes one batch durable and answers its chain checksum. One append at a time: the caller waits
   * for the answer. A full disk is a wait (the promise stays pending, `onFull` is told, R16); every
   * other error is final: this and every later call rejects with it.
   */
  append(batch: Batch): Promise<number>;
  /** Reads batches in order, from the one that holds `position` (or the oldest) to the end. */
  read(position: number): AsyncIterable<StoredBatch>;
  /** The chain checksum of the batch that ends at `position`, undefined when it is not held. */
  chainAt(position: number): number | undefined;
  /** Lets go of records up to and including `position`; keeps more where that is cheaper. */
  trim(position: number): Promise<void>;
  /** Told true when the disk is full and admission must stop, false when there is room again. */
  onFull: ((full: boolean) => void) | undefined;
  /** Ends in order: what was appended is durable, the tail is sealed. Twice is once. */
  close(): Promise<void>;
}
