// Makes an invocation, or finds the one that a workflow key or an idempotency key already names
// (I5). Refusals are decided before the first change; what the system already promised is never
// refused, but accepted as an invocation that failed (R13).
import type { Answer } from "../../model/effect.ts";
import type { Callee, Target } from "../../model/entry.ts";
import { type ErrorCode, failureOf, HoldfastError } from "../../model/errors.ts";
import { explicitId, parseInvocationId } from "../../model/ids.ts";
import { idempotentId, namedOf, runId } from "../../model/invocation-id.ts";
import { callDepthMax, inboxLengthMax } from "../../model/limits.ts";
import { type CallRequest, type RemoteWaiter, unrouted } from "../../model/message.ts";
import { placeOf } from "../../model/place.ts";
import type { ChainLink, InvocationRow, Mode, ObjectRow, Waiter } from "../../model/row.ts";
import { namedKeyOf, partitionKeyOf } from "../../model/target.ts";
import { partitionHash } from "../../std/hash.ts";
import type { Decision, HostedHandler } from "../decision.ts";
import { nameOf } from "../tables/tables.ts";
import { finish } from "./finish.ts";
import { abroad, chainAbroad, type Elsewhere, elsewhere, post } from "./post.ts";
import { run } from "./run.ts";

export interface Creation {
  readonly call: CallRequest;
  readonly due?: number | undefined;
  /** The command that waits for the result, for calls from handlers. */
  readonly waiter?: Waiter | undefined;
  readonly chain?: readonly ChainLink[] | undefined;
  /** Asked from outside: it may be refused (R13). */
  readonly door?: true | undefined;
  /** It was sent here under this id, and is decided here. */
  readonly id?: string | undefined;
}

export type Created =
  | { readonly row: InvocationRow; readonly attached: boolean }
  | { readonly elsewhere: Elsewhere }
  | { readonly error: HoldfastError };

/**
 * Creates at the position of this decision; at most once per decision. With `error` nothing was
 * changed. An attached caller still has to be noted as waiting.
 */
export function create(decision: Decision, creation: Creation): Created {
  const { call } = creation;
  const { target } = call;
  const away = creation.door || creation.id !== undefined ? undefined : elsewhere(decision, call);
  if (away !== undefined) return postInvoke(decision, creation, away);
  const { directory } = decision.leader;
  const hosted = directory.handler(target.service, target.handler);
  if (hosted === "no-service" && directory.cluster && creation.door !== true) {
    return postInvoke(decision, creation, awaitingCode(decision, creation));
  }
  if (typeof hosted === "string") return { error: unknownTarget(target, hosted) };
  const refusal = checkTarget(target, hosted.mode, call, creation.chain);
  if (refusal !== undefined) return { error: refusal };
  const named = derivedIdOf(decision, call, hosted.mode);
  const derivedId = named ?? creation.id;
  // Read here when it begins now, and its key is asked for anyway.
  const object =
    creation.due === undefined && hosted.mode === "exclusive"
      ? decision.tables.object(target.service, target.key as string)
      : undefined;
  const full = creation.door === true && (object?.inbox.length ?? 0) >= inboxLengthMax;
  if (derivedId !== undefined) {
    const existing = decision.tables.byDerivedId(derivedId);
    if (existing !== undefined) {
      const deadlock = inChain(existing, creation.chain);
      if (deadlock !== undefined) return { error: deadlock };
      const current = decision.tables.current(existing.n, decision.time);
      if (current !== undefined) {
        alias(decision, current, creation.id);
        return { row: current, attached: true };
      }
      if (full) return { error: inboxFullError(target) };
      decision.emit({ kind: "purged", n: existing.n });
    }
  }
  if (full) return { error: inboxFullError(target) };
  const ids = { named, derivedId };
  const row = emitInvoked(decision, creation, hosted, ids, object);
  return { row, attached: false };
}

/**
 * It belongs here, and the code here is older: it waits as for a service that nobody hosts yet, and
 * is made when a leader has the code (R11, R27).
 */
