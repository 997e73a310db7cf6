// Ids as text and as bytes: how each is minted, printed and read. Invocation ids are spelled as
// Restate spells them, so that its clients and SDKs take them: 24 bytes, of which the first 8 name
// the partition key. What an id belongs to is decided elsewhere.

import { invariant } from "../std/assert.ts";
import { base64urlOf, bytesOfBase64url, concatBytes, hexOf, utf8 } from "../std/bytes.ts";
import { hmacSha256, sha256 } from "../std/sha256.ts";
import { base62Of, limbsOfBase62 } from "./base62.ts";
import type { ErrorCode } from "./error-codes.ts";
import { HoldfastError } from "./errors.ts";

const keyDigits = 11;
const uuidDigits = 22;
const resourceTypes = new Set(["inv", "awk", "sign", "prom", "dp", "sub", "snap", "mut", "vq"]);

/** `inv_1` and 33 digits. The partition key is 16 hex digits in lower case, the uuid 16 bytes. */
export function formatInvocationId(partitionKey: string, uuid: Uint8Array): string {
  invariant(partitionKey.length === 16 && uuid.length === 16, "an id has 8 and 16 bytes");
  const key: number[] = [];
  for (let i = 0; i < 16; i += 4) {
    const two = Number.parseInt(partitionKey.slice(i, i + 4), 16);
    key.push(((two & 0xff) << 8) | (two >> 8));
  }
  const limbs: number[] = [];
  for (let i = 0; i < 16; i += 2) limbs.push(uuid[i]! | (uuid[i + 1]! << 8));
  return `inv_1${base62Of(key, keyDigits)}${base62Of(limbs, uuidDigits)}`;
}

/** @throws HoldfastError `INVOCATION_ID_INVALID`, in Restate's words. */
export function parseInvocationId(text: string): { partitionKey: string; uuid: Uint8Array } {
  const code = "INVOCATION_ID_INVALID";
  checkPrefix(text, "inv", code);
  if (text.length !== 5 + keyDigits + uuidDigits) throw refused(code, text, "bad length");
  const key = limbsOfBase62(text.slice(5, 5 + keyDigits), 4);
  const uuid = limbsOfBase62(text.slice(5 + keyDigits), 8);
  if (key === undefined || uuid === undefined) throw refused(code, text, "base62 decode error");
  return { partitionKey: hexOf(bytesOfLimbs(key)), uuid: bytesOfLimbs(uuid) };
}

/**
 * The uuid of an invocation that has no name: the position of its creation, which orders and finds
 * it, and bytes that only its incarnation gives, so that nobody guesses one id from another.
 */
export function mintedUuid(position: number, incarnation: string): Uint8Array {
  const uuid = new Uint8Array(16);
  writePosition(uuid, 0, position);
  uuid.set(sha256(utf8(`holdfast id${incarnation}`)).subarray(0, 8), 6);
  // In a cluster the last two bytes of an incarnation say which app it is of; an id says it too.
  uuid.set(bytesOfBase64url(incarnation).subarray(14), 14);
  return uuid;
}

/**
 * An id chosen by who asks, before the invocation exists: for a target in another partition. `name`
 * is 128 random bits in base64url; `app` that of the target, where it is known.
 */
export function explicitId(partitionKey: string, name: string, app: string | undefined): string {
  const uuid = bytesOfBase64url(name);
  return formatInvocationId(partitionKey, app === undefined ? uuid : withTag(uuid, app));
}

/** What stands in the place of an app in ids of an engine that stands alone: no app has this name. */
export const noApp = "";

/** Two bytes that stand for an app in the ids of its invocations. */
export function tagOf(app: string): Uint8Array {
  return sha256(utf8(`holdfast app ${app}`)).subarray(0, 2);
}

/** The same bytes, with those of an app at their end. */
export function withTag(uuid: Uint8Array, app: string): Uint8Array {
  const tagged = uuid.slice();
  tagged.set(tagOf(app), 14);
  return tagged;
}

/** Where an id says that it belongs: the app's two bytes as four hex digits, and its partition key. */
export function whereOf(id: string): { readonly tag: string; readonly partitionKey: string } {
  if (id.startsWith("awk_")) {
    const { partitionKey, incarnation } = parseAwakeableId(id);
    return { tag: hexOf(bytesOfBase64url(incarnation).subarray(14)), partitionKey };
  }
  const { partitionKey, uuid } = parseInvocationId(id);
  return { tag: hexOf(uuid.subarray(14)), partitionKey };
}

