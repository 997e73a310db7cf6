// What nodes say to each other about a partition, as bytes: JSON behind a version, so that two
// versions of the engine on one bus tell each other what they do not understand (R20).
import type { Answer } from "../model/effect.ts";
import { errorOf, failureOf, HoldfastError } from "../model/errors.ts";
import type { Message } from "../model/message.ts";
import type { Failure } from "../model/payload.ts";
import type { Proposal } from "../model/proposal.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";

/** A proposal that somebody waits for, without who waits. */
export type AskedElsewhere = Proposal extends infer P
  ? P extends { readonly request: object }
    ? Omit<P, "request">
    : never
  : never;

export type BusRequest =
  /** Messages of a producer's line, from number `first` on. Answered with what was accepted. */
  | {
      readonly kind: "deliver";
      readonly from: string;
      readonly first: number;
      readonly messages: readonly Message[];
    }
  /** Answered once it is durable; with the result too, where that comes within `waitMs`. */
  | { readonly kind: "ask"; readonly proposal: AskedElsewhere; readonly waitMs: number }
  /** Who leads, and how far it is. */
  | { readonly kind: "status" };

/** What the leader of a partition says of itself. */
export interface PartitionStatus {
  /** The node that leads. */
  readonly node: string;
  readonly epoch: number;
  /** Position of the last record that is durable, and up to where the table is folded. */
  readonly position: number;
  readonly folded: number;
  /** Bytes of changelog not yet folded. */
  readonly lagBytes: number;
  /** What an acknowledgement is worth. */
  readonly durability: string;
  /** What it is fed from; a node of a version before this says nothing. */
  readonly subscriptions?: readonly {
    readonly name: string;
    readonly stream?: string | undefined;
    readonly position: number;
    readonly last: number;
    readonly parked: number;
    readonly stopped?: string | undefined;
  }[];
}

type Unsent = Exclude<Answer, { readonly kind: "refused" }>;

export type BusReply =
  | { readonly kind: "accepted"; readonly seq: number }
  | { readonly kind: "status"; readonly status: PartitionStatus }
  | { readonly kind: "answered"; readonly answer: Unsent }
  | { readonly kind: "refused"; readonly failure: Failure };

const version = 1;

export function encodeRequest(request: BusRequest): Uint8Array {
  return utf8(JSON.stringify([version, request]));
}

export function encodeReply(reply: BusReply): Uint8Array {
  return utf8(JSON.stringify([version, reply]));
}

/** @throws HoldfastError `RECORD_UNREADABLE` for what another version says, or nobody. */
export function decodeRequest(bytes: Uint8Array): BusRequest {
  return decode(bytes, ["deliver", "ask", "status"]) as BusRequest;
}

/** @throws HoldfastError `RECORD_UNREADABLE`. */
export function decodeReply(bytes: Uint8Array): BusReply {
  return decode(bytes, ["accepted", "answered", "refused", "status"]) as BusReply;
}

export function replyOf(answer: Answer): BusReply {
  if (answer.kind !== "refused") return { kind: "answered", answer };
  return { kind: "refused", failure: failureOf(answer.error) };
}

export function answerOf(reply: BusReply): Answer {
  if (reply.kind === "answered") return reply.answer;
  if (reply.kind !== "refused") throw new TypeError(`an answer is no ${reply.kind}`);
  const error = errorOf(reply.failure);
  return { kind: "refused", error: error as HoldfastError };
}

function decode(bytes: Uint8Array, kinds: readonly string[]): unknown {
  try {
    const message: unknown = JSON.parse(textOfUtf8(bytes));
    if (!Array.isArray(message) || message[0] !== version) {
      throw new TypeError("it is not of this version");
    }
    const { kind } = (message[1] ?? {}) as { readonly kind?: unknown };
    if (!kinds.includes(String(kind))) throw new TypeError(`it is of kind ${String(kind)}`);
    return message[1];
  } catch (cause) {
    throw new HoldfastError("RECORD_UNREADABLE", {
      happened: "A node said something that this version does not understand.",
      cause,
    });
  }
}
