// The names of lives in a crash test: what a crash undid is given the same name when it is done
// again, so that ids and random values of handlers are those of the run without a crash.
import { Prng } from "../std/prng.ts";
import type { History } from "./history.ts";

export class Names {
  readonly #prng = new Prng("holdfast crash test names");
  readonly #openings = new Prng("holdfast crash test openings");
  #given: string[] = [];
  #next = 0;
  #opening = false;

  /** An engine that opens asks for names of its own. */
  open(opening: boolean): void {
    this.#opening = opening;
  }

  mint(): string {
    if (this.#opening) return text(this.#openings);
    const name = (this.#given[this.#next] ??= text(this.#prng));
    this.#next++;
    return name;
  }

  crashed({ invocations }: History): void {
    const durable = new Set([...invocations.values()].map(({ incarnation }) => incarnation));
    this.#given = this.#given.filter((name) => !durable.has(name));
    this.#next = 0;
  }
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 22 characters of base64url, of which the last has two bits. */
function text(prng: Prng): string {
  let name = "";
  for (let i = 0; i < 21; i++) name += letters[prng.integer(64)];
  return name + letters[prng.integer(4) << 4];
}
