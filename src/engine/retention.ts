// When what is no longer kept is let go: proposes a sweep now and then, by number and by time. What
// goes is decided and logged (R17); this only asks.

import { countExpiryBase } from "../model/row.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Processor } from "./processor.ts";

const sweepEveryMs = 60_000;

export class Retention {
  readonly #clock: Clock;
  readonly #processor: Processor;
  readonly #keep: number;
  readonly #tables: Tables;
  /** Positions at every `#stride`-th completion, oldest first. */
  readonly #marks: number[] = [];
  readonly #stride: number;
  #completed = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, processor: Processor, tables: Tables, keepNewest: number) {
    this.#clock = clock;
    this.#processor = processor;
    this.#tables = tables;
    this.#keep = keepNewest;
    this.#stride = Math.max(1, Math.floor(keepNewest / 10));
  }

  start(): void {
    const { expiry } = this.#tables.cold.countKept(this.#keep);
    if (expiry !== undefined) this.#sweep(expiry - countExpiryBase - 1);
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** An invocation ended: those beyond the newest `keep` may go, some at a time. */
  completed(at: number): void {
    if (++this.#completed < this.#stride) return;
    this.#completed = 0;
    this.#marks.push(at);
    if (this.#marks.length * this.#stride <= this.#keep + this.#stride) return;
    const upTo = this.#marks.shift() as number;
    this.#clock.nextTurn(() => this.#sweep(upTo));
  }

  #sweep(countUpTo?: number): void {
    if (this.#stopped) return;
    const { changes } = this.#processor.propose({ kind: "sweep", countUpTo });
    // Runs, and promises without one, leave some at a time: the next ones soon.
    if (changes.some(({ kind }) => kind !== "swept")) {
      this.#clock.nextTurn(() => this.#sweep());
    }
  }

  #later(): void {
    this.#timer = this.#clock.after(sweepEveryMs, () => {
      this.#sweep();
      this.#later();
    });
  }
}
