// What a partition may decide: the content of the changelog. A change is plain JSON data and says
// what came out, never what was asked, so that recovery applies and does not decide again (I3).
// Every released shape of these stays readable for ever (golden bytes).
import type { CommandEntry, CommandIndex, Entry, Notification } from "./entry.ts";
import type { Message } from "./message.ts";
import type { Failure, Payload, Result } from "./payload.ts";
import type {
  ChainLink,
  Former,
  InvocationNumber,
  InvocationRow,
  Mode,
  OpenCommand,
  Origin,
  Waiter,
} from "./row.ts";

/** A new invocation as it is logged. Its number is the position of the record. */
export interface NewInvocation {
  readonly partitionKey: string;
  readonly incarnation: string;
  readonly derivedId?: string | undefined;
  readonly service: string;
  readonly key: string | null;
  readonly handler: string;
  readonly mode: Mode;
  readonly input: Payload;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Milliseconds kept after its end; absent: among the newest ones; -1: for ever. */
  readonly retention?: number | undefined;
  readonly chain?: readonly ChainLink[] | undefined;
  readonly waiter?: Waiter | undefined;
  /** When it is to start; absent: at once. */
  readonly due?: number | undefined;
  readonly origin?: Origin | undefined;
  /** A shared handler of a workflow: what is the key's stays until it has ended (R17). */
  readonly beside?: true | undefined;
  /** Room for the cluster: who asked, by request id (R26) and by producer (R23). */
  readonly request?: string | undefined;
}

/** A row as it is moved: what its new place gives it anew is left out. */
export interface MovedInvocation
  extends Omit<
    InvocationRow,
    | "n"
    | "at"
    | "epoch"
    | "entries"
    | "inboxedAt"
    | "objectName"
    | "open"
    | "buffered"
    | "waiters"
    | "former"
  > {
  readonly former: Former;
  readonly open: readonly (readonly [CommandIndex, OpenCommand])[];
  readonly buffered: readonly (readonly [string, number])[];
  readonly waiters: readonly Waiter[];
}

