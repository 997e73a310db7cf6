// What is used of the package "@opentelemetry/api", as its types say it: that package is the user's,
// and our types must be there without it.

export interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

export interface OtelSpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
  readonly traceState?: OtelTraceState;
}

export interface OtelTraceState {
  serialize(): string;
}

type Values = Record<string, string | number | boolean>;

export interface OtelSpan {
  spanContext(): OtelSpanContext;
  setAttributes(attributes: Values): unknown;
  addEvent(name: string, attributes?: Values): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

export interface OtelTracer {
  /** What is passed is checked where it is made: their types and ours differ in what may be absent. */
  startSpan(name: string, options: never, context: OtelContext): unknown;
}

export interface OtelHistogram {
  record(value: number, attributes: Values): void;
}

interface HistogramOptions {
  readonly unit: string;
  readonly description: string;
  readonly advice: { readonly explicitBucketBoundaries: number[] };
}

/** The package "@opentelemetry/api", from 1.9: `import * as api from "@opentelemetry/api"`. */
export interface OpenTelemetry {
  readonly ROOT_CONTEXT: OtelContext;
  readonly context: {
    active(): OtelContext;
    with(context: OtelContext, code: () => unknown): unknown;
  };
  readonly trace: {
    getTracer(name: string): OtelTracer;
    setSpan(context: OtelContext, span: never): OtelContext;
    setSpanContext(context: OtelContext, span: never): OtelContext;
    getSpanContext(context: OtelContext): OtelSpanContext | undefined;
  };
  readonly metrics: {
    getMeter(name: string): { createHistogram(name: string, options: HistogramOptions): unknown };
  };
  createTraceState(text: string): OtelTraceState;
  isSpanContextValid(context: OtelSpanContext): boolean;
}
