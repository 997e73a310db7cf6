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
  /** Told the position of the newest change among rows forgotten (R14). */
  readonly onForget?: (at: number) => void;
}

export class HotRows<K, R extends Held> {
  readonly #rows = new Map<K, R | Gone>();
  readonly #options: HotRowsOptions<K, R>;
  /** Every touch, oldest first: key, the row's `at` then, and the table's position then. */
  #keys: K[] = [];
  #ats: number[] = [];
  #seen: number[] = [];
  #head = 0;
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
    this.#note(key, row.at);
    return row;
  }

  /** Whether memory holds the row, a deletion included. */
  holds(key: K): boolean {
    return this.#rows.has(key);
  }

  /** Puts a new row, changed at `position`. */
  put(key: K, row: R, position: number): void {
    row.at = position;
    this.#position = position;
    this.#rows.set(key, row);
    this.#note(key, position);
  }

  /** Says that a row got from here was changed at `position`. */
  touch(key: K, row: R, position: number): void {
    if (row.at === position && this.#rows.get(key) === row) return;
    this.put(key, row, position);
  }

  delete(key: K, position: number): void {
    this.#position = position;
    this.#rows.set(key, new Gone(position));
    this.#note(key, position);
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
      const key = this.#keys[i] as K;
      const held = this.#rows.get(key);
      if (at <= folded || held === undefined || held.at !== at) continue;
      yield [key, held instanceof Gone ? null : held];
    }
    this.#cursor = end;
  }

  /** Lets go of what is folded up to `position` and quiet, beyond the rows kept as a cache. */
  forget(position: number): void {
    const { quiet, keep, onForget } = this.#options;
    let forgotten = 0;
    while (this.#head < this.#keys.length && (this.#seen[this.#head] as number) <= position) {
      const key = this.#keys[this.#head] as K;
      const at = this.#ats[this.#head] as number;
      const held = this.#rows.get(key);
      if (held !== undefined && held.at === at) {
        const gone = held instanceof Gone;
        if (!gone && this.#rows.size <= keep) break;
        if (gone || quiet(held)) {
          this.#rows.delete(key);
          if (at > forgotten) forgotten = at;
        }
      }
      this.#head++;
    }
    if (forgotten > 0) onForget?.(forgotten);
    this.#compact();
  }

  #note(key: K, at: number): void {
    this.#keys.push(key);
    this.#ats.push(at);
    this.#seen.push(Math.max(at, this.#position));
  }

  /** Drops what was given out and touches that a later touch of the same row has replaced. */
  #compact(): void {
    const length = this.#keys.length;
    if (this.#head < 4096 && length - this.#head < 4 * this.#rows.size + 4096) return;
    const keys: K[] = [];
    const ats: number[] = [];
    const seen: number[] = [];
    let cursor = 0;
    for (let i = this.#head; i < length; i++) {
      const key = this.#keys[i] as K;
      const at = this.#ats[i] as number;
      const given = i < this.#cursor;
      if (this.#rows.get(key)?.at !== at) continue;
      if (given) cursor++;
      keys.push(key);
      ats.push(at);
      seen.push(this.#seen[i] as number);
    }
    this.#keys = keys;
    this.#ats = ats;
    this.#seen = seen;
    this.#cursor = cursor;
    this.#head = 0;
  }
}
