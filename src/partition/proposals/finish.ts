// An invocation ends: its result is kept for retention, its callers are answered, its key is freed
// and the next in line begins (I6).
import { idOf } from "../../model/invocation-id.ts";
import type { RemoteWaiter } from "../../model/message.ts";
import type { Result } from "../../model/payload.ts";
import type { InvocationRow, Waiter } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { complete } from "./notify.ts";
import { post } from "./post.ts";
import { run } from "./run.ts";

export function finish(decision: Decision, row: InvocationRow, result: Result): void {
  const { n, waiters } = row;
  decision.emit({ kind: "finished", n, result });
  decision.release({ kind: "completed", n, result, at: decision.leader.position });
  decision.carry(result);
  for (const waiter of waiters) {
    // What one record cannot hold is asked for again, in a decision of its own (R18).
    if (isRemote(waiter) && !decision.carry(result)) {
      post(decision, decision.tables.meta.place, { kind: "attach", id: idOf(row), waiter });
    } else complete(decision, waiter, result);
  }
  runNext(decision, row);
}

function isRemote(waiter: Waiter): waiter is RemoteWaiter {
  return waiter.at !== undefined;
}

/** Lets the first in the inbox of this row's key begin, when the key is free. */
export function runNext(decision: Decision, row: InvocationRow): void {
  if (row.mode !== "exclusive" || row.key === null) return;
  const object = decision.tables.objectOf(row);
  const next = object.lock === 0 ? object.inbox[0] : undefined;
  if (next === undefined) return;
  const waiting = decision.tables.invocation(next.n);
  if (waiting !== undefined) run(decision, waiting);
}
