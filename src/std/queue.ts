// First in, first out, in a ring: adding and taking cost the same however long it is. With a bound
// it refuses when full; it never drops and never grows past it.

const capacityMin = 4;

export class Queue<T> {
  readonly #lengthMax: number;
  /** Its length is a power of two, so that a position wraps by a mask. */
  #ring: (T | undefined)[] = new Array<T | undefined>(capacityMin);
  #head = 0;
  #length = 0;

  constructor(lengthMax: number = Number.POSITIVE_INFINITY) {
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds at the end; false, and nothing added, when the queue is full. */
  push(item: T): boolean {
    if (this.#length >= this.#lengthMax) return false;
    if (this.#length === this.#ring.length) this.#resize(2 * this.#length);
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length++;
    return true;
  }

  /** Takes the first. Undefined when there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined; // not held longer than it is here
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    // A burst must not be paid for in memory for ever; a quarter leaves room against see-sawing.
    const capacity = this.#ring.length;
    if (capacity > capacityMin && this.#length <= capacity / 4) this.#resize(capacity / 2);
    return item;
  }

  peek(): T | undefined {
    return this.#ring[this.#head];
  }

  clear(): void {
    this.#ring = new Array<T | undefined>(capacityMin);
    this.#head = 0;
    this.#length = 0;
  }

  /** From first to last, taking none. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#length; i++) {
      yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T;
    }
  }

  #resize(capacity: number): void {
    const ring = new Array<T | undefined>(capacity);
    let at = 0;
    for (const item of this) ring[at++] = item;
    this.#ring = ring;
    this.#head = 0;
  }
}
