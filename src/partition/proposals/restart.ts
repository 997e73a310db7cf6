// Runs a completed invocation again as a new one, afresh or from an entry of its journal on. What the
// kept part still waits for is joined anew: calls, sleeps, promises, signals; an awakeable cannot be.
import type { Callee, CommandEntry, Entry, Notification } from "../../model/entry.ts";
import { failureOf, HoldfastError } from "../../model/errors.ts";
import { idOf } from "../../model/invocation-id.ts";
import { recordResultsMax } from "../../model/limits.ts";
import type { Proposal } from "../../model/proposal.ts";
import { dueOf, type InvocationRow, type OpenCommand } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { answerOf, begin } from "./create.ts";
import { complete } from "./notify.ts";
import { doneBefore } from "./once.ts";
import { abroad, post } from "./post.ts";
import { expiryAt, promiseAt } from "./promise.ts";
import { lookup } from "./signal.ts";

type Restart = Extract<Proposal, { kind: "restart" }>;

export function restart(decision: Decision, proposal: Restart): void {
  const { id, from, unsafe, once, request } = proposal;
  if (doneBefore(decision, proposal)) return;
  const found = lookup(decision, id);
  if ("error" in found) return decision.refuse(request, found.error);
  const { row } = found;
  const refusal = notRestartable(decision, row, from);
  if (refusal !== undefined) return decision.refuse(request, refusal);
  const entries =
    from === 0 ? [] : decision.tables.journals.read(row.n, row.entries).slice(0, from);
  const { open, buffered } = leftOpen(decision, entries);
  const error = notKeepable(row, entries, open, unsafe);
  if (error !== undefined) return decision.refuse(request, error);
  const n = decision.leader.position;
  const commands = entries.filter((entry) => entry.kind === "command").length;
  emitInvoked(decision, row, { from, commands, once });
  if (from > 0) {
    decision.emit({ kind: "journalCopied", n, entries, open: [...open], buffered: [...buffered] });
  }
  for (const [of, command] of open) join(decision, n, of, command);
  const created = decision.tables.invocation(n) as InvocationRow;
  begin(decision, created);
  decision.answer(request, answerOf(created, false));
}

/** What a restart from an entry keeps: the values its random numbers and step keys derive from. */
function emitInvoked(
  decision: Decision,
  row: InvocationRow,
  { from, commands, once }: Pick<Restart, "from" | "once"> & { readonly commands: number },
): void {
  const incarnation = decision.leader.mint();
  const { partitionKey, service, key, handler, mode, input, begunAt } = row;
  decision.emit({
    kind: "invoked",
    invocation: {
      partitionKey,
      incarnation,
      derivedId: once,
      service,
      key,
      handler,
      mode,
      input,
      headers: row.headers ?? undefined,
      retention: row.retention ?? undefined,
      beside: row.beside || undefined,
      origin: {
        n: row.n,
        incarnation: from === 0 ? incarnation : (row.origin?.incarnation ?? row.incarnation),
        commands,
        begunAt: from === 0 ? null : begunAt,
      },
    },
  });
}

/** Lets a copied command wait for what the one it was copied from waited for. */
function join(decision: Decision, n: number, of: number, command: OpenCommand): void {
  const waiter = { n, of };
  const due = dueOf(command);
  if (due !== undefined) decision.learn({ kind: "timer", due });
  if ((command.kind === "call" || command.kind === "attach") && command.id !== undefined) {
    const { id } = command;
    const to = decision.leader.directory.locateId(id);
    const self = decision.tables.invocation(n) as InvocationRow;
    const failure = failureOf(new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } }));
    if (to === undefined) complete(decision, waiter, { failure });
    else post(decision, to, { kind: "attach", id, waiter: abroad(decision, self, of) });
  } else if (command.kind === "call" || command.kind === "attach") {
    const row = decision.tables.invocation(command.n);
    const failure = failureOf(
      new HoldfastError("INVOCATION_NOT_FOUND", { data: { n: command.n } }),
    );
    if (row === undefined) complete(decision, waiter, { failure });
    else if (row.result !== null) complete(decision, waiter, row.result);
    else decision.emit({ kind: "awaited", n: row.n, waiter });
  } else if (command.kind === "promise") {
    const { service, key } = decision.tables.invocation(n) as InvocationRow;
    const at = { service, key: key ?? "", name: command.name };
    const result = promiseAt(decision, at)?.result;
    if (result) complete(decision, waiter, result);
    else decision.emit({ kind: "promiseAwaited", ...at, waiter, expiry: expiryAt(decision, at) });
  }
}

