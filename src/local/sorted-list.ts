// A set of items in an order of their own, for tables in memory: add, delete and read onwards from
// any item in the square root of its size. A list of short sorted lists; it knows no rows.

/** Items per piece at most; a piece that reaches it is halved. */
const pieceMax = 512;

export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  /** Never empty pieces, each in order, and all items of one before those of the next. */
  readonly #pieces: T[][] = [];
  #size = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  /** False when an equal item is there already. */
  add(item: T): boolean {
    const at = Math.min(this.#pieceOf(item), Math.max(this.#pieces.length - 1, 0));
    const piece = (this.#pieces[at] ??= []);
    const index = this.#indexIn(piece, item);
    const there = piece[index];
    if (there !== undefined && this.#compare(there, item) === 0) return false;
    piece.splice(index, 0, item);
    if (piece.length >= pieceMax) this.#pieces.splice(at + 1, 0, piece.splice(pieceMax / 2));
    this.#size += 1;
    return true;
  }

  /** False when no equal item is there. */
  delete(item: T): boolean {
    const at = this.#pieceOf(item);
    const piece = this.#pieces[at];
    if (piece === undefined) return false;
    const index = this.#indexIn(piece, item);
    const there = piece[index];
    if (there === undefined || this.#compare(there, item) !== 0) return false;
    piece.splice(index, 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  /** The item with `index` smaller ones. */
  at(index: number): T | undefined {
    let left = index;
    for (const piece of this.#pieces) {
      if (left < piece.length) return piece[left];
      left -= piece.length;
    }
    return undefined;
  }

  /** Items greater than `after`, or all; the list must not change meanwhile. */
  *after(after?: T): Generator<T, void, undefined> {
    const begin = after === undefined ? 0 : this.#pieceOf(after);
    for (let at = begin; at < this.#pieces.length; at++) {
      for (const item of this.#pieces[at] ?? []) {
        if (after === undefined || this.#compare(item, after) > 0) yield item;
      }
    }
  }

  /** The first piece whose last item is not before `item`; one behind the end when none is. */
  #pieceOf(item: T): number {
    return firstIndex(this.#pieces, (piece) => this.#compare(piece.at(-1) as T, item) >= 0);
  }

  #indexIn(piece: readonly T[], item: T): number {
    return firstIndex(piece, (there) => this.#compare(there, item) >= 0);
  }
}

/** The first index for which `holds`, in a list where it holds from some item on. */
function firstIndex<T>(list: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(list[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
