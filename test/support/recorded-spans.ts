// Spans as a test sees them: a provider for OpenTelemetry's API that keeps what ends, in place of an
// SDK, which is large. What an SDK does beyond the API's own words, nothing here leans on.
import { randomBytes } from "node:crypto";
import * as api from "@opentelemetry/api";

export interface RecordedSpan {
  readonly name: string;
  readonly kind: api.SpanKind;
  readonly parent: string | undefined;
  readonly context: api.SpanContext;
  readonly links: readonly string[];
  readonly attributes: api.Attributes;
  readonly events: { readonly name: string; readonly attributes: api.Attributes | undefined }[];
  status: api.SpanStatus;
}

export class RecordedSpans implements api.TracerProvider {
  readonly ended: RecordedSpan[] = [];

  getTracer(): api.Tracer {
    return this.#tracer;
  }

  readonly #tracer = {
    startSpan: (name, options = {}, around = api.context.active()): api.Span => {
      const above = options.root === true ? undefined : api.trace.getSpanContext(around);
      const parent = above !== undefined && api.isSpanContextValid(above) ? above : undefined;
      return this.#begin(name, options, parent);
    },
    startActiveSpan: (name: string, ...rest: unknown[]): unknown => {
      const span = this.#tracer.startSpan(name);
      const code = rest.at(-1) as (span: api.Span) => unknown;
      const within = api.trace.setSpan(api.context.active(), span);
      return api.context.with(within, () => code(span));
    },
  } as api.Tracer;

  #begin(name: string, options: api.SpanOptions, parent: api.SpanContext | undefined): api.Span {
    const context: api.SpanContext = {
      traceId: parent?.traceId ?? randomBytes(16).toString("hex"),
      spanId: randomBytes(8).toString("hex"),
      traceFlags: parent?.traceFlags ?? api.TraceFlags.SAMPLED,
      ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
    };
    const recorded: RecordedSpan = {
      name,
      kind: options.kind ?? api.SpanKind.INTERNAL,
      parent: parent?.spanId,
      context,
      links: (options.links ?? []).map((link) => link.context.spanId),
      attributes: { ...options.attributes },
      events: [],
      status: { code: api.SpanStatusCode.UNSET },
    };
    let open = true;
    const span = {
      spanContext: () => context,
      setAttributes: (more: api.Attributes) => void Object.assign(recorded.attributes, more),
      addEvent: (event: string, attributes?: api.Attributes) =>
        void recorded.events.push({ name: event, attributes }),
      setStatus: (status: api.SpanStatus) => void (recorded.status = status),
      end: () => {
        if (!open) throw new Error(`the span ${name} is ended twice`);
        open = false;
        this.ended.push(recorded);
      },
    };
    return span as unknown as api.Span;
  }
}
