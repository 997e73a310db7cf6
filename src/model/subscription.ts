// A subscription: which messages of which stream become invocations of which handler, and where each
// message's key is. Checked when an engine is made; what a message holds is judged when it is read.

import { utf8 } from "../std/bytes.ts";
import { HoldfastError } from "./errors.ts";
import { keyBytesMax, payloadBytesMax } from "./limits.ts";
import type { CallRequest } from "./message.ts";

export interface SubscriptionOptions {
  /**
   * The stream in JetStream. It is read, and never changed; each message is taken exactly once.
   * Left out, `subject` is a plain subject: messages are taken at most once, and those that come
   * while its partition has no leader are lost.
   */
  readonly stream?: string | undefined;
  /**
   * Only messages whose subject matches: tokens, `*` for any one, `>` for any rest. Default all of
   * the stream.
   */
  readonly subject?: string | undefined;
  /** The handler, of a service this app hosts: "Cart/add". */
  readonly to: string;
  /**
   * Where the key of an object or workflow is: a token of the subject, counted from 1, or a header.
   * Left out for a service.
   */
  readonly key?: { readonly token: number } | { readonly header: string } | undefined;
  /** What its position is kept under; another name begins anew. Default: what `to` says. */
  readonly name?: string | undefined;
  /** Where it begins the first time: with the oldest message held, or the next. Default "all". */
  readonly from?: "all" | "new" | undefined;
  /**
   * A message that cannot be handed over (no JSON, no key, too large) is counted and passed over, or
   * the subscription stops there. Default "park".
   */
  readonly poison?: "park" | "stop" | undefined;
  /** Messages removed from the stream before they were read stop it, or are passed over. Default "stop". */
  readonly gaps?: "stop" | "skip" | undefined;
}

export interface Subscription extends SubscriptionOptions {
  readonly name: string;
  readonly service: string;
  readonly handler: string;
}

/** A message as it lies in a stream, or as it came. */
export interface SourceMessage {
  /** From 1; never used twice in one life of a stream. 0 outside of one. */
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  header(name: string): string;
}

const token = /^[^\s.*>\u0000-\u001f\u007f]+$/;
const streamPattern = /^[^\s.*>/\\\u0000-\u001f\u007f]{1,255}$/;

/** @throws TypeError which names what is wrong. */
export function subscriptionOf(options: SubscriptionOptions): Subscription {
  const { stream, subject, to, key, name = to } = options;
  if (stream === undefined && subject === undefined) {
    throw new TypeError("subscriptions: name a stream, or a plain subject.");
  }
  if (stream !== undefined && (typeof stream !== "string" || !streamPattern.test(stream))) {
    throw new TypeError(`subscriptions: ${JSON.stringify(stream)} is no name of a stream.`);
  }
  if (subject !== undefined && !isFilter(subject)) {
    throw new TypeError(`subscriptions: ${JSON.stringify(subject)} is no subject.`);
  }
  const [service = "", handler = "", ...rest] = typeof to === "string" ? to.split("/") : [];
  if (service === "" || handler === "" || rest.length > 0) {
    throw new TypeError(`subscriptions: to is ${JSON.stringify(to)}: give "Service/handler".`);
  }
  const at = key === undefined ? undefined : "token" in key ? key.token : key.header;
  const fits = typeof at === "number" ? Number.isInteger(at) && at > 0 : at !== "";
  if (!fits) throw new TypeError("subscriptions: key is { token: 1 or more } or { header: name }.");
  if (name === "" || utf8(name).length > 200) {
    throw new TypeError("subscriptions: a name has 1 to 200 bytes.");
  }
  return { ...options, name, service, handler };
}

function isFilter(subject: string): boolean {
  const tokens = subject.split(".");
  return tokens.every((one, i) => {
    return one === "*" || (one === ">" && i === tokens.length - 1) || token.test(one);
  });
}

/** The key of a message; null for a service; why there is none. */
export function keyIn(
  { key }: Subscription,
  message: SourceMessage,
): { readonly key: string | null } | { readonly poison: string } {
  if (key === undefined) return { key: null };
  const found =
    "token" in key ? message.subject.split(".")[key.token - 1] : message.header(key.header);
  if (found === undefined || found === "") return { poison: "it has no key" };
  if (utf8(found).length > keyBytesMax) return { poison: "its key is too long" };
  return { key: found };
}

/** What a message asks for; why it cannot be asked. */
export function callIn(
  subscription: Subscription,
  key: string | null,
  message: SourceMessage,
): { readonly call: CallRequest } | { readonly poison: string } {
  const { service, handler, stream } = subscription;
  if (message.data.length > payloadBytesMax) return { poison: "it is too large" };
  const input = jsonOf(message.data);
  if (input === undefined) return { poison: "it is no JSON" };
  const kept = { "nats-stream": stream ?? "", "nats-sequence": String(message.sequence) };
  const headers = { "nats-subject": message.subject, ...(stream === undefined ? {} : kept) };
  return { call: { target: { service, key, handler }, input, headers } };
}

/** The text as it stands; null for no bytes at all. */
function jsonOf(data: Uint8Array): string | null | undefined {
  if (data.length === 0) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

export function sourceError(
  code:
    | "SUBSCRIPTION_SOURCE_MISSING"
    | "SUBSCRIPTION_SOURCE_CHANGED"
    | "SUBSCRIPTION_GAP"
    | "SUBSCRIPTION_POISON",
  happened: string,
  data: object,
): HoldfastError {
  return new HoldfastError(code, { happened, data });
}
