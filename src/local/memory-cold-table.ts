// The cold table of storage that forgets: the port over maps, with the codec of the durable one.
// Rows are kept encoded and decoded on each read, so that nothing a caller changes later shows
// here, and a value that would not survive a restart does not survive this either (R5).

import type { InvocationColumns } from "../codec/row.ts";
import {
  columnsOf,
  decodeEntries,
  decodeInvocation,
  decodeMeta,
  decodePayload,
  encodeEntries,
  encodeInvocation,
  encodeMeta,
  encodePayload,
  joinEntries,
} from "../codec/row.ts";
import type { Entry } from "../model/entry.ts";
import type { LineRow, MessageRow } from "../model/message.ts";
import type {
  InboxEntry,
  InvocationNumber,
  InvocationRow,
  MetaRow,
  ObjectRow,
  PromiseKey,
  PromiseRow,
  Status,
  TimerRow,
} from "../model/row.ts";
import type { KeyName, PromiseName } from "../ports/cold-queries.ts";
import type { ColdChanges, ColdTable } from "../ports/cold-table.ts";
import { invariant } from "../std/assert.ts";
import { FewMap, FewSet } from "../std/few-map.ts";
import { MemoryOutbox } from "./memory-outbox.ts";
import { MemoryPromises } from "./memory-promises.ts";
import { SortedList } from "./sorted-list.ts";

interface StoredInvocation {
  readonly columns: InvocationColumns;
  readonly rest: string;
}

interface StoredObject {
  at: number;
  lock: InvocationNumber;
  version: number;
  stateBytes: number;
  /** By position of arrival; those beside by the negative of their number. */
  readonly inbox: Map<number, InvocationNumber>;
  readonly state: Map<string, string | null>;
}

/** A journal still being written: its stretches as they were folded, and its entries in all. */
interface OpenJournal {
  readonly stretches: string[];
  length: number;
}

type JournalChange = ColdChanges["journals"] extends Iterable<infer J> ? J : never;

interface Leaving {
  readonly expiry: number;
  readonly n: InvocationNumber;
}

export class MemoryColdTable implements ColdTable {
  #position = 0;
  #chain = 0;
  #meta: string | undefined;
  readonly #invocations = new Map<InvocationNumber, StoredInvocation>();
  readonly #open = new Map<InvocationNumber, OpenJournal>();
  readonly #finished = new Map<InvocationNumber, string>();
  readonly #derived = new Map<string, InvocationNumber>();
  readonly #objects = new Map<string, StoredObject>();
  readonly #promises = new MemoryPromises();
  readonly #timers = new SortedList<TimerRow>(byDue);
  readonly #unfinished = new Map<Status, SortedList<InvocationNumber>>();
  /** Those kept by number, and those kept for a time. */
  readonly #byCount = new SortedList<Leaving>(byExpiry);
  readonly #byTime = new SortedList<Leaving>(byExpiry);

  readonly #outbox = new MemoryOutbox();

  position(): number {
    return this.#position;
  }

  chain(): number {
    return this.#chain;
  }

  meta(): MetaRow | undefined {
    return this.#meta === undefined ? undefined : decodeMeta(this.#meta);
  }

  invocation(n: InvocationNumber): InvocationRow | undefined {
    const stored = this.#invocations.get(n);
    return stored && decodeInvocation(stored.columns, stored.rest);
  }

  journal(n: InvocationNumber, from: number): Entry[] {
    const open = this.#open.get(n);
    const text = open === undefined ? this.#finished.get(n) : joinEntries(open.stretches);
    return text === undefined ? [] : decodeEntries(text).slice(from);
  }

  derivedIds(): Iterable<readonly [string, InvocationNumber]> {
    return this.#derived;
  }

  derived(id: string): InvocationNumber | undefined {
    return this.#derived.get(id);
  }

