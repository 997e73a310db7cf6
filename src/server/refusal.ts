// Errors as answers. Those of the ingress itself and those an invocation ended with have the shapes
// Restate gives them, letter for letter where its clients read them; the code of ours, which says
// more, is a header. What is no expected failure is our bug, and tells the outside nothing.
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Failure } from "../model/payload.ts";
import { type HttpHeaders, type HttpResponse, jsonResponse } from "./http.ts";

/** What the request was about, where an outcome is unknown: its caller is told what repeating does. */
export type Doing = "invoke" | "read" | "complete";

/** How an invocation failed: its own result, never to be retried by a client. */
export function failureResponse(
  failure: Failure,
  headers: HttpHeaders & { readonly "x-restate-id": string },
  message: string = messageOf(failure),
): HttpResponse {
  const { code, data, invocation, target } = failure;
  const status = errorStatus(failure.status);
  // The users' own text: the body has what a header cannot carry.
  const asHeader = code.replace(/[^\x21-\x7e]/g, "_").slice(0, 256);
  const body = {
    code: status,
    message,
    source: "invocation",
    ...(asHeader === code ? undefined : { error: code }),
    ...(data === undefined ? undefined : { data }),
    ...(invocation === undefined ? undefined : { invocation }),
    ...(target === undefined ? undefined : { target }),
  };
  const named = { "x-restate-error-source": "invocation", "x-holdfast-code": asHeader };
  return jsonResponse(status, body, { ...headers, ...named });
}

/** A request that was refused. */
export function refusalResponse(error: unknown, doing: Doing): HttpResponse {
  if (!isHoldfastError(error)) return unexpectedResponse();
  const { code, data } = error;
  const started = startedId(error);
  const source = started === undefined ? "ingress" : "invocation";
  const status = errorStatus(error.status);
  const message =
    started === undefined ? messageOf(error, doing) : "the workflow method was already invoked";
  const body = {
    code: status,
    message,
    source,
    ...(data === undefined || source === "invocation" ? undefined : { data }),
  };
  return jsonResponse(status, body, {
    ...(started === undefined ? undefined : { "x-restate-id": started }),
    "x-restate-error-source": source,
    "x-holdfast-code": code,
    ...(status === 429 || status === 503 ? { "retry-after": "1" } : undefined),
    ...(status === 401 ? { "www-authenticate": "Bearer" } : undefined),
    ...(code === "METHOD_NOT_ALLOWED" ? { allow: allowOf(data) } : undefined),
  });
}

function unexpectedResponse(): HttpResponse {
  const body = { code: 500, message: "internal error", source: "ingress" };
  return jsonResponse(500, body, { "x-restate-error-source": "ingress" });
}

/** What does not fail as HTTP understands it would be taken for success. */
function errorStatus(status: number): number {
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : 500;
}

function startedId(error: HoldfastError): string | undefined {
  if (error.code !== "WORKFLOW_ALREADY_STARTED") return undefined;
  return (error.data as { readonly id?: string } | undefined)?.id;
}

/** In the words that clients and conformance suites of Restate know. */
function messageOf({ code, message, status }: Failure | HoldfastError, doing?: Doing): string {
  switch (code) {
    case "CANCELLED":
      return "Cancelled";
    case "KILLED":
      return "killed";
    case "INVOCATION_NOT_FOUND":
      return "invocation not found";
    case "INVOCATION_NOT_COMPLETED":
      return "the invocation exists but has not completed yet";
    case "IDEMPOTENCY_KEY_NOT_ALLOWED":
      return (
        "cannot use the idempotency key with workflow handlers. The handler invocation will " +
        "already be idempotent by the workflow key itself."
      );
    default:
      if (doing === undefined || status !== 503) return message;
      return `internal routing error: ${message} ${unknownOutcome[doing]}`;
  }
}

const unknownOutcome: Readonly<Record<Doing, string>> = {
  invoke:
    "If the request has an 'idempotency-key', it can be safely retried, otherwise submitting it " +
    "again may result in executing the invocation twice.",
  read: "You may safely retry the request.",
  complete: "Submitting the request again may result in executing the operation twice.",
};

function allowOf(data: unknown): string {
  return (data as { readonly allow: string }).allow;
}

export function methodNotAllowed(allow: string): HoldfastError {
  return new HoldfastError("METHOD_NOT_ALLOWED", {
    message: "method not allowed",
    data: { allow },
  });
}

export function badRequest(message: string): HoldfastError {
  return new HoldfastError("REQUEST_INVALID", { message });
}

export function routeNotFound(): HoldfastError {
  return new HoldfastError("ROUTE_NOT_FOUND", { message: "not found" });
}
