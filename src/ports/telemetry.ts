// What an engine tells of what it does while it does it: spans around requests, invocations, attempts
// and steps, and how long things take. Where nobody listens there is none, and nothing is told. It
// decides nothing: what is told never changes what is done.

export type Attribute = string | number | boolean;
export type Attributes = Readonly<Record<string, Attribute | undefined>>;

/** Headers by which others go on with a trace: W3C `traceparent`, and `tracestate` where there is one. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** Something under way. */
export interface Span {
  /** Names it to others; empty where nothing records. */
  readonly headers: TraceHeaders;
  /** Runs code with this span active: those it begins are this one's children. */
  within<T>(code: () => T): T;
  set(attributes: Attributes): void;
  event(name: string, attributes?: Attributes): void;
  /** It failed, and goes on to its end. */
  fail(failure: { readonly code: string; readonly message: string }): void;
  /** Twice is once. */
  end(): void;
}

export interface SpanOptions {
  readonly name: string;
  readonly kind: "server" | "internal" | "producer";
  /** Whom `headers` name, where they name one, comes first. */
  readonly parent: Span | "active" | "none";
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
  /** A trace of its own, with a link to what would be its parent: it begins much later. */
  readonly apart?: boolean | undefined;
  readonly attributes: Attributes;
}

/** What time is spent on: waiting to begin, executing, becoming durable. */
export type Latency = "queue" | "execution" | "commit";

export interface Telemetry {
  begin(options: SpanOptions): Span;
  measure(latency: Latency, seconds: number, attributes: Attributes): void;
}
