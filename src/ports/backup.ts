// A backup as it is told of: which moment of a partition it holds, and what proves it whole.

export interface BackupReport {
  /** Where it lies. */
  readonly directory: string;
  /** All records up to this one are in it. */
  readonly position: number;
  /** Epoch of the leader that wrote that record. */
  readonly epoch: number;
  /** Chain checksum of the changelog there: names the history it is of. */
  readonly chain: number;
  /** When it was made, ISO 8601. */
  readonly created: string;
  /** Size and SHA-256 (hexadecimal) of its table. */
  readonly bytes: number;
  readonly sha256: string;
}
