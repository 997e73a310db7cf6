// Fresh names from a pool of random bytes: asking the system for each would cost more than the rest
// of an invocation's creation. A pool is turned into text at once and cut into names.
import { textOfUtf8, utf8 } from "../std/bytes.ts";

const namesPerPool = 512;
const nameLength = 22;
const alphabet = utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

export class Minter {
  readonly #randomBytes: (length: number) => Uint8Array;
  #pool = "";
  #used = 0;

  constructor(randomBytes: (length: number) => Uint8Array) {
    this.#randomBytes = randomBytes;
  }

  /** 128 random bits as 22 characters of base64url: 21 of six bits, and one of two. */
  mint(): string {
    if (this.#used === this.#pool.length) {
      this.#pool = textOf(this.#randomBytes(namesPerPool * nameLength));
      this.#used = 0;
    }
    this.#used += nameLength;
    return this.#pool.slice(this.#used - nameLength, this.#used);
  }
}

/** Written over `bytes` and read as text at once: a text put together would be a chain of texts. */
function textOf(bytes: Uint8Array): string {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    const last = i % nameLength === nameLength - 1;
    bytes[i] = alphabet[last ? (byte & 3) << 4 : byte & 63] as number;
  }
  return textOfUtf8(bytes);
}
