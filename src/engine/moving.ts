// Where everything goes when the partitions of one place become those of another: a directory's one,
// an app's many. Every invocation gets the number of the record it will be written by; what refers
// to it, from inside or from another partition, is written anew. It reads tables and decides where;
// the records are move-records.ts.
import { HoldfastError } from "../model/errors.ts";
import { noApp, tagOf, whereOf } from "../model/ids.ts";
import { idOf, numberOfId } from "../model/invocation-id.ts";
import { partitionOfKey, placeOf } from "../model/place.ts";
import type {
  ChainLink,
  InvocationNumber,
  InvocationRow,
  OpenCommand,
  Waiter,
} from "../model/row.ts";
import { countExpiryBase } from "../model/row.ts";
import type { ColdQueries, KeyName, Slice } from "../ports/cold-queries.ts";
import { hexOf } from "../std/bytes.ts";

/** One partition that moves, at rest. */
export interface MoveSource {
  /** The text of its place; empty for a directory. */
  readonly place: string;
  readonly queries: ColdQueries;
}

export interface MoveTarget {
  /** The text of the place of each partition; one empty text for a directory. */
  readonly places: readonly string[];
  /** What ids that follow from names are computed with: the source's. */
  readonly secret: string;
}

/** Where an invocation will be, and under which number. */
export interface Spot {
  readonly to: number;
  readonly n: InvocationNumber;
}

export interface Listed {
  readonly source: number;
  readonly n: InvocationNumber;
}

/** The first record is the partition's own; the first invocation's is behind it. */
export const firstMoved = 2;
const pageRows = 1000;
const numbersPerPartition = 2 ** 40;

export class Moving {
  readonly sources: readonly MoveSource[];
  readonly target: MoveTarget;
  /** Per partition of the target, in the order of their records. */
  readonly lists: readonly (readonly Listed[])[];
  readonly #spots: readonly Map<InvocationNumber, number>[];
  /** Of those kept by number: in the order of their completion, as before. */
  readonly #expiries: readonly Map<InvocationNumber, number>[];
  readonly #byPlace: ReadonlyMap<string, number>;

  constructor(sources: readonly MoveSource[], target: MoveTarget) {
    this.sources = sources;
    this.target = target;
    this.#byPlace = new Map(sources.map(({ place }, i) => [place, i]));
    this.#spots = sources.map(() => new Map());
    const lists: Ordered[][] = target.places.map(() => []);
    for (const [source, { queries }] of sources.entries()) {
      for (const ordered of inOrder(source, queries)) {
        lists[this.partitionOf(ordered.partitionKey)]?.push(ordered);
      }
    }
    for (const [to, list] of lists.entries()) {
      list.sort((a, b) => a.time - b.time || a.source - b.source || a.order - b.order);
      for (const [i, { source, n }] of list.entries()) {
        this.#spots[source]?.set(n, to * numbersPerPartition + firstMoved + i);
      }
    }
    this.lists = lists;
    this.#expiries = lists.map(expiriesOf);
  }

  partitionOf(partitionKey: string): number {
    return partitionOfKey(partitionKey, this.target.places.length);
  }

  row({ source, n }: Listed): InvocationRow {
    const row = this.sources[source]?.queries.table.invocation(n);
    if (row === undefined) throw new HoldfastError("MIGRATION_DIFFERS");
    return row;
  }

  /** The ids that lead to it by its table. */
  idsOf({ source, n }: Listed): readonly string[] {
    this.#ids ??= this.sources.map(({ queries }) => idsIn(queries));
    return this.#ids[source]?.get(n) ?? [];
  }

  #ids: readonly Map<InvocationNumber, string[]>[] | undefined;

  /** Undefined for one that is gone. */
  spot(source: number, n: InvocationNumber): Spot | undefined {
    const packed = this.#spots[source]?.get(n);
    if (packed === undefined) return undefined;
    return { to: Math.floor(packed / numbersPerPartition), n: packed % numbersPerPartition };
  }

