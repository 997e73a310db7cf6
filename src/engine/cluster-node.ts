// One node of a cluster behind its engine: joins, registers what it hosts, leads its share of the
// partitions, and finds for everything asked the partition it belongs to, here or elsewhere. One
// that hosts nothing leads nothing: it is a client of the others.
import type { AppRecord } from "../model/app-record.ts";
import type { Target } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Home } from "../model/invocation-id.ts";
import { type Place, placeText } from "../model/place.ts";
import { namedKeyOf } from "../model/target.ts";
import type { Timer } from "../ports/clock.ts";
import type { Cluster, OpenCluster } from "../ports/cluster.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Callable } from "../sdk/types.ts";
import type { Desk } from "./desk.ts";
import type { EngineHost, HostOptions } from "./engine-host.ts";
import type { EngineEvent } from "./events.ts";
import type { Inspector } from "./inspect.ts";
import { KnownApps, ofNoApp, PartitionDirectory, placeIn } from "./known-apps.ts";
import { Leading, type Led } from "./leading.ts";
import { reachable, standing } from "./led-partition.ts";
import { Partition } from "./partition.ts";
import { type ClusterView, statusOf } from "./partition-server.ts";
import type { PartitionWorld } from "./partition-world.ts";
import { Registry } from "./registry.ts";
import { RemoteDesk } from "./remote-desk.ts";
import { Sources } from "./subscriptions.ts";

/** How often a node looks which apps there are. */
const learnMs = 2000;

export interface ClusterNodeParts extends HostOptions {
  readonly cluster: Cluster;
  readonly data: string;
  readonly world: Omit<
    PartitionWorld,
    "storage" | "registry" | "onFatal" | "durability" | "report" | "cluster"
  >;
  onOpen(): void;
  onClose(): void;
}

interface Joined {
  readonly open: OpenCluster;
  /** Undefined for a client. */
  readonly record: AppRecord | undefined;
  readonly leading: Leading | undefined;
}

export class ClusterNode implements EngineHost {
  readonly registry: Registry;
  readonly #parts: ClusterNodeParts;
  readonly #apps = new KnownApps();
  readonly #led = new Map<number, Partition>();
  readonly #remote = new Map<string, RemoteDesk>();
  #joining: Promise<Joined> | undefined;
  #joined: Joined | undefined;
  #closing: Promise<void> | undefined;
  #learning: Timer | undefined;
  #sources: Sources | undefined;

  constructor(parts: ClusterNodeParts, services: readonly Callable[]) {
    this.#parts = parts;
    this.registry = new Registry(services);
  }

  handle(): number {
    return 1;
  }

  /** Tells whoever runs this engine. */
  report(event: EngineEvent): void {
    this.#parts.report(event);
  }

  async start(): Promise<void> {
    await this.#node();
  }

