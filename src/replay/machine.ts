// The handler's side of an invocation: which command comes next, and what is handed over when.
// Commands are matched in order against those in the journal; what was learned is handed over one
// piece at a time, in the journal's order, live and on replay alike. A handler is then a function of
// what it was handed, and native promise combinators repeat. Pure: it resolves no promise itself.
import type { CommandEntry, CommandIndex, Entry, Notification } from "../model/entry.ts";
import type { Payload, Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import { FewMap } from "../std/few-map.ts";
import { Queue } from "../std/queue.ts";
import { type Difference, difference } from "./mismatch.ts";

/** What is handed over next; `W` is what waits for an answer. */
export type HandOver<W> =
  /** The answer of a command; `undefined` inside a value means an absent state. */
  | { readonly kind: "settle"; readonly waiter: W; readonly outcome: Outcome }
  /** All that wait now are rejected, in this order; with none, the next promise made. */
  | { readonly kind: "cancel"; readonly pending: readonly W[] }
  /** Nobody waits for it: a signal kept for later, an answer after cancellation. */
  | { readonly kind: "nothing" }
  /** The journal's next answer is to a command that the handler has not asked. */
  | { readonly kind: "blocked"; readonly entry: CommandEntry | undefined };

export type Outcome =
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "state"; readonly value: Payload | undefined }
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "peeked"; readonly result: Result | null };

/** What an attempt finds when it begins. */
export interface Past {
  readonly entries: readonly Entry[];
  /** Of them, those that the attempt before had been handed when it was suspended. */
  readonly seen?: number | undefined;
}

interface Learning {
  readonly entry: Entry;
  /** Position of the record that holds it; everything handed over counts as learned (R2). */
  readonly position: number;
}

export type Asked =
  | { readonly kind: "replayed"; readonly entry: CommandEntry }
  | { readonly kind: "new" }
  | { readonly kind: "mismatch"; readonly difference: Difference };

export class Machine<W> {
  readonly #history: readonly CommandEntry[];
  readonly #learnings = new Queue<Learning>();
  /** Who waits for the answer of which command. */
  readonly #pending = new FewMap<CommandIndex, W>();
  /** Made with the first signal: there may be very many machines, and few see one. */
  #waitingSignals: Map<string, CommandIndex[]> | undefined;
  #keptSignals: Map<string, Result[]> | undefined;
  #asked = 0;
  #cancelled = false;
  #now: number;
  #learned: number;
  /** Hand-overs left that an earlier attempt has had, all of them; -1 once there was another. */
  #repeats = -1;

  /** `now`: time of the first attempt. `position`: up to where the start was decided. */
  constructor({ entries: history, seen }: Past, now: number, position: number) {
    const commands: CommandEntry[] = [];
    for (const [index, entry] of history.entries()) {
      if (entry.kind === "command") commands.push(entry);
      if (index === seen) this.#repeats = this.#learnings.length;
      if (entry.kind !== "command" || hasAnswer(entry)) this.#learnings.push({ entry, position });
    }
    if (seen === history.length) this.#repeats = this.#learnings.length;
    this.#history = commands;
    this.#now = now;
    this.#learned = position;
  }

  /** Time of what was last handed over: what `ctx.date` says. */
  get now(): number {
    return this.#now;
  }

  /** Position of the newest record the handler has learned from (R2). */
  get learned(): number {
    return this.#learned;
  }

