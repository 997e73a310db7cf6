// One run of a crash test's scenario: an engine in memory on a clock that jumps to whatever is due
// next, watched handlers, and at most one death, after which another engine goes on with what was
// durable. It gathers what happened; what to make of it is crash-test.ts.

import { type Asked, instrumented, type Watcher } from "../journal/instrument.ts";
import { durationMs } from "../model/duration.ts";
import type { Failure } from "../model/payload.ts";
import type { RunningAttempt } from "../sdk/attempt-host.ts";
import type { Callable, Duration, Step } from "../sdk/types.ts";
import { type CrashClient, OutlivingClient } from "./crash-client.ts";
import { commitsMax, endless, stuck } from "./crash-endless.ts";
import type { Death } from "./crashing-storage.ts";
import { History, type PastInvocation } from "./history.ts";
import { Names } from "./names.ts";
import { TestEngine } from "./test-engine.ts";
import { type Read, setTraps } from "./traps.ts";

const { setTimeout: later, queueMicrotask } = globalThis;

export interface CrashTestOptions {
  /** What the engine hosts. */
  readonly services: readonly Callable[];
  /** What is done from outside. What it answers is compared. */
  readonly run: (client: CrashClient) => Promise<unknown>;
  /** Called before each run: puts back what mocks and modules remember. */
  readonly before?: (() => unknown) | undefined;
}

export interface RunOptions extends CrashTestOptions {
  readonly death?: Omit<Death, "then"> | undefined;
  /** Every record is a commit of its own. */
  readonly batchOfOne: boolean;
  /** The run without a crash that this one is compared with. */
  readonly model?: CrashRun | undefined;
}

/** How long bodies that do not end may hold up the clock, in ms. */
const bodiesMsMax = 500;
/** Times the clock may jump after the scenario has ended, for what is still to come. */
const jumpsAfterMax = 100;
/** Times the clock is moved although nothing is due. */
const stirsMax = 3;
/** How long, each time, in ms. */
const outsideMsMax = 100;

/** What one life of the process was seen to ask, by invocation and command. */
type Lines = Map<string, Asked[]>;

