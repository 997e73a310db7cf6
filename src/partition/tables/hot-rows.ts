// Rows in memory over a synchronous cold read. A row read or changed is held until the cold table
// has folded its last change and it is quiet; then it may be forgotten (I11: the cold row is then
// the same). Deletions are held as markers, so that a row not yet gone from the cold table reads as
// absent (R14). No rule lives here.

/** A row that was deleted at position `at`, until that is folded. */
class Gone {
  readonly at: number;

  constructor(at: number) {
    this.at = at;
  }
}

interface Held {
  at: number;
}

export interface HotRowsOptions<K, R> {
  /** Reads the row from the cold table. */
  readonly cold: (key: K) => R | undefined;
  /** Whether nobody runs on the row. */
  readonly quiet: (row: R) => boolean;
  /** Rows kept in memory although they could be forgotten: a cache of those last touched. */
  readonly keep: number;
  /** Whether a row is too large to be kept as a cache. Default: none is. */
  readonly heavy?: (row: R) => boolean;
  /** Told the position of the newest change among rows forgotten (R14). */
  readonly onForget?: (at: number) => void;
}

interface Touch<K, R> {
  readonly key: K;
  readonly row: R;
  readonly at: number;
  readonly seen: number;
}

export class HotRows<K, R extends Held> {
  readonly #rows = new Map<K, R | Gone>();
  readonly #options: HotRowsOptions<K, R>;
  /**
   * Every touch, oldest first: key, row, the row's `at` then, and the table's position then. It
   * holds as long as the row was not touched again, which is seen without asking the map.
   */
  #keys: K[] = [];
  #touched: (R | Gone)[] = [];
  #ats: number[] = [];
  #seen: number[] = [];
  #head = 0;
  /** Touches of heavy rows, oldest first: these go as soon as they may. */
  #heavy: Touch<K, R>[] = [];
  /** Where `changed` goes on. */
  #cursor = 0;
  #position = 0;

  constructor(options: HotRowsOptions<K, R>) {
    this.#options = options;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: K): R | undefined {
    const held = this.#rows.get(key);
    if (held !== undefined) return held instanceof Gone ? undefined : held;
    const row = this.#options.cold(key);
    if (row === undefined) return undefined;
    this.#rows.set(key, row);
    this.#note(key, row, row.at);
    this.#noteHeavy(key, row);
    return row;
  }

  /** Whether memory holds the row, a deletion included. */
  holds(key: K): boolean {
    return this.#rows.has(key);
  }

  /** Puts a new row, changed at `position`. */
  put(key: K, row: R, position: number): void {
    this.#rows.set(key, row);
    row.at = position;
    this.#position = position;
    this.#note(key, row, position);
    this.#noteHeavy(key, row);
  }

  /** Says that a row, got from here in the same decision, was changed at `position`. */
  touch(key: K, row: R, position: number): void {
    if (row.at !== position) {
      row.at = position;
      this.#position = position;
      this.#note(key, row, position);
    }
    this.#noteHeavy(key, row);
  }

  delete(key: K, position: number): void {
    const gone = new Gone(position);
    this.#position = position;
    this.#rows.set(key, gone);
    this.#note(key, gone, position);
  }

  /** Rows held, deletions as null; in no order. */
  *held(): IterableIterator<readonly [K, R | null]> {
    for (const [key, held] of this.#rows) yield [key, held instanceof Gone ? null : held];
  }

  /** Rows changed after `folded` and not yet given out here; null for a deletion. */
  *changed(folded: number): IterableIterator<readonly [K, R | null]> {
    const end = this.#keys.length;
    for (let i = this.#cursor; i < end; i++) {
      const at = this.#ats[i] as number;
      if (at <= folded || !this.#holds(i)) continue;
      const held = this.#touched[i] as R | Gone;
      yield [this.#keys[i] as K, held instanceof Gone ? null : held];
    }
    this.#cursor = end;
  }

  /** Lets go of what is folded up to `position` and quiet, beyond the rows kept as a cache. */
  forget(position: number): void {
    const { quiet, keep, onForget } = this.#options;
    let forgotten = this.#forgetHeavy(position);
    while (this.#head < this.#keys.length && (this.#seen[this.#head] as number) <= position) {
      if (this.#holds(this.#head)) {
        const held = this.#touched[this.#head] as R | Gone;
        const gone = held instanceof Gone;
        if (!gone && this.#rows.size <= keep) break;
        if (gone || quiet(held)) {
          this.#rows.delete(this.#keys[this.#head] as K);
          if (held.at > forgotten) forgotten = held.at;
        }
      }
      this.#head++;
    }
    if (forgotten > 0) onForget?.(forgotten);
    this.#compact();
  }

  /**
   * Answers the position of the newest change among them. One on which somebody runs goes when it is
   * touched again, or as the others do.
   */
  #forgetHeavy(position: number): number {
    const due = this.#heavy.findIndex(({ seen }) => seen > position);
    const all = due < 0 ? this.#heavy.length : due;
    let forgotten = 0;
    for (const { key, row, at } of this.#heavy.splice(0, all)) {
      if (row.at !== at || this.#rows.get(key) !== row || !this.#options.quiet(row)) continue;
      this.#rows.delete(key);
      if (at > forgotten) forgotten = at;
    }
    return forgotten;
  }

  /** Whether touch `i` is the last one of a row that is still here. */
  #holds(i: number): boolean {
    const held = this.#touched[i] as R | Gone;
    return held.at === this.#ats[i] && this.#rows.get(this.#keys[i] as K) === held;
  }

  #note(key: K, held: R | Gone, at: number): void {
    this.#keys.push(key);
    this.#touched.push(held);
    this.#ats.push(at);
    this.#seen.push(Math.max(at, this.#position));
  }

  #noteHeavy(key: K, row: R): void {
    if (this.#options.heavy?.(row) !== true) return;
    this.#heavy.push({ key, row, at: row.at, seen: Math.max(row.at, this.#position) });
  }

  /** Drops what was given out and touches that a later touch of the same row has replaced. */
  #compact(): void {
    const length = this.#keys.length;
    if (this.#head < 4096 && length - this.#head < 4 * this.#rows.size + 4096) return;
    const keys: K[] = [];
    const touched: (R | Gone)[] = [];
    const ats: number[] = [];
    const seen: number[] = [];
    let cursor = 0;
    for (let i = this.#head; i < length; i++) {
      if (!this.#holds(i)) continue;
      if (i < this.#cursor) cursor++;
      keys.push(this.#keys[i] as K);
      touched.push(this.#touched[i] as R | Gone);
      ats.push(this.#ats[i] as number);
      seen.push(this.#seen[i] as number);
    }
    this.#keys = keys;
    this.#touched = touched;
    this.#ats = ats;
    this.#seen = seen;
    this.#cursor = cursor;
    this.#head = 0;
  }
}
