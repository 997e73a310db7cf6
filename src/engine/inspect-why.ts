// Why an invocation does not go on, in words: what it waits for, what that waits for, down to the
// cause, and the command that would move it. It reads what is folded and nothing else (R3). A cycle
// ends where it closes, and is said to be one (R12): those through promises and awakeables nobody
// breaks by himself.
import type { CommandEntry, CommandIndex, Target } from "../model/entry.ts";
import { calleeId, idOf } from "../model/invocation-id.ts";
import type { InvocationRow, OpenCommand } from "../model/row.ts";
import { targetText } from "../replay/mismatch.ts";
import type { Inspector } from "./inspect.ts";
import { awakeableId, iso } from "./inspect-view.ts";
import type { Registry } from "./registry.ts";
import { ago, at, count, type Move, move, type Reason, type Why } from "./why-words.ts";

/** Nodes of one answer, and how deep it goes; what lies behind is named and not followed. */
const nodesMax = 100;
const depthMax = 25;
const openShownMax = 20;

export function whyOf(
  row: InvocationRow,
  partition: Inspector,
  partitions: readonly Inspector[],
  registry: Registry,
): Why {
  return new Asked(partitions, registry).why(row, partition, []);
}

interface Answer {
  readonly says: string;
  readonly reasons?: readonly Reason[];
  readonly moves?: readonly Move[];
}

class Asked {
  readonly #partitions: readonly Inspector[];
  readonly #registry: Registry;
  #nodes = 0;

  constructor(partitions: readonly Inspector[], registry: Registry) {
    this.#partitions = partitions;
    this.#registry = registry;
  }

  why(row: InvocationRow, partition: Inspector, path: readonly string[]): Why {
    const id = idOf(row);
    const base = { id, target: targetText(row), status: row.status };
    this.#nodes++;
    if (path.includes(id)) {
      const cycle = path.slice(path.indexOf(id)).length;
      const says =
        `this is where the waiting began: a cycle of ${cycle}. None of them goes on by itself; ` +
        "cancel one, or complete what one waits for.";
      return { ...base, says, reasons: [], moves: [move.cancel(id)] };
    }
    if (path.length >= depthMax || this.#nodes > nodesMax) {
      const moves = [{ command: `holdfast why ${id}`, does: "follow it further" }];
      return { ...base, says: "not followed further here.", reasons: [], moves };
    }
    const { reasons = [], moves = [], says } = this.#answer(row, partition, [...path, id]);
    return { ...base, says, reasons, moves };
  }

