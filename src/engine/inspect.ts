// The reading side of one partition, for operators: it looks at the cold table through a connection
// of its own, never at the hot tables, which run ahead of what is durable (R3). What is asked waits
// until all that was decided by then is folded, so that whoever has just done something sees it; a
// disk or a fold that stands still is waited for only so long, and the position says how far it is.
import type { Entry } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import { parseInvocationId, positionOf } from "../model/ids.ts";
import { idOf } from "../model/invocation-id.ts";
import type { InvocationNumber, InvocationRow, ObjectRow, PromiseRow } from "../model/row.ts";
import { partitionKeyOf } from "../model/target.ts";
import type { Clock } from "../ports/clock.ts";
import type { ColdQueries, InvocationFilter, Slice } from "../ports/cold-queries.ts";
import { targetText } from "../replay/mismatch.ts";
import { Feed } from "./feed.ts";
import type { LatencyView } from "./latencies.ts";

/** How long a read waits for the fold; longer, and it answers with what is there. */
const foldMsMax = 2000;

export interface InspectorParts {
  /** Number of the partition. */
  readonly index: number;
  readonly clock: Clock;
  /** Undefined where its storage cannot be looked at. */
  queries(): ColdQueries | undefined;
  /** Resolves when all that is decided by now is in the cold table. */
  fold(): Promise<void>;
  gauges(): Gauges;
  latencies(): LatencyView[];
  readonly tablePath: string | undefined;
}

/** How a partition does, for metrics: numbers only, of no single invocation. */
export interface Gauges {
  /** Newest durable position, and the one the table is folded to. */
  readonly durable: number;
  readonly folded: number;
  /** Bytes durable and not yet folded; bytes of changelog held. */
  readonly lagBytes: number;
  readonly changelogBytes: number;
  readonly attemptsOpen: number;
  readonly attemptsActive: number;
  readonly admissionStopped: boolean;
  readonly epoch: number;
}

export class Inspector {
  readonly index: number;
  readonly #parts: InspectorParts;
  #queries: ColdQueries | undefined;
  #closed = false;

  readonly feed: Feed;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
    this.index = parts.index;
    this.feed = new Feed({
      partition: parts.index,
      now: () => this.now,
      find: (n) => this.#who(n),
    });
  }

  get gauges(): Gauges {
    return this.#parts.gauges();
  }

  get latencies(): LatencyView[] {
    return this.#parts.latencies();
  }

  get tablePath(): string | undefined {
    return this.#parts.tablePath;
  }

  /** Lets the table take in what was decided by now; answers the position it is folded to. */
  async settle(): Promise<number> {
    const { clock, fold } = this.#parts;
    let stop = (): void => {};
    const late = new Promise<void>((resolve) => {
      const timer = clock.after(foldMsMax, resolve);
      stop = () => timer.cancel();
    });
    await Promise.race([fold(), late]).finally(stop);
    return this.queries.table.position();
  }

  /** @throws HoldfastError `QUERY_UNAVAILABLE`. */
  get queries(): ColdQueries {
    if (this.#closed) throw new HoldfastError("ENGINE_CLOSED");
    this.#queries ??= this.#parts.queries();
    if (this.#queries === undefined) throw new HoldfastError("QUERY_UNAVAILABLE");
    return this.#queries;
  }

  get now(): number {
    return this.#parts.clock.now();
  }

  byNumber(n: InvocationNumber): InvocationRow | undefined {
    const row = this.queries.table.invocation(n);
    return row === undefined || this.#expired(row) ? undefined : row;
  }

  /** @throws HoldfastError `INVOCATION_ID_INVALID`. */
  byId(id: string): InvocationRow | undefined {
    const minted = positionOf(parseInvocationId(id).uuid);
    const derived = this.queries.table.derived(id);
    const row = this.byNumber(derived ?? minted);
    // More than one id may lead to it: the one it was sent under, the one it had elsewhere.
    return row !== undefined && (derived !== undefined || idOf(row) === id) ? row : undefined;
  }

  journal(n: InvocationNumber, from: number, limit: number): Entry[] {
    return this.queries.table.journal(n, from).slice(0, limit);
  }

  object(service: string, key: string): ObjectRow | undefined {
    return this.queries.table.object(partitionKeyOf(service, key), service, key);
  }

  promise(service: string, key: string, name: string): PromiseRow | undefined {
    return this.queries.table.promise(partitionKeyOf(service, key), service, key, name);
  }

  /** The next invocations below `before` that pass, newest first; others have turns meanwhile. */
  async invocations(
    filter: InvocationFilter,
    before: InvocationNumber,
    limit: number,
  ): Promise<Slice<InvocationRow, InvocationNumber>> {
    const rows: InvocationRow[] = [];
    for (let next = before; ; ) {
      const slice = this.queries.invocations(filter, next, limit - rows.length);
      rows.push(...slice.rows.filter((row) => !this.#expired(row)));
      if (slice.next === undefined || rows.length >= limit) return { rows, next: slice.next };
      next = slice.next;
      await this.turn();
    }
  }

  /** Counts until `msMax` is over; `whole` says whether it came to the end. */
  async count(
    filter: InvocationFilter,
    msMax: number,
  ): Promise<{ readonly count: number; readonly whole: boolean }> {
    const { clock } = this.#parts;
    const until = clock.monotonic() + msMax;
    let count = 0;
    for (let next: number | undefined = Number.MAX_SAFE_INTEGER; next !== undefined; ) {
      if (clock.monotonic() > until) return { count, whole: false };
      const slice = this.queries.count(filter, next);
      count += slice.count;
      next = slice.next;
      if (next !== undefined) await this.turn();
    }
    return { count, whole: true };
  }

  /** Lets others have theirs. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.nextTurn(resolve));
  }

  close(): void {
    this.#closed = true;
    this.#queries?.close();
    this.#queries = undefined;
  }

  #who(n: InvocationNumber): { id: string; target: string; createdAt: number } | undefined {
    let row: InvocationRow | undefined;
    try {
      row = this.queries.table.invocation(n);
    } catch {
      // Without a name, then: whoever watches is not who mends a table.
    }
    return row && { id: idOf(row), target: targetText(row), createdAt: row.createdAt };
  }

  /** What has expired is absent, swept or not (R17). */
  #expired({ expiry }: InvocationRow): boolean {
    return expiry !== null && expiry > 0 && expiry <= this.now;
  }
}
