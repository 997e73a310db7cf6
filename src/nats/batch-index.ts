// Where the newest batches end: position, stream sequence and chain, in as little memory as it takes.
// What is older is looked up in the stream.

export interface BatchEnd {
  /** Position of the batch's first record. */
  readonly first: number;
  /** Position of the batch's last record. */
  readonly position: number;
  /** Stream sequence of the batch's first message. */
  readonly sequence: number;
  readonly chain: number;
}

export class BatchIndex {
  readonly #sizeMax: number;
  #ends: BatchEnd[] = [];

  constructor(sizeMax = 4096) {
    this.#sizeMax = sizeMax;
  }

  /** Known before others, or twice: the order is that of positions. */
  add(end: BatchEnd): void {
    const at = this.#at(end.position);
    if (this.#ends[at]?.position === end.position) return;
    this.#ends.splice(at, 0, end);
    // Half at once: moving the rest costs as much for one.
    if (this.#ends.length > 2 * this.#sizeMax) this.#ends = this.#ends.slice(-this.#sizeMax);
  }

  endingAt(position: number): BatchEnd | undefined {
    const end = this.#ends[this.#at(position)];
    return end?.position === position ? end : undefined;
  }

  /** The batch that holds a position. */
  holding(position: number): BatchEnd | undefined {
    const end = this.#ends[this.#at(position)];
    return end !== undefined && end.first <= position ? end : undefined;
  }

  /** Forgets what ends at or before a position. */
  forget(position: number): void {
    this.#ends = this.#ends.slice(this.#at(position + 1));
  }

  /** Index of the first end at or behind a position. */
  #at(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
