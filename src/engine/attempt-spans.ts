// Spans of the attempts of one partition, and of what they do: each attempt one of its own, below the
// invocation its record names; each try of a step one below its attempt; what is called and sent one
// that the callee goes on from. What a replay repeats makes none.
import { failureOf } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import type { CallRequest } from "../model/message.ts";
import type { Failure, Result } from "../model/payload.ts";
import type { Again } from "../model/proposal.ts";
import type { Span, Telemetry } from "../ports/telemetry.ts";
import type { AttemptEvent, AttemptTrace, RunningAttempt, Said } from "../sdk/attempt-host.ts";
import { carrying, invocationSpan, targetAttributes } from "./traced.ts";

interface Open {
  readonly span: Span;
  /** Of calls that are not answered yet. */
  readonly calls: Set<Span>;
}

export class AttemptSpans implements AttemptTrace {
  readonly #telemetry: Telemetry;
  readonly #partition: number;
  readonly #open = new Map<RunningAttempt, Open>();

  constructor(telemetry: Telemetry, partition: number) {
    this.#telemetry = telemetry;
    this.#partition = partition;
  }

  began(attempt: RunningAttempt): void {
    const { row } = attempt;
    const span = this.#telemetry.begin({
      name: `attempt ${row.service}/${row.handler}`,
      kind: "internal",
      // The turn in which it begins belongs to no request.
      parent: "none",
      headers: row.headers,
      attributes: {
        ...targetAttributes(row),
        "holdfast.invocation.id": idOf(row),
        "holdfast.attempt": row.attempt,
        "holdfast.partition": this.#partition,
        "holdfast.replayed": row.commands,
      },
    });
    this.#open.set(attempt, { span, calls: new Set() });
  }

  within<T>(attempt: RunningAttempt, code: () => T): T {
    const open = this.#open.get(attempt);
    return open === undefined ? code() : open.span.within(code);
  }

  step(attempt: RunningAttempt, name: string, tries: number): Span | undefined {
    const open = this.#open.get(attempt);
    if (open === undefined) return undefined;
    return this.#telemetry.begin({
      name: `run ${name}`,
      kind: "internal",
      parent: open.span,
      attributes: {
        ...targetAttributes(attempt.row),
        "holdfast.invocation.id": idOf(attempt.row),
        "holdfast.step": name,
        "holdfast.step.attempt": tries,
        "holdfast.partition": this.#partition,
      },
    });
  }

  asking(attempt: RunningAttempt, { target, how }: Parameters<AttemptTrace["asking"]>[1]): Said {
    const open = this.#open.get(attempt);
    if (open === undefined) return silent;
    const { span: parent, calls } = open;
    const span = invocationSpan(this.#telemetry, { target, how, parent });
    calls.add(span);
    return {
      carrying: (call: CallRequest) => carrying(call, span),
      ended: (id, result) => {
        if (!calls.delete(span)) return;
        if (id !== "") span.set({ "holdfast.invocation.id": id });
        if (result !== undefined && "failure" in result) span.fail(result.failure);
        span.end();
      },
    };
  }

  event(attempt: RunningAttempt, event: AttemptEvent): void {
    const span = this.#open.get(attempt)?.span;
    switch (event.kind) {
      case "stepFailed": {
        const { step, attempt: tries, code, message, delayMs } = event;
        const named = { "holdfast.step": step, "holdfast.step.attempt": tries };
        const told = { "error.type": code, "exception.message": message };
        return span?.event("step failed", {
          ...named,
          ...told,
          "holdfast.retry.delay_ms": delayMs,
        });
      }
      case "unjournaledAwait":
        return span?.event("unjournaled await", { "holdfast.at": event.at });
      case "unawaited":
        return span?.event("unawaited", { "holdfast.commands": event.commands.join(", ") });
      case "unhandledRejection":
        return span?.event("unhandled rejection", { ...exception(event.error) });
      default:
        return;
    }
  }

  finished(attempt: RunningAttempt, result: Result): void {
    const failure = "failure" in result ? result.failure : undefined;
    this.#end(attempt, failure === undefined ? "success" : "failure", failure);
  }

  failed(attempt: RunningAttempt, failure: Failure, again: Again): void {
    this.#end(attempt, again.kind === "at" ? "retry" : again.kind, failure);
  }

  /** It is dropped from memory; what becomes of its invocation is told by another attempt. */
  left(attempt: RunningAttempt, why: string): void {
    this.#end(attempt, why, undefined);
  }

  #end(attempt: RunningAttempt, outcome: string, failure: Failure | undefined): void {
    const open = this.#open.get(attempt);
    if (open === undefined) return;
    this.#open.delete(attempt);
    for (const span of open.calls) {
      span.set({ "holdfast.outcome": "left open" });
      span.end();
    }
    open.span.set({ "holdfast.outcome": outcome });
    if (failure !== undefined) open.span.fail(failure);
    open.span.end();
  }
}

const silent: Said = { carrying: (call) => call, ended: () => {} };

function exception(error: unknown): { "exception.type": string; "exception.message": string } {
  const { code, message } = failureOf(error);
  return { "exception.type": code, "exception.message": message };
}
