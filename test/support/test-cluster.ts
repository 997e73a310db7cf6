// Several nodes and apps in one process, on one virtual clock: memory in place of NATS, with the same
// fence. Nodes can be killed, cut off and left behind; what was appended stays.

import type { EngineEvent } from "../../src/engine/events.ts";
import { Folding } from "../../src/engine/folding.ts";
import { type EngineWorld, makeNode } from "../../src/hosts.ts";
import { MemoryApps } from "../../src/local/memory-apps.ts";
import { type MemoryBus, MemoryWire } from "../../src/local/memory-bus.ts";
import { MemoryChangelog } from "../../src/local/memory-changelog.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import { MemoryLeaseTable } from "../../src/local/memory-leases.ts";
import { MemoryQueries } from "../../src/local/memory-queries.ts";
import { HoldfastError } from "../../src/model/errors.ts";
import type { Subscription } from "../../src/model/subscription.ts";
import { Engine } from "../../src/open.ts";
import type { Batch, Changelog, ChangelogRange, StoredBatch } from "../../src/ports/changelog.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Cluster } from "../../src/ports/cluster.ts";
import type { Leases } from "../../src/ports/leases.ts";
import type { Source } from "../../src/ports/source.ts";
import type { OpenStorage } from "../../src/ports/storage.ts";
import type { Callable, Duration } from "../../src/sdk/types.ts";
import { Prng } from "../../src/std/prng.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";

export const ttlMs = 15_000;

export interface TestNode {
  readonly engine: Engine;
  readonly events: EngineEvent[];
  readonly bus: MemoryBus;
  /** It dies: nothing it still asks for happens. */
  kill(): void;
  /** Its appends reach nobody until it is mended, and it learns nothing. */
  cut(): void;
  mend(): void;
}

export interface NodeOptions {
  readonly app: string;
  readonly services: readonly Callable[];
  readonly partitions?: number;
  readonly world?: EngineWorld["options"];
  readonly telemetry?: EngineWorld["telemetry"];
  readonly subscriptions?: readonly Subscription[];
  readonly source?: (subscription: Subscription) => Source;
}

export class TestCluster {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly #wire = new MemoryWire(this.clock);
  readonly #apps = new MemoryApps();
  readonly #leases = new Map<string, MemoryLeaseTable>();
  readonly #logs = new Map<string, MemoryChangelog>();
  readonly #prng = new Prng("cluster");
  #nodes = 0;

