// The admin side's table of routes: what each takes, whom it lets ask, what it answers. The table is
// all there is: requests are matched by it, the OpenAPI document is made from it, and the security
// tests walk it, so that no route is without its role.
import type { Door, GiveUp } from "../engine/door.ts";
import type { Inspection } from "../engine/inspection.ts";
import type { HoldfastError } from "../model/errors.ts";
import type { Callable } from "../sdk/types.ts";
import { textOfUtf8 } from "../std/bytes.ts";
import type { HttpRequest, HttpResponse, HttpStream } from "./http.ts";
import { badRequest } from "./refusal.ts";

/** What a token may do; each includes those before it. */
export type Role = "none" | "read" | "operate" | "admin";
export const roles: readonly Role[] = ["none", "read", "operate", "admin"];

export function allows(has: Role, needs: Role): boolean {
  return roles.indexOf(has) >= roles.indexOf(needs);
}

/** What the admin side stands before: an `Engine`. */
export interface AdminEngine {
  readonly inspect: Inspection;
  /** @internal */
  readonly door: Door;
  restart(
    id: string,
    options: { readonly from?: number | undefined; readonly unsafe?: boolean | undefined },
  ): Promise<{ readonly id: string }>;
  editState(
    target: Callable,
    key: string,
    values: Readonly<Record<string, unknown>>,
    options: { readonly clear?: boolean | undefined; readonly version?: number | undefined },
  ): Promise<void>;
}

export type AdminAnswer = HttpResponse | HttpStream;

export interface AdminRoute {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Segments in braces are parameters; the value is percent-decoded. */
  readonly path: string;
  readonly role: Role;
  readonly says: string;
  /** Parameters of the query, with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** The JSON body it takes, in words. */
  readonly body?: string;
  answer(asked: Asked): Promise<AdminAnswer> | AdminAnswer;
}

/** One request to a route. */
export class Asked {
  readonly engine: AdminEngine;
  readonly role: Role;
  readonly query: URLSearchParams;
  readonly #request: HttpRequest;
  readonly #params: ReadonlyMap<string, string>;

  constructor(
    engine: AdminEngine,
    role: Role,
    request: HttpRequest,
    params: ReadonlyMap<string, string>,
  ) {
    this.engine = engine;
    this.role = role;
    this.#request = request;
    this.#params = params;
    const at = request.url.indexOf("?");
    this.query = new URLSearchParams(at < 0 ? "" : request.url.slice(at + 1));
  }

  param(name: string): string {
    return this.#params.get(name) ?? "";
  }

  header(name: string): string | undefined {
    return this.#request.header(name);
  }

  get signal(): GiveUp | undefined {
    return this.#request.signal;
  }

  /** A parameter of the query; undefined when it was not given, or is empty. */
  text(name: string): string | undefined {
    const value = this.query.get(name);
    return value === null || value === "" ? undefined : value;
  }

  /** @throws HoldfastError `REQUEST_INVALID`. */
  whole(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw queryInvalid(name, "it is no whole number");
  }

  /** Milliseconds since 1970, given so or as ISO 8601. */
  time(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
    if (Number.isFinite(time)) return time;
    throw queryInvalid(name, "it is neither ISO 8601 nor milliseconds since 1970");
  }

  /** The body, an object; empty when there is none. @throws HoldfastError `REQUEST_INVALID`. */
  async object(): Promise<ReadonlyMap<string, unknown>> {
    const text = textOfUtf8(await this.#request.body(bodyBytesMax));
    if (text === "") return new Map();
    const type = this.#request.header("content-type") ?? "";
    if (!/^application\/json\b/i.test(type)) {
      throw badRequest("The body is not marked as JSON: send content-type: application/json.");
    }
    let found: unknown;
    try {
      found = JSON.parse(text);
    } catch {
      throw badRequest("The body is no JSON.");
    }
    if (typeof found === "object" && found !== null && !Array.isArray(found)) {
      // A map, so that a name such as __proto__ is a name.
      return new Map(Object.entries(found));
    }
    throw badRequest("The body is no JSON object.");
  }
}

const bodyBytesMax = 4 * 1024 * 1024;

export function queryInvalid(name: string, why: string): HoldfastError {
  return badRequest(`The query parameter '${name}' is invalid. Reason: ${why}`);
}

export function fieldInvalid(name: string, why: string): HoldfastError {
  return badRequest(`The request field '${name}' is invalid. Reason: ${why}`);
}

export interface Matched {
  readonly route: AdminRoute;
  readonly params: ReadonlyMap<string, string>;
}

/** The route of a method and path, or the methods that the path takes. */
export function match(
  routes: readonly AdminRoute[],
  method: string,
  path: string,
): Matched | { readonly allow: readonly string[] } {
  const segments = path.split("/");
  const allow: string[] = [];
  for (const route of routes) {
    const params = paramsOf(route.path.split("/"), segments);
    if (params === undefined) continue;
    if (route.method === method) return { route, params };
    allow.push(route.method);
  }
  return { allow };
}

function paramsOf(
  pattern: readonly string[],
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params = new Map<string, string>();
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] as string;
    if (!part.startsWith("{")) {
      if (part !== segment) return undefined;
    } else {
      params.set(part.slice(1, -1), decoded(segment));
    }
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest("bad path, cannot decode it: invalid utf-8 sequence or escape");
  }
}
