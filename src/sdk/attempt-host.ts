// What an attempt asks of the engine it runs in, and what it reports: the border between user code's
// side of an invocation and the partition's.
import type { CommandEntry, CommandIndex } from "../model/entry.ts";
import type { Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { Attempt } from "./attempt.ts";
import type { DefinitionSpec, HandlerSpec } from "./definition.ts";

/** What an attempt asks of the engine it runs in. */
export interface AttemptHost {
  /** Logs a command; undefined when this attempt is no longer the current one. */
  command(attempt: Attempt, request: CommandRequest): CommandEntry | undefined;
  stepDone(attempt: Attempt, of: CommandIndex, tries: number, result: Result): void;
  stepFailed(attempt: Attempt, of: CommandIndex, tries: number, failed: StepFailure): void;
  /** The handler ended. `failed` leaves it to the policy whether it is tried again. */
  finished(attempt: Attempt, result: Result): void;
  failed(attempt: Attempt, error: unknown, mismatch: boolean): void;
  /** Calls back once everything up to `position` is durable; never within this call. */
  whenDurable(position: number, then: () => void): void;
  /** Asks for a turn: `turn()` is called after all microtasks have drained. */
  requestTurn(attempt: Attempt): void;
  /** The attempt has nothing to do until it learns something. */
  idle(attempt: Attempt): void;
  /** Position of the newest record decided. */
  readonly position: number;
  /** Wall clock, for bodies and backoff only; never shown to the handler. */
  now(): number;
  random(): number;
  after(ms: number, then: () => void): { cancel(): void };
  /** Runs user code so that what it does can be attributed to the attempt (R5, R7). */
  attribute<T>(attempt: Attempt, body: boolean, code: () => T): T;
  /** Whether the code running now is a step's body. */
  insideBody(): boolean;
  report(attempt: Attempt, event: AttemptEvent): void;
  /** Bodies that go on though their attempt or try is over, by invocation and command (R8). */
  readonly leftovers: Map<string, Promise<void>>;
  /** Await outside the journal is an error here rather than an event (R6). */
  readonly strict: boolean;
}

/** The code an attempt runs. */
export interface Code {
  readonly handler: HandlerSpec;
  readonly definition: DefinitionSpec;
  /** Names this version of the code (R11). */
  readonly revision: string;
}

export interface StepFailure {
  readonly error: unknown;
  readonly due: number;
}

export type AttemptEvent =
  | { readonly kind: "unjournaledAwait"; readonly at: string }
  | { readonly kind: "unawaited"; readonly commands: readonly string[] }
  /** A promise the handler made was rejected, and nobody looked at it until the end (R7). */
  | { readonly kind: "unhandledRejection"; readonly error: unknown }
  | { readonly kind: "console"; readonly level: string; readonly args: readonly unknown[] };
