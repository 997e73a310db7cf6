// A new invocation's row: what the record says, and the values everything begins with.
import type { NewInvocation } from "../model/change.ts";
import type { InvocationRow } from "../model/row.ts";
import { FewMap, type MapLike } from "../std/few-map.ts";
import type { Stamp } from "./stamp.ts";

/** Most rows never have an open command or a kept signal while anybody looks. */
const nothing: unknown = new FewMap();

function none<K, V>(): MapLike<K, V> {
  return nothing as MapLike<K, V>;
}

/** The map itself, or one of the row's own in place of the shared empty one, to be written to. */
export function own<K, V>(map: MapLike<K, V>): MapLike<K, V> {
  return map === nothing ? new FewMap<K, V>() : map;
}

export function newRow(invocation: NewInvocation, stamp: Stamp): InvocationRow {
  return {
    n: stamp.position,
    partitionKey: invocation.partitionKey,
    incarnation: invocation.incarnation,
    derivedId: invocation.derivedId ?? null,
    service: invocation.service,
    key: invocation.key,
    handler: invocation.handler,
    mode: invocation.mode,
    input: invocation.input,
    headers: invocation.headers ?? null,
    idempotencyKey: invocation.idempotencyKey ?? null,
    retention: invocation.retention ?? null,
    chain: invocation.chain ?? [],
    createdAt: stamp.time,
    origin: invocation.origin ?? null,
    beside: invocation.beside ?? false,
    former: null,
    at: stamp.position,
    status: "ready",
    modifiedAt: stamp.time,
    begunAt: invocation.origin?.begunAt ?? null,
    completedAt: null,
    attempt: 0,
    failures: 0,
    failingSince: null,
    lastFailure: null,
    crashes: 0,
    epoch: 0,
    revision: null,
    entries: 0,
    commands: 0,
    open: none(),
    buffered: none(),
    cancelled: false,
    waiters: invocation.waiter === undefined ? [] : [invocation.waiter],
    due: invocation.due ?? null,
    objectName: undefined,
    inboxedAt: 0,
    pause: null,
    result: null,
    expiry: null,
  };
}
