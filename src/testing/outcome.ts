// What a run came to, in a form in which two runs can be compared: the scenario's answer, every
// invocation with its end, every state and promise, every step with its result. Ids differ from run
// to run and are left out.
import type { Command, CommandEntry } from "../model/entry.ts";
import type { Payload, Result } from "../model/payload.ts";
import { targetText, wordsOf } from "../replay/mismatch.ts";
import type { CrashRun } from "./crash-run.ts";
import { commandsOf, type History, type PastInvocation } from "./history.ts";

/** Something that came out otherwise. */
export interface Difference {
  /** What it is, such as `the state of Cart/user-1`. */
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

/** A command at which the journals of one invocation part in two runs. */
export interface Parting extends Difference {
  readonly row: PastInvocation;
  readonly index: number;
}

/** The first difference, the most telling first; undefined when there is none. */
export function differenceOf(model: CrashRun, run: CrashRun): Difference | undefined {
  const expected = [...partsOf(model)];
  const actual = new Map(partsOf(run));
  for (const [what, text] of expected) {
    const other = actual.get(what) ?? "nothing";
    if (other !== text) return { what, expected: text, actual: other };
    actual.delete(what);
  }
  for (const [what, text] of actual) {
    if (!expected.some(([name]) => name === what))
      return { what, expected: "nothing", actual: text };
  }
  return undefined;
}

function* partsOf(run: CrashRun): Generator<[what: string, text: string]> {
  const { outcome, history } = run;
  if (outcome !== undefined) {
    const text = "error" in outcome ? `failed: ${textOf(outcome.error)}` : textOf(outcome.value);
    yield ["the scenario's result", text];
  }
  yield* grouped(history, "the result of", ({ result }) => resultText(result));
  yield* grouped(history, "the steps completed by", (row) => [...stepsOf(row)].sort().join(", "));
  for (const [name, values] of [...history.state].sort(byName)) {
    const state = [...values].sort(byName).map(([key, value]) => `${key}: ${payloadText(value)}`);
    if (state.length > 0) yield [`the state of ${name}`, `{ ${state.join(", ")} }`];
  }
  for (const [name, result] of history.promises) yield [`the promise ${name}`, resultText(result)];
}

/** Invocations of one target with one input are told apart by nothing: their ends are a bag. */
function* grouped(
  history: History,
  what: string,
  text: (row: PastInvocation) => string,
): Generator<[string, string]> {
  const groups = new Map<string, string[]>();
  for (const row of history.invocations.values()) {
    const name = `${what} ${targetText(row)}(${payloadText(row.input)})`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [text(row)]);
    else group.push(text(row));
  }
  for (const [name, texts] of groups) {
    const times = texts.length === 1 ? "" : `${texts.length} times: `;
    yield [name, times + texts.sort().join("; ")];
  }
}

function* stepsOf(row: PastInvocation): Generator<string> {
  const commands = commandsOf(row);
  for (const entry of row.entries) {
    if (entry.kind !== "completed" || isCancelled(entry.result)) continue;
    const command = commands[entry.of]?.command;
    if (command?.kind === "run") yield `"${command.name}" gave ${resultText(entry.result)}`;
  }
}

/** A step that was told to stop has completed nothing, whether it noticed or not. */
function isCancelled(result: Result): boolean {
  return "failure" in result && result.failure.code === "CANCELLED";
}

/** Where the journals of the same invocation first part, if they do. */
export function partingOf(model: CrashRun, run: CrashRun): Parting | undefined {
  const models = [...model.history.invocations.values()];
  for (const row of run.history.invocations.values()) {
    const other = models.find(({ incarnation }) => incarnation === row.incarnation);
    if (other === undefined || targetText(other) !== targetText(row)) continue;
    const expected = commandsOf(other);
    const actual = commandsOf(row);
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
      const one = textAt(expected, index);
      const two = textAt(actual, index);
      if (one === two) continue;
      const what = `command ${index} of ${targetText(row)}`;
      return { what, row, index, expected: one ?? "its end", actual: two ?? "its end" };
    }
  }
  return undefined;
}

function textAt(commands: readonly CommandEntry[], index: number): string | undefined {
  const entry = commands[index];
  return entry && commandText(entry.command);
}

/** A command with what it carries. */
export function commandText(command: Command): string {
  const words = withoutIds(wordsOf(command));
  if (command.kind === "set") return `${words} to ${payloadText(command.value)}`;
  return words;
}

export function resultText(result: Result | undefined): string {
  if (result === undefined) return "not ended";
  if ("value" in result) return payloadText(result.value);
  return withoutIds(`failed: ${result.failure.code}: ${result.failure.message}`);
}

export function payloadText(payload: Payload): string {
  if (payload === null) return "";
  return withoutIds(typeof payload === "string" ? payload : `bytes ${payload.base64}`);
}

/** Any value as text: what JSON cannot say is said in words. */
function textOf(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as { readonly code?: unknown };
    return withoutIds(code === undefined ? value.message : `${String(code)}: ${value.message}`);
  }
  const said = (_: string, inner: unknown): unknown => {
    if (inner instanceof Map || inner instanceof Set) return [...inner];
    if (typeof inner === "bigint" || typeof inner === "function") return String(inner);
    if (inner instanceof Error) return textOf(inner);
    return inner;
  };
  return withoutIds(JSON.stringify(value, said) ?? "undefined");
}

function withoutIds(text: string): string {
  return text.replaceAll(/\b(inv|awk|sign|prom)_1[\w-]{20,}/g, "$1_…");
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