  /** Starts a node, and resolves when it serves; time passes meanwhile where it must. */
  async node({
    app,
    services,
    partitions = 4,
    world = {},
    telemetry,
    subscriptions,
    source,
  }: NodeOptions): Promise<TestNode> {
    const part = this.clock.part();
    const bus = this.#wire.connect();
    const name = `n${++this.#nodes}`;
    const life = { dead: false, cut: false };
    const events: EngineEvent[] = [];
    const made = this.#cluster({ app, partitions, name, bus, life, clock: part });
    const connect: Cluster["connect"] = async (to) => {
      return { ...(await made.connect(to)), ...(source === undefined ? {} : { source }) };
    };
    const cluster = subscriptions === undefined ? made : { ...made, subscriptions, connect };
    const options = { services, data: ".", dev: true, closeTimeout: 0 } as const;
    const told = { onEvent: (event: EngineEvent) => void events.push(event), onFatal: () => {} };
    const host = makeNode({ ...options, ...told }, cluster, ".", {
      clock: part,
      randomBytes: (length) => Uint8Array.from({ length }, () => this.#prng.integer(256)),
      random: () => this.#prng.random(),
      options: world,
      telemetry,
    });
    const engine = new Engine(host);
    await engine.start();
    return {
      engine,
      events,
      bus,
      kill: () => {
        life.dead = true;
        part.stop();
        void bus.close();
      },
      cut: () => {
        life.cut = true;
        this.#wire.cut(bus);
      },
      mend: () => {
        life.cut = false;
        this.#wire.mend(bus);
      },
    };
  }

  /** The same as whoever is no node of it sees it. */
  cluster(app: string, partitions = 4): Cluster {
    const life = { dead: false, cut: false };
    const bus = this.#wire.connect();
    return this.#cluster({ app, partitions, name: "nobody", bus, life, clock: this.clock });
  }

  #cluster({ app, partitions, name, bus, life, clock }: Connecting): Cluster {
    return {
      app,
      partitions,
      connect: () =>
        Promise.resolve({
          node: name,
          apps: this.#apps,
          leases: reachable(this.#leasesOf(app).of(name), life),
          bus,
          storage: (partition) => ({
            promise: "in memory, for tests",
            open: () => Promise.resolve(this.#open(`${app}/${partition}`, life, clock)),
          }),
          close: () => bus.close(),
        }),
    };
  }

  advance(duration: Duration): Promise<void> {
    return this.clock.advance(duration);
  }

  #leasesOf(app: string): MemoryLeaseTable {
    const held = this.#leases.get(app) ?? new MemoryLeaseTable(this.clock, ttlMs);
    this.#leases.set(app, held);
    return held;
  }

  #open(place: string, life: Life, clock: Clock): OpenStorage {
    const log = this.#logs.get(place) ?? new MemoryChangelog();
    this.#logs.set(place, log);
    const cold = new MemoryColdTable();
    const changelog = new FencedChangelog(log, life);
    const materialiser = new Folding({ cold, clock, stretchBytes: 0 });
    const queries = (): MemoryQueries => new MemoryQueries(cold);
    return { changelog, cold, materialiser, queries, close: () => changelog.close() };
  }
}

interface Connecting {
  readonly app: string;
  readonly partitions: number;
  readonly name: string;
  readonly bus: MemoryBus;
  readonly life: Life;
  readonly clock: Clock;
}

/** Leases as a node has them that may be cut off. */
function reachable(leases: Leases, life: Life): Leases {
  const through = <T>(ask: () => Promise<T>): Promise<T> =>
    life.cut || life.dead ? Promise.reject(new HoldfastError("NATS_UNAVAILABLE")) : ask();
  return {
    ttlMs,
    take: (name) => through(() => leases.take(name)),
    renew: (name) => through(() => leases.renew(name)),
    release: (name) => through(() => leases.release(name)),
    held: () => through(() => leases.held()),
    mark: (partition) => through(() => leases.mark(partition)),
    advance: (partition, mark) => through(() => leases.advance(partition, mark)),
  };
}

interface Life {
  dead: boolean;
  cut: boolean;
}

/** One log as one node has it: an append stands only where it is the next. */
class FencedChangelog implements Changelog {
  readonly fence = "append";
  readonly #log: MemoryChangelog;
  readonly #life: Life;
  #range: ChangelogRange;
  #closed = false;
  onFull: ((full: boolean) => void) | undefined;

  constructor(log: MemoryChangelog, life: Life) {
    this.#log = log;
    this.#life = life;
    this.#range = { ...log.range, clean: true };
  }

  get range(): ChangelogRange {
    return this.#range;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  async append(batch: Batch): Promise<number> {
    if (this.#closed) throw new HoldfastError("CHANGELOG_CLOSED");
    while (this.#life.cut) await new Promise((resolve) => setImmediate(resolve));
    if (this.#life.dead) return new Promise(() => {});
    if (batch.first !== this.#log.range.last + 1) throw new HoldfastError("PARTITION_FENCED");
    const chain = await this.#log.append(batch);
    this.#range = { ...this.#log.range, clean: true };
    return this.#life.dead ? new Promise(() => {}) : chain;
  }

  read(position: number): AsyncIterable<StoredBatch> {
    return this.#log.read(position);
  }

  chainAt(position: number): number | undefined {
    return this.#log.chainAt(position);
  }

  trim(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
