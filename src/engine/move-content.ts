// What a place holds, as sums that do not depend on how it is cut into partitions or numbered (R19):
// each row with every number in it replaced by the id it stands for, hashed, and the hashes added.
// Equal before and after a move, or something was lost, doubled or changed.
import type { Entry } from "../model/entry.ts";
import { whereOf } from "../model/ids.ts";
import { addressOf, calleeId, idOf, numberOfId } from "../model/invocation-id.ts";
import { partitionOfKey } from "../model/place.ts";
import type { InvocationNumber, InvocationRow, OpenCommand, Waiter } from "../model/row.ts";
import type { ColdQueries } from "../ports/cold-queries.ts";
import { hexOf, utf8 } from "../std/bytes.ts";
import { sha256 } from "../std/sha256.ts";
import { type MoveSource, rowsOf } from "./moving.ts";

/** How many there are, and the sum of their SHA-256, hexadecimal. */
export interface Sum {
  readonly count: number;
  readonly sum: string;
}

export interface Content {
  readonly invocations: Sum;
  readonly journals: Sum;
  readonly keys: Sum;
  readonly promises: Sum;
  readonly timers: Sum;
}

const pageRows = 1000;

export function contentOf(parts: readonly MoveSource[]): Content {
  return new Reading(parts).content();
}

/** Ids of `sources` that do not lead to the same life in `targets`: the first few. */
export function lostIds(sources: readonly MoveSource[], targets: readonly MoveSource[]): string[] {
  const lost: string[] = [];
  const look = (id: string, incarnation: string): void => {
    if (lost.length < 3 && livesAt(targets, id)?.incarnation !== incarnation) lost.push(id);
  };
  for (const { queries } of sources) {
    for (const row of rowsOf(queries)) look(idOf(row), row.incarnation);
    for (const [id, n] of idsOf(queries)) {
      const row = queries.table.invocation(n);
      if (row !== undefined) look(id, row.incarnation);
    }
  }
  return lost;
}

function* idsOf(queries: ColdQueries): Generator<readonly [string, InvocationNumber]> {
  for (let after: string | undefined; ; ) {
    const { rows, next } = queries.ids(after, pageRows);
    yield* rows;
    if (next === undefined) return;
    after = next;
  }
}

function livesAt(parts: readonly MoveSource[], id: string): InvocationRow | undefined {
  const { partitionKey } = whereOf(id);
  const table = parts[partitionOfKey(partitionKey, parts.length)]?.queries.table;
  return table?.invocation(table.derived(id) ?? numberOfId(id));
}

class Reading {
  readonly #parts: readonly MoveSource[];
  readonly #ids: readonly Map<InvocationNumber, string>[];
  readonly #byPlace: ReadonlyMap<string, number>;

