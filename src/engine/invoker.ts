// Attempts of one partition in this process: begins them, hands them what they learn, suspends
// those that only wait, takes what they report back to the partition. A waiting attempt holds no
// slot; what found none waits in the table and is paged from it (R13).
import type { Learned } from "../model/effect.ts";
import type { CommandEntry, CommandIndex } from "../model/entry.ts";
import { failureOf } from "../model/errors.ts";
import { crashesSuspect } from "../model/limits.ts";
import type { Failure, Result } from "../model/payload.ts";
import type { Again, CommandRequest, Proposal } from "../model/proposal.ts";
import type { InvocationNumber, InvocationRow } from "../model/row.ts";
import type { Decided } from "../partition/decide.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { Attempt } from "../sdk/attempt.ts";
import type { AttemptEvent, AttemptHost, Code, StepFailure } from "../sdk/attempt-host.ts";
import { againOf, exhaustedFailure } from "./again.ts";
import { AttemptSpans } from "./attempt-spans.ts";
import type { Gate } from "./gate.ts";
import type { Latencies } from "./latencies.ts";
import type { Processor } from "./processor.ts";
import { ReadyQueue } from "./ready-queue.ts";
import type { Registry } from "./registry.ts";

/** How long after an unclean end attempts begin only once their start is durable. */
const carefulMs = 60_000;

export interface InvokerOptions {
  /** Attempts that may execute at a time. */
  readonly activeMax: number;
  /** Attempts that may wait in memory; beyond it the longest waiting is suspended. */
  readonly idleMax: number;
  /** How long an attempt waits in memory before it is suspended, in ms. */
  readonly suspendAfterMs: number;
  readonly strict: boolean;
}

export interface InvokerParts {
  readonly tables: Tables;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly registry: Registry;
  readonly options: InvokerOptions;
  readonly latencies: Latencies;
  readonly telemetry?: Telemetry | undefined;
  readonly partition: number;
  processor(): Processor;
  random(): number;
  attribute<T>(owner: Attempt, body: boolean, code: () => T): T;
  insideBody(): boolean;
  report(attempt: Attempt, event: AttemptEvent): void;
  reportFailure(attempt: Attempt, failure: Failure, again: Again): void;
}

export class Invoker implements AttemptHost {
  readonly #parts: InvokerParts;
  readonly #attempts = new Map<InvocationNumber, Attempt>();
  /** Attempts that only wait, longest first, with the time since when. */
  readonly #idle = new Map<Attempt, number>();
  readonly #ready: ReadyQueue;
  readonly leftovers: Map<string, Promise<void>> = new Map();
  #sweep: Timer | undefined;
  /** The last begun of those that may have ended the process. */
  #suspect: Attempt | undefined;
  #carefulUntil = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #draining = false;
  readonly trace: AttemptSpans | undefined;

  constructor(parts: InvokerParts) {
    this.#parts = parts;
    const { telemetry, partition } = parts;
    this.trace = telemetry === undefined ? undefined : new AttemptSpans(telemetry, partition);
    this.#ready = new ReadyQueue(parts.tables);
  }

  get open(): number {
    return this.#attempts.size;
  }

  /** Attempts that execute: neither waiting nor suspended. */
  get active(): number {
    return this.#attempts.size - this.#idle.size;
  }

  get position(): number {
    return this.#parts.processor().position;
  }

  get strict(): boolean {
    return this.#parts.options.strict;
  }

  room(): boolean {
    return !this.#stopped && !this.#draining && this.active < this.#parts.options.activeMax;
  }

  /** What a decision lets the handlers here know. */
  learned(learned: Learned): void {
    switch (learned.kind) {
      case "start":
        return this.#start(learned.n, learned.seen);
      case "ready":
        this.#ready.push(learned.n);
        // Found no slot; or is an edit of state, which takes none.
        if (this.room()) this.#fill();
        return;
      case "notified": {
        const attempt = this.#attempts.get(learned.n);
        if (attempt === undefined) return;
        this.#wake(attempt);
        return attempt.learn(learned.notification);
      }
      case "retryStep": {
        const attempt = this.#attempts.get(learned.n);
        if (attempt === undefined) return;
        this.#wake(attempt);
        return attempt.bodies.retry(learned.of);
      }
      case "stop":
        return this.#stop(learned.n, learned.code);
      default:
        return;
    }
  }

