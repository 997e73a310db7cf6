// What goes wrong in a cluster: nodes that die, stand still, are replaced and come; connections that
// break in every way; a NATS that is slow, forgets to answer, chooses leaders, fills up; and in some
// worlds one changelog that is not what it was.
import type { Manifest } from "../../src/nats/copies.ts";
import { copyNames, copySubject } from "../../src/nats/names.ts";
import { textOfUtf8 } from "../../src/std/bytes.ts";
import type { World } from "../world.ts";
import { inflict } from "./losses.ts";
import type { NodeLife } from "./node.ts";
import type { ClusterFault, LossKind } from "./profile.ts";
import type { ClusterSimulation } from "./simulation.ts";
import type { Stream } from "./stream.ts";

export class ClusterFaults {
  readonly #sim: ClusterSimulation;
  readonly #world: World;
  #stopped = false;
  readonly #damaged = new Set<string>();

  constructor(sim: ClusterSimulation) {
    this.#sim = sim;
    this.#world = sim.world;
  }

  async live(): Promise<void> {
    const { profile } = this.#sim;
    const world = this.#world;
    const lossAt = profile.loss === undefined ? -1 : world.random.integer(profile.faultsMax);
    for (let i = 0; i < profile.faultsMax && !this.#stopped; i++) {
      await world.sleep(world.between(0, 2 * profile.faultEveryMs));
      if (this.#stopped) break;
      if (i === lossAt && profile.loss !== undefined) await this.#lose(profile.loss);
      const kind = world.pick(profile.faultKinds);
      world.note(`fault ${kind}`);
      world.sometimes(`fault ${kind}`);
      this.#do(kind);
    }
    await world.sleep(1000);
  }

  /** No fault from now on: all that can be mended is. */
  stop(): void {
    const { nats, lives } = this.#sim;
    this.#stopped = true;
    this.#sim.natsAway = false;
    this.#sim.finishing = true;
    this.#sim.record.mended = true;
    // Who stands still goes on by itself, and then with what came first.
    for (const life of lives) life.link?.mend();
    for (const stream of nats.streams.values()) {
      stream.mend();
      stream.config = { ...stream.config, max_bytes: -1 };
    }
  }

  #life(): NodeLife | undefined {
    const { lives } = this.#sim;
    return lives.length === 0 ? undefined : this.#world.pick(lives);
  }

  /** A leader, rather than any node. */
  #leader(): NodeLife | undefined {
    const leaders = this.#sim.lives.filter(({ leads }) => leads.size > 0);
    if (leaders.length === 0 || this.#world.chance(0.2)) return this.#life();
    return this.#world.pick(leaders);
  }

  #streams(): Stream[] {
    const all = [...this.#sim.nats.streams.values()];
    if (all.length === 0 || this.#world.chance(0.4)) return all;
    return [this.#world.pick(all)];
  }

  #do(kind: ClusterFault): void {
    const world = this.#world;
    switch (kind) {
      case "kill":
        return this.#leader()?.die();
      case "power off":
        return this.#powerOff();
      case "freeze":
        return this.#freeze();
      case "close":
        return this.#close();
      case "join":
        return this.#join();
      case "other code":
        return this.#otherCode();
      case "table lost":
        return this.#tableLost();
      case "cut":
        return this.#leader()?.link?.cut(world.pick([0, 300, 3000, 20_000]), this.#lingers());
      case "black hole":
        return this.#swallow();
      case "slow link":
        return this.#slowLink();
      case "clock jump":
        return this.#jump();
      default:
        return this.#disturb(kind);
    }
  }

  #lingers(): number {
    return this.#world.pick([0, 0, 2000, 30_000]);
  }

  #powerOff(): void {
    const life = this.#leader();
    life?.die(this.#lingers());
    for (const table of life?.machine.tables.values() ?? []) table.powerCut();
  }

  /** Long enough, and another leads what it led: it does not know. */
  #freeze(): void {
    const life = this.#leader();
    if (life === undefined) return;
    const ms = this.#world.pick([50, 2000, 12_000, 20_000, 20_000, 60_000]);
    life.frozenUntil = Math.max(life.frozenUntil, this.#world.now + ms);
    if (ms > this.#sim.profile.leaseMs && life.leads.size > 0) {
      this.#world.sometimes("a leader stands still for longer than its lease");
    }
  }

