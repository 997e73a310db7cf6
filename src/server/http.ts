// Requests and answers as every server has them, whatever its classes: the ingress answers these,
// and fetch.ts and node-http.ts translate. Bodies of requests are read with a bound, and only by
// who wants them; those of answers are one value, which has a bound already.

import type { GiveUp } from "../engine/door.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  /** By its name in lower case; undefined when it was not sent. */
  header(name: string): string | undefined;
  /** All of them, names in lower case. */
  headers(): Iterable<readonly [name: string, value: string]>;
  /** @throws HoldfastError `PAYLOAD_TOO_LARGE` as soon as there are more bytes than these. */
  body(bytesMax: number): Promise<Uint8Array>;
  /** Raised when the client has gone. */
  readonly signal: GiveUp | undefined;
}

export type HttpHeaders = Readonly<Record<string, string>>;

export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: string | Uint8Array | null;
}

/** An answer in pieces, sent as they come: text without an end of its own, or a file's bytes. */
export interface HttpStream {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly stream: AsyncIterable<string | Uint8Array>;
}

export const noHeaders: HttpHeaders = Object.freeze({});

export const jsonType = "application/json";

export function jsonResponse(
  status: number,
  body: unknown,
  headers: HttpHeaders = {},
): HttpResponse {
  return {
    status,
    headers: { ...headers, "content-type": jsonType },
    body: JSON.stringify(body),
  };
}
