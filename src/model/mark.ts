/** How far a partition's changelog had come, as its leader last said. */
export interface Mark {
  readonly epoch: number;
  readonly position: number;
  /** Chain checksum at that position. */
  readonly chain: number;
}

/** A mark only ever moves forward: what an old leader says too late is dropped. */
export function isAfter(mark: Mark, held: Mark | undefined): boolean {
  return held === undefined || (mark.epoch >= held.epoch && mark.position > held.position);
}
