// Durable promises of a workflow: asked for, peeked at, completed once. The first completion wins;
// a later one fails for whoever tries it and changes nothing. A promise leaves with its run; where
// there is none, a while after its first change (R17).
import { failureOf, HoldfastError } from "../../model/errors.ts";
import { runId } from "../../model/invocation-id.ts";
import type { CommandRequest } from "../../model/proposal.ts";
import type { PromiseKey, PromiseRow } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import type { Asking } from "./asking.ts";
import { complete } from "./notify.ts";

/** How long promises without a run are kept where its handler does not say, in ms. */
const retentionMs = 86_400_000;

export function askPromise(asking: Asking, name: string): void {
  const { decision, row, index } = asking;
  const at = { ...asking.key, name };
  const result = promiseAt(decision, at)?.result;
  asking.log({ kind: "promise", name }, { kind: "promise", name });
  if (result) return asking.answer(result);
  const waiter = { n: row.n, of: index };
  decision.emit({ kind: "promiseAwaited", ...at, waiter, expiry: expiryAt(decision, at) });
}

export function peekPromise(asking: Asking, name: string): void {
  const answer = promiseAt(asking.decision, { ...asking.key, name })?.result ?? null;
  asking.log({ kind: "promisePeek", name, answer });
}

export function completePromise(
  asking: Asking,
  request: Extract<CommandRequest, { kind: "promiseComplete" }>,
): void {
  const { decision } = asking;
  const { kind, name, hash, result } = request;
  const at = { ...asking.key, name };
  const row = promiseAt(decision, at);
  asking.log({ kind, name, hash }, { kind: "promise", name });
  if (row?.result) {
    const error = new HoldfastError("PROMISE_ALREADY_COMPLETED", { data: { name } });
    return asking.answer({ failure: failureOf(error) });
  }
  const waiters = row?.waiters ?? [];
  const expiry = row === undefined ? expiryAt(decision, at) : undefined;
  decision.emit({ kind: "promiseCompleted", ...at, result, expiry });
  decision.carry(result);
  for (const waiter of waiters) complete(decision, waiter, result);
  asking.answer({ value: null });
}

/** A promise as it stands now: one past its time is absent, and lets go of what it held (R17). */
export function promiseAt(decision: Decision, at: PromiseKey): PromiseRow | undefined {
  const { service, key, name } = at;
  const row = decision.tables.promise(service, key, name);
  if (row === undefined || row.expiry === null || row.expiry > decision.time) return row;
  if (keptUntil(decision, row) !== undefined) return row;
  decision.emit({ kind: "promiseLeft", service, key, name });
  return undefined;
}

/** When a promise that is new at this moment leaves; undefined: with its run. */
export function expiryAt(decision: Decision, at: PromiseKey): number | undefined {
  const { service, key, name } = at;
  const { tables, time } = decision;
  if (tables.promise(service, key, name) !== undefined || hasRun(decision, at)) return undefined;
  const retention = retentionOf(decision, service);
  return retention < 0 ? undefined : time + retention;
}

/** What keeps a promise past its time: its run (null), who waits (until later); else undefined. */
export function keptUntil(decision: Decision, row: PromiseRow): number | null | undefined {
  if (hasRun(decision, row)) return null;
  const { tables, time } = decision;
  const awaited = row.waiters.some(({ n, of }) => tables.invocation(n)?.open.has(of) === true);
  return awaited ? time + Math.max(retentionOf(decision, row.service), 60_000) : undefined;
}

/** Also one past its own time, as long as shared handlers keep it: its promises leave with it. */
function hasRun(decision: Decision, { service, key }: PromiseKey): boolean {
  const { tables } = decision;
  return tables.byDerivedId(runId(tables.meta, { service, key })) !== undefined;
}

function retentionOf(decision: Decision, service: string): number {
  const run = decision.leader.directory.handler(service, "run");
  return (typeof run === "string" ? undefined : run.retention) ?? retentionMs;
}
