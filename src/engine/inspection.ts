// The reading side of one engine: the partitions' own, merged. Each answer carries the positions
// its partitions were folded to when it was read; lists go on by a cursor that holds one place per
// partition. It decides nothing and changes nothing.
import type { Entry } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import type { InvocationRow, ObjectRow, TimerRow } from "../model/row.ts";
import type { InvocationFilter, Slice } from "../ports/cold-queries.ts";
import { targetText } from "../replay/mismatch.ts";
import type { Watch } from "./feed.ts";
import type { Inspector } from "./inspect.ts";
import {
  type AwakeableView,
  awakeableId,
  type EntryView,
  entryView,
  type InvocationDetail,
  type InvocationView,
  invocationDetail,
  invocationView,
  iso,
  type ObjectView,
  objectView,
  type PromiseView,
  promiseView,
  type TimerView,
} from "./inspect-view.ts";
import { whyOf } from "./inspect-why.ts";
import {
  cursorOf,
  limitOf,
  numberPlace,
  pageMax,
  placesOf,
  textsPlace,
  timerPlace,
} from "./paging.ts";
import type { Registry } from "./registry.ts";
import { type ServiceView, serviceViews } from "./service-view.ts";
import type { Why } from "./why-words.ts";

/** How long counting may take before it answers "at least". */
const countMsMax = 2000;

/** Folded positions by partition, such as `0:1234`. */
export type Positions = string;

export interface Page<T> {
  readonly rows: readonly T[];
  /** Passed to the next request; absent at the end. */
  readonly cursor?: string;
  readonly positions: Positions;
}

export interface PageRequest {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface InspectionParts {
  partitions(): Promise<readonly Inspector[]>;
  readonly registry: Registry;
}

export class Inspection {
  readonly #parts: InspectionParts;

  constructor(parts: InspectionParts) {
    this.#parts = parts;
  }

