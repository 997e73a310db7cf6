// Callers who prove themselves by a signed token (JWT) of somebody else's making, such as an identity
// provider's: EdDSA, ES256 and RS256 alone, by keys that are given or fetched from where they are
// published. A token says what it says until it expires; there is no way to take one back. What a
// signature is worth, `jose` says: it is loaded with the first token.
import type { JWTPayload, JWTVerifyOptions } from "jose";
import { HoldfastError } from "../model/errors.ts";

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

type Verify = (token: string, options: JWTVerifyOptions) => Promise<{ payload: JWTPayload }>;

/** Nothing symmetric, and no "none": the token does not choose how much it must prove. */
const algorithms = ["EdDSA", "ES256", "RS256"];
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
  #verify: Promise<Verify> | undefined;

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
    const { audience, issuer } = this.#options;
    this.#verify ??= verifierOf(this.#options.keys);
    const verify = await this.#verify;
    try {
      if (token.length > tokenLengthMax) throw new Error("too long");
      const { payload } = await verify(token, {
        algorithms,
        audience,
        requiredClaims: ["exp"],
        clockTolerance: leewaySeconds,
        currentDate: new Date(this.#now()),
        ...(issuer === undefined ? {} : { issuer }),
      });
      return new Map(Object.entries(payload));
    } catch {
      throw new HoldfastError("UNAUTHENTICATED");
    }
  }
}

async function verifierOf(keys: JwtOptions["keys"]): Promise<Verify> {
  // By parts: a bundle takes the whole of a module that is imported late.
  const [{ jwtVerify }, { createLocalJWKSet }, { createRemoteJWKSet, customFetch }] =
    await Promise.all([
      import("jose/jwt/verify"),
      import("jose/jwks/local"),
      import("jose/jwks/remote"),
    ]);
  const keyOf =
    typeof keys !== "string"
      ? createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) })
      : createRemoteJWKSet(new URL(keys), {
          timeoutDuration: fetchMsMax,
          cooldownDuration: askMsMin,
          cacheMaxAge: keysMsMax,
          [customFetch]: keptFetch(),
        });
  return (token, options) => jwtVerify(token, keyOf, options);
}

/** Fetches keys; while they cannot be had, those known before go on being good. */
function keptFetch(): (address: string, init: object) => Promise<Response> {
  let known: string | undefined;
  return async (address, init) => {
    try {
      const response = await fetch(address, { ...init, redirect: "error" });
      const text = await response.text();
      const { keys } = JSON.parse(text) as { readonly keys?: unknown };
      if (!response.ok || text.length > keysBytesMax || !Array.isArray(keys)) {
        throw new Error("no document of keys");
      }
      known = text;
    } catch (error) {
      if (known === undefined) throw error;
    }
    return new Response(known);
  };
}

function checkAddress(address: string): void {
  const { protocol, hostname } = new URL(address);
  const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol === "https:" || (protocol === "http:" && loopback)) return;
  throw new TypeError("jwt.keys: keys are fetched by https, or by http on this machine.");
}
