// A journal against code, without an engine: the handler runs and is handed what the journal holds;
// what it asks is compared; no body of a step runs and nothing is written. It ends where the journal
// does, or where the two part, with the line of the user's code that parted.
import type { CommandEntry, Entry } from "../model/entry.ts";
import { failureOf, isHoldfastError } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import { wordsOf } from "../replay/mismatch.ts";
import { Attempt } from "../sdk/attempt.ts";
import type { AttemptEvent, AttemptHost, RunningAttempt } from "../sdk/attempt-host.ts";
import { type DefinitionSpec, specOf } from "../sdk/definition.ts";
import type { Callable } from "../sdk/types.ts";
import { lineOf, type SourceLine } from "./source-line.ts";

/** How the code and the journal part. */
export interface Divergence {
  readonly code:
    | "JOURNAL_MISMATCH"
    | "UNJOURNALED_AWAIT"
    | "HANDLER_NOT_FOUND"
    | "HANDLER_FAILED"
    | "RESULT_DIFFERS";
  /** The command at which they part; the number of commands where it is the end. */
  readonly entry: number;
  readonly expected: string;
  readonly actual: string;
  readonly message: string;
  readonly line: SourceLine | undefined;
}

export interface Replayed {
  /** Commands of the journal that the code asked for. */
  readonly commands: number;
  readonly divergence: Divergence | undefined;
}

export interface ReplayWorld {
  /** Calls back in another turn of the event loop, when all microtasks have drained. */
  nextTurn(then: () => void): void;
  /** Runs code of a handler so that its rejections are its own. */
  attribute<T>(owner: object, code: () => T): T;
}

/** What is replayed: a row with its journal. */
export interface Replayable {
  readonly row: InvocationRow;
  readonly entries: readonly Entry[];
  /** Values were replaced: inputs of calls and the result are not compared. */
  readonly redacted?: boolean | undefined;
}

/** Endings that no handler has brought about. */
const endedFromOutside: ReadonlySet<string> = new Set(["KILLED", "CANCELLED", "JOURNAL_TOO_LONG"]);

export function replay(
  journal: Replayable,
  services: readonly Callable[],
  world: ReplayWorld,
): Promise<Replayed> {
  const { row } = journal;
  const definition = services.map(specOf).find((spec) => spec?.name === row.service);
  const handler = definition?.handlers.get(row.handler);
  if (definition === undefined || handler === undefined) {
    const missing = definition === undefined ? `service ${row.service}` : `handler ${row.handler}`;
    return Promise.resolve({ commands: 0, divergence: missingCode(missing) });
  }
  const spec = journal.redacted === true ? { ...handler, inputStable: false } : handler;
  return new Promise((resolve) => {
    new Replay(journal, world, resolve).begin(definition, spec);
  });
}

function missingCode(missing: string): Divergence {
  return {
    code: "HANDLER_NOT_FOUND",
    entry: 0,
    expected: missing,
    actual: "nothing of that name",
    message: `The code has no ${missing}.`,
    line: undefined,
  };
}

class Replay implements AttemptHost {
  readonly position = 0;
  readonly strict = true;
  readonly trace = undefined;
  readonly leftovers: Map<string, Promise<void>> = new Map();
  readonly #journal: Replayable;
  readonly #world: ReplayWorld;
  readonly #done: (replayed: Replayed) => void;
  #attempt!: Attempt;
  #over = false;

  constructor(journal: Replayable, world: ReplayWorld, done: (replayed: Replayed) => void) {
    this.#journal = journal;
    this.#world = world;
    this.#done = done;
  }

  begin(
    definition: DefinitionSpec,
    handler: DefinitionSpec["handlers"] extends ReadonlyMap<string, infer H> ? H : never,
  ): void {
    const { row, entries } = this.#journal;
    const code = { definition, handler, revision: row.revision ?? "" };
    this.#attempt = new Attempt(this, { ...row, status: "running" }, code, { entries });
    this.requestTurn(this.#attempt);
  }

  get #completed(): boolean {
    const { result } = this.#journal.row;
    if (result === null) return false;
    return !("failure" in result && endedFromOutside.has(result.failure.code));
  }