/** The position in a minted uuid; without meaning for a derived one. */
export function positionOf(uuid: Uint8Array): number {
  return readPosition(uuid, 0);
}

/**
 * The uuid of an invocation that has a name: a workflow's run, an idempotent request. Parts carry
 * their length, so that ("a", "bc") and ("ab", "c") differ; the secret keeps others from computing
 * ids from names they can guess.
 */
export function derivedUuid(secret: Uint8Array, parts: readonly string[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    const bytes = utf8(part);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    pieces.push(length, bytes);
  }
  return hmacSha256(secret, concatBytes(...pieces)).slice(0, 16);
}

/** What an awakeable id says: which life of which invocation waits at which entry (R1). */
export interface AwakeableAddress {
  /** 16 hex digits in lower case. */
  readonly partitionKey: string;
  /** Position at which the invocation was created. */
  readonly position: number;
  /** Index of the awakeable in the journal. */
  readonly index: number;
  /** 128 bits in base64url, 22 characters. */
  readonly incarnation: string;
}

/** `awk_1` and 34 bytes in base64url. */
export function formatAwakeableId(address: AwakeableAddress): string {
  const { partitionKey, position, index, incarnation } = address;
  const life = bytesOfBase64url(incarnation);
  invariant(partitionKey.length === 16 && life.length === 16, "an awakeable has 8 and 16 bytes");
  const bytes = new Uint8Array(34);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Number.parseInt(partitionKey.slice(0, 8), 16));
  view.setUint32(4, Number.parseInt(partitionKey.slice(8), 16));
  writePosition(bytes, 8, position);
  view.setUint32(14, index);
  bytes.set(life, 18);
  return `awk_1${base64urlOf(bytes)}`;
}

/** @throws HoldfastError `AWAKEABLE_ID_INVALID`. */
export function parseAwakeableId(text: string): AwakeableAddress {
  const code = "AWAKEABLE_ID_INVALID";
  checkPrefix(text, "awk", code);
  if (text.length !== 5 + 46) throw refused(code, text, "bad length");
  let bytes: Uint8Array;
  try {
    bytes = bytesOfBase64url(text.slice(5));
  } catch {
    throw refused(code, text, "base64 decode error");
  }
  return {
    partitionKey: hexOf(bytes.subarray(0, 8)),
    position: readPosition(bytes, 8),
    index: new DataView(bytes.buffer).getUint32(14),
    incarnation: base64urlOf(bytes.subarray(18)),
  };
}

/** In Restate's order: an underscore, a known type, the expected type, the version. */
function checkPrefix(text: string, expected: string, code: ErrorCode): void {
  const end = text.indexOf("_");
  if (end < 0) throw refused(code, text, "bad format");
  const type = text.slice(0, end);
  if (!resourceTypes.has(type)) throw refused(code, text, `unrecognized resource type: ${type}`);
  if (type !== expected) throw refused(code, text, "id doesn't match the expected type");
  if (text[end + 1] !== "1") throw refused(code, text, "unrecognized codec version");
}

function refused(code: ErrorCode, text: string, why: string): HoldfastError {
  const what = code === "AWAKEABLE_ID_INVALID" ? "awakeable" : "invocation";
  const shown = text.length > 128 ? `${text.slice(0, 128)}…` : text;
  return new HoldfastError(code, { message: `bad ${what} id '${shown}': ${why}`, data: { why } });
}

/** Six bytes, big endian, so that ids of one partition sort by their age. */
function writePosition(bytes: Uint8Array, at: number, position: number): void {
  invariant(position >= 0 && position < 2 ** 48, () => `position ${position} needs 48 bits`);
  const view = new DataView(bytes.buffer);
  view.setUint16(at, Math.floor(position / 2 ** 32));
  view.setUint32(at + 2, position % 2 ** 32);
}

function readPosition(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

function bytesOfLimbs(limbs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * limbs.length);
  limbs.forEach((limb, i) => {
    bytes[2 * i] = limb & 0xff;
    bytes[2 * i + 1] = limb >> 8;
  });
  return bytes;
}
