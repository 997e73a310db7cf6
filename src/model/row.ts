// One row type per table of a partition, hot or cold. Rows are written by partition/apply.ts alone;
// everybody else reads them. `at` is the position of the row's last change.
import type { MapLike, SetLike } from "../std/few-map.ts";
import type { CommandIndex, Entry } from "./entry.ts";
import type { Failure, Payload, Result } from "./payload.ts";

/**
 * Names one life of an invocation within its partition: the position of the record that created it.
 * Positions are never used twice, so it is also the incarnation inside the partition (R1).
 */
export type InvocationNumber = number;

/** All of them, in the order a life goes through them. */
export const statuses = [
  "scheduled",
  "inboxed",
  "ready",
  "running",
  "suspended",
  "backing-off",
  "paused",
  "completed",
] as const;

export type Status = (typeof statuses)[number];

/** Those of invocations that have not ended. */
export const openStatuses: readonly Status[] = statuses.filter((status) => status !== "completed");

/** How a handler runs: `exclusive` holds its key's lock, `workflow` is a workflow's `run`. */
export type Mode = "plain" | "exclusive" | "shared" | "workflow";

/** Who waits for a result: a command of an invocation, of this partition unless it says where. */
export interface Waiter {
  readonly n: InvocationNumber;
  readonly of: CommandIndex;
  readonly at?: string | undefined;
  readonly incarnation?: string | undefined;
}

/** An invocation that waits, directly or not, for this one; and the key it holds (R12). */
export interface ChainLink {
  readonly n: InvocationNumber;
  /** `service/key` of the lock it holds, null when it holds none. */
  readonly holds: string | null;
  /** Where it is, when not in this partition. */
  readonly at?: string | undefined;
}

/** A command asked and not yet answered: what the invocation waits for. */
export type OpenCommand =
  /** `due`: the answer is there, and is told then (R18). */
  | {
      readonly kind: "call" | "attach";
      /** -1: it is in another partition, and named by its id. */
      readonly n: InvocationNumber;
      readonly id?: string | undefined;
      readonly due?: number | undefined;
    }
  | {
      readonly kind: "run";
      readonly name: string;
      /** Failed tries so far, when the first began, and when the next is due. */
      readonly tries?: number | undefined;
      readonly since?: number | undefined;
      readonly due?: number | undefined;
      readonly error?: Failure | undefined;
    }
  | { readonly kind: "sleep"; readonly due: number }
  | { readonly kind: "awakeable" }
  | { readonly kind: "signal"; readonly name: string }
  | { readonly kind: "promise"; readonly name: string; readonly due?: number | undefined };

/** When an open command is looked at again, where a time is set for it. */
export function dueOf(open: OpenCommand): number | undefined {
  return "due" in open ? open.due : undefined;
}

/** Where a restarted invocation comes from, and what of it was kept (R21). */
export interface Origin {
  readonly n: InvocationNumber;
  /** The incarnation its random values, and the keys of the copied steps, derive from. */
  readonly incarnation: string;
  /** Commands copied. */
  readonly commands: number;
  readonly begunAt: number | null;
}

/** What an invocation was known as where it was moved from; its ids stay what they were. */
export interface Former {
  /** The number that its awakeables' ids carry. */
  readonly n: InvocationNumber;
  /** Its id in text. */
  readonly id: string;
}

/** Why an invocation is paused. `revisions` are those of the code already tried on it (R11). */
export interface Pause {
  readonly failure: Failure;
  /** Set when it waits for other code rather than for an operator. */
  readonly awaitsRevision: boolean;
  readonly revisions: readonly string[];
}