  #end(divergence?: Divergence): void {
    if (this.#over) return;
    this.#over = true;
    const commands = Math.min(this.#attempt.machine.asked, this.#journal.row.commands);
    if (!this.#attempt.over) this.#attempt.close("the replay has ended");
    this.#done({ commands, divergence });
  }

  #part(code: Divergence["code"], expected: string, actual: string, error?: unknown): void {
    const entry = this.#attempt.machine.asked;
    const stack = error instanceof Error ? error.stack : new Error("here").stack;
    this.#end({
      code,
      entry,
      expected,
      actual,
      message: `It came to ${actual} at command ${entry}; its journal holds ${expected} there.`,
      line: lineOf(stack ?? ""),
    });
  }

  // ---- what the attempt asks

  /** The code asks more than the journal holds: where it goes on, or too much. */
  command(_: RunningAttempt, request: CommandRequest): CommandEntry | undefined {
    if (this.#completed) this.#part("JOURNAL_MISMATCH", "its end", wordsOf(request));
    else this.#end();
    return undefined;
  }

  finished(_: RunningAttempt, result: Result): void {
    const { row, redacted } = this.#journal;
    if (!this.#completed || redacted === true) return this.#end();
    const [expected, actual] = [resultText(row.result as Result), resultText(result)];
    if (expected === actual) return this.#end();
    this.#part("RESULT_DIFFERS", `the result ${expected}`, `the result ${actual}`);
  }

  failed(_: RunningAttempt, error: unknown, mismatch: boolean): void {
    const { code, message, data } = failureOf(error);
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    if (mismatch && code === "JOURNAL_MISMATCH") {
      const { index, expected, actual } = data as unknown as {
        readonly index: number;
        readonly expected: string;
        readonly actual: string;
      };
      const line = lineOf(stack);
      return this.#end({ code, entry: index, expected, actual, message, line });
    }
    if (isHoldfastError(error, "UNJOURNALED_AWAIT")) return this.#outside(error);
    // One that was failing when its journal was taken may go on failing.
    if (!this.#completed && this.#journal.row.lastFailure !== null) return this.#end();
    this.#part("HANDLER_FAILED", "more commands, or its end", `the error "${message}"`, error);
  }

  #outside(error?: unknown): void {
    this.#part("UNJOURNALED_AWAIT", "a command", "a wait for what is not in the journal", error);
  }

  requestTurn(attempt: RunningAttempt): void {
    const one = attempt as Attempt;
    this.#world.nextTurn(() => {
      one.turn();
      this.#world.nextTurn(() => one.endTurn());
    });
  }

  /** It waits: for what its journal does not hold yet, or for something else altogether. */
  idle(attempt: RunningAttempt): void {
    if (!attempt.machine.waits) return this.#outside();
    if (this.#completed) return this.#part("JOURNAL_MISMATCH", "its end", "a wait for an answer");
    this.#end();
  }

  // ---- what a replay has not: durability, bodies, time

  whenDurable(): void {}
  stepDone(): void {}
  stepFailed(): void {}
  report(_: RunningAttempt, event: AttemptEvent): void {
    if (event.kind === "unjournaledAwait") this.#outside();
  }

  now(): number {
    return this.#journal.row.modifiedAt;
  }

  random(): number {
    return 0;
  }

  after(): { cancel(): void } {
    return { cancel: () => {} };
  }

  attribute<T>(attempt: RunningAttempt, _body: boolean, code: () => T): T {
    return this.#world.attribute(attempt, code);
  }

  insideBody(): boolean {
    return false;
  }
}

function resultText(result: Result): string {
  if ("value" in result) {
    const { value } = result;
    return value === null ? "nothing" : typeof value === "string" ? value : value.base64;
  }
  const { code, message } = result.failure;
  return `${code}: ${message}`;
}
