// Durable promises of a workflow: asked for, peeked at, completed once. The first completion wins;
// a later one fails for whoever tries it and changes nothing.
import { failureOf, HoldfastError } from "../../model/errors.ts";
import type { CommandRequest } from "../../model/proposal.ts";
import type { Asking } from "./asking.ts";
import { complete } from "./notify.ts";

export function askPromise(asking: Asking, name: string): void {
  const { decision, row, index } = asking;
  const { service, key } = asking.key;
  asking.log({ kind: "promise", name }, { kind: "promise", name });
  const result = decision.tables.promise(service, key, name)?.result;
  if (result) return asking.answer(result);
  decision.emit({ kind: "promiseAwaited", service, key, name, waiter: { n: row.n, of: index } });
}

export function peekPromise(asking: Asking, name: string): void {
  const { service, key } = asking.key;
  const answer = asking.decision.tables.promise(service, key, name)?.result ?? null;
  asking.log({ kind: "promisePeek", name, answer });
}

export function completePromise(
  asking: Asking,
  request: Extract<CommandRequest, { kind: "promiseComplete" }>,
): void {
  const { decision } = asking;
  const { service, key } = asking.key;
  const { kind, name, hash, result } = request;
  asking.log({ kind, name, hash }, { kind: "promise", name });
  const row = decision.tables.promise(service, key, name);
  if (row?.result) {
    const error = new HoldfastError("PROMISE_ALREADY_COMPLETED", { data: { name } });
    return asking.answer({ failure: failureOf(error) });
  }
  const waiters = row?.waiters ?? [];
  decision.emit({ kind: "promiseCompleted", service, key, name, result });
  decision.carry(result);
  for (const waiter of waiters) complete(decision, waiter, result);
  asking.answer({ value: null });
}
