// What goes wrong: the end of the process in every way there is, a disk that fails, fills or is
// slow, a clock that is put, a process that stands still, other code.
import { copiesFolder } from "../src/file/snapshots.ts";
import type { Fault } from "./disk.ts";
import type { FaultKind } from "./profile.ts";
import type { Simulation } from "./simulation.ts";
import { directory } from "./storage.ts";
import type { World } from "./world.ts";

export class Faults {
  readonly #sim: Simulation;
  readonly #world: World;
  #stopped = false;
  #damaged = false;
  /** The furthest the clock on the wall was ever put forward. */
  #newest = 0;
  #watching: Promise<void> = Promise.resolve();

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#world = sim.world;
  }

  async live(): Promise<void> {
    const { profile } = this.#sim;
    const kinds = [...profile.faults];
    this.#watching = this.#watch();
    for (let i = 0; i < profile.faultsMax && !this.#stopped; i++) {
      await this.#world.sleep(this.#world.between(0, 2 * profile.faultEveryMs));
      if (this.#stopped) break;
      const kind = this.#world.pick(kinds);
      this.#world.note(`fault ${kind}`);
      this.#world.sometimes(`fault ${kind}`);
      await this.#do(kind);
    }
    // What clients still wait for may need the end of the story.
    await this.#world.sleep(1000);
  }

  /** No fault from now on, and a life that serves. */
  async stop(): Promise<void> {
    const { disk, table } = this.#sim.machine;
    this.#stopped = true;
    disk.fault = undefined;
    disk.capacity = Number.POSITIVE_INFINITY;
    disk.onSync = undefined;
    disk.slowSyncMs = 0;
    table.refusal = undefined;
    // A clock that was put back is put right: nobody waits for days.
    this.#sim.wall.offsetMs = this.#newest;
    await this.#sim.serving();
    this.#sim.finishing = true;
    this.#sim.record.mended = true;
    await this.#watching;
  }

  /** Whoever has died or failed is followed by another, after a while. */
  async #watch(): Promise<void> {
    const sim = this.#sim;
    while (!sim.finishing) {
      const { life } = sim;
      const how = await Promise.race([life.ended, this.#world.sleep(1000).then(() => "lives")]);
      if (sim.finishing || how === "lives" || life !== sim.life) continue;
      if (how === "failed") this.#failed();
      if (how === "closed") continue;
      life.die();
      if (this.#world.chance(0.5) || how === "failed")
        await this.#world.sleep(this.#world.between(0, 100));
      await sim.begin();
    }
  }

  /** An engine that fails does so because its disk did. */
  #failed(): void {
    const { failure, failuresBefore } = this.#sim.life;
    const code = (failure as { readonly code?: string } | undefined)?.code;
    this.#world.sometimes(`an engine fails: ${code}`);
    if (code === "TABLE_DAMAGED") return;
    const { failures } = this.#sim.machine.disk;
    if (code === "CHANGELOG_FAILED" && failures > failuresBefore) return;
    this.#world.fail("I10", `the engine failed: ${(failure as Error)?.stack ?? failure}`);
  }

  async #do(kind: FaultKind): Promise<void> {
    const { disk } = this.#sim.machine;
    const world = this.#world;
    switch (kind) {
      case "kill":
        return this.#sim.life.die();
      case "power cut":
        return this.#powerCut();
      case "die at sync":
        disk.onSync = () => {
          disk.onSync = undefined;
          this.#sim.life.die();
          if (world.chance(0.5)) this.#powerGone();
        };
        return;
      case "close":
        return this.#close();
      default:
        return this.#disturb(kind);
    }
  }

  /** What the engine lives through. */
  async #disturb(kind: FaultKind): Promise<void> {
    const { disk, table } = this.#sim.machine;
    const world = this.#world;
    switch (kind) {
      case "io error":
        return this.#callsFail(world.random.integer(20), 400, [
          "any",
          "write",
          "sync",
          "sync",
          "rename",
          "syncDirectory",
          "open",
          "unlink",
        ]);
      case "sync error":
        return this.#callsFail(world.random.integer(4), 2000, ["sync"]);
      case "disk full":
        disk.capacity = disk.used + world.random.integer(3000);
        await world.sleep(world.between(1, 3000));
        disk.capacity = Number.POSITIVE_INFINITY;
        return;
      case "slow sync":
        disk.slowSyncMs = world.between(500, 6000);
        return;
      case "stall":
        return world.stall(world.pick([5, 500, 30_000, 3_600_000]));
      case "clock jump":
        return this.#jump(world.pick([-3_600_000, -70_000, -5, 5, 70_000, 86_400_000]));
      case "other code":
        return this.#otherCode();
      case "table lost":
        world.sometimes("the table is lost");
        this.#sim.life.die();
        return table.discard();
      case "table locked":
        // In place nobody waits for a lock or for room: that is for tests.
        table.refusal = this.#sim.profile.inPlace
          ? "TABLE_DAMAGED"
          : world.pick(["TABLE_LOCKED", "DISK_FULL", "TABLE_DAMAGED"]);
        return;
      case "copy damaged":
        return this.#damageCopy();
    }
  }

  /** One of the next calls of some kind fails, once or from then on, for a while. */
  async #callsFail(left: number, msMax: number, calls: readonly Fault["call"][]): Promise<void> {
    const { disk } = this.#sim.machine;
    const world = this.#world;
    const code = world.pick(["EIO", "EIO", "EROFS", "EMFILE"]);
    disk.fault = { call: world.pick(calls), left, code, forGood: world.chance(0.3) };
    // So that some meet an engine that opens.
    if (calls.length > 1 && world.chance(0.4)) this.#sim.life.die();
    await world.sleep(world.between(1, msMax));
    disk.fault = undefined;
  }

  #jump(ms: number): void {
    this.#sim.wall.offsetMs += ms;
    this.#newest = Math.max(this.#newest, this.#sim.wall.offsetMs);
    if (ms < 86_400_000) return;
    // By then retention is over for all that has ended, and its names begin new lives.
    for (const request of this.#sim.requests) {
      Object.assign(request, { disturbed: true, forgotten: true, restarted: true });
    }
  }

  #powerCut(): void {
    this.#sim.life.die();
    this.#powerGone();
  }

  #powerGone(): void {
    this.#sim.machine.disk.powerCut();
    this.#sim.machine.table.powerCut();
  }

  /** In order, as at a deploy; what does not end in time ends with it. */
  async #close(): Promise<void> {
    const sim = this.#sim;
    const life = await sim.serving();
    const over = await Promise.race([
      life.close().then(
        () => "closed",
        (error: { readonly code?: string }) => error.code ?? String(error),
      ),
      life.ended,
    ]);
    if (over === "CHANGELOG_FAILED" || over === "TABLE_DAMAGED") {
      this.#world.sometimes(`an engine does not close in order: ${over}`);
      return life.die();
    }
    if (over !== "closed" && over !== "died" && over !== "failed") {
      this.#world.fail("I10", `the engine does not close: ${over}`);
    }
    if (over !== "closed") return;
    this.#world.sometimes("an engine closes in order");
    if (sim.finishing) return;
    if (this.#world.chance(0.2)) this.#powerGone();
    await sim.begin();
  }

  #otherCode(): void {
    const sim = this.#sim;
    sim.revision = this.#world.pick([0, 1, 2]);
    if (this.#world.chance(0.5) && sim.life.open && !sim.life.dead) {
      this.#world.sometimes("code is replaced while it runs");
      sim.life.replace(sim.revision);
    } else sim.life.die();
  }

  /** The newest copy goes bad, and sometimes the table with it: the one before must do. */
  #damageCopy(): void {
    const { disk, table } = this.#sim.machine;
    const names = disk
      .names(`${directory}/${copiesFolder}`)
      .filter((name) => !name.endsWith(".new"));
    // One of two: where both are bad, there is nothing left to go back to.
    if (names.length < 2 || this.#damaged) return;
    this.#damaged = true;
    disk.damage(names.sort().at(-1) as string);
    this.#world.sometimes("a copy is damaged");
    if (this.#world.chance(0.7)) {
      this.#sim.life.die();
      table.discard();
    }
  }
}
