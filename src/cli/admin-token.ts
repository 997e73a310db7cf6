// The admin token that lies beside the data: made at the first start, for its owner only. Whoever
// may read the directory may ask the admin side.
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const fileName = "admin-token";

export function adminTokenPath(data: string): string {
  return join(data, fileName);
}

/** The token of a directory; undefined when there is none, or it is not ours to read. */
export function readAdminToken(data: string): string | undefined {
  try {
    return readFileSync(adminTokenPath(data), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The token of a directory that is open; made when there is none: 256 bits. */
export function ensureAdminToken(data: string): string {
  const path = adminTokenPath(data);
  const known = readAdminToken(data);
  if (known !== undefined && /^\S{40,}$/.test(known)) {
    chmodSync(path, 0o600);
    return known;
  }
  const token = randomBytes(32).toString("base64url");
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return token;
}
