// One partition, opened: recovery, its processor, its attempts, its timers, forgetting and trimming.
// It begins its own epoch and ends by draining; what goes wrong for good is told once.

import type { Effect, Learned } from "../model/effect.ts";
import { HoldfastError } from "../model/errors.ts";
import { type Home, idOf } from "../model/invocation-id.ts";
import { lagBytesMax, lagRecordsMax } from "../model/limits.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Decided } from "../partition/decide.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Changelog } from "../ports/changelog.ts";
import type { Timer } from "../ports/clock.ts";
import type { ColdQueries } from "../ports/cold-queries.ts";
import type { Attempt } from "../sdk/attempt.ts";
import type { AttemptEvent } from "../sdk/attempt-host.ts";
import { Admission } from "./admission.ts";
import { Checkpointer } from "./checkpointer.ts";
import type { Desk } from "./desk.ts";
import { Gate } from "./gate.ts";
import { guardedClock } from "./guarded-clock.ts";
import { type Gauges, Inspector } from "./inspect.ts";
import { Invoker } from "./invoker.ts";
import { Latencies } from "./latencies.ts";
import { takeOwn } from "./own-outbox.ts";
import { numberOf, type PartitionWorld } from "./partition-world.ts";
import { Probes } from "./probes.ts";
import { Processor } from "./processor.ts";
import { recover } from "./recovery.ts";
import { Relay } from "./relay.ts";
import { Replies } from "./replies.ts";
import { resumePaused } from "./resume-paused.ts";
import { Retention } from "./retention.ts";
import { TimerLoop } from "./timers.ts";

/** What the last append is given at least, when attempts have used up the deadline. */
const lastFlushMs = 2000;

export class Partition implements Desk {
  readonly tables: Tables;
  readonly processor: Processor;
  readonly replies: Replies;
  readonly admission: Admission;
  readonly invoker: Invoker;
  readonly #world: PartitionWorld;
  readonly #timers: TimerLoop;
  readonly #gate: Gate;
  readonly #probes: Probes;
  readonly #retention: Retention;
  readonly #checkpointer: Checkpointer;
  readonly #relay: Relay | undefined;
  readonly #latencies: Latencies;
  #failure: unknown;

  static async open(world: PartitionWorld): Promise<Partition> {
    const { storage, clock, options } = world;
    const tables = await recover(storage, { ...options, track: false });
    const back = tables.meta.time - clock.now();
    if (back > 86_400_000) throw new HoldfastError("CLOCK_BACKWARDS", { data: { ms: back } });
    if (back > 60_000) world.report({ kind: "clockBackwards", ms: back });
    const partition = new Partition(world, tables);
    try {
      partition.#begin();
    } catch (error) {
      partition.abandon(error);
      throw error;
    }
    return partition;
  }

  private constructor(world: PartitionWorld, tables: Tables) {
    const { storage, registry, options } = world;
    const { changelog, materialiser } = storage;
    const clock = guardedClock(world.clock, (error) => this.#fail(error));
    this.#world = world;
    this.#latencies = new Latencies(world.telemetry, numberOf(world));
    this.tables = tables;
    this.replies = new Replies();
    this.admission = new Admission(world.report);
    this.#gate = new Gate(
      (then) => clock.nextTurn(then),
      () => this.processor.flush(),
    );
    this.processor = new Processor({
      tables,
      changelog,
      materialiser,
      clock,
      directory: world.cluster?.directory ?? registry,
      epoch: nextEpoch(tables, changelog),
      batchRecordsMax: options.batchRecordsMax,
      mint: () => world.mint(),
      room: () => this.invoker.room(),
      tell: (decided) => this.#tell(decided),
      release: (effect) => this.#release(effect),
      requestFlush: () => this.#gate.requestFlush(),
      durable: (batch, tookMs) => {
        this.#latencies.committed(tookMs);
        this.#inspector?.feed.durable(batch);
      },
      onFatal: (error) => this.#fail(error),
    });
    this.invoker = new Invoker({
      ...world,
      clock,
      tables,
      gate: this.#gate,
      latencies: this.#latencies,
      partition: numberOf(world),
      processor: () => this.processor,
      report: (attempt, event) => this.#reportAttempt(attempt, event),
      reportFailure: (attempt, { code, message }, { kind }) => {
        const next = kind === "at" ? "retry" : kind;
        const id = idOf(attempt.row);
        const { target, number: ofAttempt } = attempt;
        world.report({ kind: "attemptFailed", target, id, ofAttempt, code, message, next });
      },
    });
    this.#timers = new TimerLoop(tables, clock, this.processor);
    this.#probes = new Probes(clock, this.processor);
    this.#retention = new Retention(clock, this.processor, tables, options.keepNewest);
    this.#checkpointer = new Checkpointer(storage, world.report, (error) => this.#fail(error));
    if (world.cluster !== undefined) {
      const { processor } = this;
      this.#relay = new Relay({ ...world.cluster, tables, clock, report: world.report, processor });
    }
    this.#follow();
  }

