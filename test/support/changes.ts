// One of each: every kind of change and of command, in its shortest and its fullest form, and
// arbitrary ones. The types demand an entry for each kind that is added.
import fc from "fast-check";
import type { Change, LogRecord, MovedInvocation } from "../../src/model/change.ts";
import type { Command, CommandKind, Notification } from "../../src/model/entry.ts";
import type { Failure, Payload, Result } from "../../src/model/payload.ts";
import type { OpenCommand, Waiter } from "../../src/model/row.ts";

/** The time of every record here; what a record's entries carry as theirs. */
export const time = 1_800_000_000_123;

const failure: Failure = { code: "SOLD_OUT", message: "no “seat” left", status: 409 };
const crossed: Failure = {
  ...failure,
  data: { left: 0, of: ["a", null, true] },
  invocation: "inv_5",
  target: "Cart/user-1/addTicket",
};
const bytes: Payload = { base64: "AAH/", contentType: "application/octet-stream" };
const target = { service: "Cart", key: "user-1", handler: "addTicket" };
const callee = { n: 7, incarnation: "AAAAAAAAAAAAAAAAAAAAAA" };
const hash = "0123456789abcdef";

type OfKind<U extends { readonly kind: string }, K extends U["kind"]> = Extract<U, { kind: K }>;
type Samples<U extends { readonly kind: string }> = {
  readonly [K in U["kind"]]: readonly OfKind<U, K>[];
};

export const commands: Samples<Command> = {
  get: [
    { kind: "get", name: "tickets", answer: '["t1"]' },
    { kind: "get", name: "absent", answer: undefined },
    { kind: "get", name: "raw", answer: bytes },
  ],
  version: [{ kind: "version", name: "check for fraud", version: 2 }],
  stateKeys: [{ kind: "stateKeys", answer: ["tickets", "é"] }],
  set: [
    { kind: "set", name: "tickets", value: '["t1"]' },
    { kind: "set", name: "tickets", value: bytes, failure },
  ],
  clear: [{ kind: "clear", name: "tickets" }],
  clearAll: [{ kind: "clearAll" }],
  call: [
    { kind: "call", target, hash, callee },
    { kind: "call", target: { ...target, key: null }, hash, callee: null },
  ],
  send: [
    { kind: "send", target, hash, callee: { ...callee, derivedId: "inv_x" } },
    { kind: "send", target, hash, callee, due: time + 5000 },
    { kind: "send", target, hash, callee: null, failure },
  ],
  run: [{ kind: "run", name: "charge" }],
  sleep: [{ kind: "sleep", due: time + 5000 }],
  awakeable: [{ kind: "awakeable" }],
  signal: [{ kind: "signal", name: "approved" }],
  promise: [{ kind: "promise", name: "verified" }],
  promisePeek: [
    { kind: "promisePeek", name: "verified", answer: null },
    { kind: "promisePeek", name: "verified", answer: { value: '"yes"' } },
    { kind: "promisePeek", name: "verified", answer: { failure } },
  ],
  promiseComplete: [{ kind: "promiseComplete", name: "verified", hash }],
  attach: [{ kind: "attach", id: "inv_5" }],
  cancel: [{ kind: "cancel", id: "inv_5" }],
  awakeableComplete: [{ kind: "awakeableComplete", id: "awk_5", hash }],
  signalSend: [{ kind: "signalSend", id: "inv_5", name: "approved", hash }],
  output: [{ kind: "output" }],
};

/** What a command may wait for; undefined: it is answered as it is asked. */
function openOf(command: Command): OpenCommand | undefined {
  switch (command.kind) {
    case "call":
      return { kind: "call", n: 7 };
    case "attach":
      return { kind: "attach", n: 5 };
    case "run":
      return { kind: "run", name: command.name };
    case "sleep":
      return { kind: "sleep", due: command.due };
    case "awakeable":
      return { kind: "awakeable" };
    case "signal":
      return { kind: "signal", name: command.name };
    case "promise":
    case "promiseComplete":
      return { kind: "promise", name: command.name };
    default:
      return undefined;
  }
}