  /** The handler was given something at `position` without a hand-over: an id to show outside. */
  learnedAt(position: number): void {
    if (position > this.#learned) this.#learned = position;
  }

  get asked(): number {
    return this.#asked;
  }

  get replaying(): boolean {
    return this.#asked < this.#history.length;
  }

  /** What the journal held at this command when the attempt began. */
  commandAt(index: CommandIndex): CommandEntry | undefined {
    return this.#history[index];
  }

  /** Whether the code that runs now has certainly run before, to here. */
  get repeating(): boolean {
    return this.replaying || this.#repeats >= 0;
  }

  /** Whether something waits to be handed over. */
  get hasNext(): boolean {
    return this.#learnings.length > 0;
  }

  /** Whether the handler waits for an answer from its journal. */
  get waits(): boolean {
    return this.#pending.size > 0;
  }

  /** The handler asks its next command. */
  ask(request: CommandRequest, compareInput: boolean): Asked {
    const entry = this.#history[this.#asked];
    if (entry === undefined) return { kind: "new" };
    const found = difference(entry, request, compareInput);
    if (found !== undefined) return { kind: "mismatch", difference: found };
    this.#asked++;
    return { kind: "replayed", entry };
  }

  /** A new command was logged; its answer, if it came with one, is next in line. */
  logged(entry: CommandEntry, position: number): void {
    this.#asked++;
    if (hasAnswer(entry)) this.#learnings.push({ entry, position });
  }

  /** Something was learned, live. */
  learn(notification: Notification, position: number): void {
    this.#learnings.push({ entry: notification, position });
  }

  /** The handler waits for the answer of a command it asked. */
  wait(of: CommandIndex, waiter: W): void {
    this.#pending.set(of, waiter);
  }

  /** Those who wait, in the order they began to. */
  get waiting(): Iterable<W> {
    return this.#pending.values();
  }

  /** The handler waits for a signal: the answer is here if one was kept. */
  waitForSignal(of: CommandIndex, name: string, waiter: W): Result | undefined {
    const kept = this.#keptSignals?.get(name)?.shift();
    if (kept !== undefined) return kept;
    this.#pending.set(of, waiter);
    this.#waitingSignals ??= new Map();
    const waiting = this.#waitingSignals.get(name);
    if (waiting === undefined) this.#waitingSignals.set(name, [of]);
    else waiting.push(of);
    return undefined;
  }

  /** The handler no longer waits for it; its answer, when it comes, is for nobody. */
  giveUp(of: CommandIndex): void {
    this.#pending.delete(of);
  }

  /** Whether a promise made now is rejected at once: a cancellation found nothing pending (R9). */
  takeCancellation(): boolean {
    const cancelled = this.#cancelled;
    this.#cancelled = false;
    return cancelled;
  }

  /** What is handed over next; call it only when the handler's microtasks have drained. */
  next(): HandOver<W> | undefined {
    const learning = this.#learnings.peek();
    if (learning === undefined) return undefined;
    const { entry, position } = learning;
    const of = ofCommand(entry);
    if (of !== undefined && of >= this.#asked) {
      return { kind: "blocked", entry: this.#history[of] };
    }
    this.#learnings.shift();
    if (this.#repeats >= 0) this.#repeats--;
    this.#now = entry.at;
    this.learnedAt(position);
    return this.#handOver(entry);
  }

  #handOver(entry: Entry): HandOver<W> {
    switch (entry.kind) {
      case "command":
        return this.#settle(entry.index, answerOf(entry));
      case "completed":
        return this.#settle(entry.of, { kind: "result", result: entry.result });
      case "signalled":
        return this.#signalled(entry.name, entry.result);
      case "cancelled": {
        const pending = [...this.#pending].sort(([a], [b]) => a - b);
        this.#pending.clear();
        if (pending.length === 0) this.#cancelled = true;
        return { kind: "cancel", pending: pending.map(([, waiter]) => waiter) };
      }
    }
  }

  #settle(of: CommandIndex, outcome: Outcome): HandOver<W> {
    const waiter = this.#pending.get(of);
    if (waiter === undefined) return { kind: "nothing" };
    this.#pending.delete(of);
    return { kind: "settle", waiter, outcome };
  }

  #signalled(name: string, result: Result): HandOver<W> {
    const of = this.#waitingSignals?.get(name)?.shift();
    if (of !== undefined) return this.#settle(of, { kind: "result", result });
    this.#keptSignals ??= new Map();
    const kept = this.#keptSignals.get(name);
    if (kept === undefined) this.#keptSignals.set(name, [result]);
    else kept.push(result);
    return { kind: "nothing" };
  }

  /** The first command of the journal that the handler never asked. */
  unasked(): CommandEntry | undefined {
    return this.#history[this.#asked];
  }
}

function ofCommand(entry: Entry): CommandIndex | undefined {
  if (entry.kind === "command") return entry.index;
  return entry.kind === "completed" ? entry.of : undefined;
}

function hasAnswer(entry: CommandEntry): boolean {
  const { kind } = entry.command;
  return kind === "get" || kind === "stateKeys" || kind === "promisePeek";
}

function answerOf(entry: CommandEntry): Outcome {
  const { command } = entry;
  switch (command.kind) {
    case "get":
      return { kind: "state", value: command.answer };
    case "stateKeys":
      return { kind: "names", names: command.answer };
    case "promisePeek":
      return { kind: "peeked", result: command.answer };
    default:
      return { kind: "result", result: { value: null } };
  }
}
