// One connection of a node to NATS as the network has it: two lanes, each in order, each with a delay
// of its own. A lane can hold back what it was given (a black hole in one direction) and a connection
// can be cut: what is under way is lost then, and the client comes back later as a new one.
import type { Link, LinkWatcher, SendOptions } from "../../src/nats/link.ts";
import type { Incoming } from "../../src/nats/outcome.ts";
import type { Owner, World } from "../world.ts";

/** The server, as far as a connection talks to it. */
export interface Server {
  readonly version: string;
  arrived(link: SimLink, subject: string, body: Uint8Array, options: SendOptions): void;
  subscribed(subscription: Subscription): void;
  /** Nobody is there any more; until `lingersMs` are over the server does not know. */
  unsubscribed(subscription: Subscription, lingersMs: number): void;
}

export interface Subscription {
  readonly link: SimLink;
  readonly subject: string;
  told(message: Incoming): void;
}

class Lane {
  readonly #world: World;
  readonly #owner: Owner | undefined;
  #held: (() => void)[] | undefined;
  #generation = 0;
  #free = 0;
  up = true;
  delayMs: readonly [number, number] = [0.05, 0.5];

  constructor(world: World, owner: Owner | undefined) {
    this.#world = world;
    this.#owner = owner;
  }

  pass(then: () => void): void {
    if (!this.up) return;
    if (this.#held !== undefined) return void this.#held.push(then);
    const world = this.#world;
    const generation = this.#generation;
    this.#free = Math.max(this.#free, world.now + world.between(...this.delayMs));
    const arrives = (): void => {
      if (generation === this.#generation) then();
    };
    world.at(this.#free - world.now, arrives, this.#owner);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const then of held) this.pass(then);
  }

  /** What is under way is lost, and nothing passes until it is up again. */
  drop(): void {
    this.#generation++;
    this.#held = undefined;
    this.up = false;
  }
}

/** Pings unanswered for so long end a connection, at the client. */
const staleMs: readonly [number, number] = [10_000, 15_000];

export class SimLink implements Link {
  readonly owner: Owner;
  /** Of the life it belongs to. */
  readonly name: string;
  readonly messageBytesMax: number = 1024 * 1024;
  readonly #world: World;
  readonly #server: Server;
  readonly #out: Lane;
  readonly #in: Lane;
  readonly #subscriptions = new Set<Subscription>();
  #watcher: LinkWatcher | undefined;
  /** Counts what happens to it, so that what was begun before does not end what came after. */
  #turn = 0;
  #closed = false;

  constructor(world: World, server: Server, owner: Owner, name: string) {
    this.#world = world;
    this.#server = server;
    this.owner = owner;
    this.name = name;
    this.#out = new Lane(world, undefined);
    this.#in = new Lane(world, owner);
  }

  get version(): string {
    return this.#server.version;
  }

  set delayMs(delay: readonly [number, number]) {
    this.#out.delayMs = delay;
    this.#in.delayMs = delay;
  }

  watch(watcher: LinkWatcher): void {
    this.#watcher = watcher;
  }

  publish(subject: string, body: Uint8Array, options: SendOptions): void {
    if (this.owner.dead || this.#closed) return;
    const bytes = body.slice();
    this.#out.pass(() => this.#server.arrived(this, subject, bytes, options));
  }

  subscribe(subject: string, told: (message: Incoming) => void): { stop(): void } {
    const subscription: Subscription = {
      link: this,
      subject,
      told: (message) => this.#in.pass(() => told(message)),
    };
    this.#subscriptions.add(subscription);
    // In the order of what is published after it.
    this.#out.pass(() => {
      if (this.#subscriptions.has(subscription)) this.#server.subscribed(subscription);
    });
    return {
      stop: () => {
        if (this.owner.dead) return;
        this.#subscriptions.delete(subscription);
        this.#out.pass(() => this.#server.unsubscribed(subscription, 0));
      },
    };
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.#out.pass(() => this.#in.pass(resolve)));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#closed = true;
        this.#end(0);
        resolve();
      };
      if (!this.#out.up) return end();
      this.#world.at(this.#world.between(0.1, 1), end, this.owner);
    });
  }

  // ---- what befalls it

  /** The process is gone. The server learns of it at once, or when its own pings go unanswered. */
  end(lingersMs: number): void {
    this.#closed = true;
    this.#end(lingersMs);
  }

  /** The connection breaks, and is back after a while. */
  cut(ms: number, lingersMs: number): void {
    if (this.#closed || !this.#out.up) return;
    const turn = ++this.#turn;
    this.#end(lingersMs);
    const world = this.#world;
    world.note(`${this.name} is cut for ${Math.floor(ms)} ms`);
    world.at(world.between(0, 5), () => this.#watcher?.lost(), this.owner);
    const back = (): void => {
      if (this.#closed || turn !== this.#turn) return;
      world.note(`${this.name} is connected again`);
      this.#out.up = true;
      this.#in.up = true;
      for (const each of this.#subscriptions) this.#server.subscribed(each);
      this.#watcher?.back();
    };
    world.at(5 + ms + world.between(0, 350), back, this.owner);
  }

  /** Nothing gets through in one direction, or in both; short ones are late, long ones are cuts. */
  swallow(ms: number, lanes: "out" | "in" | "both"): void {
    if (this.#closed || !this.#out.up) return;
    const turn = ++this.#turn;
    if (lanes !== "in") this.#out.hold();
    if (lanes !== "out") this.#in.hold();
    const stale = this.#world.between(...staleMs);
    const over = (): void => {
      if (this.#closed || turn !== this.#turn) return;
      if (ms > stale) return this.cut(ms - stale, 120_000);
      this.#out.release();
      this.#in.release();
    };
    this.#world.at(Math.min(ms, stale), over);
  }

  /** Whatever befell it is over. */
  mend(): void {
    if (this.#closed || !this.#out.up) return;
    this.#turn++;
    this.delayMs = [0.05, 0.5];
    this.#out.release();
    this.#in.release();
  }

  #end(lingersMs: number): void {
    this.#out.drop();
    this.#in.drop();
    for (const each of this.#subscriptions) this.#server.unsubscribed(each, lingersMs);
  }
}