function awaitingCode(decision: Decision, { call, id }: Creation): Elsewhere {
  const to = unrouted(call.target.service);
  if (id !== undefined) return { to, id };
  const name = decision.leader.mint();
  const key = namedKeyOf(call.target, call.idempotencyKey);
  const partitionKey = key ?? decision.leader.directory.ownKey(partitionHash(name));
  const { app } = placeOf(decision.tables.meta.place);
  return { to, id: explicitId(partitionKey, name, app) };
}

/** The call leaves for the partition it belongs to, under an id that is its own from now on. */
function postInvoke(decision: Decision, creation: Creation, away: Elsewhere): Created {
  const { call, due, waiter } = creation;
  const chain = creation.chain === undefined ? undefined : chainAbroad(decision, creation.chain);
  if (chain !== undefined && chain.length >= callDepthMax) {
    return { error: new HoldfastError("CALL_DEPTH", { data: { limit: callDepthMax } }) };
  }
  post(decision, away.to, {
    ...{ kind: "invoke", id: away.id, call, due, chain },
    waiter: waiter === undefined ? undefined : waiterAbroad(decision, waiter),
  });
  return { elsewhere: away };
}

function waiterAbroad(decision: Decision, waiter: Waiter): RemoteWaiter | undefined {
  const { at, incarnation } = waiter;
  if (at !== undefined && incarnation !== undefined) return { ...waiter, at, incarnation };
  const row = decision.tables.invocation(waiter.n);
  return row === undefined ? undefined : abroad(decision, row, waiter.of);
}

/** The id it is known by elsewhere leads to it too, beside its own. */
function alias(decision: Decision, row: InvocationRow, id: string | undefined): void {
  if (id === undefined || id === row.derivedId) return;
  if (decision.tables.derived.get(id)?.n !== row.n) {
    decision.emit({ kind: "aliased", n: row.n, id });
  }
}

interface Ids {
  /** The id that follows from names. */
  readonly named: string | undefined;
  /** That, or else the one it was sent under. */
  readonly derivedId: string | undefined;
}

function emitInvoked(
  decision: Decision,
  creation: Creation,
  hosted: HostedHandler,
  { named, derivedId }: Ids,
  object: ObjectRow | undefined,
): InvocationRow {
  const { call, waiter, chain } = creation;
  const { service, key, handler } = call.target;
  const incarnation = decision.leader.mint();
  const due = creation.due !== undefined && creation.due > decision.time ? creation.due : undefined;
  const retention = hosted.retention ?? (named === undefined ? undefined : 86_400_000);
  decision.emit({
    kind: "invoked",
    invocation: {
      partitionKey:
        object?.partitionKey ??
        (key === null ? ownKey(decision, incarnation, derivedId) : partitionKeyOf(service, key)),
      incarnation,
      derivedId,
      service,
      key,
      handler,
      mode: hosted.mode,
      input: call.input,
      headers: call.headers,
      idempotencyKey: call.idempotencyKey,
      retention,
      chain: chain === undefined || chain.length === 0 ? undefined : chain,
      waiter,
      due,
      beside: hosted.beside,
    },
  });
  const row = decision.tables.invocation(decision.leader.position) as InvocationRow;
  row.objectName = object?.name;
  alias(decision, row, creation.id);
  if (due === undefined) begin(decision, row);
  else decision.learn({ kind: "timer", due });
  return row;
}

/** Lets a new or newly due invocation begin: at once, or in its turn at its key. */
export function begin(decision: Decision, row: InvocationRow): void {
  if (row.mode === "exclusive") {
    const object = decision.tables.objectOf(row);
    if (object.lock !== 0) {
      if (object.inbox.length >= inboxLengthMax) {
        return finish(decision, row, { failure: failureOf(inboxFullError(row)) });
      }
      decision.emit({ kind: "inboxed", n: row.n });
      if (row.waiters.length > 0) decision.learn({ kind: "waits", n: row.n });
      return;
    }
  }
  run(decision, row);
}

function inboxFullError({ service, key }: Pick<Target, "service" | "key">): HoldfastError {
  const data = { target: nameOf(service, key ?? ""), limit: inboxLengthMax };
  return new HoldfastError("INBOX_FULL", { data });
}