  #node(): Promise<Joined> {
    if (this.#closing !== undefined) return Promise.reject(new HoldfastError("ENGINE_CLOSED"));
    this.#joining ??= this.#join().catch((error: unknown) => {
      this.#joining = undefined;
      throw error;
    });
    return this.#joining;
  }

  async #join(): Promise<Joined> {
    const { cluster, data, onOpen } = this.#parts;
    const client = this.registry.names().length === 0;
    const open = await cluster.connect({ data: client ? undefined : data });
    try {
      const record = await this.#register(open);
      await this.#learn(open);
      const leading = record === undefined ? undefined : this.#leadingOf(open, record);
      const joined = { open, record, leading };
      this.#joined = joined;
      onOpen();
      this.#learnOn(open);
      await leading?.start();
      return joined;
    } catch (error) {
      await open.close().catch(() => {});
      throw error;
    }
  }

  async #register(open: OpenCluster): Promise<AppRecord | undefined> {
    const { cluster, world } = this.#parts;
    const services = this.registry
      .definitions()
      .map(({ definition: { name, kind } }) => ({ name, kind }));
    if (services.length === 0) return undefined;
    const secret = world.mint() + world.mint();
    const { app, partitions } = cluster;
    return open.apps.register({ app, partitions, secret, services });
  }

  async #learn(open: OpenCluster): Promise<void> {
    const added = this.#apps.learn(await open.apps.all());
    if (added.size === 0) return;
    for (const partition of this.#led.values()) partition.route(added);
  }

  #learnOn(open: OpenCluster): void {
    this.#learning = this.#parts.world.clock.after(learnMs, () => {
      this.#learn(open)
        .catch(() => {})
        .finally(() => {
          if (this.#closing === undefined) this.#learnOn(open);
        });
    });
  }

  #leadingOf(open: OpenCluster, record: AppRecord): Leading {
    const { world, report } = this.#parts;
    return new Leading({
      node: open.node,
      partitions: record.partitions,
      leases: open.leases,
      clock: world.clock,
      report,
      random: () => world.random(),
      open: (partition, lost) => this.#lead(open, record, partition, lost),
    });
  }

  async #lead(
    open: OpenCluster,
    record: AppRecord,
    number: number,
    lost: (error: unknown) => void,
  ): Promise<Led> {
    const { world, report, closeTimeoutMs } = this.#parts;
    const place = { app: record.app, partition: number };
    const directory = new PartitionDirectory(this.registry, this.#apps, place, record.partitions);
    const home = { place: placeText(place), secret: record.secret };
    let fail = (_error: unknown): void => {};
    const storage = await open.storage(number).open({ onFatal: (error) => fail(error) });
    let partition: Partition | undefined;
    let over = false;
    const end = (): void => {
      over = true;
      reached?.stop();
      this.#led.delete(number);
    };
    fail = (error) => {
      if (over) return;
      end();
      partition?.abandon(error);
      storage.close().catch(() => {});
      lost(error);
    };
    let reached: { stop(): void } | undefined;
    try {
      partition = await Partition.open({
        ...world,
        storage,
        registry: this.registry,
        report,
        durability: open.storage(number).promise,
        onFatal: (error) => fail(error),
        cluster: { directory, bus: open.bus, home },
      });
      await standing(partition);
    } catch (error) {
      over = true;
      await storage.close().catch(() => {});
      throw error;
    }
    const opened = partition;
    const feeding = { partition: opened, count: record.partitions, clock: world.clock, report };
    reached = reachable(open, place, this.#sourcesOf(open), feeding);
    this.#leads(number, opened);
    return {
      get mark() {
        const { epoch, last, chain } = storage.changelog.range;
        return { epoch, position: last, chain };
      },
      close: async () => {
        if (over) return;
        end();
        await opened.close(closeTimeoutMs);
        await storage.close();
      },
    };
  }

  #sourcesOf(open: OpenCluster): Sources {
    return (this.#sources ??= new Sources(open, this.#parts.cluster.subscriptions));
  }

  #leads(number: number, partition: Partition): void {
    this.#led.set(number, partition);
    // What an earlier leader, or this one until now, has left for services that are known by now.
    partition.route(this.#apps.services());
  }

  // ---- where things are

  async deskFor(
    target: Pick<Target, "service" | "key">,
    idempotencyKey: string | undefined,
  ): Promise<Desk> {
    const { open, record } = await this.#node();
    let app = this.#apps.ofService(target.service);
    if (app === undefined) {
      await this.#learn(open);
      // What was added to this node's code since it joined is its app's.
      const own = this.registry.definition(target.service) === undefined ? undefined : record;
      app = this.#apps.ofService(target.service) ?? own;
    }
    if (app === undefined) {
      throw new HoldfastError("SERVICE_NOT_FOUND", { data: { service: target.service } });
    }
    return this.#desk(open, app, this.#placeOf(app, target, idempotencyKey));
  }

  #placeOf(
    app: AppRecord,
    target: Pick<Target, "service" | "key">,
    idempotencyKey: string | undefined,
  ): Place {
    const named = namedKeyOf(target, idempotencyKey);
    if (named !== undefined) return placeIn(app, named);
    const { cluster, world } = this.#parts;
    // What has no key runs where it is asked for, if anything is led here.
    const here = app.app === cluster.app ? [...this.#led.keys()] : [];
    const { partitions } = app;
    const any = Math.floor(world.random() * (here.length || partitions));
    return { app: app.app, partition: here[any] ?? any };
  }

  async deskOf(id: () => string): Promise<Desk> {
    const { open, record } = await this.#node();
    const text = id();
    if (this.#apps.ofId(text) === undefined) await this.#learn(open);
    const place = this.#apps.ofId(text) ?? (record && ofNoApp(text, record));
    const app = place === undefined ? record : this.#apps.app(place.app);
    if (app === undefined) throw new HoldfastError("INVOCATION_NOT_FOUND", { data: { id: text } });
    // An id that is none is for a partition to refuse, in its words.
    return this.#desk(open, app, place ?? { app: app.app, partition: 0 });
  }

  #desk(open: OpenCluster, app: AppRecord, place: Place): Desk {
    const led = place.app === this.#parts.cluster.app ? this.#led.get(place.partition) : undefined;
    if (led !== undefined) return led;
    const text = placeText(place);
    const held = this.#remote.get(text);
    if (held !== undefined) return held;
    const { world } = this.#parts;
    const directory = new PartitionDirectory(this.registry, this.#apps, place, app.partitions);
    const desk = new RemoteDesk({
      bus: open.bus,
      clock: world.clock,
      home: { place: text, secret: app.secret },
      ownKey: (name) => directory.ownKey(name),
      mint: () => world.mint(),
      hosts: (target) => this.registry.hosts(target),
    });
    this.#remote.set(text, desk);
    return desk;
  }

  get telemetry(): Telemetry | undefined {
    return this.#parts.world.telemetry;
  }

  get home(): Home | undefined {
    const record = this.#joined?.record;
    return record && { place: `${record.app}/0`, secret: record.secret };
  }

  /** Every app, and what each of its leaders says of itself, where one answers. */
  async view(): Promise<ClusterView> {
    const { open } = await this.#node();
    await this.#learn(open);
    const apps = await Promise.all(
      this.#apps.all().map(async ({ app, partitions, services }) => {
        const asked = Array.from({ length: partitions }, (_, partition) =>
          statusOf(open.bus, { app, partition }),
        );
        return { app, services, partitions: await Promise.all(asked) };
      }),
    );
    return { node: open.node, apps };
  }

  /** Of the partitions led here. */
  async inspectors(): Promise<Inspector[]> {
    await this.#node();
    return [...this.#led.values()].map(({ inspector }) => inspector);
  }

  replace(services: readonly Callable[]): void {
    this.registry.replace(services);
    for (const partition of this.#led.values()) partition.codeChanged(this.#apps.services());
  }

  // ---- the end

  closeBy(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    try {
      const joined = await this.#joining?.catch(() => undefined);
      this.#learning?.cancel();
      if (joined === undefined) return;
      await joined.leading?.stop();
      for (const desk of this.#remote.values()) desk.close();
      await joined.open.close();
      this.#parts.report({ kind: "stopped", failure: undefined });
    } finally {
      this.#parts.onClose();
    }
  }
}