  #close(): void {
    const world = this.#world;
    const life = this.#life();
    if (life === undefined || !life.open) return;
    if (life.leads.size > 0) world.sometimes("a leader closes in order");
    const closed = life.close().then(
      () => "closed",
      (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : `${error}`),
    );
    void Promise.race([closed, life.ended]).then((over) => {
      if (over !== "closed" && over !== "died") world.fail("I10", `${life.name}: ${over}`);
    });
  }

  #join(): void {
    const { profile, machines } = this.#sim;
    const { app, services, nodes } = this.#world.pick(profile.apps);
    if (machines.filter((each) => each.app === app).length < nodes + 2) {
      this.#sim.addMachine(app, services);
    }
  }

  /** On one node, on all at once, or with new processes. */
  #otherCode(): void {
    const sim = this.#sim;
    sim.revision = this.#world.pick([0, 1, 2]);
    for (const life of sim.open) {
      const dice = this.#world.random.integer(4);
      if (dice < 2) life.replace(sim.revision);
      else if (dice === 2) life.die();
    }
  }

  #tableLost(): void {
    const machine = this.#world.pick(this.#sim.machines);
    this.#sim.lifeOf(machine)?.die();
    for (const table of machine.tables.values()) table.discard();
  }

  #swallow(): void {
    const world = this.#world;
    const ms = world.pick([800, 3000, 9000, 30_000]);
    this.#leader()?.link?.swallow(ms, world.pick(["out", "in", "both"]));
  }

  #slowLink(): void {
    const link = this.#leader()?.link;
    if (link === undefined) return;
    link.delayMs = this.#world.pick([
      [0, 50],
      [100, 400],
      [0, 2500],
    ]);
    this.#world.at(this.#world.between(500, 20_000), () => {
      link.delayMs = [0.05, 0.5];
    });
  }

  #jump(): void {
    const life = this.#life();
    if (life !== undefined) life.machine.wall.offsetMs += this.#world.pick([-3000, -50, 50, 3000]);
  }

  // ---- NATS

  #disturb(kind: ClusterFault): void {
    const world = this.#world;
    const streams = this.#streams();
    const later = (ms: number, then: () => void): void => {
      world.at(ms, () => {
        if (!this.#stopped) then();
      });
    };
    const ms = world.pick([200, 2000, 10_000]);
    switch (kind) {
      case "leader change":
        return this.#leaderChange(streams);
      case "acknowledgements lost":
        for (const stream of streams) stream.muteChance = world.pick([0.2, 0.7, 1]);
        return later(ms, () => {
          for (const stream of streams) stream.muteChance = 0;
        });
      case "duplicates":
        for (const stream of streams) stream.duplicateChance = 0.3;
        return later(ms, () => {
          for (const stream of streams) stream.duplicateChance = 0;
        });
      case "slow server":
        for (const stream of streams)
          stream.commitMs = world.pick([
            [0, 60],
            [100, 600],
            [500, 4000],
          ]);
        return later(ms, () => {
          for (const stream of streams) stream.commitMs = [0.1, 1];
        });
      case "stale reads":
        for (const stream of streams) stream.staleChance = world.pick([0.2, 0.8]);
        return;
      case "stream full":
        return this.#full(later);
      case "copy damaged":
        return this.#damageCopy();
      case "nats away":
        return this.#away(world.pick([500, 4000, 20_000]));
    }
  }

  /** A machine that goes down takes a server and a node with it: who opens next asks a new leader. */
  #leaderChange(streams: readonly Stream[]): void {
    const world = this.#world;
    const ms = world.pick([50, 500, 4000, 9000]);
    for (const stream of streams) stream.electsFor(world.between(ms / 2, ms));
    if (world.chance(0.4)) this.#leader()?.die(this.#lingers());
  }

  #full(later: (ms: number, then: () => void) => void): void {
    const { nats, truths } = this.#sim;
    const { app, partition } = this.#world.pick([...truths.values()]).place;
    const stream = nats.streams.get(`HF_${app}_${partition}`);
    if (stream === undefined) return;
    const max_bytes = stream.bytes + this.#world.random.integer(2000);
    stream.config = { ...stream.config, max_bytes };
    later(this.#world.between(100, 20_000), () => {
      stream.config = { ...stream.config, max_bytes: -1 };
    });
  }

  /** The newest copy of a table goes bad, and sometimes all tables with it: the one before must do. */
  #damageCopy(): void {
    const { nats, truths, machines } = this.#sim;
    const world = this.#world;
    const truth = world.pick([...truths.values()]);
    const { app, partition } = truth.place;
    const stream = nats.streams.get(copyNames(app).stream);
    const manifest = stream?.newestOf(copySubject(app, partition, "manifest"));
    if (stream === undefined || manifest === undefined || this.#damaged.has(truth.text)) return;
    const { chunks, before } = JSON.parse(textOfUtf8(manifest.data)) as Manifest;
    // One of two: where both are bad, there is nothing left to go back to.
    if (before === 0) return;
    this.#damaged.add(truth.text);
    world.sometimes("a copy is damaged");
    const chunk = world.pick(chunks);
    if (world.chance(0.5)) stream.damage(chunk);
    else stream.lose(chunk);
    if (world.chance(0.3)) return;
    for (const machine of machines) {
      if (machine.app !== app) continue;
      this.#sim.lifeOf(machine)?.die();
      machine.tables.get(partition)?.discard();
    }
  }

  #away(ms: number): void {
    const sim = this.#sim;
    sim.natsAway = true;
    for (const life of sim.lives) life.link?.cut(ms, 0);
    this.#world.at(ms, () => {
      sim.natsAway = false;
    });
  }

  // ---- what is lost for good

  /** Of one changelog, once. */
  async #lose(kind: LossKind): Promise<void> {
    const world = this.#world;
    const truth = world.pick([...this.#sim.truths.values()]);
    const { app, partition } = truth.place;
    const stream = this.#sim.nats.streams.get(`HF_${app}_${partition}`);
    if (stream === undefined || stream.last < 6) return;
    const behind = inflict(this.#sim, kind, stream, truth);
    if (behind === undefined) return;
    world.note(`${truth.text}: ${kind} behind ${behind}`);
    world.sometimes(`loss ${kind}`);
    truth.loss = { kind, behind, at: world.now };
    // What nobody remembers may happen again, in other words.
    if (kind === "rollback") world.excuse("O1", "O2", "O3", "O4", "O6", "I1", "I7", "I13", "R23");
    // Somebody opens it anew.
    for (const life of this.#sim.open) if (world.chance(0.5)) life.die();
    if (world.chance(0.6)) return;
    for (const machine of this.#sim.machines) {
      if (machine.app !== app) continue;
      this.#sim.lifeOf(machine)?.die();
      machine.tables.get(partition)?.discard();
    }
  }
}