  /**
   * Begins what was running when the last epoch ended, and what is ready. After an unclean end no
   * attempt begins before its start is durable, for a while: one that ends the process at once
   * would else never be counted (R10).
   */
  restart(unclean: boolean): void {
    const processor = this.#parts.processor();
    if (unclean) this.#carefulUntil = this.#parts.clock.monotonic() + carefulMs;
    for (const n of this.#ready.interrupted()) processor.propose({ kind: "start", n });
    this.#ready.rescan();
    this.#fill();
  }

  /** Ends all attempts without a word: the partition goes on elsewhere, or later. */
  stop(reason: string): void {
    this.#stopped = true;
    this.#sweep?.cancel();
    for (const attempt of this.#attempts.values()) {
      attempt.close(reason);
      this.trace?.left(attempt, "left");
    }
    this.#attempts.clear();
    this.#idle.clear();
  }

  /** Lets no new attempt begin. Those open go on. */
  drain(): void {
    this.#draining = true;
  }

  #start(n: InvocationNumber, seen: number | undefined): void {
    const { tables, registry } = this.#parts;
    const row = tables.invocation(n) as InvocationRow;
    const code = registry.code(row.service, row.handler, row.revision) as Code;
    const history = row.entries === 0 ? [] : tables.journals.read(n, row.entries);
    const attempt = new Attempt(this, row, code, { entries: history, seen });
    this.#attempts.set(n, attempt);
    const { clock, latencies } = this.#parts;
    latencies.began(attempt, clock.now(), clock.monotonic());
    this.trace?.began(attempt);
    if (row.crashes >= crashesSuspect) this.#suspect = attempt;
    if (this.#parts.clock.monotonic() >= this.#carefulUntil) return attempt.requestTurn();
    // By the next turn all that is decided together with this start stands.
    this.#parts.clock.nextTurn(() => {
      const processor = this.#parts.processor();
      processor.whenDurable(processor.position, () => attempt.requestTurn());
    });
  }

  /** Whether one that may have ended the process still executes, and may do so again (R10). */
  get #suspectActive(): boolean {
    const attempt = this.#suspect;
    if (attempt === undefined || attempt.over || this.#idle.has(attempt)) return false;
    return attempt.row.crashes >= crashesSuspect;
  }

  #stop(n: InvocationNumber, code: string): void {
    const attempt = this.#attempts.get(n);
    if (attempt === undefined) return;
    attempt.close(code);
    this.#forget(attempt);
    this.trace?.left(attempt, "stopped");
  }

  /** It no longer only waits. */
  #wake(attempt: Attempt): void {
    const since = this.#idle.get(attempt);
    if (since === undefined) return;
    this.#idle.delete(attempt);
    const { clock, latencies } = this.#parts;
    latencies.waited(attempt, clock.monotonic() - since);
  }

  #forget(attempt: Attempt): void {
    this.#wake(attempt);
    const { clock, latencies } = this.#parts;
    latencies.ended(attempt, clock.monotonic());
    if (this.#attempts.get(attempt.row.n) === attempt) this.#attempts.delete(attempt.row.n);
    this.#fill();
  }

  #filling = false;

  /** Lets ready invocations begin while there are slots. */
  #fill(): void {
    if (this.#filling || this.#ready.empty) return;
    this.#filling = true;
    this.#parts.clock.nextTurn(() => {
      this.#filling = false;
      while (this.room()) {
        const next = this.#ready.next();
        const n = next ?? (this.#suspectActive ? undefined : this.#ready.nextSuspect());
        if (n === undefined) return;
        this.#parts.processor().propose({ kind: "start", n });
      }
    });
  }

  /** A rule that breaks has ended the partition, which told: user code and its promises go on. */
  #propose(proposal: Proposal): Decided | undefined {
    try {
      return this.#parts.processor().propose(proposal);
    } catch {
      return undefined;
    }
  }

  // ---- what attempts ask

  command(attempt: Attempt, command: CommandRequest): CommandEntry | undefined {
    if (this.#stopped) return undefined;
    const { row, number, revision } = attempt;
    return this.#propose({ kind: "command", n: row.n, attempt: number, revision, command })?.entry;
  }

  stepDone(attempt: Attempt, of: CommandIndex, tries: number, result: Result): void {
    if (this.#stopped) return;
    this.#propose({ kind: "stepDone", n: attempt.row.n, of, tries, result });
  }

  stepFailed(attempt: Attempt, of: CommandIndex, tries: number, failed: StepFailure): void {
    if (this.#stopped) return;
    const failure = failureOf(failed.error);
    const { due } = failed;
    const { n } = attempt.row;
    this.#propose({ kind: "stepFailed", n, of, tries, failure, due });
    if (attempt.suspendable) this.idle(attempt);
  }

  finished(attempt: Attempt, result: Result): void {
    if (this.#stopped) return;
    const { row, number } = attempt;
    this.#forget(attempt);
    this.trace?.finished(attempt, result);
    this.#propose({ kind: "finish", n: row.n, attempt: number, result });
  }

  failed(attempt: Attempt, error: unknown, mismatch: boolean): void {
    if (this.#stopped) return;
    const { row, number } = attempt;
    this.#forget(attempt);
    const again = mismatch ? ({ kind: "pause" } as const) : againOf(attempt, this.#parts);
    const failure = again.kind === "fail" ? exhaustedFailure(row, error) : failureOf(error);
    const other = mismatch && row.revision !== null && row.revision !== attempt.revision;
    const revision = other ? attempt.revision : undefined;
    const n = row.n;
    this.#parts.reportFailure(attempt, failure, again);
    this.trace?.failed(attempt, failure, again);
    this.#propose({ kind: "fail", n, attempt: number, failure, again, revision });
  }

  whenDurable(position: number, then: () => void): void {
    this.#parts.processor().whenDurable(position, then);
  }

  requestTurn(attempt: Attempt): void {
    this.#wake(attempt);
    this.#parts.gate.request(attempt);
  }

  idle(attempt: Attempt): void {
    const { options, clock } = this.#parts;
    if (!attempt.suspendable || this.#attempts.get(attempt.row.n) !== attempt) return;
    this.#idle.set(attempt, clock.monotonic());
    // A suspect that only waits is not to blame, and is not to be blamed with the next one (R10).
    if (attempt.row.crashes >= crashesSuspect) return this.#suspend(attempt);
    if (this.#idle.size > options.idleMax) this.#suspendOldest();
    else this.#sweepLater();
    this.#fill();
  }

  #suspendOldest(): void {
    for (const attempt of this.#idle.keys()) return this.#suspend(attempt);
  }

  #suspend(attempt: Attempt): void {
    const { row, number } = attempt;
    this.#wake(attempt);
    if (!attempt.suspendable) return;
    attempt.close("the invocation is suspended");
    this.#forget(attempt);
    this.trace?.left(attempt, "suspended");
    this.#propose({ kind: "suspend", n: row.n, attempt: number });
  }

  /** Suspends, a little later, what has waited long enough by then. */
  #sweepLater(): void {
    const { clock, options } = this.#parts;
    if (this.#sweep !== undefined || this.#stopped) return;
    this.#sweep = clock.after(options.suspendAfterMs, () => {
      this.#sweep = undefined;
      const until = clock.monotonic() - options.suspendAfterMs;
      for (const [attempt, since] of this.#idle) {
        if (since > until) break;
        this.#suspend(attempt);
      }
      if (this.#idle.size > 0) this.#sweepLater();
    });
  }

  now(): number {
    return this.#parts.clock.now();
  }

  random(): number {
    return this.#parts.random();
  }

  after(ms: number, then: () => void): Timer {
    return this.#parts.clock.after(ms, then);
  }

  attribute<T>(attempt: Attempt, body: boolean, code: () => T): T {
    const { trace } = this;
    if (trace === undefined || body) return this.#parts.attribute(attempt, body, code);
    return this.#parts.attribute(attempt, body, () => trace.within(attempt, code));
  }

  insideBody(): boolean {
    return this.#parts.insideBody();
  }

  report(attempt: Attempt, event: AttemptEvent): void {
    this.trace?.event(attempt, event);
    this.#parts.report(attempt, event);
  }
}