/** What is told outside of an invocation that exists. */
export function answerOf(row: InvocationRow, attached: boolean): Answer {
  const { result, due, expiry } = row;
  const keptUntil = expiry !== null && expiry > 0 ? expiry : null;
  return { kind: "invocation", named: namedOf(row), result, attached, due, keptUntil };
}

/** What has no key lies where its id says, or where it was created. */
function ownKey(decision: Decision, incarnation: string, derivedId: string | undefined): string {
  if (derivedId !== undefined) return parseInvocationId(derivedId).partitionKey;
  return decision.leader.directory.ownKey(partitionHash(incarnation));
}

export function calleeOf(decision: Decision, row: InvocationRow): Callee {
  const { n, incarnation, key, partitionKey } = row;
  const derivedId = row.former?.id ?? row.derivedId;
  if (derivedId !== null) return { n, incarnation, derivedId };
  // The id of what has no key cannot be told from its incarnation where there are more partitions.
  if (key === null && decision.leader.directory.cluster) return { n, incarnation, partitionKey };
  return { n, incarnation };
}

/** What stands in a journal for an invocation in another partition. */
export function calleeElsewhere({ id }: Elsewhere): Callee {
  return { n: -1, incarnation: "", derivedId: id };
}

/** What a call by `row` hands on: who waits for whom, and the keys they hold (R12). */
export function chainOf(row: InvocationRow): ChainLink[] {
  const holds = row.mode === "exclusive" ? nameOf(row.service, row.key as string) : null;
  return [...row.chain, { n: row.n, holds }];
}

function derivedIdOf(decision: Decision, call: CallRequest, mode: Mode): string | undefined {
  const { meta } = decision.tables;
  if (mode === "workflow") return runId(meta, call.target);
  if (call.idempotencyKey === undefined) return undefined;
  return idempotentId(meta, call.target, call.idempotencyKey);
}

function checkTarget(
  target: Target,
  mode: Mode,
  call: CallRequest,
  chain: readonly ChainLink[] | undefined,
): HoldfastError | undefined {
  if (mode === "plain" && target.key !== null) {
    return new HoldfastError("KEY_INVALID", {
      message: `Service ${target.service} takes no key. Call it without one.`,
    });
  }
  if (mode !== "plain" && target.key === null) {
    return new HoldfastError("KEY_INVALID", {
      message: `${target.service} is keyed: name the key to call.`,
    });
  }
  if (mode === "workflow" && call.idempotencyKey !== undefined) {
    return new HoldfastError("IDEMPOTENCY_KEY_NOT_ALLOWED", { data: { ...target } });
  }
  if (chain === undefined || chain.length === 0) return undefined;
  if (chain.length >= callDepthMax) {
    return new HoldfastError("CALL_DEPTH", { data: { limit: callDepthMax } });
  }
  if (mode !== "exclusive") return undefined;
  const name = nameOf(target.service, target.key as string);
  const start = chain.findIndex((link) => link.holds === name);
  if (start < 0) return undefined;
  return deadlock([...chain.slice(start).map((link) => link.holds ?? `#${link.n}`), name]);
}

/** Refuses to wait for one that waits for the caller (R12). */
export function inChain(
  row: InvocationRow,
  chain: readonly ChainLink[] | undefined,
): HoldfastError | undefined {
  const start = chain?.findIndex((link) => link.n === row.n && link.at === undefined) ?? -1;
  if (chain === undefined || start < 0) return undefined;
  const name = `${row.service}/${row.key ?? ""}`;
  return deadlock([...chain.slice(start).map((link) => link.holds ?? `#${link.n}`), name]);
}

export function deadlock(cycle: readonly string[]): HoldfastError {
  return new HoldfastError("KEY_DEADLOCK", {
    message:
      `This call would wait for itself: ${cycle.join(" → ")}. A key runs one exclusive handler ` +
      "at a time. Make one of the handlers shared, or send instead of call.",
    data: { cycle: [...cycle] },
  });
}

function unknownTarget(target: Target, missing: "no-service" | "no-handler"): HoldfastError {
  const code: ErrorCode = missing === "no-service" ? "SERVICE_NOT_FOUND" : "HANDLER_NOT_FOUND";
  return new HoldfastError(code, { data: { service: target.service, handler: target.handler } });
}
