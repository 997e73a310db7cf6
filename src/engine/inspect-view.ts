// What operators are shown of rows and journals: plain data with ids and times as text, for admin
// routes, the command line and whoever embeds an engine. Payloads are shown up to a bound, so that
// looking at one never costs more than looking at many.
import type { Entry } from "../model/entry.ts";
import { formatAwakeableId } from "../model/ids.ts";
import { addressOf, calleeId, idOf } from "../model/invocation-id.ts";
import type { Json, Payload, Result } from "../model/payload.ts";
import { payloadBytes } from "../model/payload.ts";
import type {
  InvocationRow,
  Mode,
  ObjectRow,
  OpenCommand,
  PromiseRow,
  Status,
} from "../model/row.ts";
import { targetText, wordsOf } from "../replay/mismatch.ts";

/** Characters of a payload's text that are shown; more of it is fetched as an output or state. */
export const payloadShownMax: number = 64 * 1024;

export interface PayloadView {
  readonly type: "none" | "json" | "bytes";
  readonly bytes: number;
  /** The value, of JSON that is shown whole. */
  readonly value?: Json;
  /** The beginning of longer JSON, or of bytes in base64. */
  readonly preview?: string;
  readonly contentType?: string;
}

export interface FailureView {
  readonly code: string;
  readonly message: string;
}

/** One line of a list. */
export interface InvocationView {
  readonly id: string;
  /** `Service/handler` or `Service/key/handler`. */
  readonly target: string;
  readonly service: string;
  readonly key?: string;
  readonly handler: string;
  readonly mode: Mode;
  readonly status: Status;
  readonly createdAt: string;
  readonly modifiedAt: string;
  readonly begunAt?: string;
  readonly completedAt?: string;
  /** When it starts or is tried again. */
  readonly due?: string;
  readonly expiresAt?: string;
  readonly attempts: number;
  readonly entries: number;
  readonly idempotencyKey?: string;
  readonly cancelled: boolean;
  readonly outcome?: "success" | "failure";
  /** Of its result or, while it is unfinished, of its pause or last failed attempt. */
  readonly failure?: FailureView;
}

/** One invocation, with all that is kept of it but its journal. */
export interface InvocationDetail extends InvocationView {
  readonly input: PayloadView;
  readonly output?: PayloadView;
  readonly headers: Readonly<Record<string, string>>;
  readonly open: readonly OpenView[];
  readonly restartedFrom?: { readonly entries: number };
  readonly revision?: string;
  readonly crashes: number;
  readonly partition: number;
}

/** A command asked and not yet answered. */
export interface OpenView {
  readonly command: number;
  readonly kind: OpenCommand["kind"];
  readonly name?: string;
  readonly due?: string;
  readonly tries?: number;
  readonly failure?: FailureView;
  readonly awakeable?: string;
}

export interface EntryView {
  readonly index: number;
  /** What a handler asked, or what it learned. */
  readonly type: "command" | "notification";
  readonly kind: string;
  readonly at: string;
  /** In words, such as `run "charge"`. */
  readonly title: string;
  /** Number of the command asked or answered. */
  readonly command?: number;
  /** The invocation called or sent to. */
  readonly callee?: string;
  readonly due?: string;
  readonly value?: PayloadView;
  readonly failure?: FailureView;
}

export interface ObjectView {
  readonly service: string;
  readonly key: string;
  /** Grows with each change of state; an edit may name it. */
  readonly version: number;
  readonly stateBytes: number;
  readonly lockedBy?: string;
  /** Invocations that wait for the key, at most 100 of them, and how many there are. */
  readonly inbox: readonly string[];
  readonly inboxLength: number;
  readonly state: Readonly<Record<string, PayloadView>>;
}

export interface PromiseView {
  readonly service: string;
  readonly key: string;
  readonly name: string;
  readonly status: "pending" | "resolved" | "rejected";
  readonly value?: PayloadView;
  readonly failure?: FailureView;
  readonly waiters: number;
}

export interface TimerView {
  readonly due: string;
  readonly id: string;
  readonly target: string;
  /** The command that waits; absent for a delayed start or another attempt. */
  readonly command?: number;
}

