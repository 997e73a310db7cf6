// Fresh names from a pool of random bytes: asking the system for each would cost more than the rest
// of an invocation's creation. A pool is turned into text at once and cut into names.
import { textOfUtf8, utf8 } from "../std/bytes.ts";

const namesPerPool = 512;
const nameLength = 22;
const alphabet = utf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

export class Minter {
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #tag: Uint8Array | undefined;
  #pool = "";
  #used = 0;

  /** With a tag of two bytes, names end with it: those of a cluster say which app they are of. */
  constructor(randomBytes: (length: number) => Uint8Array, tag?: Uint8Array) {
    this.#randomBytes = randomBytes;
    this.#tag = tag;
  }

  /** 128 random bits as 22 characters of base64url: 21 of six bits, and one of two. */
  mint(): string {
    if (this.#used === this.#pool.length) {
      this.#pool = textOf(this.#randomBytes(namesPerPool * nameLength));
      this.#used = 0;
    }
    this.#used += nameLength;
    const name = this.#pool.slice(this.#used - nameLength, this.#used);
    return this.#tag === undefined ? name : tagged(name, this.#tag);
  }
}

/** The last 16 of a name's 128 bits are the tag's: two bits of its 19th character, and all after. */
function tagged(name: string, tag: Uint8Array): string {
  const [high = 0, low = 0] = tag;
  const first = (alphabet.indexOf(name.charCodeAt(18)) & 0b111100) | (high >> 6);
  const codes = [first, high & 63, low >> 2, (low & 3) << 4].map((i) => alphabet[i] as number);
  return name.slice(0, 18) + String.fromCharCode(...codes);
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
