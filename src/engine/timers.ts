// Sleeps until the earliest due timer, then proposes it. A timer never fires early, and fires until
// its effect is recorded (I9): it leaves its table with the record of what it did.
import type { Tables } from "../partition/tables/tables.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Processor } from "./processor.ts";

/** Timers fired in one turn, so that a great many due at once do not starve the rest. */
const firedPerTurn = 500;

/** The longest sleep: longer ones are slept in parts (setTimeout ends at 2^31 ms). */
const sleepMsMax = 60_000;

export class TimerLoop {
  readonly #tables: Tables;
  readonly #clock: Clock;
  readonly #processor: Processor;
  #timer: Timer | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(tables: Tables, clock: Clock, processor: Processor) {
    this.#tables = tables;
    this.#clock = clock;
    this.#processor = processor;
  }

  start(): void {
    this.#fire();
  }

  /**
   * A timer was armed. Where the clock was put forward, or the machine slept, what is slept for is
   * due already: nobody else would see that before the sleep ends.
   */
  armed(due: number): void {
    if (due < this.#wakeAt) this.#sleepUntil(due);
    else if (this.#clock.now() > this.#wakeAt) this.#sleepUntil(this.#wakeAt);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  readonly #fire = (): void => {
    if (this.#stopped) return;
    const { timers } = this.#tables;
    const now = this.#clock.now();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    for (let fired = 0; fired < firedPerTurn; fired++) {
      const timer = timers.due(now);
      if (timer === undefined) {
        const next = timers.next(now);
        if (next !== undefined && next < this.#wakeAt) this.#sleepUntil(next);
        return;
      }
      this.#processor.propose({ kind: "timerDue", timer });
      if (this.#stopped) return;
    }
    this.#wakeAt = now;
    this.#timer?.cancel();
    this.#clock.nextTurn(this.#fire);
  };

  #sleepUntil(due: number): void {
    if (this.#stopped) return;
    this.#wakeAt = due;
    this.#timer?.cancel();
    const ms = Math.min(Math.max(due - this.#clock.now(), 0), sleepMsMax);
    this.#timer = this.#clock.after(ms, this.#fire);
  }
}