  object(partitionKey: string, service: string, key: string): ObjectRow | undefined {
    const stored = this.#objects.get(nameOf(partitionKey, service, key));
    if (stored === undefined) return undefined;
    const { at, lock, version, stateBytes } = stored;
    const all = Array.from(stored.inbox, ([at, n]): InboxEntry => ({ at, n }));
    const inbox = all.filter(({ at }) => at > 0).sort((a, b) => a.at - b.at);
    const beside = new FewSet(all.filter(({ at }) => at < 0).map(({ n }) => n));
    const state = new FewMap(Array.from(stored.state, ([name, v]) => [name, decodePayload(v)]));
    const changed = { names: new FewSet<string>(), allNames: false, entered: [], left: [] };
    return {
      ...{ partitionKey, service, key, at, lock, inbox, beside },
      ...{ state, stateBytes, version, changed },
    };
  }

  promise(
    partitionKey: string,
    service: string,
    key: string,
    name: string,
  ): PromiseRow | undefined {
    return this.#promises.get({ partitionKey, service, key }, name);
  }

  promiseNames(partitionKey: string, service: string, key: string): string[] {
    return this.#promises.names({ partitionKey, service, key });
  }

  timers(after: TimerRow | undefined, until: number, limit: number): TimerRow[] {
    const due: TimerRow[] = [];
    for (const timer of this.#timers.after(after)) {
      if (timer.due > until || due.length >= limit) break;
      due.push({ ...timer });
    }
    return due;
  }

  unfinished(status: Status, after: InvocationNumber, limit: number): InvocationNumber[] {
    const found: InvocationNumber[] = [];
    for (const n of this.#unfinished.get(status)?.after(after) ?? []) {
      if (found.length >= limit) break;
      found.push(n);
    }
    return found;
  }

  expiredRuns(until: number, limit: number): InvocationNumber[] {
    const found: InvocationNumber[] = [];
    for (const { expiry, n } of this.#byTime.after()) {
      if (expiry > until || found.length >= limit) break;
      if (this.#isRun(n)) found.push(n);
    }
    return found;
  }

  expires(after: number, until: number): boolean {
    for (const { expiry, n } of this.#byTime.after({ expiry: after, n: Number.MAX_VALUE })) {
      if (expiry > until) return false;
      if (!this.#isRun(n)) return true;
    }
    return false;
  }

  expiredPromises(until: number, limit: number): PromiseKey[] {
    return this.#promises.expired(until, limit);
  }

  countKept(k: number): { readonly kept: number; readonly expiry: number | undefined } {
    const kept = this.#byCount.size;
    const kth = k >= 1 && k <= kept ? this.#byCount.at(kept - k) : undefined;
    return { kept, expiry: kth?.expiry };
  }

  numbers(): Iterable<InvocationNumber> {
    return this.#invocations.keys();
  }

  /** Every key with a lock, an inbox or state. */
  keyNames(): KeyName[] {
    return [...this.#objects.keys()].map(keyNameOf);
  }

  allPromiseNames(): PromiseName[] {
    return this.#promises.all();
  }

  lines(): LineRow[] {
    return this.#outbox.lines();
  }

  messages(to: string, after: number, limit: number): MessageRow[] {
    return this.#outbox.messages(to, after, limit);
  }

  write(changes: ColdChanges): void {
    const finished: InvocationNumber[] = [];
    for (const journal of changes.journals) {
      this.#journal(journal);
      if (journal.end === "finished") finished.push(journal.n);
    }
    for (const [n, row] of changes.invocations) this.#putInvocation(n, row);
    // A finished journal lives and goes with its row.
    for (const n of finished) if (!this.#invocations.has(n)) this.#finished.delete(n);
    for (const [id, n] of changes.derived) {
      if (n === null) this.#derived.delete(id);
      else this.#derived.set(id, n);
    }
    for (const row of changes.objects) this.#putObject(row);
    for (const [row, what] of changes.promises) this.#promises.write(row, what);
    for (const [{ due, n, of }, what] of changes.timers) {
      if (what === "put") this.#timers.add({ due, n, of });
      else this.#timers.delete({ due, n, of });
    }
    this.#outbox.write(changes);
    if (changes.swept !== undefined) this.#sweep(changes.swept);
    this.#meta = encodeMeta(changes.meta);
    this.#position = changes.position;
    this.#chain = changes.chain;
  }

  /** Nothing to let go of: the table goes with the last reference to it. */
  close(): void {}

  #journal({ n, from, entries, end }: JournalChange): void {
    const open = this.#open.get(n) ?? { stretches: [], length: 0 };
    if (end === "dropped") {
      this.#open.delete(n);
      this.#finished.delete(n);
      return;
    }
    invariant(from === open.length, `I4: entry ${from} in a journal of ${open.length}`);
    if (end === "open" && entries.length === 0) return;
    open.stretches.push(encodeEntries(entries));
    open.length += entries.length;
    if (end === "open") {
      this.#open.set(n, open);
    } else {
      this.#open.delete(n);
      this.#finished.set(n, joinEntries(open.stretches));
    }
  }

  #putInvocation(n: InvocationNumber, row: InvocationRow | null): void {
    const before = this.#invocations.get(n)?.columns;
    if (before !== undefined) this.#unindex(before);
    if (row === null) {
      this.#invocations.delete(n);
      this.#open.delete(n);
      this.#finished.delete(n);
      return;
    }
    const { status, expiry } = row;
    this.#invocations.set(n, { columns: columnsOf(row), rest: encodeInvocation(row) });
    if (status !== "completed") this.#withStatus(status).add(n);
    if (expiry !== null) this.#leaving(expiry).add({ expiry, n });
  }

  #unindex({ n, status, expiry }: InvocationColumns): void {
    this.#withStatus(status).delete(n);
    if (expiry !== null) this.#leaving(expiry).delete({ expiry, n });
  }

  #withStatus(status: Status): SortedList<InvocationNumber> {
    const there = this.#unfinished.get(status);
    if (there !== undefined) return there;
    const list = new SortedList<InvocationNumber>((a, b) => a - b);
    this.#unfinished.set(status, list);
    return list;
  }

