// Bytes and their texts: UTF-8, hex, base64 and base64url, with nothing of Node, so that it runs in
// browsers and workers too. Parsers are strict: what they accept, the printer would have printed.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws TypeError when the bytes are not UTF-8. */
export function textOfUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Bytes of the text in UTF-8, counted without encoding it. A lone surrogate counts as 3. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(i + 1))) i++;
  }
  return length;
}

/** False for NaN, which is what `charCodeAt` gives behind the end. */
function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Below, at or above zero as `a` sorts before, with or after `b`; a prefix sorts first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  return byte.toString(16).padStart(2, "0");
});

export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += hexOfByte[bytes[i]!];
  return text;
}

/** The 8 hex digits of 32 bits, signed or not. */
export function hexOf32(bits: number): string {
  return (
    hexOfByte[bits >>> 24]! +
    hexOfByte[(bits >>> 16) & 0xff]! +
    hexOfByte[(bits >>> 8) & 0xff]! +
    hexOfByte[bits & 0xff]!
  );
}

/** @throws RangeError when the text is not an even number of hex digits in lower case. */
export function bytesOfHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new RangeError("not hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const standard = alphabet(`${letters}+/`);
const urlSafe = alphabet(`${letters}-_`);

interface Alphabet {
  readonly codes: Uint8Array;
  /** Character code → digit, 255 where there is none. */
  readonly digits: Uint8Array;
}

function alphabet(characters: string): Alphabet {
  const codes = encoder.encode(characters);
  const digits = new Uint8Array(256).fill(255);
  codes.forEach((code, digit) => {
    digits[code] = digit;
  });
  return { codes, digits };
}

/** Base64 with padding, as data URLs and JSON bodies have it. */
export function base64Of(bytes: Uint8Array): string {
  return digitsOf(bytes, standard) + "=".repeat((3 - (bytes.length % 3)) % 3);
}

/** @throws RangeError when the text is not canonical, padded base64. */
export function bytesOfBase64(text: string): Uint8Array {
  const end = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 !== 0) throw new RangeError("not base64: wrong length");
  return bytesOfDigits(text, text.length - end, standard);
}

/** Base64url without padding, for ids and URLs. */
export function base64urlOf(bytes: Uint8Array): string {
  return digitsOf(bytes, urlSafe);
}

/** @throws RangeError when the text is not canonical base64url without padding. */
export function bytesOfBase64url(text: string): Uint8Array {
  return bytesOfDigits(text, text.length, urlSafe);
}

function digitsOf(bytes: Uint8Array, { codes }: Alphabet): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  const whole = bytes.length - (bytes.length % 3);
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    out[at++] = codes[three >> 18]!;
    out[at++] = codes[(three >> 12) & 63]!;
    out[at++] = codes[(three >> 6) & 63]!;
    out[at++] = codes[three & 63]!;
  }
  if (whole < bytes.length) {
    const rest = (bytes[whole]! << 16) | ((bytes[whole + 1] ?? 0) << 8);
    out[at++] = codes[rest >> 18]!;
    out[at++] = codes[(rest >> 12) & 63]!;
    if (at < out.length) out[at] = codes[(rest >> 6) & 63]!;
  }
  return decoder.decode(out);
}

function bytesOfDigits(text: string, length: number, { digits }: Alphabet): Uint8Array {
  if (length % 4 === 1) throw new RangeError("not base64: wrong length");
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 256 ? digits[code]! : 255;
    if (digit === 255) throw new RangeError(`not base64: unexpected character at ${i}`);
    held = ((held << 6) | digit) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
    }
  }
  // Two texts must not mean the same bytes, else one id has several spellings.
  if ((held & ((1 << bits) - 1)) !== 0) throw new RangeError("not base64: stray bits at the end");
  return bytes;
}