/** Each command answered at once, open if it can be, and by other code than the entry before. */
export function commandChanges(kind: CommandKind): Change[] {
  return commands[kind].flatMap((command, at): Change[] => {
    const entry = { kind: "command", index: at, command, at: time } as const;
    const open = openOf(command);
    return [
      { kind: "command", n: 5, entry },
      ...(open === undefined ? [] : [{ kind: "command", n: 5, entry, open } as const]),
      { kind: "command", n: 5, entry: { ...entry, revision: "r2" }, open },
    ];
  });
}

const waiter: Waiter = { n: 5, of: 2 };
const object = { service: "Cart", key: "user-1" };
const invocation = {
  partitionKey: "00ff00ff00ff00ff",
  incarnation: "AAAAAAAAAAAAAAAAAAAAAA",
  ...target,
  mode: "exclusive",
  input: '"t1"',
} as const;

const movedInvocation = {
  ...invocation,
  derivedId: "inv_x",
  headers: null,
  idempotencyKey: null,
  retention: null,
  chain: [{ n: 2, holds: "Cart/user-2" }],
  createdAt: time - 9000,
  origin: null,
  beside: false,
  former: { n: 40, id: "inv_x" },
  status: "scheduled",
  modifiedAt: time - 9000,
  begunAt: null,
  completedAt: null,
  attempt: 0,
  failures: 0,
  failingSince: null,
  lastFailure: null,
  crashes: 0,
  revision: null,
  commands: 0,
  cancelled: false,
  due: time + 5000,
  pause: null,
  result: null,
  expiry: null,
  open: [],
  buffered: [],
  waiters: [],
} as const satisfies MovedInvocation;

const place = "shop/3";