  /** Kept by number, it leaves after those that had ended before it. */
  expiry({ to, n }: Spot, { expiry }: InvocationRow): number | null {
    return expiry !== null && expiry < 0 ? (this.#expiries[to]?.get(n) ?? expiry) : expiry;
  }

  /** A waiter as the partition `to` is to know it; undefined for one that is gone. */
  waiter(source: number, waiter: Waiter, to: number): Waiter | undefined {
    const { n, of, at } = waiter;
    const from = at === undefined ? source : this.#byPlace.get(at);
    if (from === undefined) return this.#foreign(`a call from ${at}`) ?? waiter;
    const spot = this.spot(from, n);
    if (spot === undefined) return undefined;
    if (spot.to === to) return { n: spot.n, of };
    const { incarnation } = this.row({ source: from, n });
    return { n: spot.n, of, at: this.target.places[spot.to] as string, incarnation };
  }

  link(source: number, { n, holds, at }: ChainLink, to: number): ChainLink | undefined {
    const from = at === undefined ? source : this.#byPlace.get(at);
    if (from === undefined) return this.#foreign(`a call from ${at}`) ?? { n, holds, at };
    const spot = this.spot(from, n);
    if (spot === undefined) return undefined;
    if (spot.to === to) return { n: spot.n, holds };
    return { n: spot.n, holds, at: this.target.places[spot.to] as string };
  }

  /** What an invocation in `to` waits for. */
  open(source: number, open: OpenCommand, to: number): OpenCommand {
    if (open.kind !== "call" && open.kind !== "attach") return open;
    // Answered at once, and told later.
    if (open.n === 0) return open;
    const found = open.n > 0 ? { source, n: open.n } : this.byId(open.id ?? "");
    const spot = found && this.spot(found.source, found.n);
    if (found === undefined || spot === undefined) {
      if (open.n > 0) return { ...open, n: 0 };
      // Of ours, its request or its answer is a message that moves along.
      return this.#isOwn(open.id ?? "") ? open : (this.#foreign(`a call to ${open.id}`) ?? open);
    }
    if (spot.to === to) return { kind: open.kind, n: spot.n, due: open.due };
    if (open.due !== undefined) throw notDrained("an answer that is told in a moment");
    return { kind: open.kind, n: -1, id: idOf(this.row(found)) };
  }

  /** The invocation of an id, where it is one of those that move. */
  byId(id: string): Listed | undefined {
    try {
      const source = partitionOfKey(whereOf(id).partitionKey, this.sources.length);
      const table = this.sources[source]?.queries.table;
      const n = table?.derived(id) ?? numberOfId(id);
      const row = table?.invocation(n);
      if (row === undefined || this.spot(source, n) === undefined) return undefined;
      return table?.derived(id) !== undefined || idOf(row) === id ? { source, n } : undefined;
    } catch {
      return undefined;
    }
  }

  #isOwn(id: string): boolean {
    try {
      const { tag } = whereOf(id);
      const own = placeOf(this.sources[0]?.place ?? "/").app;
      return [own, noApp].some((app) => hexOf(tagOf(app)) === tag);
    } catch {
      return false;
    }
  }

  /** In a directory there is no other app. */
  #foreign(what: string): undefined {
    if (this.target.places[0] !== "") return undefined;
    throw notDrained(what);
  }
}

export function notDrained(what: string): HoldfastError {
  return new HoldfastError("MIGRATION_NOT_DRAINED", {
    happened: `Under way between what moves and what does not: ${what}.`,
    data: { what },
  });
}

interface Ordered extends Listed {
  readonly partitionKey: string;
  /** Instant before which nothing older comes in its source. */
  readonly time: number;
  /** Who waits at one key must keep its turn: numbers of an inbox grow. */
  readonly order: number;
  /** When it ended, of those kept by number. */
  readonly ended: number | undefined;
}

function inOrder(source: number, queries: ColdQueries): Ordered[] {
  const found: (Omit<Ordered, "time"> & { time: number })[] = [];
  for (const row of rowsOf(queries)) {
    const { n, partitionKey, inboxedAt, createdAt, expiry, completedAt } = row;
    const order = inboxedAt || n;
    const ended = expiry !== null && expiry < 0 ? (completedAt ?? 0) : undefined;
    found.push({ source, n, partitionKey, order, time: createdAt, ended });
  }
  found.sort((a, b) => a.order - b.order);
  let latest = 0;
  for (const one of found) one.time = latest = Math.max(latest, one.time);
  return found;
}

function idsIn(queries: ColdQueries): Map<InvocationNumber, string[]> {
  const found = new Map<InvocationNumber, string[]>();
  for (let after: string | undefined; ; ) {
    const { rows, next } = queries.ids(after, pageRows);
    for (const [id, n] of rows) found.set(n, [...(found.get(n) ?? []), id]);
    if (next === undefined) return found;
    after = next;
  }
}

/** Every invocation of a table, without what makes a row long. */
export function* rowsOf(queries: ColdQueries): Generator<InvocationRow> {
  for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined; ) {
    const slice = queries.invocations({}, before, pageRows);
    yield* slice.rows;
    before = slice.next;
  }
}

function expiriesOf(list: readonly Ordered[]): Map<InvocationNumber, number> {
  const kept: { readonly n: number; readonly ended: number }[] = [];
  for (const [i, { ended }] of list.entries()) {
    if (ended !== undefined) kept.push({ n: firstMoved + i, ended });
  }
  const numbers = kept.map(({ n }) => n);
  kept.sort((a, b) => a.ended - b.ended || a.n - b.n);
  return new Map(kept.map(({ n }, i) => [n, countExpiryBase + (numbers[i] as number)]));
}

/** Those names of a source, in order, whose rows go to partition `to`. */
export function* keyRange<T extends KeyName>(
  moving: Moving,
  to: number,
  page: (after: KeyName | undefined) => Slice<T, T>,
): Generator<T> {
  const count = moving.target.places.length;
  const low = Math.ceil((to * 2 ** 32) / count);
  // The last name before the range, if there were one.
  let after: KeyName | undefined =
    to === 0
      ? undefined
      : { partitionKey: low.toString(16).padStart(8, "0"), service: "", key: "" };
  for (;;) {
    const { rows, next } = page(after);
    for (const row of rows) {
      const partition = moving.partitionOf(row.partitionKey);
      if (partition > to) return;
      if (partition === to) yield row;
    }
    if (next === undefined) return;
    after = next;
  }
}
