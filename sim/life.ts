// One life of the engine: the shipped host and engine on a simulated clock, disk and source of
// randomness, until it dies, fails or is closed. What the dead ask for does not happen.
import type { EngineEvent } from "../src/engine/events.ts";
import type { Host } from "../src/engine/host.ts";
import { makeHost } from "../src/hosts.ts";
import type { HoldfastError } from "../src/model/errors.ts";
import { Engine } from "../src/open.ts";
import type { Clock } from "../src/ports/clock.ts";
import { targetsOf } from "./handlers.ts";
import { Ledger, type Record } from "./ledger.ts";
import { type Machine, simStorage } from "./storage.ts";
import type { Revision, Targets } from "./targets.ts";
import type { Owner, World } from "./world.ts";

const begunAt = Date.UTC(2026, 0, 1);
/** As in Node: a longer one fires at once. */
const timerMsMax = 2 ** 31 - 1;

/** The clock on the wall, which may be put. */
export interface Wall {
  offsetMs: number;
}

export function clockOf(world: World, owner: Owner, wall: Wall): Clock {
  let turn = 0;
  return {
    now: () => Math.floor(begunAt + world.now + wall.offsetMs),
    monotonic: () => world.now,
    after: (ms, then) => world.at(ms > timerMsMax ? 1 : Math.max(ms, 1), then, owner),
    nextTurn: (then) => {
      turn = Math.max(turn, world.now + world.between(0.001, 0.02));
      world.at(turn - world.now, then, owner);
    },
  };
}

export class Life implements Owner {
  readonly number: number;
  readonly engine: Engine;
  readonly targets: Targets;
  readonly ended: Promise<"died" | "failed" | "closed">;
  /** Calls of the disk that had failed when it began. */
  readonly failuresBefore: number;
  readonly #world: World;
  readonly #record: Record;
  readonly #host: Host;
  #dead = false;
  #end!: (how: "died" | "failed" | "closed") => void;
  open = false;
  failure: unknown;

  constructor(machine: Machine, record: Record, wall: Wall, number: number, revision: Revision) {
    const { world, profile } = machine;
    this.#world = world;
    this.#record = record;
    this.number = number;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.failuresBefore = machine.disk.failures;
    const clock = clockOf(world, this, wall);
    this.targets = targetsOf(new Ledger(record, this), revision);
    this.#host = makeHost(
      {
        services: this.targets.all,
        data: "simulated",
        dev: true,
        closeTimeout: 200,
        onEvent: (event) => this.#told(event),
        onFatal: (error) => this.#failed(error),
      },
      simStorage(machine, this, clock),
      () => {},
      {
        clock,
        randomBytes: (length) => Uint8Array.from({ length }, () => world.random.integer(256)),
        random: () => world.random.random(),
        options: profile.options,
      },
    );
    this.engine = new Engine(this.#host);
  }

  get dead(): boolean {
    return this.#dead;
  }

  now(): number {
    return this.#host.opened?.now() ?? 0;
  }

  get host(): Host {
    return this.#host;
  }

  async start(): Promise<void> {
    await this.engine.start();
    this.open = true;
    this.#world.note(`life ${this.number} serves`);
  }

  /** From now on nothing it asks for happens. */
  die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#world.note(`life ${this.number} dies`);
    if (!this.open) this.#world.sometimes("a process dies while it opens");
    this.#record.inside.clear();
    this.#end("died");
  }

  async close(): Promise<void> {
    this.open = false;
    await this.engine.close();
    this.#dead = true;
    this.#record.inside.clear();
    this.#world.note(`life ${this.number} closed`);
    this.#end("closed");
  }

  replace(revision: Revision): void {
    const targets = targetsOf(new Ledger(this.#record, this), revision);
    this.#host.replace(targets.all);
  }

  #failed(error: unknown): void {
    if (this.#dead) return;
    this.failure = error;
    this.#world.note(`life ${this.number} fails: ${(error as HoldfastError).code}`);
    this.#end("failed");
  }

  #told(event: EngineEvent): void {
    if (this.#dead) return;
    const world = this.#world;
    if (event.kind === "unjournaledAwait") world.fail("R6", JSON.stringify(event));
    if (event.kind === "unhandledRejection") world.fail("R7", `${event.target}: ${event.error}`);
    if (event.kind === "admission") world.sometimes(`admission ${event.why} ${event.stopped}`);
    else if (event.kind === "attemptFailed") world.sometimes(`an attempt fails: ${event.code}`);
    else world.sometimes(`event ${event.kind}`);
    if (event.kind === "started" && event.replayed > 0) world.sometimes("recovery replays");
  }
}
