// How code and a journal part, in words.
import type { Divergence } from "../journal/replayer.ts";
import { sourceText } from "../journal/source-line.ts";

export function* divergenceLines(name: string, divergence: Divergence): Generator<string> {
  const { code, entry, expected, actual, line } = divergence;
  yield `${name}: ${code} at command ${entry}`;
  yield `  the journal holds  ${expected}`;
  yield `  the code came to   ${actual}`;
  if (line !== undefined) yield `  at  ${sourceText(line)}  ${line.text}`;
}
