// Where time goes, as histograms: waiting to begin, executing, becoming durable. By handler where it
// is the handler's; told to whoever listens as it happens, and read by the metrics route.
import type { InvocationRow } from "../model/row.ts";
import type { Attributes, Latency, Telemetry } from "../ports/telemetry.ts";
import { Histogram } from "../std/histogram.ts";
import { targetAttributes } from "./traced.ts";

/** One histogram as it stands; `handler` is empty where it is not by handler. */
export interface LatencyView {
  readonly latency: Latency;
  readonly service: string;
  readonly handler: string;
  readonly histogram: Histogram;
}

/** One attempt: when it began, and what of the time since it has only waited. */
interface Spent {
  readonly since: number;
  waited: number;
}

type OfHandler = { readonly [L in "queue" | "execution"]: Histogram } & {
  readonly attributes: Attributes;
};

export class Latencies {
  readonly #telemetry: Telemetry | undefined;
  readonly #partition: Attributes;
  readonly #commit = new Histogram();
  /** By service, by handler: as many as are hosted. */
  readonly #handlers = new Map<string, Map<string, OfHandler>>();
  readonly #open = new Map<object, Spent>();

  constructor(telemetry: Telemetry | undefined, partition: number) {
    this.#telemetry = telemetry;
    this.#partition = { "holdfast.partition": partition };
  }

  /** An attempt begins: at `now` by the wall clock, `since` by the monotonic one, in ms. */
  began(attempt: { readonly row: InvocationRow }, now: number, since: number): void {
    const { row } = attempt;
    this.#open.set(attempt, { since, waited: 0 });
    if (row.attempt > 1) return;
    const from = row.due ?? row.createdAt;
    this.#observe(row, "queue", Math.max(0, now - from));
  }

  /** It has only waited for so long. */
  waited(attempt: object, ms: number): void {
    const spent = this.#open.get(attempt);
    if (spent !== undefined) spent.waited += ms;
  }

  ended(attempt: { readonly row: InvocationRow }, until: number): void {
    const spent = this.#open.get(attempt);
    if (spent === undefined) return;
    this.#open.delete(attempt);
    const ms = Math.max(0, until - spent.since - spent.waited);
    this.#observe(attempt.row, "execution", ms);
  }

  committed(ms: number): void {
    this.#commit.observe(ms / 1000);
    this.#telemetry?.measure("commit", ms / 1000, this.#partition);
  }

  #observe(row: InvocationRow, latency: "queue" | "execution", ms: number): void {
    const of = this.#of(row);
    of[latency].observe(ms / 1000);
    this.#telemetry?.measure(latency, ms / 1000, of.attributes);
  }

  #of(row: InvocationRow): OfHandler {
    const { service, handler } = row;
    let handlers = this.#handlers.get(service);
    if (handlers === undefined) this.#handlers.set(service, (handlers = new Map()));
    const known = handlers.get(handler);
    if (known !== undefined) return known;
    const attributes = { ...targetAttributes(row), ...this.#partition };
    const made = { queue: new Histogram(), execution: new Histogram(), attributes };
    handlers.set(handler, made);
    return made;
  }

  get views(): LatencyView[] {
    const views: LatencyView[] = [];
    for (const [service, handlers] of this.#handlers) {
      for (const [handler, { queue, execution }] of handlers) {
        views.push({ latency: "queue", service, handler, histogram: queue });
        views.push({ latency: "execution", service, handler, histogram: execution });
      }
    }
    views.push({ latency: "commit", service: "", handler: "", histogram: this.#commit });
    return views;
  }
}