  constructor(parts: readonly MoveSource[]) {
    this.#parts = parts;
    this.#byPlace = new Map(parts.map(({ place }, i) => [place, i]));
    this.#ids = parts.map(({ queries }) => {
      const ids = new Map<InvocationNumber, string>();
      for (const row of rowsOf(queries)) ids.set(row.n, idOf(row));
      return ids;
    });
  }

  content(): Content {
    const [invocations, journals] = [new Adder(), new Adder()];
    const [keys, promises, timers] = [new Adder(), new Adder(), new Adder()];
    for (const [part, { queries }] of this.#parts.entries()) {
      for (const [n, id] of this.#ids[part] ?? []) {
        const row = queries.table.invocation(n);
        if (row !== undefined) invocations.add(this.#invocation(part, row));
        const entries = queries.table.journal(n, 0);
        if (entries.length > 0) journals.add([id, entries.map(entryOf)]);
      }
      this.#keys(part, queries, keys);
      this.#promises(part, queries, promises);
      this.#timers(part, queries, timers);
    }
    return {
      invocations: invocations.sum,
      journals: journals.sum,
      keys: keys.sum,
      promises: promises.sum,
      timers: timers.sum,
    };
  }

  #invocation(part: number, row: InvocationRow): unknown {
    const { n, at, epoch, inboxedAt, objectName, derivedId, former, ...rest } = row;
    const { chain, open, buffered, waiters, origin, expiry, ...same } = rest;
    return {
      id: idOf(row),
      address: addressOf(row),
      ...same,
      // By number it has an order, and no time.
      expiry: expiry !== null && expiry < 0 ? "by number" : expiry,
      origin: origin && { ...origin, n: 0 },
      chain: chain.flatMap(({ n: of, holds, at: place }) => {
        const id = this.#name(part, of, place);
        return id === undefined ? [] : [[id, holds]];
      }),
      open: [...open].map(([of, command]) => [of, this.#open(part, command)]),
      buffered: [...buffered].sort(([a], [b]) => (a < b ? -1 : 1)),
      waiters: this.#waiters(part, waiters),
    };
  }

  #waiters(part: number, waiters: readonly Waiter[]): unknown[] {
    const named = waiters.flatMap(({ n, of, at }) => {
      const id = this.#name(part, n, at);
      return id === undefined ? [] : [`${id} ${of}`];
    });
    return named.sort();
  }

  #open(part: number, open: OpenCommand): unknown {
    if (open.kind !== "call" && open.kind !== "attach") return open;
    const { kind, due = null } = open;
    if (open.n >= 0) return { kind, due, id: this.#name(part, open.n, undefined) ?? null };
    const row = livesAt(this.#parts, open.id ?? "");
    return { kind, due, id: row === undefined ? open.id : idOf(row) };
  }

  /** Undefined for one that is gone. */
  #name(part: number, n: InvocationNumber, place: string | undefined): string | undefined {
    if (place === undefined) return this.#ids[part]?.get(n);
    const other = this.#byPlace.get(place);
    return other === undefined ? `${place} ${n}` : this.#ids[other]?.get(n);
  }

  #keys(part: number, queries: ColdQueries, sum: Adder): void {
    for (let after: Parameters<ColdQueries["keys"]>[1]; ; ) {
      const { rows, next } = queries.keys(undefined, after, pageRows);
      for (const { partitionKey, service, key } of rows) {
        const object = queries.table.object(partitionKey, service, key);
        if (object === undefined) continue;
        const lock = this.#name(part, object.lock, undefined) ?? null;
        const inbox = object.inbox.map(({ n }) => this.#name(part, n, undefined));
        const beside = [...object.beside].map((n) => this.#name(part, n, undefined)).sort();
        const state = [...object.state].sort(([a], [b]) => (a < b ? -1 : 1));
        const { version } = object;
        sum.add({ service, key, lock, inbox, beside, state, version });
      }
      if (next === undefined) return;
      after = next;
    }
  }

  #promises(part: number, queries: ColdQueries, sum: Adder): void {
    for (let after: Parameters<ColdQueries["promises"]>[1]; ; ) {
      const { rows, next } = queries.promises(undefined, after, pageRows);
      for (const { partitionKey, service, key, name } of rows) {
        const row = queries.table.promise(partitionKey, service, key, name);
        if (row === undefined) continue;
        const { result, expiry } = row;
        sum.add({ service, key, name, result, expiry, waiters: this.#waiters(part, row.waiters) });
      }
      if (next === undefined) return;
      after = next;
    }
  }

  #timers(part: number, queries: ColdQueries, sum: Adder): void {
    for (let after: Parameters<ColdQueries["timers"]>[0]; ; ) {
      const { rows, next } = queries.timers(after, pageRows);
      for (const { due, n, of } of rows) {
        const id = this.#name(part, n, undefined);
        if (id !== undefined) sum.add([due, id, of]);
      }
      if (next === undefined) return;
      after = next;
    }
  }
}

/** The callee of a call by its id. */
function entryOf(entry: Entry): unknown {
  if (entry.kind !== "command") return entry;
  const { command } = entry;
  if ((command.kind !== "call" && command.kind !== "send") || command.callee === null) return entry;
  const { service, key } = command.target;
  return { ...entry, command: { ...command, callee: calleeId(service, key, command.callee) } };
}

/** A sum modulo 2^256. */
class Adder {
  #count = 0;
  readonly #sum = new Uint8Array(32);

  add(row: unknown): void {
    this.#count++;
    const hash = sha256(utf8(canonical(row)));
    let carry = 0;
    for (let i = 31; i >= 0; i--) {
      const digit = (this.#sum[i] as number) + (hash[i] as number) + carry;
      this.#sum[i] = digit & 0xff;
      carry = digit >> 8;
    }
  }

  get sum(): Sum {
    return { count: this.#count, sum: hexOf(this.#sum) };
  }
}

/** JSON whose fields are in the order of their names: rows are built in more than one way. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
