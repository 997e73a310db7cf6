// Whole numbers of 64 and 128 bits in base 62, as ids spell them, without BigInt, which is slow and
// allocates. A number is given as 16-bit limbs, the lowest first: the product of a limb and six
// digits stays below 2^53, so that doubles compute it exactly.

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const digitOf: ReadonlyMap<string, number> = new Map([...alphabet].map((c, i) => [c, i]));
const chunkDigits = 6;
const chunk = 62 ** chunkDigits;

/** `width` digits, padded with zeros. Consumes the limbs. */
export function base62Of(limbs: number[], width: number): string {
  let text = "";
  while (text.length < width) {
    let rest = 0;
    for (let i = limbs.length - 1; i >= 0; i--) {
      const value = rest * 0x10000 + limbs[i]!;
      const quotient = Math.floor(value / chunk);
      limbs[i] = quotient;
      rest = value - quotient * chunk;
    }
    for (let left = Math.min(chunkDigits, width - text.length); left > 0; left--) {
      const quotient = Math.floor(rest / 62);
      text = alphabet[rest - quotient * 62]! + text;
      rest = quotient;
    }
  }
  return text;
}

/** Undefined when a character is no digit or the number needs more than `count` limbs. */
export function limbsOfBase62(text: string, count: number): number[] | undefined {
  const limbs = new Array<number>(count).fill(0);
  for (let at = 0; at < text.length; at += chunkDigits) {
    const part = text.slice(at, at + chunkDigits);
    let carry = 0;
    for (const character of part) {
      const digit = digitOf.get(character);
      if (digit === undefined) return undefined;
      carry = carry * 62 + digit;
    }
    const factor = 62 ** part.length;
    for (let i = 0; i < count; i++) {
      const value = limbs[i]! * factor + carry;
      carry = Math.floor(value / 0x10000);
      limbs[i] = value - carry * 0x10000;
    }
    if (carry > 0) return undefined;
  }
  return limbs;
}