  /** Folding and a full disk decide what memory may forget and whether new work is admitted. */
  #follow(): void {
    const { changelog, materialiser } = this.#world.storage;
    materialiser.onFold = () => {
      this.tables.forget(materialiser.folded);
      this.admission.set("lag", this.#lags);
      this.#checkpointer.folded();
    };
    materialiser.onError = (error) => this.#fail(error);
    changelog.onFull = (full) => this.admission.set("disk", full);
  }

  #begin(): void {
    const { storage, durability, report } = this.#world;
    const { range } = storage.changelog;
    const { meta } = this.tables;
    const unclean = meta.epoch > 0 && !range.clean;
    const nonce = this.#world.mint();
    const home = this.#world.cluster?.home;
    const epoch = nextEpoch(this.tables, storage.changelog);
    this.processor.propose({ kind: "lead", epoch, nonce, unclean, home });
    const position = range.last;
    const replayed = position - storage.cold.position();
    report({ kind: "started", durability, epoch: meta.epoch, position, replayed, unclean });
    this.invoker.restart(unclean);
    this.#probes.restart(this.tables);
    this.codeChanged();
    this.#retention.start();
    this.#timers.start();
    if (this.#relay === undefined) takeOwn(this.tables, this.processor);
    else this.#relay.restart();
  }

  /** Other definitions are here: what waited for them is tried (R11). */
  codeChanged(known?: ReadonlySet<string>): void {
    resumePaused(this.tables, this.#world.registry, this.processor);
    if (known !== undefined) this.route(known);
  }

  get home(): Home {
    return this.tables.meta;
  }

  after(ms: number, then: () => void): Timer {
    return this.#world.clock.after(ms, then);
  }

  /** The home of these services is known now: what waits for them goes there (R27). */
  route(services: ReadonlySet<string>): void {
    this.#relay?.route(services);
  }

  get durability(): string {
    return this.#world.durability;
  }

  now(): number {
    return this.#world.clock.now();
  }

  propose(proposal: Proposal): Decided {
    return this.processor.propose(proposal);
  }

  /** Admission for requests from outside: waits while folding lags, refuses on a full disk (R13). */
  admit(): Promise<void> | undefined {
    const lags = this.#lags;
    if (!this.admission.stopped && !lags) return undefined;
    if (lags) this.admission.set("lag", true);
    return this.admission.wait();
  }

  /** Whether folding is behind by more than memory should hold of rows not yet folded. */
  get #lags(): boolean {
    const { folded, lagBytes } = this.#world.storage.materialiser;
    return lagBytes > lagBytesMax || this.processor.durable - folded > lagRecordsMax;
  }

