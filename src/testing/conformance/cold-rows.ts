// Rows and changes to build tests of cold tables from: complete, valid and different from each
// other wherever a field could be lost or mixed up. No test stands here.
import type { Entry } from "../../model/entry.ts";
import type { Payload } from "../../model/payload.ts";
import type {
  InvocationRow,
  MetaRow,
  ObjectRow,
  OpenCommand,
  PromiseRow,
} from "../../model/row.ts";
import type { ColdChanges } from "../../ports/cold-table.ts";
import { FewMap, FewSet } from "../../std/few-map.ts";

export const partitionKey = "00000000000000a1";

/** A small invocation, as it is right after it was created. */
export function invocationRow(n: number, fields: Partial<InvocationRow> = {}): InvocationRow {
  return {
    n,
    partitionKey,
    incarnation: `inc${String(n).padStart(19, "0")}`,
    derivedId: null,
    former: null,
    service: "Cart",
    key: `user-${String(n)}`,
    handler: "addTicket",
    mode: "exclusive",
    input: '"TICKET-1"',
    headers: null,
    idempotencyKey: null,
    retention: null,
    chain: [],
    createdAt: 1_700_000_000_000 + n,
    origin: null,
    beside: false,
    at: n,
    status: "scheduled",
    modifiedAt: 1_700_000_000_000 + n,
    begunAt: null,
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
    open: new FewMap<number, OpenCommand>(),
    buffered: new FewMap<string, number>(),
    cancelled: false,
    waiters: [],
    due: null,
    objectName: undefined,
    inboxedAt: 0,
    pause: null,
    result: null,
    expiry: null,
    ...fields,
  };
}

/** An invocation with every field set to something of its own. */
export function fullInvocationRow(n: number): InvocationRow {
  const data = { left: [0] };
  const failure = { code: "SOLD_OUT", message: 'no "seats" left', status: 409, data };
  return invocationRow(n, {
    partitionKey: "ffffffffffffffff",
    derivedId: "inv_derived",
    service: "Größe",
    key: "",
    handler: "run",
    mode: "workflow",
    input: { base64: "AAEC/w==", contentType: "image/png" },
    headers: { "x-trace": "7", empty: "" },
    idempotencyKey: "order 7 \u0000 \ud800",
    retention: 86_400_000,
    chain: [
      { n: 3, holds: "Cart/a" },
      { n: 4, holds: null },
    ],
    origin: { n: 2, incarnation: "before", commands: 3, begunAt: 5 },
    beside: true,
    at: 70,
    status: "paused",
    modifiedAt: 1_700_000_000_700,
    begunAt: 1_700_000_000_500,
    attempt: 9,
    failures: 2,
    failingSince: 1_700_000_000_600,
    lastFailure: { code: "HANDLER_FAILED", message: "boom", status: 500 },
    crashes: 1,
    epoch: 4,
    revision: "r2",
    entries: 12,
    commands: 7,
    open: new FewMap<number, OpenCommand>([
      [5, { kind: "call", n: 11 }],
      [6, { kind: "run", name: "charge", tries: 2, since: 5, due: 9, error: failure }],
      [2, { kind: "sleep", due: 1_700_000_900_000 }],
    ]),
    buffered: new FewMap<string, number>([
      ["go", 2],
      ["a", 1],
    ]),
    cancelled: true,
    waiters: [
      { n: 8, of: 1 },
      { n: 8, of: 3 },
    ],
    due: 1_700_000_800_000,
    inboxedAt: 66,
    pause: { failure, awaitsRevision: true, revisions: ["r1", "r2"] },
    result: { failure },
    expiry: 1_800_000_000_000,
  });
}

/** A completed invocation that leaves at `expiry`. */
export function completedRow(
  n: number,
  expiry: number | null,
  fields: Partial<InvocationRow> = {},
): InvocationRow {
  return invocationRow(n, {
    status: "completed",
    completedAt: 1_700_000_000_000,
    result: { value: '"done"' },
    expiry,
    ...fields,
  });
}

export interface ObjectFields {
  readonly at?: number;
  readonly lock?: number;
  readonly version?: number;
  readonly stateBytes?: number;
  readonly inbox?: ObjectRow["inbox"];
  readonly beside?: readonly number[];
  readonly state?: Readonly<Record<string, Payload>>;
  readonly names?: readonly string[];
  readonly allNames?: boolean;
  readonly entered?: ObjectRow["inbox"];
  readonly left?: readonly number[];
}

/** An object's key: what it is now, and what of it changed since the last fold. */
export function objectRow(key: string, fields: ObjectFields): ObjectRow {
  const { at = 1, lock = 0, version = 0, stateBytes = 0, inbox = [], state = {} } = fields;
  const { beside = [] } = fields;
  const { names = [], allNames = false, entered = [], left = [] } = fields;
  return {
    partitionKey,
    service: "Cart",
    key,
    at,
    lock,
    inbox: [...inbox],
    beside: new FewSet(beside),
    state: new FewMap(Object.entries(state)),
    stateBytes,
    version,
    changed: { names: new FewSet(names), allNames, entered: [...entered], left: [...left] },
  };
}

/** The same without what changed, as a read must give it. */
export function asRead(row: ObjectRow): ObjectRow {
  return { ...row, changed: { names: new FewSet(), allNames: false, entered: [], left: [] } };
}

export function promiseRow(name: string, fields: Partial<PromiseRow> = {}): PromiseRow {
  const key = { partitionKey, service: "Signup", key: "user-1", name };
  return { ...key, at: 3, result: null, waiters: [], expiry: null, ...fields };
}

export function metaRow(fields: Partial<MetaRow> = {}): MetaRow {
  return {
    at: 1,
    time: 1_700_000_000_000,
    epoch: 1,
    unclean: false,
    secret: "c2VjcmV0",
    line: "line-1",
    place: "",
    sweptCount: 0,
    sweptTime: 0,
    ...fields,
  };
}

/** `count` entries from index `from` on. */
export function entriesFrom(from: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, i): Entry => {
    const index = from + i;
    const at = 1_700_000_000_000 + index;
    if (index % 2 === 1) {
      return { kind: "completed", of: index - 1, result: { value: `[${String(index)},"]["]` }, at };
    }
    return { kind: "command", index, command: { kind: "run", name: `step ${String(index)}` }, at };
  });
}

/** What one fold changes: nothing but what is given. */
export function changes(fields: Partial<ColdChanges> = {}): ColdChanges {
  return {
    position: 1,
    chain: 1,
    meta: metaRow(),
    invocations: [],
    journals: [],
    derived: [],
    objects: [],
    promises: [],
    timers: [],
    lines: [],
    messages: [],
    swept: undefined,
    ...fields,
  };
}
