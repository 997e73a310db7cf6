// Which route a path names: Restate's routes, and two of ours that its ingress does not have, for
// cancelling and for signals. Only object keys and names of signals are percent-decoded. What a path
// means for a service is known once its kind is: then its segments become a target.
import type { DefinitionSpec } from "../sdk/definition.ts";
import { badRequest, routeNotFound } from "./refusal.ts";

/** An invocation by its id, or by the name it has. */
export type NameRef =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "workflow"; readonly service: string; readonly key: string }
  | {
      readonly kind: "idempotent";
      readonly service: string;
      readonly key: string | null;
      readonly handler: string;
      readonly idempotencyKey: string;
    }
  /** In the body of the request. */
  | { readonly kind: "body" };

export type Route =
  /** `rest`: what follows the service, of which its kind says whether the first is a key. */
  | { readonly kind: "invoke"; readonly service: string; readonly rest: readonly string[] }
  | { readonly kind: "call" | "send"; readonly service: string; readonly rest: readonly string[] }
  | { readonly kind: "attach" | "output" | "lookup"; readonly of: NameRef }
  | { readonly kind: "awakeable"; readonly id: string; readonly how: "resolve" | "reject" }
  | { readonly kind: "cancel"; readonly id: string }
  | { readonly kind: "signal"; readonly id: string; readonly name: string }
  | { readonly kind: "health" };

/** @throws HoldfastError `REQUEST_INVALID`, `ROUTE_NOT_FOUND`. */
export function routeOf(path: string): Route {
  const segments = path.replace(/\/$/, "").split("/").slice(1);
  if (segments.length < 2 || segments.length > 7) throw badRequest(`bad path: ${shown(path)}`);
  const [first, ...rest] = segments as [string, ...string[]];
  if (first === "restate") return restateRoute(rest);
  return { kind: "invoke", service: first, rest };
}

function restateRoute([what, ...rest]: readonly string[]): Route {
  switch (what) {
    case "health":
      if (rest.length > 0) throw routeNotFound();
      return { kind: "health" };
    case "call":
    case "send": {
      const [service, ...to] = rest;
      if (service === undefined || to.length === 0) throw badRequest(unambiguous);
      return { kind: what, service, rest: to };
    }
    case "scope":
      throw badRequest("scoped invocations require vqueues to be enabled");
    case "awakeables":
    case "a":
      return awakeableRoute(rest);
    case "invocation":
      return invocationRoute(rest);
    case "workflow":
      return workflowRoute(rest);
    case "attach":
    case "output":
      if (rest.length > 1) throw badRequest(unambiguous);
      return { kind: what, of: idOrBody(rest[0]) };
    case "lookup":
      if (rest.length > 0) throw badRequest(unambiguous);
      return { kind: "lookup", of: { kind: "body" } };
    default:
      throw routeNotFound();
  }
}

function idOrBody(id: string | undefined): NameRef {
  return id === undefined ? { kind: "body" } : { kind: "id", id };
}

function awakeableRoute([id, how, ...more]: readonly string[]): Route {
  if (id === undefined || (how !== "resolve" && how !== "reject") || more.length > 0) {
    throw badRequest(
      "bad path, expected either /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject",
    );
  }
  return { kind: "awakeable", id, how };
}

function invocationRoute(all: readonly string[]): Route {
  const [id = "", how, name] = all;
  if (all.length === 2 && how === "cancel") return { kind: "cancel", id };
  if (all.length === 3 && how === "signal") return { kind: "signal", id, name: decoded(name) };
  const verb = verbOf(all.at(-1));
  const names = all.slice(0, -1);
  const [first = "", second = "", third = "", fourth = ""] = names;
  if (verb !== undefined) {
    if (names.length === 1) return { kind: verb, of: { kind: "id", id: first } };
    if (names.length === 3) {
      const named = { service: first, key: null, handler: second, idempotencyKey: third };
      return { kind: verb, of: { kind: "idempotent", ...named } };
    }
    if (names.length === 4) {
      const key = decodedKey(second);
      const named = { service: first, key, handler: third, idempotencyKey: fourth };
      return { kind: verb, of: { kind: "idempotent", ...named } };
    }
  }
  throw badRequest(
    "bad path, expected either /restate/invocation/:invocation_id/output or " +
      "/restate/invocation/:invocation_id/attach or " +
      "/restate/invocation/:invocation_target/:idempotency_key/output or " +
      "/restate/invocation/:invocation_target/:idempotency_key/attach",
  );
}

function workflowRoute([service, key, last, ...more]: readonly string[]): Route {
  const verb = verbOf(last);
  if (service === undefined || key === undefined || verb === undefined || more.length > 0) {
    throw badRequest(
      "bad path, expected either /restate/workflow/:workflow_name/:workflow_key/output or " +
        "/restate/workflow/:workflow_name/:workflow_key/attach",
    );
  }
  return { kind: verb, of: { kind: "workflow", service, key: decodedKey(key) } };
}

function verbOf(text: string | undefined): "attach" | "output" | undefined {
  return text === "attach" || text === "output" ? text : undefined;
}

const unambiguous =
  "bad path, expected /restate/call/:service/:handler, /restate/send/:service/:handler, " +
  "/restate/scope/:scope/call/:service/:handler, /restate/attach/:invocation_id, " +
  "/restate/output/:invocation_id, or /restate/lookup";

/** What the segments after a service name. */
export interface Addressed {
  readonly key: string | null;
  readonly handler: string;
  readonly send: boolean;
}

/** @throws HoldfastError `REQUEST_INVALID`. */
export function addressOf(
  kind: DefinitionSpec["kind"],
  rest: readonly string[],
  verb: "invoke" | "call" | "send",
): Addressed {
  const keyed = kind === "service" ? 0 : 1;
  const [handler, last, ...more] = rest.slice(keyed);
  const sends = last === "send" && verb === "invoke";
  if (handler === undefined || more.length > 0 || (last !== undefined && !sends)) {
    throw badRequest(
      "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler",
    );
  }
  const key = keyed === 0 ? null : decodedKey(rest[0] as string);
  return { key, handler, send: sends || verb === "send" };
}

function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest("bad path, cannot decode key: invalid utf-8 sequence or escape");
  }
}

function decoded(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    throw badRequest("bad path, cannot decode the name of the signal");
  }
}

function shown(path: string): string {
  return path.length > 256 ? `${path.slice(0, 256)}…` : path;
}
