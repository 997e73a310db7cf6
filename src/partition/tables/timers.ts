// Due times, hot over cold. Memory holds the timers armed since the last fold and those of the near
// horizon; the rest is paged from the cold table's index when the horizon moves. It moves only by a
// read that merges both, keyed by (due, n, of), so that no timer is skipped or told twice (R14).

import type { InvocationNumber, TimerRow } from "../../model/row.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { Heap } from "../../std/heap.ts";

/** A timer as it was changed last. */
interface HotTimer {
  readonly timer: TimerRow;
  readonly at: number;
  readonly gone: boolean;
  /** The cold table has never held it: what came and went since the last fold is no write. */
  readonly born: boolean;
  /** Another of the same invocation. */
  next: HotTimer | undefined;
}

export interface TimersOptions {
  /** How far ahead memory looks, in ms. */
  readonly horizonMs: number;
  /** Timers read from the cold table at a time. */
  readonly pageMax: number;
}

export class Timers {
  readonly #cold: ColdRead;
  readonly #options: TimersOptions;
  /** Armed or disarmed and not yet folded, by invocation: it mostly has one, two at the most. */
  readonly #hot = new Map<InvocationNumber, HotTimer>();
  readonly #queue: HotTimer[] = [];
  #head = 0;
  #cursor = 0;
  /** Timers at or before the horizon, disarmed ones among them; and which are armed. */
  readonly #near = new Heap<TimerRow>(compareTimers);
  readonly #armed = new Set<string>();
  #horizon: TimerRow = { due: -1, n: 0, of: 0 };

  constructor(cold: ColdRead, options: TimersOptions) {
    this.#cold = cold;
    this.#options = options;
  }

  /** Timers in memory, those of one invocation counted as one. */
  get size(): number {
    return this.#hot.size + this.#near.size;
  }

  arm(timer: TimerRow, position: number): void {
    this.#note(timer, position, false);
    if (compareTimers(timer, this.#horizon) <= 0) this.#bring(timer);
  }

  disarm(timer: TimerRow, position: number): void {
    this.#note(timer, position, true);
    if (this.#armed.size > 0) this.#armed.delete(keyOf(timer));
  }

  /** Takes the next timer due at or before `now`; it stays until it is disarmed. */
  due(now: number): TimerRow | undefined {
    while (true) {
      const timer = this.#near.peek();
      if (timer === undefined || timer.due > now) {
        if (!this.#advance(now)) return undefined;
        continue;
      }
      this.#near.pop();
      if (this.#armed.delete(keyOf(timer))) return timer;
    }
  }

  /** The time at which `due` should be asked again, undefined when nothing is armed. */
  next(now: number): number | undefined {
    while (this.#near.size === 0 && this.#advance(now));
    for (let timer = this.#near.peek(); timer !== undefined; timer = this.#near.peek()) {
      if (this.#armed.has(keyOf(timer))) return timer.due;
      this.#near.pop();
    }
    const cold = this.#cold.timers(this.#horizon, Number.MAX_SAFE_INTEGER, 1)[0];
    let next = cold?.due;
    for (const { timer, gone } of this.#changes()) {
      if (!gone && (next === undefined || timer.due < next)) next = timer.due;
    }
    if (next === undefined) return undefined;
    return Math.max(next - this.#options.horizonMs, this.#horizon.due);
  }

  /** Timers armed (true) or disarmed (false) after `folded` and not yet given out here. */
  *changed(folded: number): IterableIterator<readonly [TimerRow, "put" | "delete"]> {
    for (; this.#cursor < this.#queue.length; this.#cursor++) {
      const hot = this.#queue[this.#cursor] as HotTimer;
      if (hot.at <= folded || this.#find(hot.timer) !== hot) continue;
      if (!hot.gone) yield [hot.timer, "put"];
      else if (!hot.born) yield [hot.timer, "delete"];
    }
  }

  forget(position: number): void {
    for (; this.#head < this.#queue.length; this.#head++) {
      const hot = this.#queue[this.#head] as HotTimer;
      if (hot.at > position) break;
      this.#remove(hot);
    }
    if (this.#head > 4096 && this.#head * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#cursor = Math.max(0, this.#cursor - this.#head);
      this.#head = 0;
    }
  }

  #note(timer: TimerRow, at: number, gone: boolean): void {
    const before = this.#find(timer);
    if (before !== undefined) this.#remove(before);
    const { n } = timer;
    const hot = { timer, at, gone, born: before?.born ?? !gone, next: this.#hot.get(n) };
    this.#hot.set(n, hot);
    this.#queue.push(hot);
  }

  #find({ due, n, of }: TimerRow): HotTimer | undefined {
    let hot = this.#hot.get(n);
    while (hot !== undefined && (hot.timer.due !== due || hot.timer.of !== of)) hot = hot.next;
    return hot;
  }

  /** Does nothing when another change has taken its place. */
  #remove(hot: HotTimer): void {
    const { n } = hot.timer;
    const first = this.#hot.get(n);
    if (first === hot) {
      if (hot.next === undefined) this.#hot.delete(n);
      else this.#hot.set(n, hot.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next === hot) before.next = hot.next;
    }
  }

  *#changes(): IterableIterator<HotTimer> {
    for (const first of this.#hot.values()) {
      for (let hot: HotTimer | undefined = first; hot !== undefined; hot = hot.next) yield hot;
    }
  }

  #bring(timer: TimerRow): void {
    this.#armed.add(keyOf(timer));
    this.#near.push(timer);
  }

  /** Moves the horizon one page on, towards what lies shortly behind `now`; false when it is there. */
  #advance(now: number): boolean {
    if (this.#horizon.due > now) return false;
    const until = now + this.#options.horizonMs;
    const from = this.#horizon;
    const page = this.#cold.timers(from, until, this.#options.pageMax);
    const last = page.length === this.#options.pageMax ? page[page.length - 1] : undefined;
    const end = last ?? { due: until, n: Number.MAX_SAFE_INTEGER, of: 0 };
    for (const timer of page) if (this.#find(timer) === undefined) this.#bring(timer);
    for (const { timer, gone } of this.#changes()) {
      const inside = compareTimers(timer, from) > 0 && compareTimers(timer, end) <= 0;
      if (!gone && inside) this.#bring(timer);
    }
    this.#horizon = end;
    return compareTimers(end, from) > 0;
  }
}

export function compareTimers(a: TimerRow, b: TimerRow): number {
  return a.due - b.due || a.n - b.n || a.of - b.of;
}

function keyOf(timer: TimerRow): string {
  return `${timer.due}:${timer.n}:${timer.of}`;
}
