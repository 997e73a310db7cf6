// The entries of a journal: commands (what a handler asked, in order) and notifications (what it
// learned, in the order it learned it). Plain data, written to the changelog as they stand; an
// entry never changes once written (I4).
import type { Failure, Payload, Result } from "./payload.ts";

/** Whom an invocation addresses. `key` is null for services. */
export interface Target {
  readonly service: string;
  readonly key: string | null;
  readonly handler: string;
}

/** The invocation that answers a call or send; its id in text is minted from this when asked. */
export interface Callee {
  /** -1: in another partition. */
  readonly n: number;
  readonly incarnation: string;
  readonly derivedId?: string | undefined;
  /** Where it cannot be told from key or incarnation. */
  readonly partitionKey?: string | undefined;
}

/** The number of a command among the commands of its journal, from 0. */
export type CommandIndex = number;

/** What a handler asked. Commands with an `answer` were answered as they were decided. */
export type Command =
  | { readonly kind: "get"; readonly name: string; readonly answer: Payload | undefined }
  | { readonly kind: "stateKeys"; readonly answer: readonly string[] }
  /** `failure`: it was refused and changed nothing; the handler is thrown it, now and on replay. */
  | {
      readonly kind: "set";
      readonly name: string;
      readonly value: Payload;
      readonly failure?: Failure | undefined;
    }
  | { readonly kind: "clear"; readonly name: string }
  | { readonly kind: "clearAll" }
  | {
      readonly kind: "call";
      readonly target: Target;
      readonly hash: string;
      readonly callee: Callee | null;
    }
  | {
      readonly kind: "send";
      readonly target: Target;
      readonly hash: string;
      readonly callee: Callee | null;
      readonly due?: number | undefined;
      readonly failure?: Failure | undefined;
    }
  | { readonly kind: "run"; readonly name: string }
  | { readonly kind: "sleep"; readonly due: number }
  | { readonly kind: "awakeable" }
  | { readonly kind: "signal"; readonly name: string }
  | { readonly kind: "promise"; readonly name: string }
  | { readonly kind: "promisePeek"; readonly name: string; readonly answer: Result | null }
  | { readonly kind: "promiseComplete"; readonly name: string; readonly hash: string }
  | { readonly kind: "attach"; readonly id: string }
  | { readonly kind: "cancel"; readonly id: string }
  | { readonly kind: "awakeableComplete"; readonly id: string; readonly hash: string }
  | {
      readonly kind: "signalSend";
      readonly id: string;
      readonly name: string;
      readonly hash: string;
    }
  /** Which of the logics of a change this invocation follows, for good. */
  | { readonly kind: "version"; readonly name: string; readonly version: number }
  | { readonly kind: "output" };

export type CommandKind = Command["kind"];

/** What a handler learned. `at` is the time of the record, in ms since 1970. */
export type Notification =
  | {
      readonly kind: "completed";
      readonly of: CommandIndex;
      readonly result: Result;
      readonly at: number;
    }
  | {
      readonly kind: "signalled";
      readonly name: string;
      readonly result: Result;
      readonly at: number;
    }
  | { readonly kind: "cancelled"; readonly at: number };

/** A command as the journal keeps it: with its number, the code revision that asked, and when. */
export interface CommandEntry {
  readonly kind: "command";
  readonly index: CommandIndex;
  readonly command: Command;
  readonly at: number;
  /** Revision of the code that asked, only where it differs from the entry before (R11). */
  readonly revision?: string | undefined;
}

export type Entry = CommandEntry | Notification;
