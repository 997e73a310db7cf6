// What a command prints: data on standard output, as tables for people or JSON for programs, and
// all else on standard error. Colours only on a terminal, and never with NO_COLOR. Everything that
// others wrote passes through plain.ts.
import { plainJson, plainLine, plainText } from "./plain.ts";

export type Colour = "red" | "green" | "yellow" | "blue" | "grey" | "bold";

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [36, 39],
  grey: [90, 39],
  bold: [1, 22],
};

/** Where it is printed to. */
export interface Streams {
  readonly out: Terminal;
  readonly error: Terminal;
}

export interface Terminal {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Column<T> {
  readonly title: string;
  of(row: T): string | number | undefined;
  colour?(row: T): Colour | undefined;
}

export class Output {
  readonly json: boolean;
  readonly #streams: Streams;
  readonly #colours: boolean;

  constructor(options: { readonly json: boolean; readonly colours: boolean }, streams: Streams) {
    this.json = options.json;
    this.#streams = streams;
    this.#colours = options.colours;
  }

  /** Data: text as it is asked for, on standard output. */
  data(text: string): void {
    this.#streams.out.write(`${plainText(text)}\n`);
  }

  /** Data as JSON; on one line where `compact`. */
  value(value: unknown, compact = false): void {
    this.#streams.out.write(`${plainJson(value, compact ? undefined : 2)}\n`);
  }

  /** Bytes of a payload, as they are, where standard output is no terminal. */
  bytes(bytes: Uint8Array): void {
    const { out } = this.#streams;
    if (out.isTTY === true) this.data(new TextDecoder().decode(bytes));
    else out.write(bytes);
  }

  /** For people, on standard error. */
  say(text: string): void {
    this.#streams.error.write(`${plainText(text)}\n`);
  }

  /** Rows for people as a table, for programs as they are. */
  rows<T>(rows: readonly T[], columns: readonly Column<T>[], whole: unknown = rows): void {
    if (this.json) return this.value(whole);
    if (rows.length === 0) return this.say("None.");
    for (const line of this.#table(rows, columns)) this.#streams.out.write(`${line}\n`);
  }

  /** Coloured for standard output, or error. The text must be plain already. */
  colour(colour: Colour | undefined, text: string, to: "out" | "error" = "out"): string {
    if (colour === undefined || !this.#colours) return text;
    if (this.#streams[to].isTTY !== true) return text;
    const [on, off] = codes[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  /** A line that may hold our colours; what others wrote in it must be plain already. */
  line(text: string, to: "out" | "error" = "error"): void {
    this.#streams[to].write(`${text}\n`);
  }

  *#table<T>(rows: readonly T[], columns: readonly Column<T>[]): Generator<string> {
    const cells = rows.map((row) => columns.map(({ of }) => plainLine(String(of(row) ?? ""))));
    const widths = columns.map(({ title }, i) =>
      Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)),
    );
    const { out } = this.#streams;
    const room = out.isTTY === true ? (out.columns ?? 120) : Number.POSITIVE_INFINITY;
    const fitted = this.#fitted(widths, room);
    const pad = (text: string, i: number): string => {
      const width = fitted[i] as number;
      const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
      return i === columns.length - 1 ? cut : cut.padEnd(width);
    };
    yield this.colour(
      "grey",
      columns
        .map(({ title }, i) => pad(title, i))
        .join("  ")
        .trimEnd(),
    );
    for (const [at, line] of cells.entries()) {
      const shown = line.map((text, i) =>
        this.colour(columns[i]?.colour?.(rows[at] as T), pad(text, i)),
      );
      yield shown.join("  ").trimEnd();
    }
  }

  /** On a terminal the widest column gives way first. */
  #fitted(widths: readonly number[], room: number): number[] {
    const fitted = [...widths];
    const total = (): number => fitted.reduce((sum, width) => sum + width + 2, -2);
    while (total() > room) {
      const widest = fitted.indexOf(Math.max(...fitted));
      if ((fitted[widest] as number) <= 12) break;
      (fitted[widest] as number)--;
    }
    return fitted;
  }
}
