// What an attempt asks of the engine it runs in and what it reports, the border between user code's
// side of an invocation and the partition's; and what contexts and bodies ask of their attempt.
import type { CommandEntry, CommandIndex, Target } from "../model/entry.ts";
import type { CallRequest } from "../model/message.ts";
import type { Result } from "../model/payload.ts";
import type { CommandRequest } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import type { Span } from "../ports/telemetry.ts";
import type { Machine, Outcome } from "../replay/machine.ts";
import type { DefinitionSpec, HandlerSpec } from "./definition.ts";
import type { Future } from "./future.ts";
import type { Policy } from "./policy.ts";
import type { Step } from "./types.ts";

/** A command, or one whose input is still being encoded. */
export type Request = CommandRequest | Promise<CommandRequest>;

/** An attempt as seen by the code it runs: its contexts, its bodies, its errors. */
export interface RunningAttempt {
  readonly row: InvocationRow;
  readonly spec: HandlerSpec;
  readonly definition: DefinitionSpec;
  readonly target: string;
  readonly machine: Machine<Future>;
  readonly host: AttemptHost;
  readonly bodies: { add(body: Body, replayed: boolean): void };
  readonly over: boolean;
  readonly abortSignal: AbortSignal;
  /** The number the next command will get. */
  readonly nextIndex: CommandIndex;
  /** Whether the entry was asked by an earlier attempt. */
  isReplayed(entry: Pick<CommandEntry, "index">): boolean;
  /** Throws when the context may not be used now. */
  checkUse(): void;
  /** Ends it; `mismatch`: it needs other code, not another try. */
  fail(error: unknown, mismatch: boolean): void;
  /** Asks one command. */
  ask(request: Request, asked: (entry: CommandEntry) => void): void;
  /** Asks a command that is answered later. */
  asked<T>(request: Request, future: Future, asked: (entry: CommandEntry) => void): Promise<T>;
  /** The same for a signal, which may have come before it was asked for. */
  askedSignal<T>(name: string, decode: (outcome: Outcome) => unknown): Promise<T>;
  /** A promise that its code made was rejected, and nobody has looked at it yet (R7). */
  rejected(promise: object, error: unknown): void;
  /** Somebody has looked at it after all. */
  handled(promise: object): void;
}

/** A step as it was asked. */
export interface Body {
  readonly of: CommandIndex;
  readonly name: string;
  readonly action: (step: Step) => unknown;
  readonly policy: Policy;
  readonly timeoutMs: number | undefined;
}

/** What an attempt asks of the engine it runs in. */
export interface AttemptHost {
  /** Logs a command; undefined when this attempt is no longer the current one. */
  command(attempt: RunningAttempt, request: CommandRequest): CommandEntry | undefined;
  stepDone(attempt: RunningAttempt, of: CommandIndex, tries: number, result: Result): void;
  stepFailed(attempt: RunningAttempt, of: CommandIndex, tries: number, failed: StepFailure): void;
  /** The handler ended. `failed` leaves it to the policy whether it is tried again. */
  finished(attempt: RunningAttempt, result: Result): void;
  failed(attempt: RunningAttempt, error: unknown, mismatch: boolean): void;
  /** Calls back once everything up to `position` is durable; never within this call. */
  whenDurable(position: number, then: () => void): void;
  /** Asks for a turn: `turn()` is called after all microtasks have drained. */
  requestTurn(attempt: RunningAttempt): void;
  /** The attempt has nothing to do until it learns something. */
  idle(attempt: RunningAttempt): void;
  /** Position of the newest record decided. */
  readonly position: number;
  /** Wall clock, for bodies and backoff only; never shown to the handler. */
  now(): number;
  random(): number;
  after(ms: number, then: () => void): { cancel(): void };
  /** Runs user code so that what it does can be attributed to the attempt (R5, R7). */
  attribute<T>(attempt: RunningAttempt, body: boolean, code: () => T): T;
  /** Whether the code running now is a step's body. */
  insideBody(): boolean;
  report(attempt: RunningAttempt, event: AttemptEvent): void;
  /** Bodies that go on though their attempt or try is over, by invocation and command (R8). */
  readonly leftovers: Map<string, Promise<void>>;
  /** Undefined where nobody listens. */
  readonly trace: AttemptTrace | undefined;
  /** Await outside the journal is an error here rather than an event (R6). */
  readonly strict: boolean;
}

/** Spans around what an attempt does, where somebody listens. */
export interface AttemptTrace {
  /** A try of a step's body, from 1. */
  step(attempt: RunningAttempt, name: string, tries: number): Span | undefined;
  /** It calls or sends for the first time: a replay asks for no span. */
  asking(
    attempt: RunningAttempt,
    asked: { readonly target: Target; readonly how: "call" | "send" | "delayed send" },
  ): Said;
}

/** The span around what was asked. */
export interface Said {
  /** The request, with what the other side goes on from. */
  carrying(call: CallRequest): CallRequest;
  /** `id`: of the invocation, empty where there is none. */
  ended(id: string, result?: Result): void;
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
  | {
      readonly kind: "stepFailed";
      readonly step: string;
      readonly attempt: number;
      readonly code: string;
      readonly message: string;
      readonly delayMs: number | undefined;
    }
  | { readonly kind: "unawaited"; readonly commands: readonly string[] }
  /** A promise the handler made was rejected, and nobody looked at it until the end (R7). */
  | { readonly kind: "unhandledRejection"; readonly error: unknown }
  | { readonly kind: "console"; readonly level: string; readonly args: readonly unknown[] };
