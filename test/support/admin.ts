// An admin side without a socket: what a request is answered, for tests of its routes.
import { HoldfastError } from "../../src/model/errors.ts";
import { Admin, type AdminOptions } from "../../src/server/admin.ts";
import type { AdminEngine, Role } from "../../src/server/admin-route.ts";
import type { HttpRequest } from "../../src/server/http.ts";
import { utf8 } from "../../src/std/bytes.ts";
import { sha256 } from "../../src/std/sha256.ts";

export const adminTokens = {
  read: "r".repeat(43),
  operate: "o".repeat(43),
  admin: "a".repeat(43),
} as const;

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  json<T = Record<string, unknown>>(): T;
}

export interface AskOptions {
  readonly as?: Exclude<Role, "none"> | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export type Ask = (method: string, url: string, options?: AskOptions) => Promise<Answered>;

export function adminOf(engine: AdminEngine, options: Partial<AdminOptions> = {}): Admin {
  let drawn = 0;
  return new Admin(engine, {
    version: "0.0.0",
    tokens: Object.entries(adminTokens).map(([role, token]) => ({
      role: role as Exclude<Role, "none">,
      sha256: sha256(utf8(token)),
    })),
    randomBytes: (length) => Uint8Array.from({ length }, () => drawn++ % 256),
    monotonic: () => 0,
    secret: utf8("a secret of tests"),
    now: () => 0,
    hosts: ["localhost"],
    ...options,
  });
}

export function askerOf(admin: Admin): Ask {
  return async (method, url, { as = "admin", headers = {}, body } = {}) => {
    const answer = await admin.answer(requestOf(method, url, headersOf(as, headers, body), body));
    if ("stream" in answer) throw new TypeError("a stream was answered");
    const text = answer.body === null ? "" : String(answer.body);
    const json = <T>(): T => JSON.parse(text) as T;
    return { status: answer.status, headers: answer.headers, text, json };
  };
}

function headersOf(
  as: Exclude<Role, "none"> | null,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): Record<string, string> {
  return {
    host: "localhost:9070",
    ...(as === null ? {} : { authorization: `Bearer ${adminTokens[as]}` }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  };
}

export function requestOf(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): HttpRequest {
  const text = typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body);
  return {
    method,
    url,
    header: (name) => headers[name],
    headers: () => Object.entries(headers),
    body: (bytesMax) => {
      const bytes = utf8(text);
      if (bytes.length <= bytesMax) return Promise.resolve(bytes);
      return Promise.reject(new HoldfastError("PAYLOAD_TOO_LARGE"));
    },
    signal: undefined,
  };
}
