// What a search has found and reached, as text.
import { clusterPoints } from "./cluster/points.ts";
import { points } from "./points.ts";
import type { Answered } from "./worker.ts";

export class Report {
  readonly #reached: Map<string, number>;
  readonly #begun = performance.now();
  #seeds = 0;
  #events = 0;
  #virtualMs = 0;
  failed = 0;

  /** Of which kinds of worlds the points are expected. */
  constructor({ single, cluster }: { readonly single: boolean; readonly cluster: boolean }) {
    const expected = [...(single ? points : []), ...(cluster ? clusterPoints : [])];
    this.#reached = new Map(expected.map((point) => [point, 0]));
  }

  add({ violations, reached, events, virtualMs }: Answered): void {
    this.#seeds++;
    this.#events += events;
    this.#virtualMs += virtualMs;
    if (violations.length > 0) this.failed++;
    for (const point of reached) this.#reached.set(point, (this.#reached.get(point) ?? 0) + 1);
  }

  /** Points that no seed has reached. */
  get missed(): string[] {
    return [...this.#reached].filter(([, times]) => times === 0).map(([point]) => point);
  }

  text(workers: number, load: number, withPoints: boolean): string {
    const seconds = (performance.now() - this.#begun) / 1000;
    const perMinute = Math.round((this.#seeds / seconds) * 60);
    const lines = [
      `${this.#seeds} seeds in ${seconds.toFixed(1)} s: ${perMinute} a minute with ${workers} ` +
        `processes (load ${load.toFixed(1)}); ${this.#events} events, ` +
        `${(this.#virtualMs / 3_600_000).toFixed(1)} hours of virtual time, ${this.failed} failed`,
    ];
    if (!withPoints) return lines.join("\n");
    const sorted = [...this.#reached].sort(([a], [b]) => (a < b ? -1 : 1));
    const { missed } = this;
    lines.push(`${sorted.length - missed.length} of ${sorted.length} points reached:`);
    for (const [point, times] of sorted) lines.push(`  ${`${times}`.padStart(7)}  ${point}`);
    return lines.join("\n");
  }
}
