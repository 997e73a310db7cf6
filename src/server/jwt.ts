// Callers who prove themselves by a signed token (JWT) of somebody else's making, such as an identity
// provider's: EdDSA, ES256 and RS256 alone, by keys that are given or fetched from where they are
// published. A token says what it says until it expires; there is no way to take one back.
import { HoldfastError } from "../model/errors.ts";
import { bytesOfBase64url, textOfUtf8, utf8 } from "../std/bytes.ts";

export interface JwtOptions {
  /** The public keys, as the `keys` of a JWKS document has them, or the https address of one. */
  readonly keys: readonly PublicKey[] | string;
  /** What `aud` must be, or have among its values. */
  readonly audience: string;
  /** What `iss` must be. Default: not looked at. */
  readonly issuer?: string | undefined;
}

/** A JSON Web Key, with what is asked of one here. */
export interface PublicKey {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly [name: string]: unknown;
}

export type Claims = ReadonlyMap<string, unknown>;

interface Algorithm {
  readonly kty: string;
  readonly crv?: string;
  /** As the web's cryptography names it, for importing and for verifying. */
  readonly name: object;
  readonly verify: object;
}

/** Nothing symmetric, and no "none": the token does not choose how much it must prove. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["EdDSA", { kty: "OKP", crv: "Ed25519", name: { name: "Ed25519" }, verify: { name: "Ed25519" } }],
  [
    "ES256",
    {
      kty: "EC",
      crv: "P-256",
      name: { name: "ECDSA", namedCurve: "P-256" },
      verify: { name: "ECDSA", hash: "SHA-256" },
    },
  ],
  [
    "RS256",
    {
      kty: "RSA",
      name: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
      verify: { name: "RSASSA-PKCS1-v1_5" },
    },
  ],
]);

const tokenLengthMax = 8192;
/** Clocks differ. */
const leewaySeconds = 60;
const keysMsMax = 10 * 60_000;
/** A key nobody knows is asked for anew, but not by everybody who makes one up. */
const askMsMin = 60_000;
const fetchMsMax = 5000;
const keysBytesMax = 1 << 20;

/** Only what looks like a JWT is one: other tokens are compared with those that are known. */
export function looksSigned(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}

export class JwtVerifier {
  readonly #options: JwtOptions;
  readonly #now: () => number;
  readonly #imported = new WeakMap<PublicKey, Promise<object>>();
  #fetched: { readonly at: number; readonly keys: Promise<readonly PublicKey[]> } | undefined;

  constructor(options: JwtOptions, now: () => number = Date.now) {
    const { keys, audience } = options;
    if (typeof keys === "string") checkAddress(keys);
    if (typeof audience !== "string" || audience === "") {
      throw new TypeError("jwt: say which audience a token must be for.");
    }
    this.#options = options;
    this.#now = now;
  }

  /** @throws HoldfastError `UNAUTHENTICATED`, which does not say why. */
  async verify(token: string): Promise<Claims> {
    try {
      if (token.length > tokenLengthMax) throw refused;
      const [head = "", body = "", signature = ""] = token.split(".");
      const header = objectIn(head);
      const algorithm = algorithms.get(String(header.get("alg")));
      if (algorithm === undefined || header.has("crit")) throw refused;
      const signed = utf8(`${head}.${body}`);
      const key = await this.#key(header, algorithm);
      const { subtle } = globalThis.crypto;
      const found = bytesOfBase64url(signature);
      const good = await subtle.verify(algorithm.verify as never, key as never, found, signed);
      if (!good) throw refused;
      return this.#current(objectIn(body));
    } catch {
      throw new HoldfastError("UNAUTHENTICATED");
    }
  }

  #current(claims: Claims): Claims {
    const { audience, issuer } = this.#options;
    const now = this.#now() / 1000;
    const [expires, begins] = [claims.get("exp"), claims.get("nbf")];
    if (typeof expires !== "number" || expires + leewaySeconds < now) throw refused;
    if (begins !== undefined && !(typeof begins === "number" && begins - leewaySeconds <= now)) {
      throw refused;
    }
    const meant = claims.get("aud");
    const forUs = Array.isArray(meant) ? meant.includes(audience) : meant === audience;
    if (!forUs || (issuer !== undefined && claims.get("iss") !== issuer)) throw refused;
    return claims;
  }

  async #key(header: Claims, algorithm: Algorithm): Promise<object> {
    const kid = header.get("kid");
    const find = (keys: readonly PublicKey[]): PublicKey | undefined =>
      keys.find((key) => fits(key, algorithm, header) && (kid === undefined || key.kid === kid));
    const key = find(await this.#keys(keysMsMax)) ?? find(await this.#keys(askMsMin));
    if (key === undefined) throw refused;
    const known = this.#imported.get(key) ?? importKey(key, algorithm);
    this.#imported.set(key, known);
    return known;
  }

  /** Those that are given, or were fetched no longer ago than this. */
  #keys(msMax: number): Promise<readonly PublicKey[]> {
    const { keys } = this.#options;
    if (typeof keys !== "string") return Promise.resolve(keys);
    const now = this.#now();
    if (this.#fetched === undefined || now - this.#fetched.at > msMax) {
      const before = this.#fetched?.keys;
      // While they cannot be had, those known before go on being good.
      const fetched = fetchKeys(keys).catch((error: unknown) => {
        if (before === undefined) throw error;
        return before;
      });
      this.#fetched = { at: now, keys: fetched };
      fetched.catch(() => (this.#fetched = undefined));
    }
    return this.#fetched.keys;
  }
}

const refused = new Error("refused");

function fits(key: PublicKey, { kty, crv }: Algorithm, header: Claims): boolean {
  if (key.kty !== kty || (crv !== undefined && key["crv"] !== crv)) return false;
  return key.alg === undefined || key.alg === header.get("alg");
}

function importKey(key: PublicKey, { name }: Algorithm): Promise<object> {
  const { subtle } = globalThis.crypto;
  return subtle.importKey("jwk", key as never, name as never, false, ["verify"]);
}

/** A part of a token; a map, so that a name such as __proto__ is a name. */
function objectIn(part: string): Claims {
  const value: unknown = JSON.parse(textOfUtf8(bytesOfBase64url(part)));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused;
  return new Map(Object.entries(value));
}

async function fetchKeys(address: string): Promise<readonly PublicKey[]> {
  const signal = AbortSignal.timeout(fetchMsMax);
  const response = await fetch(address, { redirect: "error", signal });
  const text = await response.text();
  if (!response.ok || text.length > keysBytesMax) throw refused;
  const { keys } = JSON.parse(text) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw refused;
  return keys as readonly PublicKey[];
}

function checkAddress(address: string): void {
  const { protocol, hostname } = new URL(address);
  const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol === "https:" || (protocol === "http:" && loopback)) return;
  throw new TypeError("jwt.keys: keys are fetched by https, or by http on this machine.");
}
