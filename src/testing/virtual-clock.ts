// Time that moves when a test says so. Turns of the event loop are real, so that microtasks drain as
// they do in production; everything that waits for a time waits for `advance`. The timers of the
// process are captured when this is loaded: a test's fake timers do not stop it.
import { durationMs } from "../model/duration.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Duration } from "../sdk/types.ts";
import { Heap } from "../std/heap.ts";

const { setImmediate } = globalThis;

/** Turns of the event loop without anything new before all is taken to be quiet. */
const quietTurns = 3;

interface Waiting {
  readonly due: number;
  readonly order: number;
  readonly then: () => void;
  cancelled: boolean;
}

/** A clock of which several engines, one after another, may take a part that ends with them. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #turns = 0;
  readonly #waiting = new Heap<Waiting>((a, b) => a.due - b.due || a.order - b.order);

  /** `time`: milliseconds since 1970. */
  constructor(time: number) {
    this.#now = time;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, then: () => void): Timer {
    const waiting = { due: this.#now + ms, order: ++this.#order, then, cancelled: false };
    this.#waiting.push(waiting);
    return {
      cancel: () => {
        waiting.cancelled = true;
      },
    };
  }

  nextTurn(then: () => void): void {
    this.#order++;
    this.#turns++;
    setImmediate(() => {
      this.#turns--;
      then();
    });
  }

  /** Puts the clock, forwards or back, without waking what waits: it is late by then. */
  set(time: number): void {
    this.#now = time;
  }

  /** Resolves when nothing is left to do at the present time. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; ) {
      const before = this.#order;
      await new Promise<void>((resolve) => setImmediate(resolve));
      const moved = this.#turns > 0 || this.#order !== before || this.#fireDue();
      quiet = moved ? 0 : quiet + 1;
    }
  }

  /** Lets time pass, and everything that becomes due happen in order and at its time. */
  async advance(duration: Duration): Promise<void> {
    const until = this.#now + durationMs(duration);
    await this.idle();
    for (let next = this.#next(); next !== undefined && next.due <= until; next = this.#next()) {
      if (next.due > this.#now) this.#now = next.due;
      await this.idle();
    }
    if (until > this.#now) this.#now = until;
    await this.idle();
  }

  /** A part of this clock: once stopped, nothing that was asked of it happens any more. */
  part(): Clock & { stop(): void } {
    let stopped = false;
    const guarded = (then: () => void) => (): void => {
      if (!stopped) then();
    };
    return {
      now: () => this.now(),
      monotonic: () => this.monotonic(),
      after: (ms, then) => this.after(ms, guarded(then)),
      nextTurn: (then) => this.nextTurn(guarded(then)),
      stop: () => {
        stopped = true;
      },
    };
  }

  #next(): Waiting | undefined {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (!next.cancelled) return next;
      this.#waiting.pop();
    }
    return undefined;
  }

  #fireDue(): boolean {
    const next = this.#next();
    if (next === undefined || next.due > this.#now) return false;
    this.#waiting.pop();
    next.then();
    return true;
  }
}
