// The state of one simulated world: a machine, the lives of the engine on it one after the other, and
// what is known of all that was asked.
import { Archive } from "./archive.ts";
import { usual } from "./clients.ts";
import { SimDisk } from "./disk.ts";
import { Record } from "./ledger.ts";
import { Life, type Wall } from "./life.ts";
import { type Profile, profileOf } from "./profile.ts";
import type { Machine } from "./storage.ts";
import { Story } from "./story.ts";
import { SimTable } from "./table.ts";
import type { Revision } from "./targets.ts";
import { World } from "./world.ts";

export class Simulation extends Story {
  readonly world: World;
  readonly profile: Profile;
  readonly machine: Machine;
  readonly record: Record;
  readonly wall: Wall = { offsetMs: 0 };
  readonly usual = usual;
  revision: Revision = 0;
  life!: Life;
  #lives = 0;
  #serving: (() => void)[] = [];

  constructor(seed: string) {
    super();
    const world = new World(seed);
    this.world = world;
    this.profile = profileOf(world);
    this.record = new Record(world);
    const disk = new SimDisk(world);
    disk.syncMs = this.profile.syncMs;
    disk.shortWrites = this.profile.shortWrites;
    const archive = new Archive(world);
    const table = new SimTable(world, archive);
    this.machine = { world, profile: this.profile, disk, table, archive };
  }

  /** The life that serves; waits for the next one while there is none. */
  async serving(): Promise<Life> {
    while (this.life === undefined || this.life.dead || !this.life.open) {
      await new Promise<void>((resolve) => this.#serving.push(resolve));
    }
    return this.life;
  }

  /** Begins lives until one serves. What a life cannot open for must be a fault of its time. */
  async begin(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const life = new Life(this.machine, this.record, this.wall, ++this.#lives, this.revision);
      this.life = life;
      const opened = await Promise.race([
        life.start().then(
          () => undefined,
          (error: unknown) => error as { readonly code?: string },
        ),
        life.ended.then((how) => ({ code: how })),
      ]);
      if (opened === undefined) break;
      life.die();
      this.world.note(`life ${life.number} does not open: ${opened.code}`);
      if (!this.#excused(opened.code) || tries > 200) {
        this.world.fail("O1", `life ${life.number} does not open: ${text(opened)}`);
        throw new Error("no life opens");
      }
      if (opened.code === "CLOCK_BACKWARDS") this.wall.offsetMs = 0;
      await this.world.sleep(this.world.between(1, 50));
    }
    for (const resolve of this.#serving.splice(0)) resolve();
  }

  #excused(code: string | undefined): boolean {
    const world = this.world;
    if (code === "died") return true;
    world.sometimes(`an engine does not open: ${code}`);
    if (code === "CHANGELOG_FAILED" || code === "failed") return !this.finishing;
    return code === "CLOCK_BACKWARDS" || code === "DISK_FULL";
  }
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
}
