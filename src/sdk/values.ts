// Values at the border of user code: decoded and validated on the way in, encoded and measured on
// the way out. The answer is a promise only where a serde or a schema is asynchronous.
import { failureOf, HoldfastError } from "../model/errors.ts";
import { payloadBytesMax } from "../model/limits.ts";
import { type Payload, payloadBytes, type Result } from "../model/payload.ts";
import type { HandlerSpec } from "./definition.ts";
import { validate } from "./schema.ts";
import { jsonSerde, type Serde } from "./serde.ts";

export type Decoded = { readonly value: unknown } | { readonly error: unknown };

/** The input of a handler, decoded and validated; throws nothing. */
export function decodeInput(spec: HandlerSpec, payload: Payload): Decoded | Promise<unknown> {
  try {
    const value = (spec.serde ?? jsonSerde).decode(payload);
    if (value instanceof Promise) {
      return value.then((decoded) =>
        spec.input ? validate(spec.input, decoded, "input") : decoded,
      );
    }
    if (spec.input === undefined) return { value };
    const validated = validate(spec.input, value, "input");
    return validated instanceof Promise ? validated : { value: validated };
  } catch (error) {
    return { error };
  }
}

/** The result of a handler; a value that cannot be kept is a failure of the handler. */
export function encodeOutput(spec: HandlerSpec, value: unknown): Result | Promise<Result> {
  const { output } = spec;
  if (output === undefined) return encodeValue(spec, value, "the result");
  try {
    const validated = validate(output, value, "output");
    if (!(validated instanceof Promise)) return encodeValue(spec, validated, "the result");
    return validated.then((ready) => encodeValue(spec, ready, "the result")).catch(asFailure);
  } catch (error) {
    return asFailure(error);
  }
}

export function encodeValue(
  spec: HandlerSpec,
  value: unknown,
  what: string,
): Result | Promise<Result> {
  try {
    const payload = encode(spec.serde, value, what);
    if (!(payload instanceof Promise)) return { value: payload };
    return payload.then((ready) => ({ value: ready })).catch(asFailure);
  } catch (error) {
    return asFailure(error);
  }
}

function asFailure(error: unknown): Result {
  return { failure: failureOf(error) };
}

/** @throws HoldfastError `VALUE_NOT_SERIALIZABLE`, `PAYLOAD_TOO_LARGE`; `what` names the value. */
export function encode(
  serde: Serde | undefined,
  value: unknown,
  what: string,
): Payload | Promise<Payload> {
  const payload = (serde ?? jsonSerde).encode(value);
  if (payload instanceof Promise) return payload.then((ready) => checkSize(ready, what));
  return checkSize(payload, what);
}

export function encodeJson(value: unknown, what: string): Payload {
  return checkSize(jsonSerde.encode(value) as Payload, what);
}

export function decodeJson(payload: Payload): unknown {
  return jsonSerde.decode(payload);
}

function checkSize(payload: Payload, what: string): Payload {
  const bytes = payloadBytes(payload);
  if (bytes <= payloadBytesMax) return payload;
  throw new HoldfastError("PAYLOAD_TOO_LARGE", {
    message:
      `${what} has ${bytes} bytes; at most ${payloadBytesMax} are kept. ` +
      "Keep large data elsewhere and hand on where it is.",
    data: { bytes, limit: payloadBytesMax },
    terminal: true,
  });
}