  #answer(row: InvocationRow, partition: Inspector, path: readonly string[]): Answer {
    const id = idOf(row);
    switch (row.status) {
      case "completed":
        return completed(row, id);
      case "scheduled":
        return {
          says: `a delayed send; it starts ${at(row.due, partition.now)}.`,
          moves: [move.cancel(id)],
        };
      case "inboxed":
        return this.#inboxed(row, partition, path);
      case "ready":
        return {
          says: "may run, and waits for a slot: as many attempts execute as `concurrency` allows.",
        };
      case "running":
      case "suspended":
        return this.#waiting(row, partition, path);
      case "backing-off":
        return this.#backingOff(row, partition);
      case "paused":
        return this.#paused(row);
    }
  }

  #inboxed(row: InvocationRow, partition: Inspector, path: readonly string[]): Answer {
    const object = partition.object(row.service, row.key ?? "");
    const holder = object === undefined ? undefined : partition.byNumber(object.lock);
    const before = object?.inbox.findIndex(({ n }) => n === row.n) ?? 0;
    const name = `${row.service}/${row.key}`;
    const others = before <= 0 ? "" : ` behind ${count(before, "other")}`;
    const says = `waits its turn at ${name}${others}: one exclusive handler runs at a time per key.`;
    const moves = [move.cancel(idOf(row))];
    if (holder === undefined) return { says, moves };
    const of = this.why(holder, partition, path);
    return { says, moves, reasons: [{ says: `${name} is held by ${of.target}`, of, moves: [] }] };
  }

  #waiting(row: InvocationRow, partition: Inspector, path: readonly string[]): Answer {
    const open = [...row.open].slice(0, openShownMax);
    const reasons = open.map(([of, command]) => this.#open(row, of, command, partition, path));
    const more = row.open.size - open.length;
    if (more > 0) reasons.push({ says: `and for ${count(more, "more answer")}`, moves: [] });
    const id = idOf(row);
    const attempt = `attempt ${row.attempt}, begun ${ago(row.modifiedAt, partition.now)}`;
    if (row.status === "suspended") {
      return { says: "waits, and takes no memory meanwhile.", reasons, moves: [move.cancel(id)] };
    }
    const moves = [move.cancel(id), move.kill(id)];
    if (reasons.length > 0) {
      return { says: `runs in this engine (attempt ${row.attempt}) and waits.`, reasons, moves };
    }
    const says =
      `runs in this engine (${attempt}) and has asked for nothing it does not have: its code ` +
      "executes, or awaits something outside its journal.";
    return { says, moves };
  }

  #open(
    row: InvocationRow,
    of: CommandIndex,
    open: OpenCommand,
    partition: Inspector,
    path: readonly string[],
  ): Reason {
    switch (open.kind) {
      case "run":
        return step(open, row, partition.now);
      case "sleep":
        return { says: `sleeps; it wakes ${at(open.due, partition.now)}`, moves: [] };
      case "awakeable": {
        const id = awakeableId(row, of);
        const says = `waits for the awakeable ${id}: whoever was given it completes it`;
        return { says, moves: [move.resolve(id)] };
      }
      case "signal": {
        const name = JSON.stringify(open.name);
        const command = `engine.signal(${JSON.stringify(idOf(row))}, ${name}, value)`;
        return {
          says: `waits for the signal ${name}: nobody has sent it`,
          moves: [{ command, does: "send it from a program" }],
        };
      }
      case "promise": {
        const where = `${row.service}/${row.key ?? ""}`;
        const says = `waits for the durable promise "${open.name}" of ${where}: nobody has completed it`;
        return { says, moves: [] };
      }
      case "call":
      case "attach":
        return this.#called(row, of, open, partition, path);
    }
  }

  #called(
    row: InvocationRow,
    of: CommandIndex,
    open: Extract<OpenCommand, { n: number }>,
    partition: Inspector,
    path: readonly string[],
  ): Reason {
    const what = open.kind === "call" ? "its call to" : "the result of";
    const found = this.#callee(row, of, open, partition);
    if (found === undefined) {
      return { says: `waits for ${what} an invocation that is not in the table yet`, moves: [] };
    }
    const why = this.why(found.row, found.partition, path);
    return { says: `waits for ${what} ${why.target}`, of: why, moves: [] };
  }

  /** In this partition by its number, which has the waiter noted; elsewhere by the journal's id. */
  #callee(
    row: InvocationRow,
    of: CommandIndex,
    open: Extract<OpenCommand, { n: number }>,
    partition: Inspector,
  ): { row: InvocationRow; partition: Inspector } | undefined {
    const near = partition.byNumber(open.n);
    if (near?.waiters.some((waiter) => waiter.n === row.n && waiter.of === of)) {
      return { row: near, partition };
    }
    const id = idOfCallee(partition, row, of);
    for (const other of id === undefined ? [] : this.#partitions) {
      const far = other.byId(id as string);
      if (far !== undefined) return { row: far, partition: other };
    }
    return near && { row: near, partition };
  }

  #backingOff(row: InvocationRow, partition: Inspector): Answer {
    const id = idOf(row);
    const failed =
      row.failures <= 1 ? "its last attempt failed" : `${row.failures} attempts failed`;
    const says = `${failed}, the last with ${failureText(row)}. The next is due ${at(row.due, partition.now)}.`;
    return { says, moves: [move.retryNow(id), move.pause(id), move.cancel(id), move.kill(id)] };
  }

  #paused(row: InvocationRow): Answer {
    const id = idOf(row);
    const { pause } = row;
    const { code = "PAUSED" } = pause?.failure ?? {};
    const moves = [move.resume(id), move.cancel(id), move.kill(id)];
    if (code === "PAUSED") return { says: "paused by an operator.", moves };
    if (code === "SERVICE_NOT_FOUND" || code === "HANDLER_NOT_FOUND") {
      const hosted = this.#registry.names().join(", ") || "none";
      const says =
        `no handler ${row.service}/${row.handler} is hosted here (services: ${hosted}). ` +
        "It goes on by itself when code that has it is deployed.";
      return { says, moves: [move.cancel(id), move.kill(id)] };
    }
    if (pause?.awaitsRevision === true) {
      const says = `paused until other code is deployed: ${failureText(row)}.`;
      return { says, moves };
    }
    return { says: `paused by the engine: ${failureText(row)}.`, moves };
  }
}

function completed(row: InvocationRow, id: string): Answer {
  const when = row.completedAt === null ? "" : ` at ${iso(row.completedAt)}`;
  const moves = [{ command: `holdfast restart ${id}`, does: "run it again, as a new one" }];
  const { result } = row;
  if (result !== null && "failure" in result) {
    const { code, message } = result.failure;
    return { says: `failed${when} with ${code}: ${message}`, moves };
  }
  return { says: `ended${when} with its result.`, moves };
}

function step(
  open: Extract<OpenCommand, { kind: "run" }>,
  row: InvocationRow,
  now: number,
): Reason {
  const name = `step ${JSON.stringify(open.name)}`;
  const { tries = 0, error, due } = open;
  if (tries === 0) return { says: `${name} executes (its first try)`, moves: [] };
  const failed = `${name} failed ${count(tries, "time")}`;
  const last = error === undefined ? "" : `, the last with ${error.code}: ${error.message}`;
  const next =
    due === undefined || due <= now ? "its next try executes" : `tried again ${at(due, now)}`;
  return { says: `${failed}${last}; ${next}`, moves: [move.kill(idOf(row))] };
}

/** The id of the invocation a command called, from the journal: it may live in another partition. */
function idOfCallee(
  partition: Inspector,
  row: InvocationRow,
  of: CommandIndex,
): string | undefined {
  // A command is never before the entry of its own number.
  for (const entry of partition.journal(row.n, of, row.entries)) {
    if (entry.kind === "command" && entry.index === of) return calledBy(entry);
  }
  return undefined;
}

function calledBy({ command }: CommandEntry): string | undefined {
  if (command.kind === "attach") return command.id;
  if (command.kind !== "call" || command.callee === null) return undefined;
  const { service, key }: Target = command.target;
  return calleeId(service, key, command.callee);
}

function failureText({ pause, lastFailure }: InvocationRow): string {
  const failure = pause?.failure ?? lastFailure;
  return failure === null || failure === undefined
    ? "no error noted"
    : `${failure.code}: ${failure.message}`;
}
