// The part of journals that memory holds: entries since the last fold, with their positions. What
// came before is read from the cold table when an attempt begins. Dense and append-only (I4).
import type { Entry } from "../../model/entry.ts";
import type { InvocationNumber, JournalRow } from "../../model/row.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { invariant } from "../../std/assert.ts";

export class Journals {
  readonly #cold: ColdRead;
  readonly #rows = new Map<InvocationNumber, JournalRow>();
  /** Journals with new entries since they were last asked for; only the materialiser empties it. */
  #changed: JournalRow[] = [];
  readonly #track: boolean;

  constructor(cold: ColdRead, options: { readonly track: boolean }) {
    this.#cold = cold;
    this.#track = options.track;
  }

  get size(): number {
    return this.#rows.size;
  }

  append(n: InvocationNumber, index: number, entry: Entry, position: number): void {
    let row = this.#rows.get(n);
    if (row === undefined) {
      // Not grown from empty ones: a list that was has room for 17, and most journals are short.
      const positions = this.#track ? [] : [position];
      row = { n, at: position, from: index, entries: [entry], positions };
      this.#rows.set(n, row);
      if (this.#track) this.#changed.push(row);
      return;
    }
    const length = row.from + row.entries.length;
    invariant(index === length, () => `I4: entry ${index} appended to a journal of ${length}`);
    row.entries.push(entry);
    // Whoever folds lets go of journals whole.
    if (!this.#track) row.positions.push(position);
    row.at = position;
  }

  /** The whole journal, `length` entries of it. */
  read(n: InvocationNumber, length: number): Entry[] {
    const hot = this.#rows.get(n);
    const from = hot === undefined ? length : hot.from;
    if (from === 0) return hot === undefined ? [] : hot.entries.slice();
    const cold = this.#cold.journal(n, 0);
    const entries = cold.slice(0, from).concat(hot?.entries ?? []);
    invariant(
      entries.length === length,
      `I4: journal of ${n} has ${entries.length} entries, its row says ${length}`,
    );
    return entries;
  }

  /** The entries that memory holds of one journal. */
  held(n: InvocationNumber): JournalRow | undefined {
    return this.#rows.get(n);
  }

  /** Journals with entries not yet given out here. */
  takeChanged(): JournalRow[] {
    const changed = this.#changed;
    this.#changed = [];
    return changed;
  }

  drop(n: InvocationNumber): void {
    this.#rows.delete(n);
  }

  /** Lets go of entries folded up to `position`. */
  forget(position: number): void {
    for (const [n, row] of this.#rows) {
      if (row.at <= position) {
        this.#rows.delete(n);
        continue;
      }
      let folded = 0;
      while ((row.positions[folded] as number) <= position) folded++;
      if (folded < 256 && folded * 2 < row.entries.length) continue;
      row.entries.splice(0, folded);
      row.positions.splice(0, folded);
      row.from += folded;
    }
  }
}
