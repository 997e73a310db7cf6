// Telemetry through OpenTelemetry's API: what is recorded, sampled and sent where is the business of
// the SDK that the user has registered there. W3C trace context is read and written here, whatever
// propagator is registered: it is part of what an invocation keeps.
import type {
  Attributes,
  Latency,
  Span,
  SpanOptions,
  Telemetry,
  TraceHeaders,
} from "../ports/telemetry.ts";
import { latencyBoundsSeconds } from "../std/histogram.ts";
import type {
  OpenTelemetry,
  OtelContext,
  OtelHistogram,
  OtelSpan,
  OtelSpanContext,
  OtelTracer,
} from "./api.ts";

/** As the API numbers them. */
const kinds = { internal: 0, server: 1, producer: 3 } as const;
const failed = 2;
const scope = "holdfast";

const measured: Readonly<Record<Latency, string>> = {
  queue: "From when an invocation may begin until it does.",
  execution: "What an attempt executes, without what it only waits.",
  commit: "What a batch of records takes to become durable.",
};

export function openTelemetry(api: OpenTelemetry): Telemetry {
  return new OtelTelemetry(api);
}

class OtelTelemetry implements Telemetry {
  readonly #api: OpenTelemetry;
  readonly #tracer: OtelTracer;
  readonly #histograms = new Map<Latency, OtelHistogram>();

  constructor(api: OpenTelemetry) {
    this.#api = api;
    this.#tracer = api.trace.getTracer(scope);
    const meter = api.metrics.getMeter(scope);
    for (const [latency, description] of Object.entries(measured) as [Latency, string][]) {
      const advice = { explicitBucketBoundaries: [...latencyBoundsSeconds] };
      const histogram = meter.createHistogram(`holdfast.${latency}.duration`, {
        unit: "s",
        description,
        advice,
      });
      this.#histograms.set(latency, histogram as OtelHistogram);
    }
  }

  begin({ name, kind, parent, headers, apart = false, attributes }: SpanOptions): Span {
    const api = this.#api;
    const around = this.#contextOf(parent, headers);
    const linked = apart ? api.trace.getSpanContext(around) : undefined;
    const options = {
      kind: kinds[kind],
      root: apart,
      attributes: given(attributes),
      ...(linked === undefined ? {} : { links: [{ context: linked }] }),
    };
    return new OtelSpanOf(
      api,
      this.#tracer.startSpan(name, options as never, around) as OtelSpan,
      around,
    );
  }

  #contextOf(parent: SpanOptions["parent"], headers: SpanOptions["headers"]): OtelContext {
    const { context, trace, ROOT_CONTEXT } = this.#api;
    const around =
      parent instanceof OtelSpanOf
        ? parent.context
        : parent === "active"
          ? context.active()
          : ROOT_CONTEXT;
    const remote = spanContextOf(this.#api, headers);
    return remote === undefined ? around : trace.setSpanContext(around, remote as never);
  }

  measure(latency: Latency, seconds: number, attributes: Attributes): void {
    this.#histograms.get(latency)?.record(seconds, given(attributes));
  }
}

class OtelSpanOf implements Span {
  readonly context: OtelContext;
  readonly #api: OpenTelemetry;
  readonly #span: OtelSpan;
  #ended = false;

  constructor(api: OpenTelemetry, span: OtelSpan, around: OtelContext) {
    this.#api = api;
    this.#span = span;
    this.context = api.trace.setSpan(around, span as never);
  }

  get headers(): TraceHeaders {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    if (!this.#api.isSpanContextValid(this.#span.spanContext())) return {};
    const flags = (traceFlags & 0xff).toString(16).padStart(2, "0");
    const state = traceState?.serialize() ?? "";
    return {
      traceparent: `00-${traceId}-${spanId}-${flags}`,
      ...(state === "" ? {} : { tracestate: state }),
    };
  }

  within<T>(code: () => T): T {
    return this.#api.context.with(this.context, code) as T;
  }

  set(attributes: Attributes): void {
    if (!this.#ended) this.#span.setAttributes(given(attributes));
  }

  event(name: string, attributes: Attributes = {}): void {
    if (!this.#ended) this.#span.addEvent(name, given(attributes));
  }

  fail({ code, message }: { readonly code: string; readonly message: string }): void {
    if (this.#ended) return;
    this.#span.setAttributes({ "error.type": code });
    // The shape that tools know as an exception.
    this.#span.addEvent("exception", { "exception.type": code, "exception.message": message });
    this.#span.setStatus({ code: failed, message });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#span.end();
  }
}

const traceparent = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Whom these headers name; what is malformed names nobody, as the standard wants it. */
function spanContextOf(
  api: OpenTelemetry,
  headers: SpanOptions["headers"],
): OtelSpanContext | undefined {
  const [, traceId, spanId, flags] = traceparent.exec(headers?.["traceparent"] ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const state = headers?.["tracestate"];
  const context = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state === undefined ? {} : { traceState: api.createTraceState(state) }),
  };
  return api.isSpanContextValid(context) ? context : undefined;
}

function given(attributes: Attributes): Record<string, string | number | boolean> {
  const known: [string, string | number | boolean][] = [];
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) known.push([name, value]);
  }
  return Object.fromEntries(known);
}
