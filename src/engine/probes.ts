// Exclusive calls that entered an inbox and may be part of a deadlock: each is probed once it has
// waited a while (R12). After a restart those still there are watched anew.
import type { InvocationNumber } from "../model/row.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { Queue } from "../std/queue.ts";
import type { Processor } from "./processor.ts";

/** How long a call waits in an inbox before it is probed. */
const probeAfterMs = 5000;

/** Calls remembered; a longer list is load, and its later ones are probed when they are older. */
const watchedMax = 100_000;

export class Probes {
  readonly #clock: Clock;
  readonly #processor: Processor;
  readonly #watched = new Queue<{ readonly n: InvocationNumber; readonly at: number }>(watchedMax);
  #timer: Timer | undefined;

  constructor(clock: Clock, processor: Processor) {
    this.#clock = clock;
    this.#processor = processor;
  }

  watch(n: InvocationNumber): void {
    this.#watched.push({ n, at: this.#clock.monotonic() + probeAfterMs });
    this.#timer ??= this.#clock.after(probeAfterMs, this.#probe);
  }

  /** Those that wait since before this epoch are watched anew. */
  restart(tables: Tables): void {
    const waiting = new Set(tables.cold.unfinished("inboxed", 0, watchedMax));
    for (const [n, row] of tables.invocations.held()) if (row?.status === "inboxed") waiting.add(n);
    for (const n of waiting) {
      const row = tables.invocation(n);
      if (row?.status === "inboxed" && row.waiters.length > 0) this.watch(n);
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  readonly #probe = (): void => {
    const now = this.#clock.monotonic();
    this.#timer = undefined;
    for (let next = this.#watched.peek(); next !== undefined; next = this.#watched.peek()) {
      if (next.at > now) {
        this.#timer = this.#clock.after(next.at - now, this.#probe);
        return;
      }
      this.#watched.shift();
      this.#processor.propose({ kind: "probe", n: next.n });
    }
  };
}
