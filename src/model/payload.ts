// What travels between handlers and is kept in journals: payloads, failures and results, as plain
// data. A payload is kept in the form it arrived in, text as text, so that a value is serialised
// once and parsed once. Nothing here serialises: that is sdk/serde.ts.

import { utf8Length } from "../std/bytes.ts";

/** A JSON value, as `JSON.parse` gives it. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Bytes with their content type, held as base64 so that a record stays plain JSON text. */
export interface BytesPayload {
  readonly base64: string;
  readonly contentType: string;
}

/** JSON text, bytes with a content type, or null for "no value" (`undefined`, an empty body). */
export type Payload = string | BytesPayload | null;

/** Why an invocation, a step or a promise failed; what a `TerminalError` is made from and to. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** HTTP status a caller outside sees. */
  readonly status: number;
  readonly data?: Json;
  /** The invocation that failed, when the failure has crossed a call. */
  readonly invocation?: string;
  /** Its target as text, such as `Cart/user-1/addTicket`. */
  readonly target?: string;
}

export type Result = { readonly value: Payload } | { readonly failure: Failure };

/** Bytes a payload takes as a body, without encoding or decoding it. */
export function payloadBytes(payload: Payload): number {
  if (payload === null) return 0;
  if (typeof payload === "string") return utf8Length(payload);
  const { base64 } = payload;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}