export type Change =
  | {
      /** The first record of a changelog: what names this partition's history (R23). */
      readonly kind: "genesis";
      readonly secret: string;
      readonly line: string;
      /** In a cluster: the text of its place. */
      readonly place?: string | undefined;
    }
  | {
      /** A new epoch begins (I2). `unclean`: the one before did not close (R10). */
      readonly kind: "led";
      readonly epoch: number;
      readonly nonce: string;
      readonly unclean: boolean;
    }
  | { readonly kind: "invoked"; readonly invocation: NewInvocation }
  /** It waits its turn at its key. */
  | { readonly kind: "inboxed"; readonly n: InvocationNumber }
  /** It may run, holding its key, and waits for a slot. */
  | {
      readonly kind: "ready";
      readonly n: InvocationNumber;
      /** Its attempt ended with the process (R10). */
      readonly crashed?: true | undefined;
    }
  | {
      /** An attempt begins; `crashed`: the one before ended with the process (R10). */
      readonly kind: "started";
      readonly n: InvocationNumber;
      readonly crashed?: true | undefined;
    }
  /** The handler asked; `open` when the answer comes later. */
  | {
      readonly kind: "command";
      readonly n: InvocationNumber;
      readonly entry: CommandEntry;
      readonly open?: OpenCommand | undefined;
    }
  | {
      readonly kind: "notified";
      readonly n: InvocationNumber;
      readonly notification: Notification;
    }
  /** The answer of a command is there; it is told at `due`, in a record of its own (R18). */
  | {
      readonly kind: "deferred";
      readonly n: InvocationNumber;
      readonly of: number;
      readonly due: number;
    }
  | { readonly kind: "suspended"; readonly n: InvocationNumber }
  /** An attempt failed; the next is due. */
  | {
      readonly kind: "failed";
      readonly n: InvocationNumber;
      readonly failure: Failure;
      readonly due: number;
    }
  /** A try of a step failed; the next is due. */
  | {
      readonly kind: "stepFailed";
      readonly n: InvocationNumber;
      readonly of: number;
      readonly failure: Failure;
      readonly due: number;
    }
  /** A timer came due and is gone. */
  | {
      readonly kind: "timerFired";
      readonly due: number;
      readonly n: InvocationNumber;
      readonly of: number;
    }
  | {
      readonly kind: "paused";
      readonly n: InvocationNumber;
      readonly failure: Failure;
      /** Revision of the code that cannot go on: it waits for another (R11). */
      readonly awaitsRevision?: true | undefined;
      readonly revision?: string | undefined;
    }
  | { readonly kind: "finished"; readonly n: InvocationNumber; readonly result: Result }
  /** A command of an invocation waits for this one's result. */
  | { readonly kind: "awaited"; readonly n: InvocationNumber; readonly waiter: Waiter }
  | {
      readonly kind: "promiseAwaited";
      readonly service: string;
      readonly key: string;
      readonly name: string;
      readonly waiter: Waiter;
      /** With its first change, where no run is there to keep it: when it leaves (R17). */
      readonly expiry?: number | undefined;
    }
  | {
      readonly kind: "promiseCompleted";
      readonly service: string;
      readonly key: string;
      readonly name: string;
      readonly result: Result;
      readonly expiry?: number | undefined;
    }
  /** Its time came, and a run (null) or who waits for it keeps it: until then at least. */
  | {
      readonly kind: "promiseKept";
      readonly service: string;
      readonly key: string;
      readonly name: string;
      readonly expiry: number | null;
    }
  /** Its time came, and no run and nobody who waits needs it. */
  | {
      readonly kind: "promiseLeft";
      readonly service: string;
      readonly key: string;
      readonly name: string;
    }
  /** An operator's edit of an object's state: null removes the name (R21). */
  | {
      readonly kind: "stateEdited";
      readonly service: string;
      readonly key: string;
      readonly clear: boolean;
      readonly values: readonly (readonly [string, Payload])[];
    }
  /** The journal of a restarted invocation begins with these entries of another. */
  | {
      readonly kind: "journalCopied";
      readonly n: InvocationNumber;
      readonly entries: readonly (CommandEntry | Notification)[];
      readonly open: readonly (readonly [number, OpenCommand])[];
      /** Signals kept that none of the entries has taken. */
      readonly buffered?: readonly (readonly [string, number])[] | undefined;
    }
  | { readonly kind: "purged"; readonly n: InvocationNumber }
  /** A run is absent from now on; it leaves when the shared handlers of its key have ended. */
  | { readonly kind: "expired"; readonly n: InvocationNumber }
  /** One more id leads to it: the one that a caller in another partition knows it by. */
  | { readonly kind: "aliased"; readonly n: InvocationNumber; readonly id: string }
  /** A message for another partition, number `seq` of the line there (I7). */
  | {
      readonly kind: "posted";
      readonly to: string;
      readonly seq: number;
      readonly message: Message;
    }
  /** Its destination has all messages up to `seq`: they leave the outbox. */
  | { readonly kind: "accepted"; readonly to: string; readonly seq: number }
  /** Message `seq` of a producer's line was accepted here, with what this record holds (R23). */
  | { readonly kind: "delivered"; readonly from: string; readonly seq: number }
  /**
   * Message `seq` of a subscription's stream was taken here, with what this record holds, or passed
   * over; `parked`: because it could not be handed over.
   */
  | {
      readonly kind: "consumed";
      readonly from: string;
      readonly seq: number;
      readonly parked?: true | undefined;
    }
  /**
   * An invocation that lived elsewhere lives on here, as it stood there. Its number is the position
   * of the record; a journal too long for one record goes on in others.
   */
  | {
      readonly kind: "movedIn";
      readonly invocation: MovedInvocation;
      readonly entries: readonly Entry[];
    }
  /** More of its journal; with the last of it, how it had ended. */
  | {
      readonly kind: "movedOn";
      readonly n: InvocationNumber;
      readonly entries: readonly Entry[];
      readonly end?: Pick<MovedInvocation, "status" | "result" | "expiry"> | undefined;
    }
  /** What an object's key was elsewhere; several records where its state is large. */
  | {
      readonly kind: "keyMoved";
      readonly service: string;
      readonly key: string;
      readonly lock: InvocationNumber;
      /** In order of arrival. */
      readonly inbox: readonly InvocationNumber[];
      readonly version: number;
      readonly values: readonly (readonly [string, Payload])[];
    }
  | {
      readonly kind: "promiseMoved";
      readonly service: string;
      readonly key: string;
      readonly name: string;
      readonly result: Result | null;
      readonly waiters: readonly Waiter[];
      readonly expiry: number | null;
    }
  /** Everything completed with an expiry at or below these is gone (R17). */
  | { readonly kind: "swept"; readonly count: number; readonly time: number };

/** One decision as the changelog keeps it. Its position follows from its place in its batch. */
export interface LogRecord {
  /** Time in ms since 1970, stamped by the leader; never smaller than that of a change before (R21). */
  readonly time: number;
  readonly changes: readonly Change[];
}