  /** Newest first. */
  async invocations(
    filter: InvocationFilter,
    page: PageRequest = {},
  ): Promise<Page<InvocationView>> {
    const found = await this.#page<InvocationRow, number>(page, {
      read: (of, after, limit) => of.invocations(filter, after ?? Number.MAX_SAFE_INTEGER, limit),
      order: (a, b) => b.createdAt - a.createdAt || b.n - a.n,
      at: (row) => row.n,
      parse: numberPlace,
    });
    return { ...found, rows: found.rows.map(([row]) => invocationView(row)) };
  }

  async count(filter: InvocationFilter): Promise<{
    readonly count: number;
    /** False: at least so many; counting was broken off. */
    readonly whole: boolean;
    readonly positions: Positions;
  }> {
    const { partitions, positions } = await this.#settled();
    let count = 0;
    let whole = true;
    for (const partition of partitions) {
      const counted = await partition.count(filter, countMsMax / partitions.length);
      count += counted.count;
      whole &&= counted.whole;
    }
    return { count, whole, positions };
  }

  /** @throws HoldfastError `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`. */
  async invocation(id: string): Promise<InvocationDetail & { readonly positions: Positions }> {
    const { row, partition, positions } = await this.#found(id);
    return { ...invocationDetail(row, partition.index), positions };
  }

  async journal(id: string, from = 0, limit: number = pageMax): Promise<readonly EntryView[]> {
    const { row, partition } = await this.#found(id);
    const entries = partition.journal(row.n, from, Math.min(limit, pageMax));
    return entries.map((entry, i) => entryView(entry, from + i));
  }

  /** As it is stored, with the whole of its journal. */
  async stored(
    id: string,
  ): Promise<{ readonly row: InvocationRow; readonly entries: readonly Entry[] }> {
    const { row, partition } = await this.#found(id);
    return { row, entries: partition.journal(row.n, 0, row.entries) };
  }

  /** Who waits for what, down to the cause. */
  async why(id: string): Promise<Why> {
    const { row, partition } = await this.#found(id);
    const { partitions } = await this.#settled();
    return whyOf(row, partition, partitions, this.#parts.registry);
  }

  async object(service: string, key: string): Promise<ObjectView | undefined> {
    const { partitions } = await this.#settled();
    for (const partition of partitions) {
      const row = partition.object(service, key);
      if (row !== undefined) return this.#objectView(partition, row);
    }
    return undefined;
  }

  async objects(service?: string, page: PageRequest = {}): Promise<Page<ObjectView>> {
    const found = await this.#page<ObjectRow, [string, string, string]>(page, {
      read: async (of, after, limit) => {
        const [partitionKey = "", name = "", key = ""] = after ?? [];
        const from = after && { partitionKey, service: name, key };
        const slice = of.queries.keys(service, from, limit);
        const rows = slice.rows.map((name) => of.object(name.service, name.key));
        const { next } = slice;
        return {
          rows: rows.filter((row) => row !== undefined),
          next: next && [next.partitionKey, next.service, next.key],
        };
      },
      order: (a, b) => compare(nameOf(a), nameOf(b)),
      at: ({ partitionKey, service: name, key }) => [partitionKey, name, key],
      parse: (place) => textsPlace(place, 3) as [string, string, string] | undefined,
    });
    return { ...found, rows: found.rows.map(([row, of]) => this.#objectView(of, row)) };
  }

  async promises(service?: string, page: PageRequest = {}): Promise<Page<PromiseView>> {
    type At = [string, string, string, string];
    const found = await this.#page<PromiseView & { readonly at: At }, At>(page, {
      read: async (of, after, limit) => {
        const [partitionKey = "", name = "", key = "", promise = ""] = after ?? [];
        const from = after && { partitionKey, service: name, key, name: promise };
        const slice = of.queries.promises(service, from, limit);
        const atOf = (it: (typeof slice.rows)[number]): At => [
          it.partitionKey,
          it.service,
          it.key,
          it.name,
        ];
        const rows = slice.rows.map((it) => {
          const row = of.promise(it.service, it.key, it.name);
          return row && { ...promiseView(row), at: atOf(it) };
        });
        return {
          rows: rows.filter((row) => row !== undefined),
          next: slice.next && atOf(slice.next),
        };
      },
      order: (a, b) => compare(a.at.join("\u0000"), b.at.join("\u0000")),
      at: (row) => row.at,
      parse: (place) => textsPlace(place, 4) as At | undefined,
    });
    return { ...found, rows: found.rows.map(([{ at: _, ...row }]) => row) };
  }

  /** Soonest first. */
  async timers(page: PageRequest = {}): Promise<Page<TimerView>> {
    const found = await this.#page<TimerRow, TimerRow>(page, {
      read: async (of, after, limit) => of.queries.timers(after, limit),
      order: (a, b) => a.due - b.due || a.n - b.n || a.of - b.of,
      at: (row) => row,
      parse: timerPlace,
    });
    const rows: TimerView[] = [];
    for (const [{ due, n, of: command }, of] of found.rows) {
      const row = of.byNumber(n);
      if (row === undefined) continue;
      const base = { due: iso(due), id: idOf(row), target: targetText(row) };
      rows.push(command < 0 ? base : { ...base, command });
    }
    return { ...found, rows };
  }

  /** Awakeables that are waited for, by the age of their invocations, newest first. */
  async awakeables(page: PageRequest = {}): Promise<Page<AwakeableView>> {
    const statuses = ["running", "suspended", "backing-off", "paused", "ready"] as const;
    const filter: InvocationFilter = { waitsFor: "awakeable", statuses };
    const found = await this.#page<InvocationRow, number>(page, {
      read: (of, after, limit) => of.invocations(filter, after ?? Number.MAX_SAFE_INTEGER, limit),
      order: (a, b) => b.createdAt - a.createdAt || b.n - a.n,
      at: (row) => row.n,
      parse: numberPlace,
    });
    const rows = found.rows.flatMap(([row]) =>
      [...row.open]
        .filter(([, { kind }]) => kind === "awakeable")
        .map(([command]) => ({
          id: awakeableId(row, command),
          invocation: idOf(row),
          target: targetText(row),
          command,
        })),
    );
    return { ...found, rows };
  }

  services(): readonly ServiceView[] {
    return serviceViews(this.#parts.registry);
  }

  /** Waits until all that was decided by now is folded; answers how far that is. */
  async positions(): Promise<Positions> {
    return (await this.#settled()).positions;
  }

  /** How far all is durable: what was answered by now is in a list at these positions. */
  async durable(): Promise<Positions> {
    const partitions = await this.#parts.partitions();
    return partitions.map(({ index, gauges }) => `${index}:${gauges.durable}`).join(",");
  }

  /**
   * Tells what happens to invocations from now on, once it is durable; with `after`, the positions
   * of the last event seen, also what happened since. Ends with what it answers.
   */
  async watch(watch: Watch, after?: Positions): Promise<() => void> {
    const partitions = await this.#parts.partitions();
    const seen = new Map((after ?? "").split(",").map((one) => one.split(":") as [string, string]));
    const stops = partitions.map((of) => {
      const position = Number(seen.get(String(of.index)) ?? Number.NaN);
      return of.feed.watch(watch, Number.isNaN(position) ? undefined : { position, at: of.now });
    });
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** The partitions' own, for who reads more than is merged here. */
  partitions(): Promise<readonly Inspector[]> {
    return this.#parts.partitions();
  }

  #objectView(partition: Inspector, row: ObjectRow): ObjectView {
    return objectView(row, (n) => {
      const of = partition.byNumber(n);
      return of && idOf(of);
    });
  }

  async #settled(): Promise<{ partitions: readonly Inspector[]; positions: Positions }> {
    const partitions = await this.#parts.partitions();
    const folded = await Promise.all(partitions.map((of) => of.settle()));
    const positions = folded.map((position, i) => `${partitions[i]?.index}:${position}`).join(",");
    return { partitions, positions };
  }

  async #found(
    id: string,
  ): Promise<{ row: InvocationRow; partition: Inspector; positions: Positions }> {
    const { partitions, positions } = await this.#settled();
    for (const partition of partitions) {
      const row = partition.byId(id);
      if (row !== undefined) return { row, partition, positions };
    }
    throw new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } });
  }

  /** One page of a merged list: each partition gives its next, and the first of all are taken. */
  async #page<T, At>(
    request: PageRequest,
    list: {
      read(of: Inspector, after: At | undefined, limit: number): Promise<Slice<T, At>>;
      order(a: T, b: T): number;
      at(row: T): At;
      parse(place: unknown): At | undefined;
    },
  ): Promise<Page<[T, Inspector]>> {
    const limit = limitOf(request.limit);
    const { partitions, positions } = await this.#settled();
    const places = placesOf<At>(request.cursor, partitions.length, list.parse);
    const slices = await Promise.all(
      partitions.map(async (of, i): Promise<Slice<T, At>> => {
        const place = places[i];
        if (place === null) return { rows: [], next: undefined };
        return list.read(of, place === 0 ? undefined : (place as At), limit);
      }),
    );
    const all = slices.flatMap(({ rows }, i) => rows.map((row) => ({ row, i })));
    all.sort((a, b) => list.order(a.row, b.row));
    const taken = all.slice(0, limit);
    const next = slices.map((slice, i): At | 0 | null => {
      const mine = taken.filter((one) => one.i === i);
      if (mine.length === slice.rows.length) return slice.next ?? null;
      const last = mine.at(-1);
      return last === undefined ? (places[i] ?? 0) : list.at(last.row);
    });
    const rows = taken.map(({ row, i }): [T, Inspector] => [row, partitions[i] as Inspector]);
    const over = next.every((place) => place === null);
    return { rows, positions, ...(over ? {} : { cursor: cursorOf(next) }) };
  }
}

function nameOf({ partitionKey, service, key }: ObjectRow): string {
  return `${partitionKey}\u0000${service}\u0000${key}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
