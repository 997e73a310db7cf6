// An engine for tests: in this process, in memory, on a clock that the test moves, with seeded
// randomness, and able to die. It is the shipped engine; only what lies behind its ports differs.
import type { EngineEvent } from "../engine/events.ts";
import type { Host } from "../engine/host.ts";
import { type EngineOptions, makeHost } from "../hosts.ts";
import { type Redact, type StoredJournal, storeJournal } from "../journal/stored-journal.ts";
import { HoldfastError } from "../model/errors.ts";
import { parseInvocationId, positionOf } from "../model/ids.ts";
import { Engine } from "../open.ts";
import type { Callable, Client, Duration, Invocation } from "../sdk/types.ts";
import { Prng } from "../std/prng.ts";
import { CrashingStorage } from "./crashing-storage.ts";
import { type Effect, Effects, type StepMock } from "./effects.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What makes hidden assumptions fail: each is correct for an engine to do at any time. */
export interface HostileConfiguration {
  /** Every attempt that waits is dropped at once and replayed when it learns something. */
  readonly suspendAlways?: boolean | undefined;
  /** Every batch is folded at once and every row that may be forgotten is: reads are cold. */
  readonly forgetAlways?: boolean | undefined;
  /** Every record is a commit of its own. */
  readonly batchOfOne?: boolean | undefined;
  /** Memory holds one timer, and looks no further ahead than now. */
  readonly oneTimer?: boolean | undefined;
}

export interface TestEngineOptions
  extends HostileConfiguration,
    Omit<EngineOptions, "data" | "dev" | "closeTimeout" | "allowRemoteData"> {
  /** Everything random follows from it. Default "holdfast". */
  readonly seed?: string | undefined;
  /** Where the clock begins, in milliseconds since 1970. Default: the start of 2026, in UTC. */
  readonly time?: number | undefined;
  /** Whether an await outside the journal is an error. Default true. */
  readonly strict?: boolean | undefined;
  /** Bodies in place of those of the steps with these names. */
  readonly steps?: Readonly<Record<string, StepMock>> | undefined;
}

/** @internal What `crashTest` puts in place. */
export interface TestEngineParts {
  readonly mint?: (() => string) | undefined;
  /** Whoever asks is told when the engine is opening, and when it is not. */
  readonly opening?: ((opening: boolean) => void) | undefined;
}

type Operator = Pick<Engine, "kill" | "pause" | "resume" | "purge" | "restart" | "editState">;

/**
 * The engine as tests want it.
 *
 * @example
 * const engine = await TestEngine.open({ services: [cart] });
 * await engine.call(cart, "user-1").addTicket("TICKET-001");
 * await engine.advance("15m");
 * await engine.crash();
 * await engine.close();
 */
export class TestEngine implements Client, Operator, AsyncDisposable {
  readonly clock: VirtualClock;
  /** What the engine reported, in order, across crashes. */
  readonly events: EngineEvent[] = [];
  readonly #options: TestEngineOptions;
  readonly #effects: Effects;
  readonly #storage: CrashingStorage;
  readonly #prng: Prng;
  readonly #parts: TestEngineParts;
  #services: readonly Callable[];
  #engine!: Engine;
  #host!: Host;
  #stopClock: () => void = () => {};
  #fatal: unknown;

  static async open(
    options: TestEngineOptions,
    /** @internal */
    parts: TestEngineParts = {},
  ): Promise<TestEngine> {
    const engine = new TestEngine(options, parts);
    await engine.#open();
    return engine;
  }

  private constructor(options: TestEngineOptions, parts: TestEngineParts) {
    this.#options = options;
    this.#parts = parts;
    this.#services = options.services;
    this.#effects = new Effects(options.steps);
    this.clock = new VirtualClock(options.time ?? Date.UTC(2026, 0, 1));
    this.#prng = new Prng(options.seed ?? "holdfast");
    this.#storage = new CrashingStorage(options.forgetAlways === true ? 0 : 1 << 20);
  }

