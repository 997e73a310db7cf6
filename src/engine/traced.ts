// The span of an invocation, begun where it is asked for: around a call until its result is there,
// around a send until it is accepted. Its context goes with what is asked into the record, and from
// there to every attempt.
import type { Target } from "../model/entry.ts";
import { failureOf } from "../model/errors.ts";
import type { CallRequest } from "../model/message.ts";
import type { Attributes, Span, SpanOptions, Telemetry } from "../ports/telemetry.ts";

/** Keys are users' data: they are in no attribute. */
export function targetAttributes({ service, handler }: Omit<Target, "key">): Attributes {
  return { "holdfast.service": service, "holdfast.handler": handler };
}

export interface Asking {
  readonly target: Target;
  readonly headers?: CallRequest["headers"];
  /** A call waits for the result. */
  readonly how: "call" | "send" | "delayed send";
  readonly parent?: Span | undefined;
}

export function invocationSpan(telemetry: Telemetry, asking: Asking): Span {
  const { target, headers, how, parent = "active" } = asking;
  const options: SpanOptions = {
    name: `${target.service}/${target.handler}`,
    kind: how === "call" ? "internal" : "producer",
    parent,
    headers: parent === "active" ? headers : undefined,
    apart: how === "delayed send",
    attributes: { ...targetAttributes(target), "holdfast.asked": how },
  };
  return telemetry.begin(options);
}

/** The request with the span's context among its headers. */
export function carrying(call: CallRequest, span: Span): CallRequest {
  return { ...call, headers: { ...call.headers, ...span.headers } };
}

/** Ends the span with what came of it; answers or throws the same. */
export async function ending<T>(
  span: Span,
  work: Promise<T>,
  told: (value: T) => Attributes,
): Promise<T> {
  try {
    const value = await work;
    span.set(told(value));
    return value;
  } catch (error) {
    span.fail(failureOf(error));
    throw error;
  } finally {
    span.end();
  }
}
