// What partitions tell each other, in this app or another: plain data, kept in the sender's outbox
// until the receiver has accepted it, and accepted there exactly once (I7).
import type { CommandIndex, Target } from "./entry.ts";
import type { Payload, Result } from "./payload.ts";
import type { ChainLink, InvocationNumber } from "./row.ts";

/** What is asked of a handler, from outside or by another handler. */
export interface CallRequest {
  readonly target: Target;
  readonly input: Payload;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** A command of an invocation in another partition that waits for a result. */
export interface RemoteWaiter {
  readonly n: InvocationNumber;
  readonly of: CommandIndex;
  /** Where that invocation is: the text of a place. */
  readonly at: string;
  /** Names its life, so that an answer to another is dropped (R1). */
  readonly incarnation: string;
}

export type Message =
  | {
      readonly kind: "invoke";
      /** The id its sender knows it by; it may have another one too. */
      readonly id: string;
      readonly call: CallRequest;
      /** Instant before which it does not start, in ms since 1970. */
      readonly due?: number | undefined;
      /** Links that lie in the sender's partition say so (R12). */
      readonly chain?: readonly ChainLink[] | undefined;
      readonly waiter?: RemoteWaiter | undefined;
    }
  | { readonly kind: "attach"; readonly id: string; readonly waiter: RemoteWaiter }
  /** The result a command of the receiver waits for. */
  | {
      readonly kind: "completed";
      readonly n: InvocationNumber;
      readonly of: CommandIndex;
      readonly incarnation: string;
      readonly result: Result;
    }
  | { readonly kind: "cancel" | "kill"; readonly id: string }
  | {
      readonly kind: "signal";
      readonly id: string;
      readonly name: string;
      readonly result: Result;
    }
  | { readonly kind: "completeAwakeable"; readonly id: string; readonly result: Result };

/** One way between two partitions: `>place` for what is sent there, `<producer` for what came. */
export interface LineRow {
  readonly name: string;
  at: number;
  /** Number of the last message posted; of a subscription, how many were parked; else 0. */
  sent: number;
  /** Number of the last message accepted. */
  accepted: number;
}

/** A message that waits in the outbox until its destination has accepted it. */
export interface MessageRow {
  readonly to: string;
  /** Its number on the line to `to`, from 1, dense. */
  readonly seq: number;
  readonly at: number;
  readonly message: Message;
}

/** What it addresses where no service's home is known yet: the name of a service, marked. */
export function unrouted(service: string): string {
  return `?${service}`;
}

/** The service a destination without a place stands for; undefined for a place. */
export function unroutedService(to: string): string | undefined {
  return to.startsWith("?") ? to.slice(1) : undefined;
}
