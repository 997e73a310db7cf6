// A node of a simulated cluster: its directory, which outlives it, and its lives one after the other,
// each the shipped node on a connection, a clock and tables of its own.
import { createHash } from "node:crypto";
import type { ClusterNode } from "../../src/engine/cluster-node.ts";
import type { EngineEvent } from "../../src/engine/events.ts";
import { makeNode } from "../../src/hosts.ts";
import type { Place } from "../../src/model/place.ts";
import { Connection } from "../../src/nats/connection.ts";
import { unavailable } from "../../src/nats/outcome.ts";
import { natsNode } from "../../src/nats-node.ts";
import type { NodeTable } from "../../src/nats-storage.ts";
import { Engine } from "../../src/open.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { OpenCluster } from "../../src/ports/cluster.ts";
import type { Storage } from "../../src/ports/storage.ts";
import type { Callable } from "../../src/sdk/types.ts";
import { targetsOf } from "../handlers.ts";
import { Ledger, type Process, type Record } from "../ledger.ts";
import { clockOf, type Wall } from "../life.ts";
import { elsewhere, inPlace } from "../storage.ts";
import type { Serving } from "../story.ts";
import { SimTable } from "../table.ts";
import type { Revision, Targets } from "../targets.ts";
import type { World } from "../world.ts";
import type { SimLink } from "./link.ts";
import type { ClusterProfile } from "./profile.ts";
import type { NatsModel } from "./server.ts";
import type { Truth, Writer } from "./truth.ts";

/** What outlives a process. */
export interface Machine {
  /** Of the node, as its directory keeps it. */
  readonly name: string;
  readonly app: string;
  readonly services: readonly string[];
  readonly tables: Map<number, SimTable>;
  readonly wall: Wall;
  /** It is not started again. */
  gone: boolean;
}

/** What is around a node. */
export interface Around {
  readonly world: World;
  readonly profile: ClusterProfile;
  readonly record: Record;
  readonly nats: NatsModel;
  readonly truths: ReadonlyMap<string, Truth>;
  /** No server answers who connects. */
  readonly natsAway: boolean;
  placeOfId(id: string): Place;
  /** Told of each partition opened, and of each that is refused for good. */
  opens(life: NodeLife, truth: Truth): void;
  halts(life: NodeLife, partition: number, why: string): void;
}

export class NodeLife implements Process, Serving {
  readonly name: string;
  readonly machine: Machine;
  readonly engine: Engine;
  readonly host: ClusterNode;
  readonly ended: Promise<"died" | "closed">;
  targets: Targets;
  link: SimLink | undefined;
  open = false;
  frozenUntil = 0;
  /** Partitions led here, as it says itself. */
  readonly leads: Set<number> = new Set();
  /** Why partitions are halted for it. */
  readonly halted: Set<number> = new Set();
  readonly #fenced = new Set<number>();
  readonly #turns = new Map<number, number>();
  #bodies = 0;
  readonly #sim: Around;
  readonly #clock: Clock;
  #dead = false;
  #end!: (how: "died" | "closed") => void;

  constructor(sim: Around, machine: Machine, number: number, revision: Revision) {
    const { world, profile } = sim;
    this.#sim = sim;
    this.machine = machine;
    this.name = `${machine.app}-${machine.name.slice(0, 4)}.${number}`;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#clock = clockOf(world, this, machine.wall);
    this.targets = targetsOf(new Ledger(sim.record, this), revision);
    const plan = profile.apps.find(({ app }) => app === machine.app);
    this.host = makeNode(
      {
        services: this.#hosted(),
        dev: true,
        closeTimeout: 200,
        onEvent: (event) => this.#told(event),
        onFatal: (error) => world.fail("I10", `${this.name} failed: ${String(error)}`),
      },
      {
        app: machine.app,
        partitions: plan?.partitions ?? 1,
        connect: () => this.#connect(),
      },
      "simulated",
      {
        clock: this.#clock,
        randomBytes: (length) => Uint8Array.from({ length }, () => world.random.integer(256)),
        random: () => world.random.random(),
        options: profile.options,
      },
    );
    this.engine = new Engine(this.host);
  }

