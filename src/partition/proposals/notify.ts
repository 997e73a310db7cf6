// Lets an invocation learn something: appends the notification, tells the open attempt, wakes what
// is suspended. What names an invocation that is gone or over is dropped (R1).
import type { Notification } from "../../model/entry.ts";
import type { Result } from "../../model/payload.ts";
import type { InvocationNumber, Waiter } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { post } from "./post.ts";
import { run } from "./run.ts";

export function notify(
  decision: Decision,
  n: InvocationNumber,
  notification: Notification,
): boolean {
  const row = decision.tables.invocation(n);
  if (row === undefined || row.status === "completed") return false;
  const seen = row.entries;
  decision.emit({ kind: "notified", n, notification });
  if (row.status === "running") decision.learn({ kind: "notified", n, notification });
  else if (row.status === "suspended") run(decision, row, seen);
  else if (row.status === "backing-off" && notification.kind === "cancelled") run(decision, row);
  return true;
}

/** Answers one command of an invocation, if it still waits for the answer. */
export function complete(decision: Decision, waiter: Waiter, result: Result): boolean {
  const { n, of, at, incarnation = "" } = waiter;
  if (at !== undefined) {
    post(decision, at, { kind: "completed", n, of, incarnation, result });
    return true;
  }
  const open = decision.tables.invocation(n)?.open.get(of);
  if (open === undefined) return false;
  const kept = open.kind === "call" || open.kind === "attach" || open.kind === "promise";
  if (!decision.carry(result) && kept) {
    const due = decision.time;
    decision.emit({ kind: "deferred", n, of, due });
    decision.learn({ kind: "timer", due });
    return true;
  }
  const notification = { kind: "completed", of, result, at: decision.time } as const;
  return notify(decision, n, notification);
}
