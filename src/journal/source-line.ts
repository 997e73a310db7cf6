// Where in the user's code something was asked: file, line and text, from a stack that is only
// captured in a crash test. Frames of this package, of Node and of installed packages are passed
// over.
import { readFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";

export interface SourceLine {
  /** From the working directory. */
  readonly file: string;
  readonly line: number;
  /** The line as it is written; empty where the file cannot be read. */
  readonly text: string;
}

/** This package's own code, built or not: the folder above this one. */
const own = dirname(dirname(fileURLToPath(import.meta.url)));
const files = new Map<string, readonly string[]>();

/** The place in the user's code that is running now. It is looked up when it is asked for. */
export class Caller {
  readonly #here: Error;
  #line: SourceLine | undefined;
  #known = false;

  constructor() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 50;
    this.#here = new Error("here");
    Error.stackTraceLimit = stackTraceLimit;
  }

  /** Undefined where no code of the user's is running. */
  get line(): SourceLine | undefined {
    if (!this.#known) this.#line = lineOf(this.stack);
    this.#known = true;
    return this.#line;
  }

  get stack(): string {
    return this.#here.stack ?? "";
  }
}

/** The first frame of a stack that is the user's. */
export function lineOf(stack: string): SourceLine | undefined {
  for (const frame of stack.split("\n").slice(1)) {
    const found =
      /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?):(\d+):\d+\)?$/.exec(frame);
    if (found === null) continue;
    const path = pathOf(found[1] as string);
    if (path === undefined) continue;
    const line = Number(found[2]);
    return { file: relative(process.cwd(), path), line, text: textAt(path, line) };
  }
  return undefined;
}

export function sourceText({ file, line }: SourceLine): string {
  return `${file}:${line}`;
}

function pathOf(found: string): string | undefined {
  const path = found.startsWith("file:") ? fileURLToPath(found) : found;
  if (/[\\/]node_modules[\\/]/.test(path)) return undefined;
  if (path.startsWith(own)) return undefined;
  return path;
}

function textAt(path: string, line: number): string {
  let lines = files.get(path);
  if (lines === undefined) {
    try {
      lines = readFileSync(path, "utf8").split("\n");
    } catch {
      lines = [];
    }
    files.set(path, lines);
  }
  return (lines[line - 1] ?? "").trim();
}

/** The text of a file of the user's. */
export function readText(path: string | URL): string {
  return readFileSync(path, "utf8");
}
