// Runs one partition where it is led: decides at once and in order, appends what was decided as
// group commits, releases effects once they are durable (I1). Everything proposed while one append
// is under way becomes the next batch. It owns the order of things, never the rules.
import { batchBytes, recordLine } from "../codec/record.ts";
import type { Change } from "../model/change.ts";
import type { Effect } from "../model/effect.ts";
import { HoldfastError } from "../model/errors.ts";
import { batchBytesFull, recordBytesMax } from "../model/limits.ts";
import type { Proposal } from "../model/proposal.ts";
import { type Decided, decide } from "../partition/decide.ts";
import type { Directory, Leader } from "../partition/decision.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Batch, Changelog } from "../ports/changelog.ts";
import type { Clock } from "../ports/clock.ts";
import type { Materialiser } from "../ports/materialiser.ts";
import { invariant } from "../std/assert.ts";
import { Queue } from "../std/queue.ts";

// As it was when this was loaded: a test's fake timers do not stop it.
const { queueMicrotask } = globalThis;

export interface ProcessorParts {
  readonly tables: Tables;
  readonly changelog: Changelog;
  readonly materialiser: Materialiser;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly epoch: number;
  mint(): string;
  room(): boolean;
  /** What handlers in this process learn, at once. */
  tell(decided: Decided): void;
  release(effect: Effect): void;
  /** Asks that `flush` be called when the handlers that can go on have gone on. */
  requestFlush(): void;
  /** Told of each batch once it is durable, and how long that took. */
  durable?(batch: Batch, tookMs: number): void;
  /** An append failed or an invariant broke: this partition is over. */
  onFatal(error: unknown): void;
  /** Most records of a batch; for tests. */
  readonly batchRecordsMax: number;
}

interface Waiting {
  readonly position: number;
  readonly then: () => void;
}

export class Processor implements Leader {
  readonly #parts: ProcessorParts;
  readonly directory: Directory;
  #last: number;
  #durable: number;
  #time: number;
  #lines: string[] = [];
  #bytes = 0;
  #appending = false;
  #failed = false;
  readonly #effects = new Queue<{ readonly position: number; readonly effect: Effect }>();
  readonly #waiting = new Queue<Waiting>();

  constructor(parts: ProcessorParts) {
    this.#parts = parts;
    this.directory = parts.directory;
    this.#last = parts.changelog.range.last;
    this.#durable = this.#last;
    this.#time = parts.tables.meta.time;
  }

  /** Position of the record being decided, or of the last one decided. */
  get position(): number {
    return this.#last + (this.#deciding ? 1 : 0);
  }

  #deciding = false;

  get time(): number {
    return this.#time;
  }

  get durable(): number {
    return this.#durable;
  }

  /** Whether everything decided is durable and told. */
  get idle(): boolean {
    return this.#lines.length === 0 && !this.#appending;
  }

  mint(): string {
    return this.#parts.mint();
  }

  room(): boolean {
    return this.#parts.room();
  }

  propose(proposal: Proposal): Decided {
    if (this.#failed) throw new HoldfastError("ENGINE_FAILED");
    const parts = this.#parts;
    invariant(!this.#deciding, "a rule proposes while it decides");
    // A clock behind the last record never sends stamps backwards (R21).
    const now = parts.clock.now();
    if (now > this.#time) this.#time = now;
    this.#deciding = true;
    let decided: Decided;
    try {
      decided = decide(parts.tables, proposal, this);
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.#deciding = false;
    }
    if (decided.changes.length > 0) this.#record(decided.changes);
    else if (decided.effects.length > 0) this.#fence();
    for (const effect of decided.effects) this.#effects.push({ position: this.#last, effect });
    if (decided.effects.length > 0) this.#settle();
    if (decided.learned.length > 0) parts.tell(decided);
    return decided;
  }

  /**
   * What changes nothing and answers somebody is released by an append begun after it was decided:
   * where another may have taken over unseen, an old leader's answer would be a lie (R22). One
   * empty record does for all that wait.
   */
  #fence(): void {
    if (this.#parts.changelog.fence === "append" && this.#lines.length === 0) this.#record([]);
  }

  /** Calls back once all decided by now is durable, and this is still the leader (R22). */
  barrier(then: () => void): void {
    if (this.#failed) return;
    this.#fence();
    this.whenDurable(this.#last, then);
  }

  #record(changes: readonly Change[]): void {
    const line = recordLine(this.#time, changes);
    invariant(line.length <= recordBytesMax, () => `R18: a record of ${line.length} bytes`);
    this.#lines.push(line);
    this.#bytes += line.length;
    this.#last++;
    if (!this.#appending) this.#parts.requestFlush();
  }

  /** Calls back once `position` is durable; at once when it is, but never within this call. */
  whenDurable(position: number, then: () => void): void {
    if (position <= this.#durable) queueMicrotask(then);
    else this.#waiting.push({ position, then });
  }

  /** Starts the next append, if none is under way and there is something to append. */
  flush(): void {
    if (this.#appending || this.#failed || this.#lines.length === 0) return;
    const lines = this.#take();
    const first = this.#durable + 1;
    const batch = {
      first,
      count: lines.length,
      epoch: this.#parts.epoch,
      bytes: batchBytes(lines),
    };
    this.#appending = true;
    const { clock } = this.#parts;
    const since = clock.monotonic();
    this.#parts.changelog.append(batch).then(
      (chain) => {
        this.#appending = false;
        if (this.#failed) return;
        this.#durable = first + lines.length - 1;
        this.#parts.materialiser.give({ ...batch, chain });
        this.#parts.durable?.(batch, clock.monotonic() - since);
        this.#settle();
        this.#flushNext();
      },
      (error: unknown) => this.fail(error),
    );
  }

  /**
   * What was decided meanwhile is the next batch. Where an append is a message, those it let go on
   * speak first: many small messages would cost more than they save. A disk is kept busy instead.
   */
  #flushNext(): void {
    if (this.#parts.changelog.fence !== "append") return this.flush();
    if (this.#lines.length > 0) this.#parts.requestFlush();
  }

  #take(): string[] {
    const all = this.#lines;
    let count = 0;
    let bytes = 0;
    while (count < all.length && count < this.#parts.batchRecordsMax && bytes < batchBytesFull) {
      bytes += (all[count] as string).length;
      count++;
    }
    this.#bytes -= bytes;
    if (count === all.length) {
      this.#lines = [];
      return all;
    }
    return all.splice(0, count);
  }

  /** Releases what is durable: effects in order, then those who waited for the barrier. */
  #settle(): void {
    const durable = this.#durable;
    for (let next = this.#effects.peek(); next !== undefined; next = this.#effects.peek()) {
      if (next.position > durable) break;
      this.#effects.shift();
      this.#parts.release(next.effect);
    }
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (next.position > durable) break;
      this.#waiting.shift();
      next.then();
    }
  }

  /** Ends the partition here: nothing is appended or released any more. */
  fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#parts.onFatal(error);
  }
}
