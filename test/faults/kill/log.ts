// What the outside knows: one file, one line per thing a client asked or was told and per effect a
// handler had, written at once and in order. It outlives every kill, and the checker believes
// nothing else.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export type Line =
  | { readonly k: "life"; readonly mode: string }
  | { readonly k: "started"; readonly unclean: boolean; readonly epoch: number }
  | { readonly k: "closed" }
  /** From here on this life may act on what is not so any more: it was made to stand still. */
  | { readonly k: "zombie"; readonly of: number }
  | { readonly k: "event"; readonly what: string }
  /** A client asks; `again` when the same request was asked by an earlier life. */
  | { readonly k: "ask"; readonly op: string; readonly kind: Kind; readonly key: string }
  | { readonly k: "ack"; readonly op: string; readonly value: unknown }
  | { readonly k: "refused"; readonly op: string; readonly code: string; readonly why: string }
  /** The result of an invocation that was sent. */
  | { readonly k: "result"; readonly op: string; readonly value: unknown }
  /** A step's body begins; `seen` are the results its handler has learned. */
  | {
      readonly k: "step";
      readonly inv: string;
      readonly name: string;
      readonly token: string;
      readonly seen: Readonly<Record<string, string>>;
    }
  | { readonly k: "failed"; readonly inv: string; readonly name: string }
  | { readonly k: "enter" | "exit"; readonly inv: string; readonly key: string }
  | { readonly k: "awakeable"; readonly op: string; readonly id: string }
  | { readonly k: "final"; readonly of: string; readonly key: string; readonly value: unknown };

export type Kind =
  | "append"
  | "read"
  | "steps"
  | "pay"
  | "fan"
  | "approve"
  | "flaky"
  | "cart"
  | "flow"
  | "resolve"
  | "go"
  | "poison";

export type Logged = Line & { readonly life: number };

export class Log {
  readonly #file: number;
  readonly #life: number;

  constructor(path: string, life: number) {
    this.#file = openSync(path, "a");
    this.#life = life;
  }

  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify({ life: this.#life, ...line })}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export function readLog(path: string): Logged[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Logged);
}
