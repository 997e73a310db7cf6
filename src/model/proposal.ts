// What a partition may be asked: a closed union. A proposal carries all it needs to know that no
// table says; time and fresh randomness are stamped on it by the leader (rule 8).

import type { Request } from "./effect.ts";
import type { CallRequest, Message } from "./message.ts";
import type { Failure, Payload, Result } from "./payload.ts";
import type { InvocationNumber, TimerRow } from "./row.ts";

/** What a handler asks, before it is decided. */
export type CommandRequest =
  | { readonly kind: "get"; readonly name: string }
  | { readonly kind: "stateKeys" }
  | { readonly kind: "set"; readonly name: string; readonly value: Payload }
  | { readonly kind: "clear"; readonly name: string }
  | { readonly kind: "clearAll" }
  | { readonly kind: "call"; readonly call: CallRequest; readonly hash: string }
  | {
      readonly kind: "send";
      readonly call: CallRequest;
      readonly hash: string;
      /** Milliseconds from now, or an instant in ms since 1970. */
      readonly delay?: number | undefined;
      readonly due?: number | undefined;
    }
  | { readonly kind: "run"; readonly name: string }
  | { readonly kind: "version"; readonly name: string; readonly version: number }
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "awakeable" }
  | { readonly kind: "signal"; readonly name: string }
  | { readonly kind: "promise"; readonly name: string }
  | { readonly kind: "promisePeek"; readonly name: string }
  | {
      readonly kind: "promiseComplete";
      readonly name: string;
      readonly result: Result;
      readonly hash: string;
    }
  | { readonly kind: "attach"; readonly id: string }
  | { readonly kind: "cancel"; readonly id: string }
  | {
      readonly kind: "awakeableComplete";
      readonly id: string;
      readonly result: Result;
      readonly hash: string;
    }
  | {
      readonly kind: "signalSend";
      readonly id: string;
      readonly name: string;
      readonly result: Result;
      readonly hash: string;
    };

/** When and whether to try again, computed by whoever knows the policy. */
export type Again =
  | { readonly kind: "at"; readonly due: number }
  | { readonly kind: "pause" }
  | { readonly kind: "fail" };

export type Proposal =
  /** A message of a subscribed stream (see SubscriptionOptions); without a call it is passed over. */
  | {
      readonly kind: "consume";
      readonly from: string;
      readonly seq: number;
      readonly call?: CallRequest | undefined;
      /** It could not be handed over, and is counted. */
      readonly parked?: true | undefined;
      /** Told when it cannot be taken now; then nothing was changed. */
      readonly refused: Request;
    }
  | {
      readonly kind: "lead";
      readonly epoch: number;
      readonly nonce: string;
      readonly unclean: boolean;
      /** In a cluster: where this partition is, and the secret of its app. */
      readonly home?: { readonly place: string; readonly secret: string } | undefined;
    }
  | {
      readonly kind: "invoke";
      readonly call: CallRequest;
      /** Instant before which it does not start, in ms since 1970. */
      readonly due?: number | undefined;
      /** Minted at the door of another node, so that a request sent twice is one (R26). */
      readonly id?: string | undefined;
      readonly request: Request;
    }
  /** A message from another partition: number `seq` of the producer's line (R23). */
  | {
      readonly kind: "deliver";
      readonly from: string;
      readonly seq: number;
      readonly message: Message;
    }
  /** The destination has accepted all messages up to `seq`. */
  | { readonly kind: "accepted"; readonly to: string; readonly seq: number }
  /** The home of a service is known now: what waits for it gets a destination (R27). */
  | { readonly kind: "route"; readonly service: string }
  | { readonly kind: "start"; readonly n: InvocationNumber }
  /** From an attempt; dropped when the attempt is not the current one (I8). */
  | {
      readonly kind: "command";
      readonly n: InvocationNumber;
      readonly attempt: number;
      readonly revision: string;
      readonly command: CommandRequest;
    }
  | {
      readonly kind: "finish";
      readonly n: InvocationNumber;
      readonly attempt: number;
      readonly result: Result;
    }
  | { readonly kind: "suspend"; readonly n: InvocationNumber; readonly attempt: number }
  | {
      readonly kind: "fail";
      readonly n: InvocationNumber;
      readonly attempt: number;
      readonly failure: Failure;
      readonly again: Again;
      /** Set when other code is needed rather than another try (R11). */
      readonly revision?: string | undefined;
    }
  /** A step's body ended; its token is (n, of, tries) (R8). */
  | {
      readonly kind: "stepDone";
      readonly n: InvocationNumber;
      readonly of: number;
      readonly tries: number;
      readonly result: Result;
    }
  | {
      readonly kind: "stepFailed";
      readonly n: InvocationNumber;
      readonly of: number;
      readonly tries: number;
      readonly failure: Failure;
      readonly due: number;
    }
  | { readonly kind: "timerDue"; readonly timer: TimerRow }
  | { readonly kind: "attach"; readonly id: string; readonly request: Request }
  | {
      readonly kind: "signal";
      readonly id: string;
      readonly name: string;
      readonly result: Result;
      /** Minted at the door of another node: asked again, it is the same (R26). */
      readonly once?: string | undefined;
      readonly request: Request;
    }
  | {
      readonly kind: "completeAwakeable";
      readonly id: string;
      readonly result: Result;
      readonly request: Request;
    }
  | {
      readonly kind: "cancel" | "kill" | "pause" | "resume" | "purge";
      readonly id: string;
      readonly request: Request;
      /** kill: also drop its delayed sends that were not yet delivered (R21). */
      readonly withSends?: boolean | undefined;
      /** resume. */
      readonly once?: string | undefined;
    }
  | {
      readonly kind: "restart";
      readonly id: string;
      /** Journal entries kept; 0 starts afresh. */
      readonly from: number;
      /** Restart although the kept part waits for an awakeable (R21). */
      readonly unsafe: boolean;
      /** The id of the new invocation, where it was asked at the door of another node (R26). */
      readonly once?: string | undefined;
      readonly request: Request;
    }
  | {
      readonly kind: "editState";
      readonly service: string;
      readonly key: string;
      readonly clear: boolean;
      readonly values: readonly (readonly [string, Payload])[];
      /** Refuse unless the state has this version. */
      readonly version?: number | undefined;
      readonly once?: string | undefined;
      readonly request: Request;
    }
  /** An exclusive call has waited a while in an inbox: look for a cycle (R12). */
  | { readonly kind: "probe"; readonly n: InvocationNumber }
  /** Code of a revision is here that an invocation may be waiting for (R11). */
  | { readonly kind: "newRevision"; readonly n: InvocationNumber; readonly revision: string }
  /** Let go of what has expired; of those kept by number, what completed up to a position. */
  | { readonly kind: "sweep"; readonly countUpTo?: number | undefined };
