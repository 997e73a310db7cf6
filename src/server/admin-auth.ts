// Who asks the admin side, and what he may: bearer tokens with roles, known by their SHA-256 alone,
// and for the live page a cookie that a one-time link gives. A cookie moves nothing by itself: what
// changes anything needs a header that no page of another origin can send.
import { HoldfastError } from "../model/errors.ts";
import { base64urlOf, bytesOfHex, utf8 } from "../std/bytes.ts";
import { hmacSha256, sha256 } from "../std/sha256.ts";
import { type Role, roles } from "./admin-route.ts";
import type { HttpRequest } from "./http.ts";
import { type Claims, type JwtOptions, JwtVerifier, looksSigned } from "./jwt.ts";

export interface AdminToken {
  readonly role: Exclude<Role, "none">;
  /** Of the token's text: 32 bytes. */
  readonly sha256: Uint8Array;
}

export interface AdminAuthOptions {
  readonly tokens: readonly AdminToken[];
  readonly randomBytes: (length: number) => Uint8Array;
  /** What sessions are signed with: with the same, they outlive the process. */
  readonly secret: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Tokens that somebody else has signed: their claim `holdfast_role` is the role. */
  readonly jwt?: JwtOptions | undefined;
}

const cookieName = "holdfast_session";
const csrfHeader = "x-holdfast-csrf";
const linkMsMax = 10 * 60_000;
const sessionMsMax = 12 * 3_600_000;
/** Links held at a time; the oldest goes. */
const heldMax = 100;

interface Held {
  readonly digest: Uint8Array;
  readonly role: Role;
  readonly until: number;
}

export class AdminAuth {
  readonly #options: AdminAuthOptions;
  #links: Held[] = [];
  readonly #jwt: JwtVerifier | undefined;

  constructor(options: AdminAuthOptions) {
    this.#options = options;
    this.#jwt = options.jwt && new JwtVerifier(options.jwt, options.now);
  }

  /** @throws HoldfastError `UNAUTHENTICATED`. */
  roleOf(request: HttpRequest): Role | Promise<Role> {
    const bearer = /^bearer +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1];
    if (bearer !== undefined) {
      if (this.#jwt === undefined || !looksSigned(bearer)) return this.#ofToken(bearer);
      return this.#jwt.verify(bearer).then(roleIn);
    }
    const cookie = cookieOf(request.header("cookie") ?? "");
    const session = cookie === undefined ? undefined : this.#session(cookie);
    if (session === undefined) throw unauthenticated();
    const site = request.header("sec-fetch-site");
    const own = site === undefined || site === "same-origin" || site === "none";
    const moves = request.method !== "GET" && request.method !== "HEAD";
    if (!own || (moves && request.header(csrfHeader) === undefined)) {
      throw new HoldfastError("ORIGIN_REFUSED");
    }
    return session;
  }

  /** A code for one visit, within ten minutes, that gives the page a session of this role. */
  link(role: Exclude<Role, "none">): string {
    const text = base64urlOf(this.#options.randomBytes(32));
    this.#links.push({ digest: sha256(utf8(text)), role, until: this.#options.now() + linkMsMax });
    if (this.#links.length > heldMax) this.#links.shift();
    return text;
  }

  /** The `set-cookie` of a session, for a code that was not used before. */
  redeem(code: string): string | undefined {
    const digest = sha256(utf8(code));
    const now = this.#options.now();
    const link = this.#links.find((held) => sameBytes(held.digest, digest) && held.until > now);
    if (link === undefined) return undefined;
    this.#links = this.#links.filter((other) => other !== link);
    const said = `${link.role}.${now + sessionMsMax}`;
    const session = `${said}.${this.#signature(said)}`;
    const age = String(sessionMsMax / 1000);
    return `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${age}`;
  }

  /** The role of a session that we have signed and that is not over. */
  #session(cookie: string): Role | undefined {
    const [role = "", until = "", signature = ""] = cookie.split(".");
    const signed = this.#signature(`${role}.${until}`);
    if (!sameBytes(utf8(signed), utf8(signature))) return undefined;
    return Number(until) > this.#options.now() ? roles.find((known) => known === role) : undefined;
  }

  #signature(said: string): string {
    return base64urlOf(hmacSha256(this.#options.secret, utf8(`session ${said}`)));
  }

  #ofToken(token: string): Role {
    const digest = sha256(utf8(token));
    let found: Role = "none";
    // All of them, each to its end: how long it takes says nothing.
    for (const known of this.#options.tokens) {
      if (sameBytes(known.sha256, digest)) found = known.role;
    }
    if (found === "none") throw unauthenticated();
    return found;
  }
}

/** `read:` and the SHA-256 of the token in hexadecimal. */
export function parseAdminToken(text: string): AdminToken {
  const [, role, hex] = /^(\w+):([0-9a-f]{64})$/i.exec(text) ?? [];
  const known = roles.find((name) => name === role && name !== "none");
  if (known === undefined || hex === undefined) {
    throw new TypeError(
      "An admin token is given as role:sha256, such as read:9f86d0…; roles are read, operate, admin.",
    );
  }
  return { role: known as AdminToken["role"], sha256: bytesOfHex(hex.toLowerCase()) };
}

function unauthenticated(): HoldfastError {
  return new HoldfastError("UNAUTHENTICATED", {
    fix: "Send `authorization: Bearer …` with an admin token: holdfast serve prints where it lies.",
  });
}

/** @throws HoldfastError `FORBIDDEN` where it names no role: it is known who asks. */
function roleIn(claims: Claims): Role {
  const role = roles.find((name) => name !== "none" && name === claims.get("holdfast_role"));
  if (role === undefined)
    throw new HoldfastError("FORBIDDEN", { data: { needs: "holdfast_role" } });
  return role;
}

function cookieOf(header: string): string | undefined {
  for (const part of header.split(";")) {
    const [name, value] = part.trim().split("=", 2);
    if (name === cookieName && value !== undefined) return value;
  }
  return undefined;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let different = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) different |= (a[i] as number) ^ (b[i] ?? 0);
  return different === 0;
}