export interface AwakeableView {
  /** Whoever has it can complete it. */
  readonly id: string;
  readonly invocation: string;
  readonly target: string;
  readonly command: number;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function payloadView(payload: Payload): PayloadView {
  const bytes = payloadBytes(payload);
  if (payload === null) return { type: "none", bytes };
  if (typeof payload !== "string") {
    const { contentType, base64 } = payload;
    return { type: "bytes", bytes, contentType, preview: base64.slice(0, payloadShownMax) };
  }
  if (payload.length > payloadShownMax) {
    return { type: "json", bytes, preview: payload.slice(0, payloadShownMax) };
  }
  return { type: "json", bytes, value: JSON.parse(payload) as Json };
}

function failureView({ code, message }: FailureView): FailureView {
  return { code, message };
}

function resultView(result: Result): { value?: PayloadView; failure?: FailureView } {
  if ("failure" in result) return { failure: failureView(result.failure) };
  return { value: payloadView(result.value) };
}

export function invocationView(row: InvocationRow): InvocationView {
  const { result, pause, lastFailure, status } = row;
  const failed = result !== null && "failure" in result;
  const held = status === "completed" ? undefined : (pause?.failure ?? lastFailure ?? undefined);
  const failure = failed ? result.failure : held;
  return {
    id: idOf(row),
    target: targetText(row),
    service: row.service,
    ...(row.key === null ? {} : { key: row.key }),
    handler: row.handler,
    mode: row.mode,
    status,
    createdAt: iso(row.createdAt),
    modifiedAt: iso(row.modifiedAt),
    ...when("begunAt", row.begunAt),
    ...when("completedAt", row.completedAt),
    ...when("due", row.due),
    ...when("expiresAt", row.expiry !== null && row.expiry > 0 ? row.expiry : null),
    attempts: row.attempt,
    entries: row.entries,
    ...(row.idempotencyKey === null ? {} : { idempotencyKey: row.idempotencyKey }),
    cancelled: row.cancelled,
    ...(status === "completed" ? { outcome: failed ? "failure" : "success" } : {}),
    ...(failure === undefined ? {} : { failure: failureView(failure) }),
  };
}

function when<K extends string>(name: K, ms: number | null): { readonly [name in K]?: string } {
  return (ms === null ? {} : { [name]: iso(ms) }) as { readonly [name in K]?: string };
}

export function invocationDetail(row: InvocationRow, partition: number): InvocationDetail {
  const { result, origin } = row;
  return {
    ...invocationView(row),
    input: payloadView(row.input),
    ...(result !== null && "value" in result ? { output: payloadView(result.value) } : {}),
    headers: row.headers ?? {},
    open: [...row.open].map(([command, open]) => openView(row, command, open)),
    ...(origin === null ? {} : { restartedFrom: { entries: origin.commands } }),
    ...(row.revision === null ? {} : { revision: row.revision }),
    crashes: row.crashes,
    partition,
  };
}

function openView(row: InvocationRow, command: number, open: OpenCommand): OpenView {
  const { kind } = open;
  const run = kind === "run" ? open : undefined;
  return {
    command,
    kind,
    ...("name" in open ? { name: open.name } : {}),
    ...("due" in open && open.due !== undefined ? { due: iso(open.due) } : {}),
    ...(run?.tries === undefined ? {} : { tries: run.tries }),
    ...(run?.error === undefined ? {} : { failure: failureView(run.error) }),
    ...(kind === "awakeable" ? { awakeable: awakeableId(row, command) } : {}),
  };
}

export function awakeableId(row: InvocationRow, index: number): string {
  const { partitionKey, incarnation } = row;
  const position = addressOf(row);
  return formatAwakeableId({ partitionKey, position, index, incarnation });
}

export function entryView(entry: Entry, index: number): EntryView {
  const at = iso(entry.at);
  if (entry.kind === "command") {
    const { command } = entry;
    const callee = "callee" in command && command.callee !== null ? command.callee : undefined;
    const due = "due" in command ? command.due : undefined;
    const failure = "failure" in command ? command.failure : undefined;
    return {
      index,
      type: "command",
      kind: command.kind,
      at,
      title: wordsOf(command),
      command: entry.index,
      ...(callee !== undefined && "target" in command
        ? { callee: calleeId(command.target.service, command.target.key, callee) }
        : {}),
      ...(due === undefined ? {} : { due: iso(due) }),
      ...(failure === undefined ? {} : { failure: failureView(failure) }),
    };
  }
  const base = { index, type: "notification", kind: entry.kind, at } as const;
  if (entry.kind === "cancelled") return { ...base, title: "cancelled" };
  const result = resultView(entry.result);
  if (entry.kind === "signalled") return { ...base, title: `signal "${entry.name}"`, ...result };
  return { ...base, title: `answer to ${entry.of}`, command: entry.of, ...result };
}

const inboxShownMax = 100;

export function objectView(
  row: ObjectRow,
  idOfNumber: (n: number) => string | undefined,
): ObjectView {
  // Without a prototype: a state may have any name.
  const state = Object.create(null) as Record<string, PayloadView>;
  for (const [name, value] of row.state) state[name] = payloadView(value);
  const lockedBy = row.lock === 0 ? undefined : idOfNumber(row.lock);
  const waiting = row.inbox.slice(0, inboxShownMax).map(({ n }) => idOfNumber(n));
  return {
    service: row.service,
    key: row.key,
    version: row.version,
    stateBytes: row.stateBytes,
    ...(lockedBy === undefined ? {} : { lockedBy }),
    inbox: waiting.filter((id) => id !== undefined),
    inboxLength: row.inbox.length,
    state,
  };
}

export function promiseView(row: PromiseRow): PromiseView {
  const { service, key, name, result } = row;
  const base = { service, key, name, waiters: row.waiters.length };
  if (result === null) return { ...base, status: "pending" };
  const status = "failure" in result ? "rejected" : "resolved";
  return { ...base, status, ...resultView(result) };
}
