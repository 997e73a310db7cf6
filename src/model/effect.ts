// What is to be done outside once a decision is durable (I1). An effect carries the data it needs:
// whoever carries it out reads no hot table, which may be ahead of what is durable (R3).

import type { Notification } from "./entry.ts";
import type { HoldfastError } from "./errors.ts";
import type { Named } from "./invocation-id.ts";
import type { Result } from "./payload.ts";
import type { InvocationNumber } from "./row.ts";

export type Effect =
  /** An invocation ended: answer everybody outside who waits for it. */
  | {
      readonly kind: "completed";
      readonly n: InvocationNumber;
      readonly result: Result;
      /** Position of its end. */
      readonly at: number;
    }
  /** An invocation was removed before or after its end. */
  | { readonly kind: "gone"; readonly n: InvocationNumber }
  /** A message waits in the outbox, and may leave. */
  | { readonly kind: "posted"; readonly to: string; readonly seq: number }
  /** The answer to one request from outside. */
  | { readonly kind: "answer"; readonly request: Request; readonly answer: Answer };

/** A request from outside that waits for an answer; the engine's own object, never looked into. */
export interface Request {
  settle(answer: Answer): void;
}

export type Answer =
  | {
      /** The invocation that now exists for it; with its result when it has one. */
      readonly kind: "invocation";
      /** What its id is minted from, when somebody asks for it. */
      readonly named: Named;
      readonly result: Result | null;
      readonly attached: boolean;
      /** When it is to start or to be tried again, in ms since 1970. */
      readonly due: number | null;
      /** Until when its result is kept, where that is a time. */
      readonly keptUntil: number | null;
    }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly error: HoldfastError };

/**
 * What a handler of this process learns at once, before durability: the barrier holds back only
 * what leaves the process (R2).
 */
export type Learned =
  /** `seen`: entries of its journal that the attempt before was handed, and did all it could with. */
  | {
      readonly kind: "start";
      readonly n: InvocationNumber;
      readonly seen?: number | undefined;
    }
  /** It may run but found no slot. */
  | { readonly kind: "ready"; readonly n: InvocationNumber }
  | {
      readonly kind: "notified";
      readonly n: InvocationNumber;
      readonly notification: Notification;
    }
  | { readonly kind: "retryStep"; readonly n: InvocationNumber; readonly of: number }
  /** Its attempt must stop: it was killed, paused, purged. Its bodies are told by their signal. */
  | { readonly kind: "stop"; readonly n: InvocationNumber; readonly code: string }
  /** It waits in an inbox, or for one it did not create: probe for a deadlock if it stays so (R12). */
  | { readonly kind: "waits"; readonly n: InvocationNumber }
  | { readonly kind: "timer"; readonly due: number };
