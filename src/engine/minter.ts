// Fresh names from a pool of random bytes: asking the system for each would cost more than the rest
// of an invocation's creation.
import { base64urlOf } from "../std/bytes.ts";

const poolBytes = 16 * 512;

export class Minter {
  readonly #randomBytes: (length: number) => Uint8Array;
  #pool = new Uint8Array(0);
  #used = 0;

  constructor(randomBytes: (length: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  /** 128 random bits as 22 characters of base64url. */
  mint(): string {
    if (this.#used === this.#pool.length) {
      this.#pool = new Uint8Array(this.#randomBytes(poolBytes));
      this.#used = 0;
    }
    this.#used += 16;
    return base64urlOf(this.#pool.subarray(this.#used - 16, this.#used));
  }
}
