// What the two sides of a served engine ask of callers, as settings name it: files are read here.
import { readFileSync } from "node:fs";
import type { JwtOptions, PublicKey } from "../server/jwt.ts";
import type { TlsOptions } from "../server/listener.ts";
import { UsageError } from "./exit.ts";
import type { Settings } from "./settings.ts";

export interface Credentials {
  readonly tls?: TlsOptions;
  readonly jwt?: JwtOptions;
}

/** @throws UsageError for a file that cannot be read, and for half of what is needed. */
export function credentialsOf(settings: Settings): Credentials {
  const tls = tlsOf(settings);
  const jwt = jwtOf(settings);
  return { ...(tls === undefined ? {} : { tls }), ...(jwt === undefined ? {} : { jwt }) };
}

function tlsOf({ tlsCert, tlsKey, tlsCa }: Settings): TlsOptions | undefined {
  if (tlsCert === "" && tlsKey === "" && tlsCa === "") return undefined;
  if (tlsCert === "" || tlsKey === "") {
    throw new UsageError("HTTPS needs a certificate and its key: give tlsCert and tlsKey.");
  }
  const [cert, key] = [text("tlsCert", tlsCert), text("tlsKey", tlsKey)];
  return { cert, key, ...(tlsCa === "" ? {} : { ca: text("tlsCa", tlsCa) }) };
}

function jwtOf({ jwtKeys, jwtAudience, jwtIssuer }: Settings): JwtOptions | undefined {
  if (jwtKeys === "" && jwtAudience === "" && jwtIssuer === "") return undefined;
  if (jwtKeys === "" || jwtAudience === "") {
    throw new UsageError("Signed tokens need keys and an audience: give jwtKeys and jwtAudience.");
  }
  const keys = /^https?:/.test(jwtKeys) ? jwtKeys : keysIn(jwtKeys);
  const issuer = jwtIssuer === "" ? {} : { issuer: jwtIssuer };
  return { keys, audience: jwtAudience, ...issuer };
}

function keysIn(path: string): readonly PublicKey[] {
  try {
    const { keys } = JSON.parse(text("jwtKeys", path)) as { readonly keys?: readonly PublicKey[] };
    if (Array.isArray(keys)) return keys;
  } catch (error) {
    if (error instanceof UsageError) throw error;
  }
  throw new UsageError(`jwtKeys: ${path} is no JWKS document, {"keys": [...]}.`);
}

function text(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${name}: ${path} cannot be read: ${(error as Error).message}`);
  }
}
