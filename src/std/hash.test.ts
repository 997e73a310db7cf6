import { expect, test } from "vitest";
import { partitionHash } from "./hash.ts";

// Pinned: these values are in users' data. A change here is a change of format.
test.each([
  ["", "73cc91fc254582cf"],
  ["a", "ee262640f84cc9d9"],
  ["b", "b20cf8e0a2d298b7"],
  ["Cart/user-1", "f69840cd8bf2193b"],
  ["Cart/user-2", "0e2ff13f6a4a00c7"],
  ["Ünï/🎟", "27e82a0b6e4a19a7"],
])("%j always hashes to %s", (text, hash) => expect(partitionHash(text)).toBe(hash));

/** Chi-square of counts, less its expectation, in standard deviations. */
function deviation(counts: readonly number[], total: number): number {
  const expected = total / counts.length;
  const chi = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  return (chi - counts.length + 1) / Math.sqrt(2 * (counts.length - 1));
}

test.each([
  ["counted", (i: number) => `Cart/user-${i}`],
  ["counted in hex behind zeros", (i: number) => i.toString(16).padStart(16, "0")],
  ["of two units", (i: number) => String.fromCharCode(i & 0xff, i >> 8)],
])("keys %s spread evenly over every part of the hash, without collision", (_, key) => {
  const total = 40_000;
  const hashes = Array.from({ length: total }, (_, i) => partitionHash(key(i)));
  expect(new Set(hashes).size).toBe(total);
  for (const at of [0, 5, 8, 14]) {
    const counts = new Array<number>(256).fill(0);
    for (const hash of hashes) counts[Number.parseInt(hash.slice(at, at + 2), 16)]! += 1;
    expect(Math.abs(deviation(counts, total))).toBeLessThan(5);
  }
});

test("a change of one bit changes each bit of the hash about half of the time", () => {
  const flips = new Array<number>(64).fill(0);
  const rounds = 2000;
  for (let i = 0; i < rounds; i++) {
    const key = `object-${i}`;
    const at = i % key.length;
    const other = String.fromCharCode(key.charCodeAt(at) ^ (1 << (i % 7)));
    const a = partitionHash(key);
    const b = partitionHash(key.slice(0, at) + other + key.slice(at + 1));
    for (let bit = 0; bit < 64; bit++) {
      const digit = bit >> 2;
      const changed = Number.parseInt(a[digit]!, 16) ^ Number.parseInt(b[digit]!, 16);
      flips[bit]! += (changed >> (bit & 3)) & 1;
    }
  }
  for (const count of flips) expect(Math.abs(count - rounds / 2)).toBeLessThan(120);
});
