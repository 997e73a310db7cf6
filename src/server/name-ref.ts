// Which invocation the body of an attach, output or lookup names.
import { textOfUtf8 } from "../std/bytes.ts";
import { badRequest } from "./refusal.ts";
import type { NameRef } from "./route.ts";

/** @throws HoldfastError `REQUEST_INVALID`. */
export function nameOf(body: Uint8Array): Exclude<NameRef, { kind: "body" }> {
  let given: unknown;
  try {
    given = JSON.parse(textOfUtf8(body));
  } catch (error) {
    throw badRequest(`cannot read body: ${error instanceof Error ? error.message : error}`);
  }
  const text = (name: string): string => {
    const value = ownText(given, name);
    if (value === undefined) throw badRequest(`cannot read body: missing field \`${name}\``);
    return value;
  };
  const target = text("target");
  switch (target) {
    case "invocation":
      return { kind: "id", id: text("invocationId") };
    case "workflow":
      return { kind: "workflow", service: text("workflowName"), key: text("workflowKey") };
    case "idempotentInvocation":
      return {
        kind: "idempotent",
        service: text("service"),
        key: ownText(given, "key") ?? null,
        handler: text("handler"),
        idempotencyKey: text("idempotencyKey"),
      };
    default:
      throw badRequest(
        "cannot read body: `target` is none of `invocation`, `workflow`, `idempotentInvocation`",
      );
  }
}

function ownText(of: unknown, name: string): string | undefined {
  if (typeof of !== "object" || of === null || !Object.hasOwn(of, name)) return undefined;
  const value = (of as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}
