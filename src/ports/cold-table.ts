// The cold table: every row of a partition as folded up to one position. It is read synchronously,
// so that deciding needs no await, and written by the materialiser alone, a stretch of changelog at
// a time, rows and position in one transaction. It knows rows, never rules.

import type { Entry } from "../model/entry.ts";
import type { LineRow, MessageRow } from "../model/message.ts";
import type {
  InvocationNumber,
  InvocationRow,
  MetaRow,
  ObjectRow,
  PromiseKey,
  PromiseRow,
  Status,
  TimerRow,
} from "../model/row.ts";

export interface ColdRead {
  /** Position up to which the rows seen are folded; 0 for an empty table. */
  position(): number;
  /** Chain checksum of the changelog at that position; 0 for an empty table. */
  chain(): number;
  meta(): MetaRow | undefined;
  invocation(n: InvocationNumber): InvocationRow | undefined;
  /** Entries from index `from` on, in order; of finished invocations too. */
  journal(n: InvocationNumber, from: number): Entry[];
  /** The invocation a derived id (workflow key, idempotency key) names. */
  derived(id: string): InvocationNumber | undefined;
  /** Lock, inbox and state of one key in one read; undefined when the key has no rows. */
  object(partitionKey: string, service: string, key: string): ObjectRow | undefined;
  promise(partitionKey: string, service: string, key: string, name: string): PromiseRow | undefined;
  /** Names of the promises of one workflow key. */
  promiseNames(partitionKey: string, service: string, key: string): string[];
  /** Timers after `after` (exclusive) and due at or before `until`, by (due, n, of). */
  timers(after: TimerRow | undefined, until: number, limit: number): TimerRow[];
  /** Unfinished invocations of one status with n > after, ascending. */
  unfinished(status: Status, after: InvocationNumber, limit: number): InvocationNumber[];
  /** Completed workflow runs whose expiry lies in (0, until], ascending by expiry. */
  expiredRuns(until: number, limit: number): InvocationNumber[];
  /** Whether a completed invocation that is no run has its expiry in (after, until]. */
  expires(after: number, until: number): boolean;
  /** Promises whose expiry is at or before `until`, ascending by expiry. */
  expiredPromises(until: number, limit: number): PromiseKey[];
  /** How many completed invocations are kept by number, and the expiry of the k-th newest. */
  countKept(k: number): { readonly kept: number; readonly expiry: number | undefined };
  /** The ways to and from other partitions: few, and read when a partition is opened. */
  lines(): LineRow[];
  /** Messages in the outbox for one destination, after number `after`, ascending. */
  messages(to: string, after: number, limit: number): MessageRow[];
}

/** What one fold changes. A row given replaces the row held; null removes it. */
export interface ColdChanges {
  readonly position: number;
  readonly chain: number;
  readonly meta: MetaRow;
  readonly invocations: Iterable<readonly [InvocationNumber, InvocationRow | null]>;
  /**
   * New entries of journals, from index `from` on. `finished`: the whole journal becomes one blob in
   * its row, whatever of it the table already holds included. `dropped`: nothing of it stays.
   */
  readonly journals: Iterable<{
    readonly n: InvocationNumber;
    readonly from: number;
    readonly entries: readonly Entry[];
    readonly end: "open" | "finished" | "dropped";
  }>;
  readonly derived: Iterable<readonly [string, InvocationNumber | null]>;
  /** Objects whose `changed` says what to write; one without lock, inbox and state is removed. */
  readonly objects: Iterable<ObjectRow>;
  readonly promises: Iterable<readonly [PromiseRow, "put" | "delete"]>;
  readonly timers: Iterable<readonly [TimerRow, "put" | "delete"]>;
  /** A line to a destination takes with it what that has accepted of the outbox. */
  readonly lines: Iterable<LineRow>;
  readonly messages: Iterable<MessageRow>;
  /**
   * What completed with an expiry at or below these goes after all else was written (R17), with its
   * journal, and its derived id where that still names it. A bound of 0 sweeps nothing; workflow
   * runs stay: they leave by rows removed one by one.
   */
  readonly swept: { readonly count: number; readonly time: number } | undefined;
}

export interface ColdTable extends ColdRead {
  write(changes: ColdChanges): void;
  close(): void;
}
