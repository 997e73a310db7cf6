// Typed calls and sends from a definition, for contexts, engines and clients alike: a target and a
// method become a request; what is done with it is the caller's. No code is generated.
import type { Target } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import {
  headersBytesMax,
  headersMax,
  idempotencyKeyBytesMax,
  keyBytesMax,
} from "../model/limits.ts";
import type { CallRequest } from "../model/message.ts";
import type { Payload } from "../model/payload.ts";
import { utf8Length } from "../std/bytes.ts";
import { partitionHash } from "../std/hash.ts";
import { type HandlerSpec, specOf } from "./definition.ts";
import type { Callable, CallOptions } from "./types.ts";
import { encode } from "./values.ts";

/** A call as it was written: `call(cart, "user-1", options).addTicket(input)`. */
export interface Called<O extends CallOptions = CallOptions> {
  readonly target: Target;
  readonly options: O | undefined;
  readonly input: unknown;
  /** The handler's definition, where its code is imported. */
  readonly spec: HandlerSpec | undefined;
}

type To<O> = readonly [keyOrOptions?: string | O, options?: O];

/** An object with one method per handler of `target`; each call is given to `done`. */
export function methodsOf<O extends CallOptions, R>(
  target: Callable,
  to: To<O>,
  done: (called: Called<O>) => R,
): unknown {
  const { kind, name: service } = target;
  const keyed = kind !== "service";
  const key = keyed ? checkKey(service, to[0]) : null;
  const options = (keyed ? to[1] : to[0]) as O | undefined;
  if (options !== undefined) checkOptions(options);
  const handlers = specOf(target)?.handlers;
  return new Proxy(emptyTarget, {
    get: (_, name) => {
      if (typeof name !== "string" || name === "then" || name === "toJSON") return undefined;
      const spec = handlers?.get(name);
      if (handlers !== undefined && spec === undefined) {
        throw new HoldfastError("HANDLER_NOT_FOUND", { data: { service, handler: name } });
      }
      return (input?: unknown): R =>
        done({ target: { service, key, handler: name }, options, input, spec });
    },
  });
}

const emptyTarget: object = Object.freeze(Object.create(null) as object);

function checkKey(service: string, key: unknown): string {
  if (typeof key === "string" && key.length > 0 && utf8Length(key) <= keyBytesMax) return key;
  const is = typeof key === "string" ? `${utf8Length(key)} bytes` : `of type ${typeof key}`;
  throw new HoldfastError("KEY_INVALID", {
    message: `A key of ${service} is text of 1 to ${keyBytesMax} bytes; this one is ${is}.`,
    data: { service },
  });
}

function checkOptions({ idempotencyKey, headers }: CallOptions): void {
  if (idempotencyKey !== undefined) {
    const bytes = utf8Length(idempotencyKey);
    if (bytes === 0 || bytes > idempotencyKeyBytesMax) {
      throw new HoldfastError("IDEMPOTENCY_KEY_INVALID", {
        data: { bytes, limit: idempotencyKeyBytesMax },
      });
    }
  }
  if (headers === undefined) return;
  const names = Object.keys(headers);
  let bytes = 0;
  for (const name of names) bytes += name.length + utf8Length(String(headers[name]));
  if (names.length > headersMax || bytes > headersBytesMax) {
    throw new HoldfastError("HEADERS_INVALID", { data: { count: names.length, bytes } });
  }
}

/** The request a call becomes once its input is encoded. */
export function requestOf(called: Called): CallRequest | Promise<CallRequest> {
  const { target, spec, input } = called;
  const payload = encode(spec?.serde, input, `The input of ${target.service}/${target.handler}`);
  if (payload instanceof Promise) return payload.then((ready) => withInput(called, ready));
  return withInput(called, payload);
}

function withInput({ target, options }: Called, input: Payload): CallRequest {
  const headers = options?.headers;
  const idempotencyKey = options?.idempotencyKey;
  if (headers === undefined && idempotencyKey === undefined) return { target, input };
  return { target, input, headers: headers && lowerCased(headers), idempotencyKey };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const lower: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) lower.push([name.toLowerCase(), value]);
  return Object.fromEntries(lower);
}

/** What replay compares of an input (R11). */
export function hashOf(payload: Payload): string {
  if (payload === null) return "";
  return partitionHash(typeof payload === "string" ? payload : payload.base64);
}
