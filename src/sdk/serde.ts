// Values and payloads. The default writes JSON, and refuses what JSON would silently change: the
// handler would see one value now and another one after a restart. It is on the hot path: one walk
// over the value, nothing allocated unless something is refused. Schemas are schema.ts.

import { HoldfastError } from "../model/errors.ts";
import type { Payload } from "../model/payload.ts";
import { base64Of, bytesOfBase64 } from "../std/bytes.ts";
import { propertyPath } from "./property-path.ts";

/**
 * Writes values as payloads and reads them back. Text payloads must be JSON; anything else goes
 * as bytes. Decoding must give an equal value each time: it is repeated on replay.
 *
 * @example
 * const superjson: Serde = {
 *   contentType: "application/json",
 *   encode: (value) => SuperJSON.stringify(value),
 *   decode: (payload) => (typeof payload === "string" ? SuperJSON.parse(payload) : undefined),
 * };
 */
export interface Serde {
  readonly contentType: string;
  encode(value: unknown): Payload | Promise<Payload>;
  decode(payload: Payload): unknown;
}

/**
 * JSON; `undefined` is the void payload, a `Uint8Array` goes as bytes. Undefined properties are
 * left out and -0 becomes 0, as JSON does.
 */
export const jsonSerde: {
  readonly contentType: string;
  encode(value: unknown): Payload;
  decode(payload: Payload): unknown;
} = { contentType: "application/json", encode: encodeJson, decode: decodeJson };

/** @throws HoldfastError `VALUE_NOT_SERIALIZABLE`, terminal, with the path in `data`. */
function encodeJson(value: unknown): Payload {
  if (value === undefined) return null;
  if (value instanceof Uint8Array) {
    return { base64: base64Of(value), contentType: "application/octet-stream" };
  }
  const fault = faultIn(value, 0);
  if (fault !== undefined) throw notSerializable(fault);
  return JSON.stringify(value);
}

function decodeJson(payload: Payload): unknown {
  if (payload === null) return undefined;
  return typeof payload === "string" ? JSON.parse(payload) : bytesOfBase64(payload.base64);
}

/** What would not survive, and the way to it from the inside out. */
interface Fault {
  readonly what: string;
  readonly way: PropertyKey[];
}

/** Deeper than any data, and well before the stack ends. */
const depthMax = 1000;

function faultIn(value: unknown, depth: number): Fault | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : fault(String(value));
    case "object":
      if (value === null) return undefined;
      if (depth >= depthMax) return fault(`value that is cyclic or nested deeper than ${depthMax}`);
      return Array.isArray(value) ? faultInArray(value, depth) : faultInObject(value, depth);
    default:
      return fault(value === undefined ? "undefined" : typeof value);
  }
}

function faultInArray(array: readonly unknown[], depth: number): Fault | undefined {
  const prototype: unknown = Object.getPrototypeOf(array);
  if (prototype !== Array.prototype && !Array.isArray(prototype)) return fault(className(array));
  for (let i = 0; i < array.length; i++) {
    const found = faultIn(array[i], depth + 1);
    if (found !== undefined) return outwards(found, i);
  }
  return undefined;
}

function faultInObject(object: object, depth: number): Fault | undefined {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && !isRootPrototype(prototype)) {
    return fault(className(object));
  }
  for (const name in object) {
    const value: unknown = object[name as keyof typeof object];
    if (value === undefined) continue;
    const found = faultIn(value, depth + 1);
    if (found !== undefined) return outwards(found, name);
  }
  return undefined;
}

/** Of an object without prototype, or one made in another realm, whose Object is not ours. */
function isRootPrototype(prototype: unknown): boolean {
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function fault(what: string): Fault {
  return { what, way: [] };
}

function outwards(found: Fault, key: PropertyKey): Fault {
  found.way.push(key);
  return found;
}

function className(object: object): string {
  const { constructor } = object;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "object";
}

function notSerializable({ what, way }: Fault): HoldfastError {
  // Of a cycle the first steps say enough.
  const path = propertyPath(way.reverse().slice(0, 20));
  const place = path === "" ? "The value" : `The value at ${path}`;
  return new HoldfastError("VALUE_NOT_SERIALIZABLE", {
    happened: `${place} is ${article(what)}, which would not come back as it went in.`,
    data: { path, type: what },
  });
}

function article(what: string): string {
  if (/^(undefined|NaN|-?Infinity)$/.test(what)) return what;
  return `${/^[aeio]/i.test(what) ? "an" : "a"} ${what}`;
}
