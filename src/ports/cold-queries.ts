// What operators look at: slices of a cold table in order, each read to its end within one call and
// bounded in what it looks at, so that whoever asks can let others have a turn in between. Every
// answer comes from what is folded, at a position that can be asked for (R3). No rule reads here.
import type { InvocationNumber, InvocationRow, Status, TimerRow } from "../model/row.ts";
import type { ColdRead } from "./cold-table.ts";

export interface InvocationFilter {
  /** Any of these; all when it is left out. */
  readonly statuses?: readonly Status[] | undefined;
  readonly service?: string | undefined;
  readonly key?: string | undefined;
  readonly handler?: string | undefined;
  /** Created at or after, and before, in ms since 1970. */
  readonly createdFrom?: number | undefined;
  readonly createdBefore?: number | undefined;
  /** Has an open command of this kind. */
  readonly waitsFor?: "awakeable" | "signal" | "promise" | undefined;
}

/** `next` is where to go on; undefined at the end. A slice may be empty and still go on. */
export interface Slice<T, N> {
  readonly rows: readonly T[];
  readonly next: N | undefined;
}

/** An object's or workflow's key. */
export interface KeyName {
  readonly partitionKey: string;
  readonly service: string;
  readonly key: string;
}

export interface PromiseName extends KeyName {
  readonly name: string;
}

export interface ColdQueries {
  /** One row and what belongs to it, whole. */
  readonly table: ColdRead;
  /**
   * Invocations with n < before that pass, newest first, without input, headers and value of their
   * result, which may be large.
   */
  invocations(
    filter: InvocationFilter,
    before: InvocationNumber,
    limit: number,
  ): Slice<InvocationRow, InvocationNumber>;
  /** How many of a slice pass. */
  count(
    filter: InvocationFilter,
    before: InvocationNumber,
  ): { readonly count: number; readonly next: InvocationNumber | undefined };
  /** Keys with a lock, an inbox or state, in order. */
  keys(
    service: string | undefined,
    after: KeyName | undefined,
    limit: number,
  ): Slice<KeyName, KeyName>;
  promises(
    service: string | undefined,
    after: PromiseName | undefined,
    limit: number,
  ): Slice<PromiseName, PromiseName>;
  timers(after: TimerRow | undefined, limit: number): Slice<TimerRow, TimerRow>;
  /** Ids that lead to an invocation by the table, in order. */
  ids(after: string | undefined, limit: number): Slice<readonly [string, InvocationNumber], string>;
  close(): void;
}

/** Rows that one slice looks at: some milliseconds. */
export const sliceRowsMax = 5000;
