// The state of one simulated cluster: NATS, the nodes and their lives, what each partition's stream
// holds, and what is known of all that was asked.

import { tagOf, whereOf } from "../../src/model/ids.ts";
import { type Place, partitionOfKey } from "../../src/model/place.ts";
import { changelogNames, markNames, markSubject } from "../../src/nats/names.ts";
import { hexOf, textOfUtf8 } from "../../src/std/bytes.ts";
import { usual } from "../clients.ts";
import { Record } from "../ledger.ts";
import { Story } from "../story.ts";
import type { Revision } from "../targets.ts";
import { World } from "../world.ts";
import { type Machine, NodeLife } from "./node.ts";
import { type ClusterProfile, clusterProfileOf } from "./profile.ts";
import { NatsModel } from "./server.ts";
import { Truth } from "./truth.ts";

const delivery = /"kind":"deliver","from":"([^"]+)","first":(\d+)/;

const eventsMax = 3_000_000;

export class ClusterSimulation extends Story {
  readonly world: World;
  readonly profile: ClusterProfile;
  readonly record: Record;
  readonly nats: NatsModel;
  readonly machines: Machine[] = [];
  readonly lives: NodeLife[] = [];
  readonly truths: Map<string, Truth> = new Map();
  natsAway = false;
  #lives = 0;
  #serving: (() => void)[] = [];
  #ending = false;
  readonly #sent = new Set<string>();
  readonly #registered = new Set<string>();
  #registeredBy = Number.POSITIVE_INFINITY;

  constructor(seed: string) {
    super();
    const world = new World(seed, eventsMax);
    this.world = world;
    this.profile = clusterProfileOf(world);
    this.record = new Record(world);
    const { version, replicas, apps, client } = this.profile;
    this.nats = new NatsModel(world, version, replicas);
    for (const { app, partitions } of apps) {
      for (let partition = 0; partition < partitions; partition++) {
        const truth = new Truth(world, { app, partition }, (place) => this.truths.get(place));
        this.truths.set(truth.text, truth);
      }
    }
    this.nats.onStream = (stream) => {
      for (const truth of this.truths.values()) {
        const { app, partition } = truth.place;
        if (changelogNames(app, partition).stream !== stream.name) continue;
        stream.onStored = (message) => truth.stored(message);
      }
    };
    this.nats.onAsked = (subject, body) => this.#asked(subject, body);
    for (const { app, services, nodes } of apps) {
      for (let i = 0; i < nodes; i++) this.addMachine(app, services);
    }
    if (client) this.addMachine(apps[0]?.app ?? "", []);
  }

  addMachine(app: string, services: readonly string[]): Machine {
    const { world, profile } = this;
    const name = Array.from({ length: 16 }, () => world.random.integer(16).toString(16)).join("");
    const offsetMs = Math.floor(world.between(-profile.skewMs, profile.skewMs));
    const machine: Machine = {
      ...{ name, app, services, tables: new Map(), gone: false },
      wall: { offsetMs },
    };
    this.machines.push(machine);
    void this.#keep(machine);
    return machine;
  }

  /** Until every app is registered, and has been for a while, some service is hosted by nobody. */
  get usual(): ReadonlySet<string> {
    return this.world.now < this.#registeredBy ? usualAtFirst : usualInCluster;
  }

  lifeOf(machine: Machine): NodeLife | undefined {
    return this.lives.find((life) => life.machine === machine && !life.dead);
  }

  get open(): NodeLife[] {
    return this.lives.filter((life) => life.open && !life.dead);
  }

  revision: Revision = 0;

