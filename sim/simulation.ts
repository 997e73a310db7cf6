// The state of one simulated world: a machine, the lives of the engine on it one after the other, and
// what is known of all that was asked.
import { Archive } from "./archive.ts";
import { SimDisk } from "./disk.ts";
import { Record, type Told } from "./ledger.ts";
import { Life, type Wall } from "./life.ts";
import { type Profile, profileOf } from "./profile.ts";
import type { ListOp, Request } from "./request.ts";
import type { Machine } from "./storage.ts";
import { SimTable } from "./table.ts";
import type { Revision } from "./targets.ts";
import { World } from "./world.ts";

type Answer = { readonly value: Told } | { readonly code: string };

export class Simulation {
  readonly world: World;
  readonly profile: Profile;
  readonly machine: Machine;
  readonly record: Record;
  readonly wall: Wall = { offsetMs: 0 };
  readonly requests: Request[] = [];
  readonly lists: ListOp[] = [];
  /** Delayed sends of clients that were acknowledged, and their keys. */
  readonly taken: Map<string, string> = new Map();
  readonly edits: Map<string, { readonly value: string | undefined }> = new Map();
  revision: Revision = 0;
  finishing = false;
  life!: Life;
  #lives = 0;
  #serving: (() => void)[] = [];

  constructor(seed: string) {
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

  /** A result came: it is the same as any before, and what it says is durable. */
  answered(request: Request, answer: Answer, disturbed: boolean): void {
    const { world, record } = this;
    if ("value" in answer) record.learned(answer.value.life, answer.value.trace, request.op);
    if (disturbed || request.disturbed) return;
    if ("code" in answer && answer.code === "INVOCATION_NOT_FOUND") {
      return world.fail("O1", `${request.op} was accepted and is not found`);
    }
    const said = JSON.stringify("value" in answer ? answer.value : answer.code);
    if ((request.answer ?? said) !== said) {
      world.fail("O1", `${request.op} answered ${request.answer}, then ${said}`);
    }
    request.answer = said;
  }
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
}