export const changes: Samples<Change> = {
  aliased: [{ kind: "aliased", n: 5, id: "inv_y" }],
  consumed: [
    { kind: "consumed", from: "~Cart/add/2026-01-01T00:00:00Z", seq: 12 },
    { kind: "consumed", from: "~Cart/add/2026-01-01T00:00:00Z", seq: 13, parked: true },
  ],
  movedIn: [
    { kind: "movedIn", invocation: movedInvocation, entries: [] },
    {
      kind: "movedIn",
      invocation: {
        ...movedInvocation,
        status: "suspended",
        open: [
          [0, { kind: "call", n: -1, id: "inv_z" }],
          [1, { kind: "sleep", due: time + 5000 }],
        ],
        buffered: [["approved", 2]],
        waiters: [{ n: 5, of: 2, at: "shop/3", incarnation: "AAAAAAAAAAAAAAAAAAAAAA" }],
      },
      entries: [{ kind: "command", index: 0, command: { kind: "sleep", due: time }, at: time }],
    },
  ],
  movedOn: [
    { kind: "movedOn", n: 5, entries: [{ kind: "cancelled", at: time }] },
    {
      kind: "movedOn",
      n: 5,
      entries: [],
      end: { status: "completed", result: { value: "true" }, expiry: time },
    },
  ],
  keyMoved: [
    {
      kind: "keyMoved",
      ...object,
      lock: 5,
      inbox: [6, 7],
      version: 3,
      values: [["tickets", '["t1"]']],
    },
  ],
  promiseMoved: [
    {
      kind: "promiseMoved",
      ...object,
      name: "verified",
      result: null,
      waiters: [waiter],
      expiry: null,
    },
    {
      kind: "promiseMoved",
      ...object,
      name: "verified",
      result: { value: '"yes"' },
      waiters: [],
      expiry: time,
    },
  ],
  posted: [
    {
      kind: "posted",
      to: "tickets/0",
      seq: 7,
      message: {
        kind: "invoke",
        id: "inv_z",
        call: { target: { ...target, key: null }, input: '"t1"', headers: { a: "b" } },
        due: time,
        chain: [{ n: 5, holds: "Cart/user-1", at: place }],
        waiter: { n: 5, of: 2, at: place, incarnation: "AAAAAAAAAAAAAAAAAAAAAA" },
      },
    },
  ],
  accepted: [{ kind: "accepted", to: "tickets/0", seq: 7 }],
  delivered: [{ kind: "delivered", from: "shop/3/bGluZQ", seq: 12 }],
  genesis: [{ kind: "genesis", secret: "c2VjcmV0", line: "l1" }],
  led: [{ kind: "led", epoch: 3, nonce: "bm9uY2U", unclean: true }],
  invoked: [
    { kind: "invoked", invocation: { ...invocation, key: null, mode: "plain", input: null } },
    { kind: "invoked", invocation: { ...invocation, due: time + 5000 } },
    { kind: "invoked", invocation: { ...invocation, headers: { traceparent: "00-1" } } },
    {
      kind: "invoked",
      invocation: {
        ...invocation,
        mode: "workflow",
        input: bytes,
        derivedId: "inv_x",
        headers: { traceparent: "00-1" },
        idempotencyKey: "k1",
        retention: -1,
        chain: [
          { n: 2, holds: "Cart/user-2" },
          { n: 3, holds: null },
        ],
        waiter,
        due: time + 5000,
        origin: { n: 4, incarnation: "BBBBBBBBBBBBBBBBBBBBBB", commands: 2, begunAt: null },
        request: "q1",
      },
    },
    { kind: "invoked", invocation: { ...invocation, mode: "shared", beside: true } },
  ],
  inboxed: [{ kind: "inboxed", n: 5 }],
  ready: [
    { kind: "ready", n: 5 },
    { kind: "ready", n: 5, crashed: true },
  ],
  started: [
    { kind: "started", n: 5 },
    { kind: "started", n: 5, crashed: true },
  ],
  command: [{ kind: "command", n: 5, entry: commandEntry(commands.run[0]!) }],
  notified: [
    ...notifications().map((notification) => ({ kind: "notified", n: 5, notification }) as const),
  ],
  deferred: [{ kind: "deferred", n: 5, of: 2, due: time + 10 }],
  suspended: [{ kind: "suspended", n: 5 }],
  failed: [{ kind: "failed", n: 5, failure, due: time + 50 }],
  stepFailed: [{ kind: "stepFailed", n: 5, of: 2, failure: crossed, due: time + 50 }],
  timerFired: [
    { kind: "timerFired", due: time, n: 5, of: 2 },
    { kind: "timerFired", due: time, n: 5, of: -1 },
  ],
  paused: [
    { kind: "paused", n: 5, failure },
    { kind: "paused", n: 5, failure, awaitsRevision: true, revision: "r1" },
  ],
  finished: [
    { kind: "finished", n: 5, result: { value: "true" } },
    { kind: "finished", n: 5, result: { value: null } },
    { kind: "finished", n: 5, result: { failure: crossed } },
  ],
  awaited: [{ kind: "awaited", n: 5, waiter }],
  promiseAwaited: [
    { kind: "promiseAwaited", ...object, name: "verified", waiter },
    { kind: "promiseAwaited", ...object, name: "verified", waiter, expiry: time + 5000 },
  ],
  promiseCompleted: [
    { kind: "promiseCompleted", ...object, name: "verified", result: { value: '"yes"' } },
    {
      ...{ kind: "promiseCompleted", ...object, name: "verified" },
      ...{ result: { value: '"yes"' }, expiry: time + 5000 },
    },
  ],
  promiseKept: [
    { kind: "promiseKept", ...object, name: "verified", expiry: null },
    { kind: "promiseKept", ...object, name: "verified", expiry: time + 5000 },
  ],
  promiseLeft: [{ kind: "promiseLeft", ...object, name: "verified" }],
  stateEdited: [
    {
      kind: "stateEdited",
      ...object,
      clear: true,
      values: [
        ["tickets", '["t1"]'],
        ["gone", null],
      ],
    },
  ],
  journalCopied: [
    {
      kind: "journalCopied",
      n: 5,
      entries: [
        { ...commandEntry(commands.run[0]!), at: time - 500, revision: "r1" },
        { kind: "completed", of: 0, result: { value: "1" }, at: time - 400 },
        { ...commandEntry(commands.sleep[0]!), at: time - 300, index: 1 },
      ],
      open: [[1, { kind: "sleep", due: time + 5000 }]],
      buffered: [["approved", 2]],
    },
    { kind: "journalCopied", n: 5, entries: [], open: [] },
  ],
  purged: [{ kind: "purged", n: 5 }],
  expired: [{ kind: "expired", n: 5 }],
  swept: [{ kind: "swept", count: -(2 ** 52) + 90, time: time - 1000 }],
};