  #hosted(): readonly Callable[] {
    const { services } = this.machine;
    return this.targets.all.filter((each) => services.includes((each as { name: string }).name));
  }

  get dead(): boolean {
    return this.#dead;
  }

  now(): number {
    return this.#clock.now();
  }

  reached(): Promise<void> {
    const { world } = this.#sim;
    return new Promise((resolve) => void world.at(world.between(0.05, 0.5), resolve, this));
  }

  /** Whether another life leads by now where this invocation lives. */
  straggles(id: string): boolean {
    const { app, partition } = this.#sim.placeOfId(id);
    const truth = this.#sim.truths.get(`${app}/${partition}`);
    return truth !== undefined && truth.leader !== this.name;
  }

  /** The lead that begins now: what an older one hears is nothing to it. */
  #writer(partition: number, openedAt: number): Writer {
    const life = this;
    const turn = (this.#turns.get(partition) ?? 0) + 1;
    this.#turns.set(partition, turn);
    this.#fenced.delete(partition);
    return {
      name: this.name,
      openedAt,
      get dead() {
        return life.dead;
      },
      fenced: () => {
        if (this.#turns.get(partition) === turn) this.#fenced.add(partition);
      },
    };
  }

  wasFenced(id: string): boolean {
    const { app, partition } = this.#sim.placeOfId(id);
    return app === this.machine.app && this.#fenced.has(partition);
  }

  inBody(change: 1 | -1): void {
    this.#bodies += change;
  }

  // ---- its life

  async start(): Promise<void> {
    await this.reached();
    await this.engine.start();
    this.open = true;
    this.#sim.world.note(`${this.name} serves`);
  }

  die(lingersMs = 0): void {
    if (this.#dead) return;
    this.#dead = true;
    this.open = false;
    this.#sim.world.note(`${this.name} dies`);
    if (this.leads.size > 0) this.#sim.world.sometimes("a leader dies");
    this.link?.end(lingersMs);
    this.#end("died");
  }

  async close(): Promise<void> {
    this.open = false;
    await this.reached();
    await this.engine.close();
    this.#dead = true;
    this.#sim.world.note(`${this.name} closed`);
    this.#end("closed");
  }

  replace(revision: Revision): void {
    const { world, record } = this.#sim;
    this.targets = targetsOf(new Ledger(record, this), revision);
    world.at(0.1, () => this.host.replace(this.#hosted()), this);
  }

  #told(event: EngineEvent): void {
    if (this.#dead) return;
    const { world } = this.#sim;
    world.say(() => `${this.name} ${JSON.stringify(event)}`);
    if (event.kind === "unjournaledAwait") world.fail("R6", JSON.stringify(event));
    if (event.kind === "unhandledRejection") world.fail("R7", `${event.target}: ${event.error}`);
    if (event.kind === "leading") this.leads.add(event.partition);
    if (event.kind === "left") this.#left(event);
    if (event.kind === "deliveryHalted") world.fail("R23", JSON.stringify(event));
    if (event.kind === "deliveryFailed") world.fail("I7", `delivery: ${event.message}`);
    if (event.kind === "attemptFailed") world.sometimes(`an attempt fails: ${event.code}`);
    else if (event.kind === "admission") world.sometimes(`admission ${event.why} ${event.stopped}`);
    else world.sometimes(`event ${event.kind}`);
    if (event.kind === "started" && event.unclean) world.sometimes("a lead begins uncleanly");
    if (event.kind === "started" && event.replayed > 0) world.sometimes("a takeover replays");
  }

  #left({ partition, why, planned }: Extract<EngineEvent, { kind: "left" }>): void {
    const { world } = this.#sim;
    this.leads.delete(partition);
    world.note(`${this.name} leaves ${partition}: ${why}`);
    world.sometimes(planned ? "a lead is handed over" : `a lead ends: ${reasonOf(why)}`);
    if (planned && this.#bodies > 0) world.sometimes("a lead is handed over while bodies run");
    if (why.includes("is not what it was")) {
      this.halted.add(partition);
      this.#sim.halts(this, partition, why);
    }
  }

  // ---- what it stands on

  async #connect(): Promise<OpenCluster> {
    const sim = this.#sim;
    const { world, profile, nats } = sim;
    await this.reached();
    if (sim.natsAway) throw unavailable("No NATS server answers.");
    const link = nats.connect(this, this.name);
    this.link = link;
    const connection = new Connection(link, {
      clock: this.#clock,
      name: (bytes) =>
        Array.from({ length: bytes }, () =>
          world.random.integer(256).toString(16).padStart(2, "0"),
        ).join(""),
    });
    const { app, name } = this.machine;
    const { replicas, leaseMs, askMs, partBytes } = profile;
    const open = natsNode({
      ...{ app, connection, janitor: undefined, promise: "simulated" },
      node: name,
      provision: { replicas, leaseMs },
      jetstream: { askMs },
      partBytes,
      table: (partition) => this.#table(partition),
      end: () => connection.close(),
    });
    return { ...open, storage: (partition) => this.#storage(open, partition) };
  }

  #storage(open: OpenCluster, partition: number): Storage {
    const storage = open.storage(partition);
    return {
      promise: storage.promise,
      open: async (told) => {
        const openedAt = this.#sim.world.now;
        const opened = await storage.open(told);
        const truth = this.#truth(partition);
        if (!this.#dead) this.#sim.opens(this, truth);
        const writer = this.#writer(partition, openedAt);
        const changelog = truth.watched(opened.changelog, writer, this.#sim.profile.bytesScale);
        return { ...opened, changelog };
      },
    };
  }

  #truth(partition: number): Truth {
    return this.#sim.truths.get(`${this.machine.app}/${partition}`) as Truth;
  }

  #table(partition: number): NodeTable {
    const { world, profile } = this.#sim;
    const { tables } = this.machine;
    const truth = (): Truth => this.#truth(partition);
    const table = tables.get(partition) ?? new SimTable(world, { batches: truth().batches });
    tables.set(partition, table);
    return {
      place: () => {
        const { current } = table;
        return current && { position: current.position(), chain: current.chain() };
      },
      create: () => {
        if (truth().last > 0) world.sometimes("a table is built from the stream");
        table.create();
      },
      discard: () => table.discard(),
      restore: async (chunks, sha256) => {
        const parts: Uint8Array[] = [];
        for await (const chunk of chunks) parts.push(chunk);
        const bytes = Buffer.concat(parts);
        if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
          world.sometimes("a damaged copy is passed over");
          return false;
        }
        table.restore(bytes);
        world.sometimes("a new leader begins with a copy of another's table");
        return true;
      },
      open: (keep) => {
        const cold = table.current as NonNullable<typeof table.current>;
        const copied = async (drained: () => Promise<unknown>) =>
          keep(async () => {
            await drained();
            const { bytes, position } = table.copy();
            const chain = table.current?.chain() ?? 0;
            return { chunks: inChunks(bytes), place: { position, chain } };
          });
        const parts = { world, table, life: this, clock: this.#clock, keep: copied };
        const materialiser = (profile.inPlace ? inPlace : elsewhere)(parts);
        return { cold, materialiser, close: () => {} };
      },
    };
  }
}

/** Two at least, so that one of them may be missing. */
async function* inChunks(bytes: Buffer): AsyncIterable<Uint8Array> {
  const half = bytes.length >>> 1;
  yield bytes.subarray(0, half);
  yield bytes.subarray(half);
}

/** Why a lead ends, of what the words say. */
const reasons: readonly (readonly [part: string, reason: string])[] = [
  ["is not what it was", "its changelog is halted"],
  ["has taken over", "another has taken over"],
  ["another node holds", "another node holds its lease"],
  ["could not be renewed", "its lease could not be renewed"],
  ["did not answer", "NATS does not answer"],
  ["is not known", "an outcome stays unknown"],
];

function reasonOf(why: string): string {
  return reasons.find(([part]) => why.includes(part))?.[1] ?? why.slice(0, 40);
}
