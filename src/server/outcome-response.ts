// What a caller is answered of an invocation: that it was accepted, or how it ended.
import type { Ended, Known } from "../engine/door.ts";
import type { HandlerSpec } from "../sdk/definition.ts";
import { type HttpResponse, jsonResponse } from "./http.ts";
import { outputOf } from "./payload.ts";
import { failureResponse } from "./refusal.ts";

export function acceptedResponse({ id, due, attached }: Known): HttpResponse {
  const executionTime = due === null ? undefined : new Date(due).toISOString();
  return jsonResponse(
    202,
    {
      invocationId: id,
      executionTime: executionTime?.replace("Z", "000000Z"),
      status: attached ? "PreviouslyAccepted" : "Accepted",
    },
    { "x-restate-id": id },
  );
}

/** `spec`: the handler, where it is known. */
export function endedResponse(
  { id, result, keptUntil }: Ended,
  spec: HandlerSpec | undefined,
): HttpResponse {
  const expires = keptUntil === null ? undefined : new Date(keptUntil).toISOString();
  const headers = {
    "x-restate-id": id,
    ...(expires === undefined
      ? undefined
      : { "idempotency-expires": expires.replace("Z", "+00:00") }),
  };
  if ("failure" in result) return failureResponse(result.failure, headers);
  const output = outputOf(spec, result.value);
  return { status: 200, headers: { ...headers, ...output.headers }, body: output.body };
}
