// A journal for people: its commands in order, each with what came of it and the line that asked.
import type { CommandIndex, Entry } from "../model/entry.ts";
import type { Result } from "../model/payload.ts";
import { wordsOf } from "../replay/mismatch.ts";
import { type SourceLine, sourceText } from "./source-line.ts";

const shownMax = 60;

/** `marked`: the command to point at. */
export function* journalLines(
  entries: readonly Entry[],
  lineOf: (index: CommandIndex) => SourceLine | undefined,
  marked?: CommandIndex,
): Generator<string> {
  const results = new Map<CommandIndex, Result>();
  for (const entry of entries) if (entry.kind === "completed") results.set(entry.of, entry.result);
  let commands = 0;
  for (const entry of entries) {
    if (entry.kind === "cancelled") yield "        cancelled";
    if (entry.kind !== "command") continue;
    commands++;
    const { index, command } = entry;
    const result = results.get(index);
    const answer = result === undefined ? "" : ` → ${cut(resultWords(result))}`;
    yield line(index, index === marked, `${wordsOf(command)}${answer}`, lineOf(index));
  }
  if (marked !== undefined && marked >= commands) {
    yield line(commands, true, "the end of the journal", lineOf(commands));
  }
}

function line(index: number, marked: boolean, text: string, at: SourceLine | undefined): string {
  const code = at === undefined ? "" : `  ${sourceText(at)}  ${at.text}`;
  return `${marked ? ">" : " "} ${String(index).padStart(4)}  ${text.padEnd(32)}${code}`;
}

function resultWords(result: Result): string {
  if ("failure" in result) return `failed: ${result.failure.code}`;
  const { value } = result;
  return value === null ? "nothing" : typeof value === "string" ? value : value.contentType;
}

function cut(text: string): string {
  return text.length <= shownMax ? text : `${text.slice(0, shownMax)}…`;
}
