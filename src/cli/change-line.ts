// One change as one line for people: when, what, of whom. Used by `tail` and `dev`.
import type { ChangeEvent, ChangeEventKind } from "../engine/feed.ts";
import type { Colour, Output } from "./output.ts";
import { plainLine } from "./plain.ts";

const shown: Readonly<
  Record<ChangeEventKind, readonly [mark: string, colour: Colour | undefined]>
> = {
  created: ["+", undefined],
  inboxed: ["…", "grey"],
  started: ["▸", "blue"],
  suspended: ["·", "grey"],
  asked: ["→", "grey"],
  learned: ["←", "grey"],
  "step-failed": ["!", "yellow"],
  "attempt-failed": ["!", "yellow"],
  paused: ["‖", "yellow"],
  succeeded: ["✓", "green"],
  failed: ["✗", "red"],
  purged: ["-", "grey"],
  "state-edited": ["*", "yellow"],
  missed: ["~", "grey"],
};

/** What people want to see of each invocation: its beginning, its troubles and its end. */
export const telling: ReadonlySet<ChangeEventKind> = new Set<ChangeEventKind>([
  "created",
  "step-failed",
  "attempt-failed",
  "paused",
  "succeeded",
  "failed",
  "purged",
  "state-edited",
  "missed",
]);

export function changeLine(event: ChangeEvent, out: Output, to: "out" | "error"): string {
  const { kind, at, target = "", id = "", detail, ms } = event;
  const [mark, colour] = shown[kind];
  const time = out.colour("grey", at.slice(11, 23), to);
  const what = out.colour(colour, `${mark} ${kind.padEnd(14)}`, to);
  const took = ms === undefined ? "" : ` ${ms} ms`;
  const about = detail === undefined ? "" : ` ${plainLine(detail.slice(0, 200))}`;
  const who = out.colour("grey", plainLine(id), to);
  return `${time} ${what} ${plainLine(target)}${took}${about} ${who}`.trimEnd();
}
