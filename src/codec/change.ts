// A change ⇄ what stands for it in a record's JSON. The kinds of every invocation's path are arrays
// that begin with a letter, and leave out what the record or the command says already; the
// records of a cart take half the bytes for it. All other kinds are objects as they are.
import type { Change, NewInvocation } from "../model/change.ts";
import type { Command, CommandEntry } from "../model/entry.ts";
import type { Payload, Result } from "../model/payload.ts";
import type { Mode, OpenCommand } from "../model/row.ts";

export function encodeChange(change: Change): unknown {
  switch (change.kind) {
    case "command":
      return encodeCommand(change);
    case "notified": {
      const { notification } = change;
      if (notification.kind !== "completed") return change;
      return ["n", change.n, notification.of, notification.result];
    }
    case "invoked":
      return encodeInvoked(change.invocation);
    case "started":
      return change.crashed === true ? change : ["s", change.n];
    case "finished":
      return ["f", change.n, change.result];
    default:
      return change;
  }
}

/**
 * `time` is that of the record; entries carry it.
 *
 * @throws TypeError for what this version never wrote. It looks at the kind and the outer shape:
 * what is inside was under a checksum.
 */
export function decodeChange(encoded: unknown, time: number): Change {
  if (!Array.isArray(encoded)) return decodeObject(encoded);
  if (encoded[0] !== "i" && typeof encoded[1] !== "number") throw new TypeError("it has no number");
  switch (encoded[0]) {
    case "c":
      return decodeCommand(encoded as EncodedCommand, time);
    case "n": {
      const [, n, of, result] = encoded as ["n", number, number, Result];
      return { kind: "notified", n, notification: { kind: "completed", of, result, at: time } };
    }
    case "i":
      return decodeInvoked(encoded as EncodedInvoked);
    case "s":
      return { kind: "started", n: encoded[1] as number };
    case "f":
      return { kind: "finished", n: encoded[1] as number, result: encoded[2] as Result };
    default:
      throw new TypeError(`a change begins with ${JSON.stringify(encoded[0])}`);
  }
}

/** The kinds written as objects; of a few, only the rare form is. */
const objectKinds: Readonly<Record<Exclude<Change["kind"], ArrayKind>, true>> = {
  genesis: true,
  led: true,
  inboxed: true,
  ready: true,
  started: true,
  notified: true,
  deferred: true,
  suspended: true,
  failed: true,
  stepFailed: true,
  timerFired: true,
  paused: true,
  awaited: true,
  promiseAwaited: true,
  promiseCompleted: true,
  promiseKept: true,
  promiseLeft: true,
  stateEdited: true,
  journalCopied: true,
  purged: true,
  expired: true,
  aliased: true,
  consumed: true,
  movedIn: true,
  movedOn: true,
  keyMoved: true,
  promiseMoved: true,
  posted: true,
  accepted: true,
  delivered: true,
  swept: true,
};
type ArrayKind = "command" | "invoked" | "finished";

function decodeObject(encoded: unknown): Change {
  const kind = (encoded as { readonly kind?: unknown } | null)?.kind;
  if (typeof kind === "string" && Object.hasOwn(objectKinds, kind)) return encoded as Change;
  throw new TypeError(`a change is of kind ${JSON.stringify(kind)}`);
}

type CommandChange = Extract<Change, { kind: "command" }>;

/** 0: answered as asked. 1: open, as the command says. [n]: open, waiting for n; [-1]: elsewhere. */
type Open = 0 | 1 | readonly [number];
type EncodedCommand = ["c", n: number, index: number, Command, Open, revision?: string];

function encodeCommand({ n, entry, open }: CommandChange): EncodedCommand {
  const { index, command, revision } = entry;
  const waits = open === undefined ? 0 : "n" in open ? ([open.n] as const) : 1;
  if (revision === undefined) return ["c", n, index, command, waits];
  return ["c", n, index, command, waits, revision];
}

function decodeCommand(encoded: EncodedCommand, time: number): CommandChange {
  const [, n, index, command, waits, revision] = encoded;
  if (typeof command?.kind !== "string") throw new TypeError("a command has no kind");
  const entry: CommandEntry = { kind: "command", index, command, at: time, revision };
  if (waits === 0) return { kind: "command", n, entry };
  return { kind: "command", n, entry, open: openOf(command, waits) };
}

function openOf(command: Command, waits: 1 | readonly [number]): OpenCommand {
  switch (command.kind) {
    case "call":
    case "attach": {
      const n = waits === 1 ? 0 : waits[0];
      if (n >= 0) return { kind: command.kind, n };
      const id = command.kind === "call" ? command.callee?.derivedId : command.id;
      return { kind: command.kind, n, id };
    }
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
      throw new TypeError(`a ${command.kind} is never open`);
  }
}

type Rest = Omit<
  NewInvocation,
  "partitionKey" | "incarnation" | "service" | "key" | "handler" | "mode" | "input"
>;
type EncodedInvoked = [
  "i",
  partitionKey: string,
  incarnation: string,
  service: string,
  key: string | null,
  handler: string,
  mode: Mode,
  input: Payload,
  due?: number | null,
  rest?: Rest,
];

/** Spelled out field by field: spreading an object costs more than all the rest of it. */
function encodeInvoked(invocation: NewInvocation): EncodedInvoked {
  const { partitionKey, incarnation, service, key, handler, mode, input, due } = invocation;
  const encoded: EncodedInvoked = [
    "i",
    partitionKey,
    incarnation,
    service,
    key,
    handler,
    mode,
    input,
  ];
  const rest = restOf(invocation);
  if (due !== undefined || rest !== undefined) encoded.push(due ?? null);
  if (rest !== undefined) encoded.push(rest);
  return encoded;
}

function restOf(invocation: NewInvocation): Rest | undefined {
  const { derivedId, headers, idempotencyKey, retention, chain, waiter, origin } = invocation;
  const { beside, request } = invocation;
  const says =
    derivedId ?? headers ?? idempotencyKey ?? retention ?? chain ?? waiter ?? origin ?? request;
  if ((says ?? beside) === undefined) return undefined;
  return { derivedId, headers, idempotencyKey, retention, chain, waiter, origin, beside, request };
}

function decodeInvoked(encoded: EncodedInvoked): Change {
  const [, partitionKey, incarnation, service, key, handler, mode, input, due, rest] = encoded;
  if (typeof handler !== "string") throw new TypeError("an invocation names no handler");
  const invocation: NewInvocation = {
    partitionKey,
    incarnation,
    derivedId: rest?.derivedId,
    service,
    key,
    handler,
    mode,
    input,
    headers: rest?.headers,
    idempotencyKey: rest?.idempotencyKey,
    retention: rest?.retention,
    chain: rest?.chain,
    waiter: rest?.waiter,
    due: due ?? undefined,
    origin: rest?.origin,
    beside: rest?.beside,
    request: rest?.request,
  };
  return { kind: "invoked", invocation };
}
