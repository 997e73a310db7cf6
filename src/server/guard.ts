// Who may ask at all: the host that was asked for, the page that asks, and the caller's token. It
// stands before every route. Nothing is allowed to other origins unless it is named, and an answer
// never says more to one than that it is refused.
import { HoldfastError } from "../model/errors.ts";
import { utf8 } from "../std/bytes.ts";
import { sha256 } from "../std/sha256.ts";
import { type HttpHeaders, type HttpRequest, type HttpResponse, noHeaders } from "./http.ts";
import { type JwtOptions, JwtVerifier, looksSigned } from "./jwt.ts";

export interface GuardOptions {
  /**
   * Host names answered, with or without a port; any other is refused with 421. Default: all of
   * them, and for a listener on a loopback address the names of that.
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Origins of web pages that may ask, beside those of the same host, such as
   * "https://app.example.com". Exact, no patterns. Default: none.
   */
  readonly origins?: readonly string[] | undefined;
  /** Callers must send one of these as `authorization: Bearer …`. Default: no token is asked for. */
  readonly tokens?: readonly string[] | undefined;
  /** Or a token that somebody else has signed (JWT). Default: none is taken. */
  readonly jwt?: JwtOptions | undefined;
}

/** Headers a page of an allowed origin may read. */
const exposed =
  "x-restate-id, x-restate-error-source, x-holdfast-code, idempotency-expires, retry-after";

export class Guard {
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #origins: ReadonlySet<string>;
  readonly #tokens: readonly Uint8Array[] | undefined;
  readonly #jwt: JwtVerifier | undefined;

  constructor({ hosts, origins = [], tokens, jwt }: GuardOptions) {
    this.#jwt = jwt && new JwtVerifier(jwt);
    this.#hosts = hosts && new Set(hosts.map((host) => host.toLowerCase()));
    this.#origins = new Set(origins.map(checkedOrigin));
    this.#tokens = tokens?.map((token) => sha256(utf8(checkedToken(token))));
  }

  /**
   * Headers that every answer to this request must have.
   *
   * @throws HoldfastError `HOST_REFUSED`, `ORIGIN_REFUSED`.
   */
  admit(request: HttpRequest): HttpHeaders {
    const host = request.header("host");
    if (this.#hosts !== undefined && !this.#answers(host)) {
      throw new HoldfastError("HOST_REFUSED", { data: { host: host?.slice(0, 256) ?? null } });
    }
    const origin = request.header("origin");
    if (origin === undefined) {
      const site = request.header("sec-fetch-site");
      if (site === "cross-site" || site === "same-site") throw new HoldfastError("ORIGIN_REFUSED");
      return noHeaders;
    }
    if (this.#origins.has(origin)) {
      return {
        vary: "origin",
        "access-control-allow-origin": origin,
        "access-control-expose-headers": exposed,
      };
    }
    if (origin === `http://${host}` || origin === `https://${host}`) return noHeaders;
    throw new HoldfastError("ORIGIN_REFUSED", { data: { origin: origin.slice(0, 256) } });
  }

  /** Whether callers must prove themselves where nothing else is said. */
  get asks(): boolean {
    return this.#tokens !== undefined || this.#jwt !== undefined;
  }

  /** @throws HoldfastError `UNAUTHENTICATED`; by a promise where a signature is to be verified. */
  authenticate(request: HttpRequest): Promise<unknown> | undefined {
    const given = /^bearer +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1];
    if (given !== undefined && this.#jwt !== undefined && looksSigned(given)) {
      return this.#jwt.verify(given);
    }
    this.#checkToken(given);
    return undefined;
  }

  #checkToken(given: string | undefined): void {
    const digest = sha256(utf8(given ?? ""));
    let found = false;
    // All of them, each to its end: how long it takes says nothing.
    for (const token of this.#tokens ?? []) found = sameBytes(token, digest) || found;
    if (given === undefined || !found) throw new HoldfastError("UNAUTHENTICATED");
  }

  #answers(host: string | undefined): boolean {
    if (host === undefined) return false;
    const name = host.toLowerCase();
    return this.#hosts?.has(name) === true || this.#hosts?.has(withoutPort(name)) === true;
  }
}

/** The answer to a browser that asks before it asks, and to who asks what is possible here. */
export function optionsResponse(request: HttpRequest, allowed: HttpHeaders): HttpResponse {
  const headers: Record<string, string> = { ...allowed, allow: "GET, POST, OPTIONS" };
  if (allowed["access-control-allow-origin"] !== undefined) {
    const asked = request.header("access-control-request-headers") ?? "";
    headers["access-control-allow-methods"] = "GET, POST";
    headers["access-control-allow-headers"] = /^[\w, -]*$/.test(asked) ? asked : "content-type";
    headers["access-control-max-age"] = "600";
  }
  return { status: 200, headers, body: null };
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, "");
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let different = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0;
}

function checkedOrigin(origin: string): string {
  if (/^https?:\/\/[^/*]+$/.test(origin)) return origin.toLowerCase();
  throw new TypeError(`origins: "${origin}" is no origin such as "https://app.example.com".`);
}

function checkedToken(token: string): string {
  if (typeof token === "string" && /^\S{16,}$/.test(token)) return token;
  throw new TypeError("tokens: a token is text of at least 16 characters without spaces.");
}
