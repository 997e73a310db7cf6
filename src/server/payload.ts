// Bodies as payloads and back. JSON is checked where it comes in, once: what is kept in a journal
// can be read again. It goes on as the text it came as; nothing of it becomes an object here.
import { HoldfastError } from "../model/errors.ts";
import type { Payload } from "../model/payload.ts";
import type { HandlerSpec } from "../sdk/definition.ts";
import { base64Of, bytesOfBase64 } from "../std/bytes.ts";
import { type HttpHeaders, jsonType } from "./http.ts";
import { badRequest } from "./refusal.ts";

const bytesType = "application/octet-stream";
const nestedMax = 1000;

/**
 * The input of a handler.
 *
 * @throws HoldfastError `CONTENT_TYPE_INVALID`, in Restate's words; `REQUEST_INVALID` for JSON that
 * cannot be read, or that no handler could write back.
 */
export function inputOf(
  spec: Pick<HandlerSpec, "serde">,
  contentType: string | undefined,
  body: Uint8Array,
): Payload {
  if (contentType === undefined) {
    if (body.length === 0) return null;
    throw notTaken("Empty content-type");
  }
  const { serde } = spec;
  const type = withoutParameters(contentType);
  if (serde !== undefined && !matches(serde.contentType, type)) {
    throw notTaken(`Content-type '${type}' does not match '${serde.contentType}'`);
  }
  if (serde === undefined && type !== jsonType && type !== bytesType) {
    throw notTaken(`Content-type '${type}' does not match '${jsonType}'`);
  }
  return payloadOf(type, body);
}

/** A value whose type nobody has said: JSON if it is, bytes otherwise. */
export function valueOf(contentType: string | undefined, body: Uint8Array): Payload {
  if (contentType !== undefined) {
    const type = withoutParameters(contentType);
    if (isJson(type) || type === bytesType) return payloadOf(type, body);
  }
  if (body.length === 0) return null;
  try {
    return jsonText(body);
  } catch {
    return { base64: base64Of(body), contentType: contentType ?? bytesType };
  }
}

function payloadOf(type: string, body: Uint8Array): Payload {
  if (!isJson(type)) return { base64: base64Of(body), contentType: type };
  return body.length === 0 ? null : jsonText(body);
}

function isJson(type: string): boolean {
  return type === jsonType || type.endsWith("+json");
}

/** @throws HoldfastError `REQUEST_INVALID`. */
function jsonText(body: Uint8Array): string {
  let text: string;
  try {
    text = strictUtf8.decode(body);
    JSON.parse(text);
  } catch (error) {
    throw badRequest(`The body is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (nestsTooDeep(text)) {
    throw badRequest(
      `The body is nested deeper than ${nestedMax}: no handler could write it back.`,
    );
  }
  return text;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function nestsTooDeep(text: string): boolean {
  if (text.length <= 2 * nestedMax) return false;
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inText = false;
    } else if (c === 0x22) inText = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > nestedMax) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return false;
}

/** The result of a handler as a body, with its content type. */
export function outputOf(
  spec: Pick<HandlerSpec, "serde"> | undefined,
  payload: Payload,
): { readonly body: string | Uint8Array | null; readonly headers: HttpHeaders } {
  if (payload === null) return { body: null, headers: {} };
  if (typeof payload === "string") {
    return { body: payload, headers: { "content-type": spec?.serde?.contentType ?? jsonType } };
  }
  const { base64, contentType } = payload;
  return { body: bytesOfBase64(base64), headers: { "content-type": contentType } };
}

function withoutParameters(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end < 0 ? contentType : contentType.slice(0, end)).trim();
}

/** `pattern` is a type, or ends in a star. */
function matches(pattern: string, type: string): boolean {
  const own = withoutParameters(pattern);
  if (own === "*/*" || own === type) return true;
  return own.endsWith("/*") && type.startsWith(own.slice(0, -1));
}

function notTaken(why: string): HoldfastError {
  return new HoldfastError("CONTENT_TYPE_INVALID", { message: `input validation error: ${why}` });
}