  async #open(): Promise<void> {
    const { suspendAlways, forgetAlways, batchOfOne, oneTimer, steps: _, ...rest } = this.#options;
    const part = this.clock.part();
    this.#stopClock = () => part.stop();
    this.#storage.use(part);
    const options: EngineOptions = {
      ...rest,
      services: this.#effects.of(this.#services),
      data: this.#storage,
      dev: this.#options.strict ?? true,
      closeTimeout: 0,
      onEvent: (event) => {
        this.events.push(event);
        this.#options.onEvent?.(event);
      },
      onFatal: (error) => {
        this.#fatal = error;
        this.#options.onFatal?.(error);
      },
    };
    this.#host = makeHost(options, this.#storage, () => {}, {
      clock: part,
      randomBytes: (length) => Uint8Array.from({ length }, () => this.#prng.integer(256)),
      random: () => this.#prng.random(),
      mint: this.#parts.mint,
      options: {
        ...(suspendAlways === true ? { suspendAfterMs: 0, idleMax: 0 } : {}),
        ...(forgetAlways === true ? { keepRows: 0 } : {}),
        ...(batchOfOne === true ? { batchRecordsMax: 1 } : {}),
        ...(oneTimer === true ? { timerPageMax: 1, timerHorizonMs: 0 } : {}),
      },
    });
    this.#engine = new Engine(this.#host);
    this.#parts.opening?.(true);
    await this.#engine.start();
    this.#parts.opening?.(false);
  }

  /** Group commits that became durable, since the first opening. */
  get commits(): number {
    return this.#storage.commits;
  }

  /** Every body of a step that ran, in order, across crashes: what happened outside. */
  get effects(): readonly Effect[] {
    return this.#effects.all;
  }

  /**
   * The journal of an invocation as `replayTest` takes it: to be kept in a file beside the test. What
   * `redact` gives is written in place of each value.
   *
   * @throws HoldfastError `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`.
   */
  async journal(id: string, redact?: Redact): Promise<StoredJournal> {
    await this.runUntilIdle();
    await (await this.#host.partition()).fold();
    const { cold } = this.#storage;
    const n = cold.derived(id) ?? positionOf(parseInvocationId(id).uuid);
    const row = cold.invocation(n);
    if (row === undefined) throw new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } });
    return storeJournal(row, cold.journal(n, 0), redact);
  }

  /** Puts a body in place of that of every step with this name, until what it answers is called. */
  mockStep(name: string, body: StepMock): () => void {
    return this.#effects.mock(name, body);
  }

  /** What the storage holds: for tests that compare it. */
  get storage(): Pick<CrashingStorage, "changelog" | "cold" | "dieAt"> {
    return this.#storage;
  }

  /** @internal What protocols speak to. Another one after each opening. */
  get door(): Engine["door"] {
    return this.#engine.door;
  }

  /** Answers requests over HTTP, without a server. */
  ingress(...to: Parameters<Engine["ingress"]>): ReturnType<Engine["ingress"]> {
    return this.#engine.ingress(...to);
  }

  /** Lets time pass and all that becomes due happen. */
  async advance(duration: Duration): Promise<void> {
    await this.clock.advance(duration);
    this.#check();
  }

  /** Resolves when nothing is left to do without time passing. */
  async runUntilIdle(): Promise<void> {
    await this.clock.idle();
    this.#check();
  }

  /** Lets no commit after this one become durable until `crash`: the disk stands still. */
  freezeAfter(commits: number): void {
    this.#storage.freezeAfter(commits);
  }

  /**
   * The process dies here: only what was durable is left, and another engine opens on it, with
   * other code if given. Calls under way fail with `ENGINE_FAILED`: their outcome is unknown.
   */
  async crash(
    options: { readonly services?: readonly Callable[] | undefined } = {},
  ): Promise<void> {
    this.die();
    this.#services = options.services ?? this.#services;
    await this.#open();
  }

  /** @internal The first half of `crash`: the process is gone, and no other is there yet. */
  die(): void {
    this.#storage.crash();
    this.#stopClock();
    this.#host.abandon(new HoldfastError("ENGINE_FAILED", { happened: "The process died." }));
  }

  /** Closes in order and opens again, with other code if given. */
  async reopen(
    options: { readonly services?: readonly Callable[] | undefined } = {},
  ): Promise<void> {
    await this.close();
    this.#services = options.services ?? this.#services;
    await this.#open();
  }

  /** Puts other code in place of this one while the engine runs, as a hot reload does. */
  replace(services: readonly Callable[]): void {
    this.#services = services;
    this.#host.replace(this.#effects.of(services));
  }

  /** @throws what ended the engine, if something did. */
  async close(): Promise<void> {
    await this.#engine.close();
    this.#stopClock();
    this.#check();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  // ---- the client

  readonly call: Client["call"] = ((...to: Parameters<Client["call"]>) =>
    this.#engine.call(...to)) as Client["call"];
  readonly send: Client["send"] = ((...to: Parameters<Client["send"]>) =>
    this.#engine.send(...to)) as Client["send"];
  readonly workflow: Client["workflow"] = (target, key) => this.#engine.workflow(target, key);

  invocation<O = unknown>(id: string): Invocation<O> {
    return this.#engine.invocation(id);
  }

  awakeable(id: string): ReturnType<Client["awakeable"]> {
    return this.#engine.awakeable(id);
  }

  signal(id: string, name: string, value?: unknown): Promise<void> {
    return this.#engine.signal(id, name, value);
  }

  // ---- the operator

  get inspect(): Engine["inspect"] {
    return this.#engine.inspect;
  }

  kill(...to: Parameters<Engine["kill"]>): Promise<void> {
    return this.#engine.kill(...to);
  }

  pause(id: string): Promise<void> {
    return this.#engine.pause(id);
  }

  resume(id: string): Promise<void> {
    return this.#engine.resume(id);
  }

  purge(id: string): Promise<void> {
    return this.#engine.purge(id);
  }

  restart(...to: Parameters<Engine["restart"]>): Promise<Invocation<unknown>> {
    return this.#engine.restart(...to);
  }

  editState(...to: Parameters<Engine["editState"]>): Promise<void> {
    return this.#engine.editState(...to);
  }
}
