// Where the batches of one segment lie: three columns of numbers, searched by position. Kept for
// the newest segments only; an older one is scanned again when somebody asks.

/** Where the batches of one segment lie, in order. */
export class FrameIndex {
  readonly #ends: number[] = [];
  readonly #chains: number[] = [];
  readonly #offsets: number[] = [];

  get length(): number {
    return this.#ends.length;
  }

  add(end: number, chain: number, offset: number): void {
    this.#ends.push(end);
    this.#chains.push(chain);
    this.#offsets.push(offset);
  }

  /** Forgets the batches that end behind `position`. */
  cut(position: number): void {
    const keep = this.#find(position + 1);
    this.#ends.length = keep;
    this.#chains.length = keep;
    this.#offsets.length = keep;
  }

  /** Chain of the batch that ends exactly at `position`. */
  chainAt(position: number): number | undefined {
    const at = this.#find(position);
    return this.#ends[at] === position ? this.#chains[at] : undefined;
  }

  /** Offset of the batch that holds `position` or, before the first, of the first. */
  offsetOf(position: number): number | undefined {
    return this.#offsets[this.#find(position)];
  }

  /** The first batch that ends at or behind `position`. */
  #find(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