function commandEntry(command: Command): OfKind<Change, "command">["entry"] {
  return { kind: "command", index: 0, command, at: time };
}

function notifications(): Notification[] {
  return [
    { kind: "completed", of: 2, result: { value: '"ok"' }, at: time },
    { kind: "completed", of: 2, result: { failure: crossed }, at: time },
    { kind: "signalled", name: "approved", result: { value: null }, at: time },
    { kind: "cancelled", at: time },
  ];
}

// ---- arbitrary ones

const all: readonly Change[] = [
  ...Object.values(changes).flat(),
  ...(Object.keys(commands) as CommandKind[]).flatMap(commandChanges),
];
const text = fc.string({ unit: "grapheme", maxLength: 12 });
const name = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 }).map((s) => `n${s}`);
/** The numbers JSON keeps: -0 is 0 there, and nothing of ours is negative zero. */
const number = fc.oneof(fc.maxSafeInteger(), fc.nat(100)).map((n) => n + 0);
const payloads: fc.Arbitrary<Payload> = fc.oneof(
  fc.constant(null),
  fc.json(),
  fc.record({ base64: fc.base64String({ maxLength: 40 }), contentType: text }),
);
const results: fc.Arbitrary<Result> = fc.oneof(
  fc.record({ value: payloads }),
  fc.record({ failure: fc.record({ code: text, message: text, status: fc.nat(599) }) }),
);

/** Fields whose values other fields, or the record, say already: left as they are. */
const bound: ReadonlySet<string> = new Set(["kind", "at", "mode", "crashed", "open", "retention"]);

/** A change of a kind that exists with every value in it replaced by an arbitrary one. */
function scrambled(value: unknown, field: string): fc.Arbitrary<unknown> {
  if (bound.has(field)) return fc.constant(value);
  if (field === "input" || field === "answer" || field === "value") {
    return Array.isArray(value) ? fc.array(text, { maxLength: 3 }) : valueOf(value);
  }
  if (field === "result") return results;
  if (typeof value === "string") return text;
  if (typeof value === "number") return number;
  if (field === "headers") return fc.dictionary(name, text, { noNullPrototype: true, maxKeys: 3 });
  if (Array.isArray(value)) return fc.tuple(...value.map((each) => scrambled(each, "")));
  if (typeof value !== "object" || value === null) return fc.constant(value);
  const fields = Object.entries(value).map(([key, each]) => [key, scrambled(each, key)] as const);
  return fc.record(Object.fromEntries(fields));
}

function valueOf(value: unknown): fc.Arbitrary<unknown> {
  const isResult = typeof value === "object" && value !== null && !("base64" in value);
  return isResult ? results : payloads;
}

/** What a command waits for says nothing new: it follows from the command. */
function reopened(change: Change): Change {
  if (change.kind !== "command" || change.open === undefined) return change;
  return { ...change, open: openOf(change.entry.command) };
}

export const arbitraryChange: fc.Arbitrary<Change> = fc
  .constantFrom(...all)
  .chain((change) => scrambled(change, ""))
  .map((change) => reopened(change as Change));

/** A record whose entries carry its time, as all do but those copied. */
export const arbitraryRecord: fc.Arbitrary<LogRecord> = fc.record({
  time: fc.constant(time),
  changes: fc.array(arbitraryChange, { maxLength: 6 }),
});
