// A stretch of the changelog on its way into the cold table: folded in memory as its batches come,
// written in one transaction when enough has come or nothing more does. What finds no room is a
// wait, not a failure: its batches are kept and folded again (R15, R16). Used where nobody else
// folds, in the materialiser's thread or process.
import { isHoldfastError } from "../model/errors.ts";
import type { StoredBatch } from "../ports/changelog.ts";
import type { Timer } from "../ports/clock.ts";
import type { ColdTable } from "../ports/cold-table.ts";
import { invariant } from "../std/assert.ts";
import { Folder } from "./materialiser.ts";

/**
 * Changelog gathered before it is written while more keeps coming: what comes and goes within a
 * stretch costs no write. More folds no faster and holds more rows, of small records most.
 */
const stretchBytesMax = 4 * 1024 * 1024;
const stretchRecordsMax = 24_000;

/**
 * How long the last batch of a stretch waits for another. Under load the batches of one partition come
 * tens of milliseconds apart, those of one of many partitions more; each written alone, they cost
 * twice as much to fold. Whoever must see the newest in the table has it drained.
 */
const quietMs = 250;
/** How long its first one waits at most, while others keep coming. */
const stretchMsMax = 1000;
/** How long a fold that found no room, or the table held by another program, waits. */
const retryMs = 250;
const keepRows = 20_000;

export interface StretchParts {
  after(ms: number, then: () => void): Timer;
  /** So many bytes more are in the table, which holds all up to this position now. */
  folded(position: number, bytes: number): void;
  /** A write failed that was not waited for. */
  failed(error: unknown): void;
}

export class Stretch {
  readonly #cold: ColdTable & { close(): void };
  readonly #parts: StretchParts;
  #folder: Folder;
  #batches: StoredBatch[] = [];
  #bytes = 0;
  #records = 0;
  #timer: Timer | undefined;
  /** Since the first batch of the stretch. */
  #age: Timer | undefined;
  /** The last write found no room: the timer tries again, nothing else does. */
  #retrying = false;
  /** Told once what waits for the next write. */
  #waiting: ((position: number) => void)[] = [];

  constructor(cold: ColdTable & { close(): void }, parts: StretchParts) {
    this.#cold = cold;
    this.#parts = parts;
    this.#folder = new Folder(this.#cold, { keepRows });
  }

  take(batch: StoredBatch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes.length;
    this.#folder.take(batch);
    if (this.#retrying) return;
    this.#records += batch.count;
    const full = this.#bytes >= stretchBytesMax || this.#records >= stretchRecordsMax;
    if (full) return this.#write();
    this.#timer?.cancel();
    this.#timer = this.#writeIn(quietMs);
    this.#age ??= this.#writeIn(stretchMsMax);
  }

  whenWritten(then: (position: number) => void): void {
    this.#waiting.push(then);
    if (!this.#retrying) this.#write();
  }

  /** What finds no room now is in the changelog and will be folded by the next one. */
  close(): number {
    this.#cancel();
    this.#tryWrite();
    this.#cold.close();
    return this.#folder.folded;
  }

  #writeIn(ms: number): Timer {
    return this.#parts.after(ms, () => {
      try {
        this.#write();
      } catch (error) {
        this.#parts.failed(error);
      }
    });
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#age?.cancel();
    this.#age = undefined;
  }

  #write(): void {
    this.#cancel();
    this.#retrying = !this.#tryWrite();
    if (this.#retrying) {
      this.#timer = this.#writeIn(retryMs);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const then of waiting) then(this.#folder.folded);
  }

  /**
   * False when there is no room, or another program holds the table: nothing was written then, and
   * the same batches are folded again later (R15, R16).
   */
  #tryWrite(): boolean {
    const folder = this.#folder;
    if (this.#batches.length === 0) return true;
    // Another may still have been folding when this one began: of a host that was terminated.
    invariant(this.#cold.position() === folder.folded, "I11: somebody else folded this table");
    try {
      folder.write();
    } catch (error) {
      if (!isHoldfastError(error, "DISK_FULL") && !isHoldfastError(error, "TABLE_LOCKED"))
        throw error;
      this.#folder = new Folder(this.#cold, { keepRows });
      for (const batch of this.#batches) this.#folder.take(batch);
      return false;
    }
    this.#parts.folded(folder.folded, this.#bytes);
    this.#batches = [];
    this.#bytes = 0;
    this.#records = 0;
    return true;
  }
}