  #leaving(expiry: number): SortedList<Leaving> {
    return expiry < 0 ? this.#byCount : this.#byTime;
  }

  #putObject(row: ObjectRow): void {
    const { at, lock, version, stateBytes, changed } = row;
    const name = nameOf(row.partitionKey, row.service, row.key);
    const none = row.inbox.length === 0 && row.state.size === 0 && row.beside.size === 0;
    if (lock === 0 && none) {
      this.#objects.delete(name);
      return;
    }
    const { inbox, state } = this.#objects.get(name) ?? { inbox: new Map(), state: new Map() };
    if (changed.allNames) state.clear();
    for (const stateName of changed.allNames ? row.state.keys() : changed.names) {
      const value = row.state.get(stateName);
      if (value === undefined) state.delete(stateName);
      else state.set(stateName, encodePayload(value));
    }
    for (const { at, n } of changed.entered) inbox.set(at, n);
    for (const at of changed.left) inbox.delete(at);
    this.#objects.set(name, { at, lock, version, stateBytes, inbox, state });
  }

  #sweep(swept: { readonly count: number; readonly time: number }): void {
    const leaving: InvocationNumber[] = [];
    for (const [list, until] of [
      [this.#byCount, Math.min(swept.count, 0)],
      [this.#byTime, swept.time],
    ] as const) {
      if (until === 0) continue;
      for (const { expiry, n } of list.after()) {
        if (expiry > until) break;
        if (!this.#isRun(n)) leaving.push(n);
      }
    }
    for (const n of leaving) {
      const id = this.#invocations.get(n)?.columns.derivedId ?? null;
      // An id that by now names a later life stays with it (R1).
      if (id !== null && this.#derived.get(id) === n) this.#derived.delete(id);
      this.#putInvocation(n, null);
    }
  }

  #isRun(n: InvocationNumber): boolean {
    return this.#invocations.get(n)?.columns.mode === "workflow";
  }
}

function nameOf(partitionKey: string, service: string, key: string): string {
  return JSON.stringify([partitionKey, service, key]);
}

function keyNameOf(text: string): KeyName {
  const [partitionKey, service, key] = JSON.parse(text) as [string, string, string];
  return { partitionKey, service, key };
}

function byDue(a: TimerRow, b: TimerRow): number {
  return a.due - b.due || a.n - b.n || a.of - b.of;
}

function byExpiry(a: Leaving, b: Leaving): number {
  return a.expiry - b.expiry || a.n - b.n;
}
