// Lets an invocation run: begins an attempt where a slot is free, else notes that it may begin.
// Starting an attempt is a change, so that an attempt which took the process down is known to have
// done so (R10).

import { failureOf, HoldfastError } from "../../model/errors.ts";
import { idOf } from "../../model/invocation-id.ts";
import { crashesMax, crashesSuspect } from "../../model/limits.ts";
import type { InvocationRow } from "../../model/row.ts";
import { editHandler } from "../../model/target.ts";
import type { Decision } from "../decision.ts";

/** `seen`: entries that the attempt before was handed, when it was suspended. */
export function run(decision: Decision, row: InvocationRow, seen?: number): void {
  const { n } = row;
  if (!hosted(decision, row)) return;
  // An edit is made in a decision of its own, which `start` brings: a record is bounded (R18).
  if (decision.leader.room() && row.handler !== editHandler) {
    decision.emit({ kind: "started", n });
    decision.learn(seen === undefined ? { kind: "start", n } : { kind: "start", n, seen });
  } else {
    decision.emit({ kind: "ready", n });
    decision.learn({ kind: "ready", n });
  }
}

/** Begins the next attempt of an invocation that was ready, or whose attempt ended unrecorded. */
export function start(decision: Decision, n: number): void {
  const row = decision.tables.invocation(n);
  if (row === undefined) return;
  if (row.status === "ready") {
    if (!hosted(decision, row)) return;
    decision.emit({ kind: "started", n });
    decision.learn({ kind: "start", n });
    return;
  }
  const { meta } = decision.tables;
  if (row.status !== "running" || row.epoch >= meta.epoch) return;
  if (!hosted(decision, row)) return;
  const crashed = meta.unclean ? true : undefined;
  const crashes = row.crashes + (crashed ? 1 : 0);
  if (crashed && crashes >= crashesMax) {
    const error = new HoldfastError("ATTEMPT_KILLED_PROCESS", { data: { id: idOf(row), crashes } });
    return decision.emit({ kind: "paused", n, failure: failureOf(error) });
  }
  // What only waits for its turn has no attempt open: the next unclean end does not count for it.
  const begins = crashes < crashesSuspect && decision.leader.room();
  decision.emit({ kind: begins ? "started" : "ready", n, crashed });
  decision.learn({ kind: begins ? "start" : "ready", n });
}

/** Holds back what this node has no handler for, until one comes (R11). */
function hosted(decision: Decision, row: InvocationRow): boolean {
  if (row.handler === editHandler) return true;
  const handler = decision.leader.directory.handler(row.service, row.handler, row.revision);
  if (typeof handler === "object") return true;
  const error = new HoldfastError(
    handler === "no-service" ? "SERVICE_NOT_FOUND" : "HANDLER_NOT_FOUND",
    { data: { service: row.service, handler: row.handler } },
  );
  const failure = failureOf(error);
  decision.emit({ kind: "paused", n: row.n, failure, awaitsRevision: true });
  return false;
}
