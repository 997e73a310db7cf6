// A stable 64-bit hash of text, for spreading keys: the same on every machine and in every version,
// because what it gave is written down in data. Not for secrets and not for checking integrity.
// Two 32-bit lanes over UTF-16 units, each step a bijection of its lane, then mixed across.

import { hexOf32 } from "./bytes.ts";

/** 16 hex digits in lower case. */
export function partitionHash(text: string): string {
  let a = 0x243f6a88;
  let b = 0x85a308d3;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Multiplying carries bits only upwards; rotating brings them down again.
    a = Math.imul(a ^ unit, 0x9e3779b1);
    a = (a << 13) | (a >>> 19);
    b = Math.imul((b + unit) | 0, 0x85ebca77);
    b = (b << 17) | (b >>> 15);
  }
  a ^= text.length;
  // A Feistel network: every bit of both lanes reaches every bit, and no two states are merged.
  a ^= mix(b);
  b ^= mix((a + 0x3c6ef372) | 0);
  a ^= mix((b + 0x1b873593) | 0);
  b ^= mix((a + 0x510e527f) | 0);
  return hexOf32(a) + hexOf32(b);
}

function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}