export class CrashRun {
  readonly history: History = new History();
  /** Per life of the process. */
  readonly lines: Lines[] = [new Map()];
  /** What handlers asked of clock and chance, by invocation. */
  readonly reads: Map<string, Read[]> = new Map();
  /** Promises of the context that nobody has looked at, by invocation. */
  readonly unlooked: Map<string, Asked> = new Map();
  /** What bodies gave, by step. */
  readonly values: Map<string, { readonly value: unknown }> = new Map();
  /** Steps that ran again although their result was durable. */
  readonly repeated: Asked[] = [];
  /** How the scenario ended. */
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
  #engine!: TestEngine;
  readonly #options: RunOptions;
  readonly #attempts = new WeakSet<object>();
  readonly #names = new Names();
  readonly #client: OutlivingClient;
  #executing = 0;
  #moved = 0;
  #dead = false;
  #alive: Promise<void> = Promise.resolve();
  #revive = (): void => {};
  #settledSteps = new Set<string>();
  #advances: { readonly until: number; readonly done: () => void }[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
    this.#client = new OutlivingClient(this.#lives());
  }

  get commits(): number {
    return this.#engine.commits;
  }

  get life(): number {
    return this.lines.length - 1;
  }

  get died(): boolean {
    return this.life > 0;
  }

  /** Runs the scenario to its end, and what it has set going as far as time allows. */
  async run(): Promise<this> {
    await this.#options.before?.();
    const { services, batchOfOne, death } = this.#options;
    const watched = services.map((service) =>
      instrumented(service, (attempt) => this.#watch(attempt)),
    );
    const names = this.#names;
    this.#engine = await TestEngine.open(
      { services: watched, batchOfOne, onEvent: () => {} },
      { mint: () => names.mint(), opening: (opening) => names.open(opening) },
    );
    if (death !== undefined) this.#engine.storage.dieAt({ ...death, then: () => this.#die() });
    const untrap = setTraps({
      mine: (owner) => this.#attempts.has(owner),
      noted: (owner, read) => noted(this.reads, (owner as RunningAttempt).row.incarnation, read),
      life: () => this.life,
      now: () => this.#engine.clock.now(),
    });
    try {
      await this.#drive();
    } finally {
      untrap();
    }
    return this;
  }

  async #drive(): Promise<void> {
    let over = false;
    const { run } = this.#options;
    const running = Promise.resolve(this.#client)
      .then(run)
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      )
      .then((outcome) => {
        this.outcome = outcome;
        over = true;
      });
    void running;
    await this.#until(() => over);
    if (over) await this.#until(() => false, jumpsAfterMax);
    // A scenario that cannot end is left behind with its engine: what it asks is not answered.
    if (this.stopped === undefined) await this.#engine.close();
    else this.#end();
    await this.#refresh();
  }

  #end(): void {
    this.#alive = new Promise(() => {});
    this.#engine.die();
  }

  /** Lets everything happen until `done`, or with a number of jumps until nothing is to come. */
  async #until(done: () => boolean, jumpsMax?: number): Promise<void> {
    let jumps = 0;
    let stirs = 0;
    while (!done()) {
      await this.#engine.clock.idle();
      if (done()) return;
      if (this.#dead) {
        await this.#recover();
        continue;
      }
      if (this.#executing > 0 && (await this.#bodiesMove())) continue;
      await this.#refresh();
      if (this.stopped !== undefined) return;
      if (this.#advanced()) continue;
      const due = this.history.nextDue;
      if (jumpsMax === undefined && this.#client.waiting === 0) {
        // The scenario waits for something of its own: time stands still meanwhile.
        await new Promise((resolve) => later(resolve, 1));
      } else if (due !== undefined && (jumpsMax === undefined || jumps < jumpsMax)) {
        jumps++;
        stirs = 0;
        this.#jump(due);
      } else if (jumpsMax !== undefined) {
        return;
      } else if (++stirs > stirsMax) {
        throw stuck(this.history.unfinished);
      } else {
        await this.#wakes();
      }
      if (this.commits > commitsMax) throw endless();
    }
  }

  /** A handler that cannot go on: its code and its journal disagree, or it awaited something else. */
  get stopped(): { readonly row: PastInvocation; readonly failure: Failure } | undefined {
    for (const row of this.history.invocations.values()) {
      const { paused, result } = row;
      if (paused !== undefined && result === undefined) return { row, failure: paused };
      if (result === undefined || !("failure" in result)) continue;
      if (result.failure.code === "UNJOURNALED_AWAIT") return { row, failure: result.failure };
    }
    return undefined;
  }

  /** Whether bodies that execute in real time have done something, or are still given time to. */
  async #bodiesMove(): Promise<boolean> {
    const before = this.#moved;
    for (let ms = 0; ms < bodiesMsMax && this.#executing > 0; ms += 2) {
      if (this.#moved !== before || this.#dead) return true;
      await new Promise((resolve) => later(resolve, ms === 0 ? 0 : 2));
    }
    return this.#moved !== before || this.#dead;
  }

  #jump(to: number): void {
    const { clock } = this.#engine;
    if (to > clock.now()) clock.set(to);
  }

  /** Serves what the scenario asked of the clock. */
  #advanced(): boolean {
    const [first] = this.#advances;
    if (first === undefined) return false;
    const due = this.history.nextDue ?? Number.POSITIVE_INFINITY;
    const now = this.#engine.clock.now();
    if (due > now) this.#jump(Math.min(due, first.until));
    if (due > first.until) {
      this.#advances.shift();
      first.done();
    }
    return true;
  }

  /**
   * What is due in no table may come all the same: deadlocks are looked for after a while, and a
   * handler may wait, wrongly, for something outside.
   */
  async #wakes(): Promise<void> {
    const { commits } = this;
    for (let ms = 0; ms < outsideMsMax && this.commits === commits; ms += 5) {
      await new Promise((resolve) => later(resolve, 5));
    }
    await this.#engine.clock.advance("10s");
  }

  #die(): void {
    this.#dead = true;
    this.#alive = new Promise((resolve) => {
      this.#revive = resolve;
    });
    queueMicrotask(() => this.#engine.die());
  }

  /** Another process: it knows what was durable. Bodies of the one before have ended with it. */
  async #recover(): Promise<void> {
    if (this.#executing > 0) await this.#bodiesEnd();
    await this.#refresh();
    this.lines.push(new Map());
    this.#names.crashed(this.history);
    for (const row of this.history.invocations.values()) {
      for (const entry of row.entries) {
        if (entry.kind === "completed") this.#settledSteps.add(`${row.incarnation}:${entry.of}`);
      }
    }
    await this.#engine.crash();
    this.#dead = false;
    this.#revive();
  }

  async #bodiesEnd(): Promise<void> {
    for (let ms = 0; ms < bodiesMsMax && this.#executing > 0; ms += 2) {
      await new Promise((resolve) => later(resolve, 2));
    }
    this.#executing = 0;
  }

  async #refresh(): Promise<void> {
    await this.history.refresh(this.#engine.storage.changelog);
  }

  #lives(): ConstructorParameters<typeof OutlivingClient>[0] {
    const run = this;
    return {
      get engine() {
        return run.#engine;
      },
      get life() {
        return run.life;
      },
      get dead() {
        return run.#dead;
      },
      alive: () => run.#alive,
      history: async () => {
        await run.#refresh();
        return run.history;
      },
      advance: (duration: Duration) =>
        new Promise<void>((done) => {
          const until = run.#engine.clock.now() + durationMs(duration);
          run.#advances.push({ until, done });
          run.#advances.sort((a, b) => a.until - b.until);
        }),
    };
  }

  // ---- handlers

  #watch(attempt: RunningAttempt): Watcher {
    this.#attempts.add(attempt);
    const { incarnation } = attempt.row;
    const lines = this.lines[this.life] as Lines;
    const all: Asked[] = [];
    lines.set(incarnation, []);
    return {
      asked: (asked) => {
        all.push(asked);
        (lines.get(incarnation) as Asked[])[asked.index] ??= asked;
      },
      body: (asked, name, step, action) => this.#body(attempt, asked, name, step, action),
      ended: () => {
        if (attempt.over) return;
        const unlooked = all.find(({ looked, method }) => !looked && awaited.has(method));
        if (unlooked !== undefined) this.unlooked.set(incarnation, unlooked);
      },
    };
  }

  async #body(
    attempt: RunningAttempt,
    asked: Asked,
    name: string,
    _step: Step,
    action: () => unknown,
  ): Promise<unknown> {
    const { incarnation } = attempt.row;
    if (this.#settledSteps.has(`${incarnation}:${asked.index}`)) this.repeated.push(asked);
    const { life } = this;
    this.#executing++;
    try {
      const value = await action();
      const step = `${incarnation}:${asked.index}:${name}`;
      // What a step gives may be anything, so that both runs are given the same.
      const known = this.#options.model?.values.get(step);
      if (known !== undefined) return known.value;
      this.values.set(step, { value: copied(value) });
      return value;
    } finally {
      this.#moved++;
      if (life === this.life && this.#executing > 0) this.#executing--;
    }
  }
}

/** Methods whose promise must be awaited, or raced: nobody would hear that it failed. */
const awaited: ReadonlySet<string> = new Set(["run", "call", "sleep", "attach", "timeout"]);

function copied(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

function noted<T>(all: Map<string, T[]>, name: string, one: T): void {
  const of = all.get(name);
  if (of === undefined) all.set(name, [one]);
  else of.push(one);
}
