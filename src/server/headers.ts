// Which headers of a request are kept with its invocation. What is kept is in a journal, a database
// and backups for as long as the invocation is, so credentials never are: only names on a list, and
// of names with a star none that sounds like a credential.
import { HoldfastError } from "../model/errors.ts";
import { headersBytesMax, headersMax } from "../model/limits.ts";
import type { HttpRequest } from "./http.ts";
import { badRequest } from "./refusal.ts";

/** Kept without being asked for. */
const usual = ["content-type", "user-agent", "accept-language", "x-*"];
const tracing = ["traceparent", "tracestate", "baggage"];
/** Never kept, whatever is asked for: of the connection, or credentials in every system. */
const never = /^(?:authorization|proxy-.*|cookie|set-cookie|connection|host|idempotency-.*)$/;
const secret =
  /auth|token|secret|passw|cookie|session|credential|signature|api-?key|private|jwt|csrf|xsrf/;
const visible = /^[\t\x20-\x7e]*$/;

export type KeepHeader = (name: string) => boolean;

/** `more`: names, or beginnings that end in a star. */
export function keepHeaders(more: readonly string[] = []): KeepHeader {
  const exact = new Set<string>();
  const beginnings: string[] = [];
  for (const pattern of [...usual, ...tracing, ...more]) {
    const name = pattern.toLowerCase();
    if (name.endsWith("*")) beginnings.push(name.slice(0, -1));
    else exact.add(name);
  }
  return (name) => {
    if (never.test(name)) return false;
    if (exact.has(name)) return true;
    return beginnings.some((start) => name.startsWith(start)) && !secret.test(name);
  };
}

/**
 * The headers an invocation keeps, in front the path it was asked for by.
 *
 * @throws HoldfastError `HEADERS_INVALID`, `REQUEST_INVALID`.
 */
export function keptHeaders(request: HttpRequest, keep: KeepHeader): Record<string, string> {
  const kept: [string, string][] = [["x-restate-ingress-path", request.url]];
  let bytes = request.url.length;
  for (const [name, value] of request.headers()) {
    if (!keep(name)) continue;
    checkVisible(name, value);
    bytes += name.length + value.length;
    kept.push([name, value]);
  }
  if (kept.length > headersMax || bytes > headersBytesMax) {
    throw new HoldfastError("HEADERS_INVALID", { data: { count: kept.length, bytes } });
  }
  return Object.fromEntries(kept);
}

/** @throws HoldfastError `REQUEST_INVALID`. */
export function checkVisible(name: string, value: string): void {
  if (!visible.test(value)) throw badRequest(`bad header ${name}: it is not visible ASCII`);
}
