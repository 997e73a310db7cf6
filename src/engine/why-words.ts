// The wait graph as it is told: its nodes, the words of times and counts, and the commands that move
// one. What waits for what is inspect-why.ts.
import type { Status } from "../model/row.ts";
import { formatDuration } from "../std/duration.ts";
import { iso } from "./inspect-view.ts";

/** One node of the wait graph. */
export interface Why {
  readonly id: string;
  /** `Service/handler` or `Service/key/handler`. */
  readonly target: string;
  readonly status: Status;
  /** What it does, or what holds it, in a sentence. */
  readonly says: string;
  readonly reasons: readonly Reason[];
  /** What somebody can do about it, the mildest first. */
  readonly moves: readonly Move[];
}

/** One thing it waits for; with the invocation behind it, where there is one. */
export interface Reason {
  readonly says: string;
  readonly of?: Why;
  readonly moves: readonly Move[];
}

export interface Move {
  /** As it is typed. */
  readonly command: string;
  readonly does: string;
}

/** A wait graph as lines of text, deeper ones indented. */
export function whyLines(why: Why, depth = 0): string[] {
  const indent = "  ".repeat(depth);
  const lines = [`${indent}${why.target}  ${why.id}`, `${indent}  ${why.status}: ${why.says}`];
  for (const { command, does } of why.moves) lines.push(`${indent}    ${does}: ${command}`);
  for (const reason of why.reasons) {
    lines.push(`${indent}  └ ${reason.says}`);
    for (const { command, does } of reason.moves) lines.push(`${indent}      ${does}: ${command}`);
    if (reason.of !== undefined) lines.push(...whyLines(reason.of, depth + 2));
  }
  return lines;
}

export const move = {
  cancel: (id: string): Move => ({
    command: `holdfast cancel ${id}`,
    does: "let it clean up and end",
  }),
  kill: (id: string): Move => ({
    command: `holdfast kill ${id}`,
    does: "end it without cleaning up",
  }),
  pause: (id: string): Move => ({ command: `holdfast pause ${id}`, does: "hold it where it is" }),
  resume: (id: string): Move => ({ command: `holdfast resume ${id}`, does: "let it go on" }),
  retryNow: (id: string): Move => ({ command: `holdfast resume ${id}`, does: "try again now" }),
  resolve: (id: string): Move => ({
    command: `curl -X POST http://127.0.0.1:8080/restate/awakeables/${id}/resolve --json '"value"'`,
    does: "complete it",
  }),
};

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export function at(due: number | null | undefined, now: number): string {
  if (due === null || due === undefined) return "at a time that is not set";
  if (due <= now) return "now";
  return `at ${iso(due)} (in ${rough(due - now)})`;
}

export function ago(time: number, now: number): string {
  return now - time < 1000 ? "just now" : `${rough(now - time)} ago`;
}

/** The two largest units are enough for a person. */
function rough(ms: number): string {
  const whole = ms < 10_000 ? Math.ceil(ms / 100) * 100 : Math.round(ms / 1000) * 1000;
  return (formatDuration(whole).match(/\d+[a-z]+/g) ?? []).slice(0, 2).join("");
}