  /** One life after the other, until its machine is gone. */
  async #keep(machine: Machine): Promise<void> {
    const { world } = this;
    await world.sleep(world.between(0, 50));
    while (!machine.gone && !this.#ending) {
      const life = new NodeLife(this, machine, ++this.#lives, this.revision);
      this.lives.push(life);
      await this.#live(life);
      this.lives.splice(this.lives.indexOf(life), 1);
      if (this.#ending) return;
      const fast = this.finishing || world.chance(0.5);
      await world.sleep(fast ? world.between(1, 500) : world.between(1000, 40_000));
    }
  }

  async #live(life: NodeLife): Promise<void> {
    const { world } = this;
    const opened = await Promise.race([
      life.start().then(
        () => undefined,
        (error: unknown) => error as { readonly code?: string; readonly stack?: string },
      ),
      life.ended.then((code) => ({ code, stack: code })),
    ]);
    if (opened !== undefined) {
      life.die();
      world.note(`${life.name} does not open: ${opened.code}`);
      world.sometimes(`a node does not open: ${opened.code}`);
      const fine = ["died", "closed", "NATS_UNAVAILABLE"].includes(opened.code ?? "");
      if (!fine) world.fail("O5", `${life.name} does not open: ${opened.stack}`);
      return;
    }
    this.#registered.add(life.machine.app);
    if (this.#registered.size === this.profile.apps.length) {
      this.#registeredBy = Math.min(this.#registeredBy, world.now + registeredMs);
    }
    for (const resolve of this.#serving.splice(0)) resolve();
    await life.ended;
  }

  /** Any node that is open. */
  async serving(): Promise<NodeLife> {
    for (;;) {
      const { open } = this;
      if (open.length > 0) return this.world.pick(open);
      await new Promise<void>((resolve) => this.#serving.push(resolve));
    }
  }

  /** Nobody is started again. */
  end(): void {
    this.#ending = true;
  }

  placeOfId(id: string): Place {
    const { tag, partitionKey } = whereOf(id);
    const { apps } = this.profile;
    const { app, partitions } = apps.find((each) => hexOf(tagOf(each.app)) === tag) ?? apps[0]!;
    return { app, partition: partitionOfKey(partitionKey, partitions) };
  }

  /** Messages whose answer was lost come again: they have been taken, or not. */
  #asked(subject: string, body: Uint8Array): void {
    const [, from, first] = delivery.exec(textOfUtf8(body.subarray(0, 200))) ?? [];
    if (from === undefined) return;
    const [, app, , partition] = subject.split(".");
    const name = `${from} ${first}`;
    if (this.#sent.has(name)) {
      const taken = this.truths.get(`${app}/${partition}`)?.delivered.get(from) ?? 0;
      const again = taken >= Number(first) ? "that were taken" : "that were not taken";
      this.world.sometimes(`messages are sent again ${again}`);
    }
    this.#sent.add(name);
  }

  /** Whoever remembers more of a changelog than it holds keeps it from being opened (R24). */
  opens(life: NodeLife, truth: Truth): void {
    const { loss, place } = truth;
    if (loss?.kind !== "rollback" || truth.unseen) return;
    const { app, partition } = place;
    const mark = this.nats.streams.get(markNames(app).stream);
    const marked = mark?.newestOf(markSubject(app, partition));
    const { position } = JSON.parse(marked ? textOfUtf8(marked.data) : "{}") as {
      position?: number;
    };
    const table = life.machine.tables.get(partition)?.current?.position();
    for (const [of, remembered = 0] of [
      ["mark", position],
      ["table", table],
    ] as const) {
      if (remembered > loss.behind) {
        this.world.fail(
          "R24",
          `${life.name} opens ${truth.text}, and its ${of} is at ${remembered}`,
        );
      }
    }
  }

  /** A node refuses to go on with a partition: there must be a reason. */
  halts(life: NodeLife, partition: number, why: string): void {
    const { world } = this;
    const truth = this.truths.get(`${life.machine.app}/${partition}`);
    const loss = truth?.loss;
    if (loss === undefined) return world.fail("I12", `${life.name} halts ${partition}: ${why}`);
    world.sometimes(`a ${loss.kind} is refused`);
  }
}

/** How long what was asked before all apps were there may be under way. */
const registeredMs = 60_000;

/** What any request may hear in a cluster: nobody leads, or its leader went away meanwhile. */
const usualInCluster: ReadonlySet<string> = new Set([
  ...usual,
  "LEADER_UNREACHABLE",
  "REQUEST_UNANSWERED",
  "NATS_UNAVAILABLE",
]);

const usualAtFirst: ReadonlySet<string> = new Set([...usualInCluster, "SERVICE_NOT_FOUND"]);
