// The span of a request over HTTP, from its route to its answer. What the request says of its trace
// is replaced by this span for whatever it asks of the engine. Keys, ids and queries are in no name
// and no attribute: the route has them as parameters.
import type { Span, Telemetry } from "../ports/telemetry.ts";
import type { DefinitionSpec } from "../sdk/definition.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { type Addressed, addressOf, type Route } from "./route.ts";

export interface Routed {
  readonly request: HttpRequest;
  readonly route: Route;
  /** Of the service that the route names, where it is hosted. */
  readonly definition: DefinitionSpec | undefined;
}

/** Answers within a span. `answer` never rejects: a refusal is an answer. */
export async function spanned(
  telemetry: Telemetry,
  routed: Routed,
  answer: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { request } = routed;
  const { method } = request;
  const route = patternOf(routed);
  const span = telemetry.begin({
    name: `${method} ${route}`,
    kind: "server",
    parent: "active",
    headers: traceOf(request),
    attributes: { "http.request.method": method, "http.route": route },
  });
  try {
    const response = await span.within(() => answer(within(request, span)));
    const { status, headers } = response;
    const code = headers["x-holdfast-code"];
    span.set({
      "http.response.status_code": status,
      "holdfast.invocation.id": headers["x-restate-id"],
      "error.type": code,
    });
    if (status >= 500) span.fail({ code: code ?? `${status}`, message: `answered ${status}` });
    return response;
  } finally {
    span.end();
  }
}

function traceOf(request: HttpRequest): Record<string, string> {
  const parent = request.header("traceparent");
  const state = request.header("tracestate");
  return {
    ...(parent === undefined ? {} : { traceparent: parent }),
    ...(state === undefined ? {} : { tracestate: state }),
  };
}

/** The request as the engine is to see it: the trace goes on from the span. */
function within(request: HttpRequest, span: Span): HttpRequest {
  const { headers: own } = span;
  const { method, url, signal } = request;
  return {
    method,
    url,
    signal,
    header: (name) => own[name] ?? request.header(name),
    headers: () => [
      ...[...request.headers()].filter(([name]) => own[name] === undefined),
      ...Object.entries(own),
    ],
    body: (bytesMax) => request.body(bytesMax),
  };
}

/** The route with its parameters as names, never as values. */
function patternOf({ route, definition }: Routed): string {
  switch (route.kind) {
    case "invoke":
    case "call":
    case "send": {
      if (definition === undefined) return "/{service}";
      const address = addressed(definition.kind, route);
      if (address === undefined) return `/${definition.name}`;
      const { handler, key, send } = address;
      const known = definition.handlers.has(handler) ? handler : "{handler}";
      const verb = send && route.kind === "invoke" ? "/send" : "";
      const before = route.kind === "invoke" ? "" : `/restate/${route.kind}`;
      return `${before}/${definition.name}${key === null ? "" : "/{key}"}/${known}${verb}`;
    }
    case "attach":
    case "output":
      return route.of.kind === "workflow"
        ? `/restate/workflow/{workflow}/{key}/${route.kind}`
        : `/restate/invocation/{id}/${route.kind}`;
    case "awakeable":
      return `/restate/awakeables/{id}/${route.how}`;
    case "cancel":
      return "/restate/invocation/{id}/cancel";
    case "signal":
      return "/restate/invocation/{id}/signal/{name}";
    case "lookup":
      return "/restate/lookup";
    case "health":
      return "/restate/health";
  }
}

/** What is wrong with a path is said by whoever answers it. */
function addressed(
  kind: DefinitionSpec["kind"],
  { rest, kind: verb }: Extract<Route, { kind: "invoke" | "call" | "send" }>,
): Addressed | undefined {
  try {
    return addressOf(kind, rest, verb);
  } catch {
    return undefined;
  }
}