  #tell(decided: Decided): void {
    for (const learned of decided.learned) this.#learned(learned);
  }

  #learned(learned: Learned): void {
    if (learned.kind === "timer") this.#timers.armed(learned.due);
    else if (learned.kind === "waits") this.#probes.watch(learned.n);
    else this.invoker.learned(learned);
  }

  #release(effect: Effect): void {
    switch (effect.kind) {
      case "answer":
        return effect.request.settle(effect.answer);
      case "completed":
        this.#retention.completed(effect.at);
        return this.replies.completed(effect.n, effect.result);
      case "gone":
        return this.replies.gone(effect.n);
      case "posted":
        return this.#relay?.posted(effect.to, effect.seq);
    }
  }

  #reportAttempt(attempt: Attempt, event: AttemptEvent): void {
    const { report } = this.#world;
    report({ ...event, target: attempt.target, id: idOf(attempt.row), ofAttempt: attempt.number });
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.abandon(error);
    this.#world.onFatal(error);
  }

  /** Stops where it stands; who waits for an answer is told that its outcome is unknown (R16). */
  abandon(error: unknown): void {
    this.#failure = error;
    this.processor.fail(error);
    this.#end("the engine has failed");
    this.#flushed();
    const unknown = new HoldfastError("ENGINE_FAILED", { cause: error });
    this.replies.fail(unknown);
    this.admission.fail(unknown);
  }

  #end(reason: string): void {
    this.#timers.stop();
    this.#probes.stop();
    this.#retention.stop();
    this.#checkpointer.stop();
    this.#relay?.stop();
    this.#inspector?.close();
    this.invoker.stop(reason);
  }

  /** Lets open attempts go on until they wait or `deadlineMs` is over, then makes all durable. */
  async close(deadlineMs: number): Promise<void> {
    const { clock } = this.#world;
    this.invoker.drain();
    const until = clock.monotonic() + deadlineMs;
    while (this.invoker.active > 0 && clock.monotonic() < until && this.#failure === undefined) {
      await new Promise<void>((resolve) => clock.after(5, resolve));
    }
    this.#end("the engine is closing");
    await this.#lastFlush(Math.max(until - clock.monotonic(), lastFlushMs));
    this.replies.fail(new HoldfastError("ENGINE_CLOSED"));
    this.admission.fail(new HoldfastError("ENGINE_CLOSED"));
  }

  /** Resolves when all is durable; or has failed, or the time is over, as on a full disk. */
  #lastFlush(ms?: number): Promise<void> {
    const { position } = this.processor;
    if (this.#failure !== undefined) return Promise.resolve();
    this.processor.flush();
    if (this.processor.durable >= position) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : this.#world.clock.after(ms, resolve);
      this.#flushed = () => {
        timer?.cancel();
        resolve();
      };
      this.processor.whenDurable(position, this.#flushed);
    });
  }

  #flushed: () => void = () => {};

  /** What operators look at. */
  get inspector(): Inspector {
    const { storage, clock } = this.#world;
    const index = numberOf(this.#world);
    const queries = (): ColdQueries | undefined => storage.queries?.();
    this.#inspector ??= new Inspector({
      index,
      clock,
      queries,
      fold: () => this.fold(),
      gauges: () => this.gauges(),
      latencies: () => this.#latencies.views,
      tablePath: storage.tablePath,
    });
    return this.#inspector;
  }

  #inspector: Inspector | undefined;

  gauges(): Gauges {
    const { materialiser, changelog } = this.#world.storage;
    return {
      durable: this.processor.durable,
      folded: materialiser.folded,
      lagBytes: materialiser.lagBytes,
      changelogBytes: changelog.bytes,
      attemptsOpen: this.invoker.open,
      attemptsActive: this.invoker.active,
      admissionStopped: this.admission.stopped,
      epoch: this.tables.meta.epoch,
    };
  }

  /** Resolves when all that is decided by now is in the cold table. */
  async fold(): Promise<void> {
    await this.#lastFlush();
    await this.#world.storage.materialiser.drain();
  }
}

/** One that nobody has written in, be it only a batch that was never finished (I2). */
function nextEpoch({ meta }: Tables, { range }: Changelog): number {
  return Math.max(meta.epoch, range.epoch) + 1;
}