function notRestartable(
  decision: Decision,
  row: InvocationRow,
  from: number,
): HoldfastError | undefined {
  const data = { id: idOf(row), from, entries: row.entries };
  // The journal of what has ended is kept by the cold table alone.
  const folded = from === 0 || row.at <= decision.tables.cold.position();
  if (row.status !== "completed" || !folded) {
    return new HoldfastError("INVOCATION_NOT_COMPLETED", { data });
  }
  if (row.mode === "workflow") {
    return new HoldfastError("RESTART_UNSAFE", {
      message: `${row.service} runs once per key. Purge the run, then start it again.`,
      data,
    });
  }
  if (Number.isInteger(from) && from >= 0 && from <= row.entries) return undefined;
  return new HoldfastError("RESTART_UNSAFE", {
    message: `The journal has ${row.entries} entries; restart from ${from} is not possible.`,
    data,
  });
}

function notKeepable(
  row: InvocationRow,
  entries: readonly Entry[],
  open: ReadonlyMap<number, OpenCommand>,
  unsafe: boolean,
): HoldfastError | undefined {
  const data = { id: idOf(row), from: entries.length };
  const waits = [...open.values()].some((command) => command.kind === "awakeable");
  if (waits && !unsafe) return new HoldfastError("RESTART_UNSAFE", { data });
  // One record holds the input and all that is kept (R18).
  const length = JSON.stringify([row.input, entries]).length;
  if (length <= recordResultsMax) return undefined;
  return new HoldfastError("RESTART_UNSAFE", {
    message: `The entries to keep are ${length} characters; at most ${recordResultsMax} can be.`,
    data,
  });
}

interface LeftOpen {
  readonly open: Map<number, OpenCommand>;
  /** Signals that no command has taken: name → how many. */
  readonly buffered: Map<string, number>;
}

/** The commands that a part of a journal leaves open, and the signals nobody took. */
function leftOpen(decision: Decision, entries: readonly (CommandEntry | Notification)[]): LeftOpen {
  const left: LeftOpen = { open: new Map(), buffered: new Map() };
  for (const entry of entries) {
    if (entry.kind === "completed") left.open.delete(entry.of);
    else if (entry.kind === "signalled") signalled(left, entry.name);
    else if (entry.kind === "command") asked(decision, left, entry);
  }
  return left;
}

function signalled({ open, buffered }: LeftOpen, name: string): void {
  for (const [of, command] of open) {
    if (command.kind === "signal" && command.name === name) return void open.delete(of);
  }
  buffered.set(name, (buffered.get(name) ?? 0) + 1);
}

function asked(decision: Decision, { open, buffered }: LeftOpen, entry: CommandEntry): void {
  const { command, index } = entry;
  switch (command.kind) {
    case "run":
      return void open.set(index, { kind: "run", name: command.name });
    case "sleep":
      return void open.set(index, { kind: "sleep", due: command.due });
    case "awakeable":
      return void open.set(index, { kind: "awakeable" });
    case "call":
      return void open.set(index, openCall(command.callee));
    case "attach": {
      if (decision.leader.directory.locateId(command.id) !== undefined) {
        return void open.set(index, { kind: "attach", n: -1, id: command.id });
      }
      const found = lookup(decision, command.id);
      return void open.set(index, { kind: "attach", n: "row" in found ? found.row.n : 0 });
    }
    case "promise":
    case "promiseComplete":
      return void open.set(index, { kind: "promise", name: command.name });
    case "signal": {
      const kept = buffered.get(command.name) ?? 0;
      if (kept === 0) return void open.set(index, { kind: "signal", name: command.name });
      if (kept === 1) buffered.delete(command.name);
      else buffered.set(command.name, kept - 1);
      return;
    }
    default:
      return;
  }
}

function openCall(callee: Callee | null): OpenCommand {
  if (callee === null || callee.n >= 0) return { kind: "call", n: callee?.n ?? 0 };
  return { kind: "call", n: -1, id: callee.derivedId };
}
