// What changes, as it becomes durable, for who watches: an event per record that says something to
// people, with the position of the record. It is read from batches that are durable already (R3),
// and only while somebody watches. Who reads too slowly, and who comes back too late, is told that
// he has missed some and looks at the lists again. It decides nothing.
import { recordsOf } from "../codec/record.ts";
import type { Change } from "../model/change.ts";
import { idOf } from "../model/invocation-id.ts";
import type { InvocationNumber } from "../model/row.ts";
import type { Batch } from "../ports/changelog.ts";
import { targetText } from "../replay/mismatch.ts";
import { iso } from "./inspect-view.ts";

/** What happened to one invocation. */
export interface ChangeEvent {
  readonly partition: number;
  readonly position: number;
  readonly at: string;
  readonly kind: ChangeEventKind;
  /** Absent where it began before anybody watched and is not in the table yet. */
  readonly id?: string;
  readonly target?: string;
  /** What it was about: a step, a command, an error. */
  readonly detail?: string;
  /** Of a finished one: milliseconds since it was created. */
  readonly ms?: number;
}

export type ChangeEventKind =
  | "created"
  | "inboxed"
  | "started"
  | "suspended"
  | "asked"
  | "learned"
  | "step-failed"
  | "attempt-failed"
  | "paused"
  | "succeeded"
  | "failed"
  | "purged"
  | "state-edited"
  /** Some were left out; look at the lists again. */
  | "missed";

export type Watch = (event: ChangeEvent) => void;

interface Who {
  readonly id: string;
  readonly target: string;
  readonly createdAt: number;
}

export interface FeedParts {
  readonly partition: number;
  now(): number;
  /** Who it is, from the table. */
  find(n: InvocationNumber): Who | undefined;
}

/** A larger batch is load nobody reads along with. */
const batchBytesRead = 128 * 1024;
/** Invocations remembered by name. */
const whoMax = 20_000;
/** Events kept for who comes back. */
const keptMax = 2000;

export class Feed {
  readonly #parts: FeedParts;
  readonly #watching = new Set<Watch>();
  readonly #who = new Map<InvocationNumber, Who>();
  #kept: ChangeEvent[] = [];
  /** From this position on all events are kept. */
  #keptFrom = Number.POSITIVE_INFINITY;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /**
   * Tells what happens from now on; with `after`, first what happened since then, or that it is
   * not known any more. Ends with what it answers.
   */
  watch(watch: Watch, after?: { readonly position: number; readonly at: number }): () => void {
    if (after !== undefined) this.#catchUp(watch, after);
    this.#watching.add(watch);
    return () => {
      this.#watching.delete(watch);
      if (this.#watching.size > 0) return;
      // Somebody may come back: what is kept stays, and what comes now is a gap.
      this.#keptFrom = Number.POSITIVE_INFINITY;
      this.#kept = [];
      this.#who.clear();
    };
  }

  /** Takes a batch that is durable; next to nothing while nobody watches. */
  durable(batch: Batch): void {
    if (this.#watching.size === 0) return;
    if (this.#keptFrom === Number.POSITIVE_INFINITY) this.#keptFrom = batch.first;
    if (batch.bytes.length > batchBytesRead) {
      const position = batch.first + batch.count - 1;
      return this.#tell(this.#event("missed", position, this.#parts.now()));
    }
    const records = recordsOf(batch.bytes, batch.first);
    for (const [i, { time, changes }] of records.entries()) {
      for (const change of changes) this.#change(change, batch.first + i, time);
    }
  }

  #catchUp(watch: Watch, { position, at }: { position: number; at: number }): void {
    if (position + 1 < this.#keptFrom) {
      return watch(this.#event("missed", position, at));
    }
    for (const event of this.#kept) if (event.position > position) watch(event);
  }

  #change(change: Change, position: number, time: number): void {
    if (change.kind === "invoked") {
      const row = {
        ...change.invocation,
        n: position,
        derivedId: change.invocation.derivedId ?? null,
      };
      this.#remember(position, { id: idOf(row), target: targetText(row), createdAt: time });
    }
    const told = toldOf(change);
    if (told === undefined) return;
    const n = change.kind === "invoked" ? position : "n" in change ? change.n : 0;
    const who = this.#who.get(n) ?? this.#remember(n, this.#parts.find(n));
    const finished = change.kind === "finished";
    this.#tell({
      ...this.#event(told.kind, position, time),
      ...(who === undefined ? {} : { id: who.id, target: who.target }),
      ...(told.detail === undefined ? {} : { detail: told.detail }),
      ...(finished && who !== undefined ? { ms: time - who.createdAt } : {}),
    });
  }

  #event(kind: ChangeEventKind, position: number, time: number): ChangeEvent {
    return { partition: this.#parts.partition, position, at: iso(time), kind };
  }

  #remember(n: InvocationNumber, who: Who | undefined): Who | undefined {
    if (who === undefined) return undefined;
    if (this.#who.size >= whoMax) this.#who.delete(this.#who.keys().next().value as number);
    this.#who.set(n, who);
    return who;
  }

  #tell(event: ChangeEvent): void {
    this.#kept.push(event);
    if (this.#kept.length > 2 * keptMax) {
      this.#kept = this.#kept.slice(-keptMax);
      this.#keptFrom = this.#kept[0]?.position ?? this.#keptFrom;
    }
    for (const watch of this.#watching) watch(event);
  }
}

interface Told {
  readonly kind: ChangeEventKind;
  readonly detail?: string | undefined;
}

function toldOf(change: Change): Told | undefined {
  switch (change.kind) {
    case "invoked":
      return {
        kind: "created",
        detail: change.invocation.due === undefined ? undefined : "delayed",
      };
    case "inboxed":
    case "started":
    case "suspended":
      return { kind: change.kind };
    case "command":
      return { kind: "asked", detail: detailOf(change.entry.command) };
    case "notified":
      return { kind: "learned", detail: change.notification.kind };
    case "stepFailed":
      return { kind: "step-failed", detail: change.failure.message };
    case "failed":
      return { kind: "attempt-failed", detail: change.failure.message };
    case "paused":
      return { kind: "paused", detail: change.failure.code };
    case "finished": {
      const { result } = change;
      if ("failure" in result) return { kind: "failed", detail: result.failure.message };
      return { kind: "succeeded" };
    }
    case "purged":
      return { kind: "purged" };
    case "stateEdited":
      return { kind: "state-edited", detail: `${change.service}/${change.key}` };
    default:
      return undefined;
  }
}

function detailOf(command: { readonly kind: string; readonly name?: unknown }): string {
  return typeof command.name === "string" ? `${command.kind} ${command.name}` : command.kind;
}
