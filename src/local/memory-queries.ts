// What operators look at, over the cold table in memory: it reads all rows each time, which is
// little where memory holds everything anyway.
import type { InvocationNumber, InvocationRow, TimerRow } from "../model/row.ts";
import type {
  ColdQueries,
  InvocationFilter,
  KeyName,
  PromiseName,
  Slice,
} from "../ports/cold-queries.ts";
import type { MemoryColdTable } from "./memory-cold-table.ts";

export class MemoryQueries implements ColdQueries {
  readonly table: MemoryColdTable;

  constructor(table: MemoryColdTable) {
    this.table = table;
  }

  invocations(
    filter: InvocationFilter,
    before: InvocationNumber,
    limit: number,
  ): Slice<InvocationRow, InvocationNumber> {
    const rows: InvocationRow[] = [];
    for (const n of this.#numbers(before)) {
      const row = this.table.invocation(n);
      if (row === undefined || !passes(row, filter)) continue;
      rows.push(row);
      if (rows.length === limit) return { rows, next: n };
    }
    return { rows, next: undefined };
  }

  count(filter: InvocationFilter, before: InvocationNumber): { count: number; next: undefined } {
    let count = 0;
    for (const n of this.#numbers(before)) {
      const row = this.table.invocation(n);
      if (row !== undefined && passes(row, filter)) count++;
    }
    return { count, next: undefined };
  }

  keys(
    service: string | undefined,
    after: KeyName | undefined,
    limit: number,
  ): Slice<KeyName, KeyName> {
    return sliceOf(
      this.table.keyNames(),
      service,
      after,
      limit,
      ({ partitionKey, key, ...name }) => [partitionKey, name.service, key],
    );
  }

  promises(
    service: string | undefined,
    after: PromiseName | undefined,
    limit: number,
  ): Slice<PromiseName, PromiseName> {
    const partsOf = ({ partitionKey, key, name, ...of }: PromiseName): string[] => [
      partitionKey,
      of.service,
      key,
      name,
    ];
    return sliceOf(this.table.allPromiseNames(), service, after, limit, partsOf);
  }

  timers(after: TimerRow | undefined, limit: number): Slice<TimerRow, TimerRow> {
    const rows = this.table.timers(after, Number.MAX_SAFE_INTEGER, limit);
    return { rows, next: rows.length < limit ? undefined : rows.at(-1) };
  }

  ids(
    after: string | undefined,
    limit: number,
  ): Slice<readonly [string, InvocationNumber], string> {
    const rows = [...this.table.derivedIds()]
      .filter(([id]) => after === undefined || id > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit);
    return { rows, next: rows.length < limit ? undefined : rows.at(-1)?.[0] };
  }

  close(): void {}

  #numbers(before: InvocationNumber): InvocationNumber[] {
    return [...this.table.numbers()].filter((n) => n < before).sort((a, b) => b - a);
  }
}

function sliceOf<T extends KeyName>(
  all: Iterable<T>,
  service: string | undefined,
  after: T | undefined,
  limit: number,
  partsOf: (name: T) => readonly string[],
): Slice<T, T> {
  const rows = [...all]
    .filter((name) => service === undefined || name.service === service)
    .filter((name) => after === undefined || compare(partsOf(name), partsOf(after)) > 0)
    .sort((a, b) => compare(partsOf(a), partsOf(b)))
    .slice(0, limit);
  return { rows, next: rows.length < limit ? undefined : rows.at(-1) };
}

function compare(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  if (at < 0) return 0;
  return (a[at] as string) < (b[at] as string) ? -1 : 1;
}

function passes(row: InvocationRow, filter: InvocationFilter): boolean {
  const { statuses, service, key, handler, createdFrom, createdBefore, waitsFor } = filter;
  return (
    (statuses === undefined || statuses.includes(row.status)) &&
    (service === undefined || row.service === service) &&
    (key === undefined || row.key === key) &&
    (handler === undefined || row.handler === handler) &&
    (createdFrom === undefined || row.createdAt >= createdFrom) &&
    (createdBefore === undefined || row.createdAt < createdBefore) &&
    (waitsFor === undefined || [...row.open.values()].some(({ kind }) => kind === waitsFor))
  );
}
