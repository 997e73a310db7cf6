// The admin side: every request passes its guard (host, origin), its token and its role before a
// route sees it. Answers say at which positions they were read, refusals have Restate's shape and
// our code. Nothing here knows what kind of server asks.
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import { AdminAuth, type AdminToken } from "./admin-auth.ts";
import { invocationRoutes } from "./admin-invocations.ts";
import { objectRoutes } from "./admin-objects.ts";
import {
  type AdminAnswer,
  type AdminEngine,
  type AdminRoute,
  Asked,
  allows,
  match,
  type Role,
} from "./admin-route.ts";
import { type SystemOptions, systemRoutes } from "./admin-system.ts";
import { Guard, type GuardOptions } from "./guard.ts";
import { type HttpRequest, type HttpResponse, jsonResponse } from "./http.ts";
import type { JwtOptions } from "./jwt.ts";

export interface AdminOptions extends SystemOptions, Pick<GuardOptions, "hosts" | "origins"> {
  readonly tokens: readonly AdminToken[];
  /** Whoever gets here has this role, and needs no token: somebody else has decided who may. */
  readonly everybody?: Exclude<Role, "none"> | undefined;
  readonly jwt?: JwtOptions | undefined;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Sessions of the live page are signed with it. */
  readonly secret: Uint8Array;
  readonly now: () => number;
  /** Routes of whoever serves it, such as those of the live page. */
  readonly routes?: ((auth: AdminAuth) => readonly AdminRoute[]) | undefined;
}

/** `/v2`, `/v3` and `/v4` in front of a path mean the same. */
const versioned = /^\/v(\d+)(?=\/)/;

export class Admin {
  readonly auth: AdminAuth;
  readonly routes: readonly AdminRoute[];
  readonly #engine: AdminEngine;
  readonly #guard: Guard;
  readonly #everybody: Role | undefined;

  constructor(engine: AdminEngine, options: AdminOptions) {
    this.#engine = engine;
    this.#everybody = options.everybody;
    this.#guard = new Guard({ hosts: options.hosts, origins: options.origins });
    this.auth = new AdminAuth(options);
    this.routes = [
      ...(options.routes?.(this.auth) ?? []),
      ...systemRoutes(engine, options, () => this.routes),
      ...invocationRoutes,
      ...objectRoutes,
    ];
  }

  /** Answers one request; never rejects. */
  async answer(request: HttpRequest): Promise<AdminAnswer> {
    try {
      this.#guard.admit(request);
      const path = pathOf(request.url);
      const matched = match(this.routes, request.method === "HEAD" ? "GET" : request.method, path);
      const open = "route" in matched && matched.route.role === "none";
      // Who has no token learns of no route.
      const role = open ? "none" : (this.#everybody ?? (await this.auth.roleOf(request)));
      if (!("route" in matched)) throw unmatched(matched.allow);
      const { route, params } = matched;
      if (!allows(role, route.role)) throw forbidden(route.role);
      const answer = await route.answer(new Asked(this.#engine, role, request, params));
      const positions = open || route.method === "GET" ? undefined : await this.#durable();
      return withHeaders(answer, positions);
    } catch (error) {
      return refusal(error);
    }
  }

  /** A list at these positions shows what was just done. */
  #durable(): Promise<string | undefined> {
    return this.#engine.inspect.durable().catch(() => undefined);
  }
}

function pathOf(url: string): string {
  const end = url.indexOf("?");
  let path = end < 0 ? url : url.slice(0, end);
  const version = versioned.exec(path);
  if (version !== null) {
    if (!["2", "3", "4"].includes(version[1] as string)) throw notFound(400);
    path = path.slice(version[0].length);
  }
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function unmatched(allow: readonly string[]): HoldfastError {
  if (allow.length === 0) return notFound();
  return new HoldfastError("METHOD_NOT_ALLOWED", { data: { allow: allow.join(", ") } });
}

function notFound(status = 404): HoldfastError {
  return new HoldfastError("ROUTE_NOT_FOUND", { status });
}

function forbidden(needs: string): HoldfastError {
  return new HoldfastError("FORBIDDEN", { data: { needs } });
}

function withHeaders<A extends AdminAnswer>(answer: A, positions: string | undefined): A {
  const headers = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    ...answer.headers,
    ...(positions === undefined ? {} : { "x-holdfast-positions": positions }),
  };
  return { ...answer, headers };
}

function refusal(error: unknown): HttpResponse {
  const known = isHoldfastError(error);
  const status = known ? error.status : 500;
  const message = known ? error.message : "internal error";
  const { allow } = ((known ? error.data : undefined) ?? {}) as { readonly allow?: string };
  const code = known ? error.code : undefined;
  const body = { message, restate_code: null, ...(code === undefined ? {} : { code }) };
  return withHeaders(
    jsonResponse(status, body, {
      ...(code === undefined ? {} : { "x-holdfast-code": code }),
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(status === 429 || status === 503 ? { "retry-after": "1" } : {}),
      ...(code === "METHOD_NOT_ALLOWED" && allow !== undefined ? { allow } : {}),
    }),
    undefined,
  );
}
