// What a crash test says when it fails: what came out otherwise, behind which crash, and the journal
// beside the lines of code that wrote it, with the place marked.

import type { Asked } from "../journal/instrument.ts";
import { type SourceLine, sourceText } from "../journal/source-line.ts";
import { HoldfastError } from "../model/errors.ts";
import { targetText } from "../replay/mismatch.ts";
import type { CrashRun } from "./crash-run.ts";
import type { Death } from "./crashing-storage.ts";
import { commandsOf, type PastInvocation } from "./history.ts";
import { commandText, type Difference } from "./outcome.ts";

export interface Finding {
  /** One sentence: what is wrong. */
  readonly happened: string;
  readonly difference?: Difference | undefined;
  /** The invocation it is about, and the command. */
  readonly row?: PastInvocation | undefined;
  readonly entry?: number | undefined;
  /** The line to look at. */
  readonly line?: SourceLine | undefined;
  /** What to do about it. */
  readonly fix: string;
}

export interface CrashPoint extends Omit<Death, "then"> {
  readonly commits: number;
  readonly batchOfOne: boolean;
}

/** Why a test failed, as data beside the message. */
export interface CrashTestFailure {
  readonly crash: string;
  readonly target: string | undefined;
  readonly entry: number | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
}

export function failureOf(
  finding: Finding,
  run: CrashRun,
  point: CrashPoint | undefined,
): HoldfastError {
  const { happened, difference, row, entry, line, fix } = finding;
  const crash = point === undefined ? "No crash was needed to see it." : crashText(point);
  const told: string[] = [happened, `  ${crash}`];
  if (difference !== undefined) {
    told.push(`  expected: ${difference.expected}`, `  came:     ${difference.actual}`);
  }
  if (line !== undefined) told.push(`  look at:  ${sourceText(line)}  ${line.text}`);
  if (row !== undefined) told.push(...journal(row, run, entry));
  told.push(fix);
  const data: CrashTestFailure = {
    crash,
    target: row && targetText(row),
    entry,
    file: line?.file,
    line: line?.line,
  };
  return new HoldfastError("CRASH_TEST_FAILED", { message: told.join("\n"), data });
}

function crashText({ commit, commits, when, batchOfOne }: CrashPoint): string {
  const what = batchOfOne ? "record" : "commit";
  return when === "before"
    ? `The process died before ${what} ${commit} of ${commits} was durable.`
    : `The process died when ${what} ${commit} of ${commits} was durable and nobody knew of it yet.`;
}

function* journal(
  row: PastInvocation,
  run: CrashRun,
  entry: number | undefined,
): Generator<string> {
  yield `  The journal of ${targetText(row)}, and the code that asked:`;
  const commands = commandsOf(row);
  const words = commands.map(({ command }) => commandText(command));
  const width = Math.min(Math.max(0, ...words.map(({ length }) => length)), 40);
  for (const [index, text] of words.entries()) {
    const line = lineOf(run, row, index);
    const code = line === undefined ? "" : `${sourceText(line)}  ${line.text}`;
    yield `  ${index === entry ? ">" : " "} ${String(index).padStart(3)}  ${text.padEnd(width)}  ${code}`;
  }
}

/** The line that asked a command: as it was first asked, or as it was asked last. */
export function lineOf(
  run: CrashRun,
  { incarnation }: PastInvocation,
  index: number,
  last = false,
): SourceLine | undefined {
  const lives = last ? [...run.lines].reverse() : run.lines;
  for (const life of lives) {
    const asked: Asked | undefined = life.get(incarnation)?.[index];
    if (asked?.at.line !== undefined) return asked.at.line;
  }
  return undefined;
}