export interface InvocationRow {
  readonly n: InvocationNumber;
  /** 16 hexadecimal digits; rows of a partition are a range of them (R19). */
  readonly partitionKey: string;
  /** 22 characters of base64url: 128 random bits that name this life (R1). */
  readonly incarnation: string;
  /** Its id in text where that is derived from names; minted from n and incarnation otherwise. */
  readonly derivedId: string | null;
  readonly service: string;
  readonly key: string | null;
  readonly handler: string;
  readonly mode: Mode;
  readonly input: Payload;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly idempotencyKey: string | null;
  /** Milliseconds kept after its end; null: among the newest ones; -1: for ever. */
  readonly retention: number | null;
  readonly chain: readonly ChainLink[];
  readonly createdAt: number;
  /** Set when it was restarted from another invocation. */
  readonly origin: Origin | null;
  /** A shared handler of a workflow: what is the key's stays until it has ended (R17). */
  readonly beside: boolean;
  /** Set when it was moved here from another partition's history. */
  readonly former: Former | null;
  at: number;
  status: Status;
  modifiedAt: number;
  /** Time of its first attempt: what `ctx.date` says before anything else was learned. */
  begunAt: number | null;
  completedAt: number | null;
  /** Attempts begun. The number of the last one is its fencing token (I8). */
  attempt: number;
  /** Attempts failed in a row, and when the first of them failed. */
  failures: number;
  failingSince: number | null;
  lastFailure: Failure | null;
  /** Unclean ends of the process while an attempt was open (R10). */
  crashes: number;
  /** Epoch in which the last attempt began. */
  epoch: number;
  /** Revision of the code that wrote the last entry. */
  revision: string | null;
  /** Entries in its journal, and commands among them. */
  entries: number;
  commands: number;
  open: MapLike<CommandIndex, OpenCommand>;
  /** Signals that came before they were asked for: name → how many. */
  buffered: MapLike<string, number>;
  cancelled: boolean;
  waiters: Waiter[];
  /** When it is to start or to be tried again; else null. */
  due: number | null;
  /** The name its key is found by, once somebody looked for it; kept by no table. */
  objectName?: string | undefined;
  /** Position at which it entered its key's inbox; 0 when it waits in none. */
  inboxedAt: number;
  pause: Pause | null;
  result: Result | null;
  /** Where it leaves: see `expiryOf`. Null while it is not completed or is kept for ever. */
  expiry: number | null;
}

/** An object's (or workflow's) key: its lock, its inbox and its state, read together. */
export interface ObjectRow {
  readonly partitionKey: string;
  readonly service: string;
  readonly key: string;
  /** The name it is found by, once somebody looked for it; kept by no table. */
  name?: string | undefined;
  at: number;
  /** The exclusive invocation that holds the key, 0 when none (I6). */
  lock: InvocationNumber;
  /** Who waits, in order of arrival. */
  inbox: InboxEntry[];
  /** Shared handlers of a workflow that have not ended (R17). */
  readonly beside: SetLike<InvocationNumber>;
  state: MapLike<string, Payload>;
  /** Bytes of all names and values. */
  stateBytes: number;
  /** Grows with each change of state: the version an operator's edit names. */
  version: number;
  /** What differs from the cold table; only the materialiser asks. */
  readonly changed: ObjectChanges;
}

export interface InboxEntry {
  readonly at: number;
  readonly n: InvocationNumber;
}

export interface ObjectChanges {
  readonly names: SetLike<string>;
  allNames: boolean;
  /** Of the inbox; and, with the negative of its number as `at`, of those beside. */
  readonly entered: InboxEntry[];
  readonly left: number[];
}

/** A due time and what is then to be told: command `of` of invocation n, or (-1) n itself. */
export interface TimerRow {
  readonly due: number;
  readonly n: InvocationNumber;
  readonly of: number;
}

export interface PromiseRow {
  readonly partitionKey: string;
  readonly service: string;
  readonly key: string;
  readonly name: string;
  at: number;
  result: Result | null;
  waiters: Waiter[];
  /** When it leaves unless something keeps it; null: with its run (R17). */
  expiry: number | null;
}

/** Where a durable promise is found. */
export type PromiseKey = Pick<PromiseRow, "service" | "key" | "name">;

/** What belongs to the partition as a whole. */
export interface MetaRow {
  at: number;
  /** Time of the last record: stamps never go back (R21). */
  time: number;
  epoch: number;
  /** Whether the epoch before ended without closing (R10). */
  unclean: boolean;
  secret: string;
  /** Producer line of this partition (R23). */
  line: string;
  /** Where it is in a cluster: the text of a place; empty where there is no other partition. */
  place: string;
  /** Everything with an expiry at or below these is gone (R17): by number, and by time. */
  sweptCount: number;
  sweptTime: number;
}

/** The part of a journal that memory holds: entries from index `from` on, with their positions. */
export interface JournalRow {
  readonly n: InvocationNumber;
  at: number;
  from: number;
  readonly entries: Entry[];
  readonly positions: number[];
}

/**
 * Completed invocations leave in the order of their expiry. Those kept by number expire at their
 * position of completion, moved below every time: one order, and one index, serves both.
 */
export const countExpiryBase: number = -(2 ** 52);

/** The expiry of an invocation completed at `position` and `time` with this retention. */
export function expiryOf(retention: number | null, position: number, time: number): number | null {
  if (retention === null) return countExpiryBase + position;
  return retention < 0 ? null : time + retention;
}
