// Random numbers that repeat: the same seed gives the same numbers on every machine. 128 bits of
// state (the "small fast counting" generator), seeded through SHA-256, so that near seeds share
// nothing. Not for secrets: whoever sees the output can compute what follows.

import { hexOf, utf8 } from "./bytes.ts";
import { sha256 } from "./sha256.ts";

export class Prng {
  readonly #state = new Int32Array(4);

  constructor(seed: string) {
    const digest = sha256(utf8(seed));
    const view = new DataView(digest.buffer);
    for (let i = 0; i < 4; i++) this.#state[i] = view.getInt32(4 * i);
    // The counter starts at a random place; the first draws mix what the seed put in.
    for (let i = 0; i < 8; i++) this.#draw();
  }

  /** From 0 up to, not including, 1, with all 53 bits a double has room for. */
  random(): number {
    const high = this.#draw() >>> 5;
    const low = this.#draw() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** A whole number from 0 up to, not including, `below` (at most 2^53). */
  integer(below: number): number {
    return Math.floor(this.random() * below);
  }

  /** The text of a version 4 UUID. */
  uuid(): string {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < 16; i += 4) view.setInt32(i, this.#draw());
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = hexOf(bytes);
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20),
    ].join("-");
  }

  #draw(): number {
    const s = this.#state;
    const sum = (s[0]! + s[1]! + s[3]!) | 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + sum;
    return sum;
  }
}
