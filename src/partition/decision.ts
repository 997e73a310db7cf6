// Gathers what one proposal leads to: changes, what handlers learn at once, effects for later.
// `emit` applies at once, so that a rule sees the tables as it has changed them. After the first
// emit a rule no longer refuses (R21): half a decision would otherwise be logged.
import type { Change } from "../model/change.ts";
import type { Answer, Effect, Learned, Request } from "../model/effect.ts";
import type { CommandEntry } from "../model/entry.ts";
import type { HoldfastError } from "../model/errors.ts";
import { recordResultsMax } from "../model/limits.ts";
import type { Result } from "../model/payload.ts";
import type { Mode } from "../model/row.ts";
import { invariant } from "../std/assert.ts";
import { apply } from "./apply.ts";
import type { Tables } from "./tables/tables.ts";

/** What this node hosts. What a decision takes from it is logged, so that replaying needs it not. */
export interface Directory {
  /** `revision`: that of the code which an invocation has begun with. */
  handler(
    service: string,
    handler: string,
    revision?: string | null,
  ): HostedHandler | "no-service" | "no-handler";
  /** Whether there are other partitions at all. */
  readonly cluster: boolean;
  /** Where what this service keeps under a partition key lives; undefined: here. */
  locate(service: string, partitionKey: string): Located | undefined;
  /** Where the invocation of an id lives; undefined: here, or nobody knows. */
  locateId(id: string): string | undefined;
  /** A partition key for what has none: its own, moved to where this partition's rows are. */
  ownKey(partitionKey: string): string;
}

/** A place elsewhere, or a service whose home is not known yet, as a destination. */
export interface Located {
  readonly to: string;
  readonly app: string | undefined;
}

export interface HostedHandler {
  readonly mode: Mode;
  /** As in `NewInvocation`. */
  readonly retention?: number | undefined;
  /** A shared handler of a workflow. */
  readonly beside?: true | undefined;
}

/** What the leader adds to a proposal: time, fresh randomness, and whether a slot is free. */
export interface Leader {
  readonly position: number;
  readonly time: number;
  readonly directory: Directory;
  /** 128 fresh random bits, as 22 characters of base64url. */
  mint(): string;
  /** Whether one more attempt may begin now. */
  room(): boolean;
}

/** Most decisions change one thing and release nothing: lists are made when they are needed. */
const none: never[] = [];

export class Decision {
  /** The entry a command became. */
  entry: CommandEntry | undefined;
  readonly tables: Tables;
  readonly leader: Leader;
  changes: Change[] = none;
  learned: Learned[] = none;
  effects: Effect[] = none;

  constructor(tables: Tables, leader: Leader) {
    this.tables = tables;
    this.leader = leader;
  }

  /** Length, as text, of the results this decision has written. */
  #results = 0;

  /** Counts a result that is written; false when it must be left to a decision of its own (R18). */
  carry(result: Result): boolean {
    const length = lengthOf(result);
    if (this.#results > 0 && this.#results + length > recordResultsMax) return false;
    this.#results += length;
    return true;
  }

  get time(): number {
    return this.leader.time;
  }

  emit(change: Change): void {
    apply(this.tables, change, this.leader);
    if (this.changes.length === 0) this.changes = [change];
    else this.changes.push(change);
  }

  learn(learned: Learned): void {
    if (this.learned.length === 0) this.learned = [learned];
    else this.learned.push(learned);
  }

  release(effect: Effect): void {
    if (this.effects.length === 0) this.effects = [effect];
    else this.effects.push(effect);
  }

  answer(request: Request, answer: Answer): void {
    this.release({ kind: "answer", request, answer });
  }

  refuse(request: Request, error: HoldfastError): void {
    invariant(this.changes.length === 0, "R21: refused after the first change");
    this.answer(request, { kind: "refused", error });
  }
}

/** Short ones are guessed: escaping at most doubles them. */
function lengthOf(result: Result): number {
  const value = "value" in result ? result.value : result.failure;
  if (typeof value === "string" && value.length < 65_536) return 2 * value.length;
  return JSON.stringify(value).length;
}
