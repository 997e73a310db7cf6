// What a changelog tells, gathered for tests: every invocation with its journal and its end, every
// state as it was left, every time something is due. It is read from the records alone, so that what
// a test compares is what was durable. Nothing is forgotten by retention here.
import { recordsOf } from "../codec/record.ts";
import type { Change } from "../model/change.ts";
import type { Command, CommandEntry, Entry } from "../model/entry.ts";
import type { Failure, Payload, Result } from "../model/payload.ts";
import type { InvocationNumber } from "../model/row.ts";
import type { Changelog } from "../ports/changelog.ts";

export interface PastInvocation {
  readonly n: InvocationNumber;
  readonly incarnation: string;
  readonly derivedId: string | null;
  readonly partitionKey: string;
  readonly service: string;
  readonly key: string | null;
  readonly handler: string;
  readonly input: Payload;
  /** A handler waits for its result; else it was sent, or asked from outside. */
  readonly called: boolean;
  readonly entries: Entry[];
  result: Result | undefined;
  paused: Failure | undefined;
}

export class History {
  readonly invocations: Map<InvocationNumber, PastInvocation> = new Map();
  /** By `service/key`, then by name. */
  readonly state: Map<string, Map<string, Payload>> = new Map();
  /** By `service/key/name`. */
  readonly promises: Map<string, Result> = new Map();
  readonly #dues = new Map<string, number>();
  #position = 0;

  /** Reads what was appended since the last time. */
  async refresh(changelog: Pick<Changelog, "read">): Promise<void> {
    for await (const batch of changelog.read(this.#position + 1)) {
      for (const [i, record] of recordsOf(batch.bytes, batch.first).entries()) {
        const position = batch.first + i;
        if (position <= this.#position) continue;
        this.#position = position;
        for (const change of record.changes) this.#take(change, position);
      }
    }
  }

  /** When the next thing is due, whatever it is. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const due of this.#dues.values()) if (next === undefined || due < next) next = due;
    return next;
  }

  /** Those that have not ended, oldest first. */
  get unfinished(): PastInvocation[] {
    return [...this.invocations.values()].filter(({ result }) => result === undefined);
  }

  /** The first whose handler cannot go on: it is paused, or ended by what it awaited (R6). */
  get stopped(): PastInvocation | undefined {
    for (const row of this.invocations.values()) {
      const { paused, result } = row;
      if (paused === undefined) continue;
      if (result === undefined || endedOutside(result)) return row;
    }
    return undefined;
  }

  #take(change: Change, position: number): void {
    if (change.kind === "invoked") return this.#invoked(change.invocation, position);
    if ("n" in change) return this.#of(change);
    if (change.kind === "promiseCompleted") {
      const { service, key, name, result } = change;
      this.promises.set(`${service}/${key}/${name}`, result);
    } else if (change.kind === "stateEdited") {
      const state = this.#stateOf(change.service, change.key);
      if (change.clear) state.clear();
      for (const [name, value] of change.values) write(state, name, value ?? undefined);
    }
  }

  #invoked(made: Extract<Change, { kind: "invoked" }>["invocation"], n: number): void {
    const { incarnation, derivedId = null, partitionKey, service, key, handler, input } = made;
    this.invocations.set(n, {
      ...{ n, incarnation, derivedId, partitionKey, service, key, handler, input },
      called: made.waiter !== undefined,
      entries: [],
      result: undefined,
      paused: undefined,
    });
    if (made.due !== undefined) this.#due(n, -1, made.due);
  }

  #of(change: Extract<Change, { readonly n: number }>): void {
    const row = this.invocations.get(change.n);
    if (row === undefined) return;
    switch (change.kind) {
      case "command":
        return this.#command(row, change);
      case "notified":
        row.entries.push(change.notification);
        if (change.notification.kind === "completed") this.#fired(row.n, change.notification.of);
        return;
      case "journalCopied":
        row.entries.push(...change.entries);
        return;
      case "failed":
        return this.#due(row.n, -1, change.due);
      case "stepFailed":
      case "deferred":
        return this.#due(row.n, change.of, change.due);
      case "timerFired":
        return this.#fired(row.n, change.of);
      case "paused":
        row.paused = change.failure;
        return this.#fired(row.n, -1);
      case "finished":
        row.result = change.result;
        if (endedOutside(change.result)) row.paused = change.result.failure;
        return this.#ended(row.n);
      default:
        return;
    }
  }

  #command(row: PastInvocation, change: Extract<Change, { kind: "command" }>): void {
    const { entry, open } = change;
    row.entries.push(entry);
    if (open !== undefined && "due" in open && open.due !== undefined) {
      this.#due(row.n, entry.index, open.due);
    }
    if (row.key !== null) applyState(this.#stateOf(row.service, row.key), entry.command);
  }

  #stateOf(service: string, key: string): Map<string, Payload> {
    const name = `${service}/${key}`;
    let state = this.state.get(name);
    if (state === undefined) this.state.set(name, (state = new Map()));
    return state;
  }

  #due(n: number, of: number, due: number): void {
    this.#dues.set(`${n}:${of}`, due);
  }

  #fired(n: number, of: number): void {
    this.#dues.delete(`${n}:${of}`);
  }

  #ended(n: number): void {
    for (const name of this.#dues.keys()) if (name.startsWith(`${n}:`)) this.#dues.delete(name);
  }
}

export function commandsOf(row: PastInvocation): CommandEntry[] {
  return row.entries.filter((entry): entry is CommandEntry => entry.kind === "command");
}

function applyState(state: Map<string, Payload>, command: Command): void {
  if (command.kind === "clearAll") state.clear();
  else if (command.kind === "clear") state.delete(command.name);
  else if (command.kind === "set" && command.failure === undefined) {
    state.set(command.name, command.value);
  }
}

function write(state: Map<string, Payload>, name: string, value: Payload | undefined): void {
  if (value === undefined) state.delete(name);
  else state.set(name, value);
}

/** An await outside the journal ended it; not one of another, whose failure says where from. */
function endedOutside(result: Result): result is { readonly failure: Failure } {
  if (!("failure" in result)) return false;
  const { code, invocation } = result.failure;
  return code === "UNJOURNALED_AWAIT" && invocation === undefined;
}
