// Clients that come and go: each asks for things at random, asks again where that is safe, and keeps
// what it was answered. A client outlives the engine; when that dies, it does not know what came of
// its request.
import type { HoldfastError } from "../src/model/errors.ts";
import type { Invocation } from "../src/sdk/types.ts";
import { never } from "./inode.ts";
import type { Told } from "./ledger.ts";
import { programOf } from "./program.ts";
import type { Request } from "./request.ts";
import type { Serving, Story } from "./story.ts";
import { list, sink } from "./targets.ts";
import type { World } from "./world.ts";

type Verb = (client: Client) => Promise<void>;

export class Client {
  readonly #sim: Story;
  readonly #world: World;
  readonly #name: string;
  #serial = 0;

  constructor(sim: Story, name: string) {
    this.#sim = sim;
    this.#world = sim.world;
    this.#name = name;
  }

  async live(): Promise<void> {
    const { profile } = this.#sim;
    for (let i = 0; i < profile.requestsPerClient && !this.#sim.finishing; i++) {
      await this.#world.sleep(this.#world.between(0, 2 * profile.thinkMs));
      const verb = this.#world.pick(verbs);
      await verb(this);
    }
  }

  /** What comes of a request: its answer, the code it was refused with, or "unknown". */
  async #ask<T>(
    what: string,
    act: (life: Serving) => Promise<T>,
    allowed: readonly string[] = [],
  ): Promise<{ readonly value: T } | { readonly code: string; readonly error?: HoldfastError }> {
    const life = await this.#sim.serving();
    const world = this.#world;
    world.note(`${this.#name} asks ${what}`);
    const outcome = await Promise.race([
      this.#asked(life, act).then(
        (value) => ({ value }),
        (error: HoldfastError) => ({ code: error.code ?? "none", error }),
      ),
      life.ended.then((how) => (how === "died" ? { code: "unknown" } : later())),
    ]);
    if (!("code" in outcome)) {
      world.note(`${this.#name} has ${what}`);
      return outcome;
    }
    world.note(`${this.#name} refused ${what} ${outcome.code}`);
    world.sometimes(`a client hears ${outcome.code}`);
    if (!this.#sim.usual.has(outcome.code) && !allowed.includes(outcome.code)) {
      const { error } = outcome as { readonly error?: Error };
      world.fail("O1", `${what} was refused: ${error?.stack ?? outcome.code}`);
    }
    return outcome;
  }

  /**
   * Asked in an event of whoever serves, where it has one: the dead hear nothing, and who stands still
   * until the story is over is asked nothing any more.
   */
  async #asked<T>(life: Serving, act: (life: Serving) => Promise<T>): Promise<T> {
    if (life.reached === undefined) return act(life);
    await life.reached();
    return this.#sim.finishing ? never() : act(life);
  }

  // ---- programs

  async program(): Promise<void> {
    const { profile, requests } = this.#sim;
    const world = this.#world;
    const again = requests.filter(({ forgotten }) => !forgotten);
    if (again.length > 0 && world.chance(0.3)) return this.request(world.pick(again));
    const op = `${this.#name}.${this.#serial++}`;
    const request: Request = {
      op,
      door: world.pick(["service", "object", "workflow"]),
      key: `${world.random.integer(profile.keys)}`,
      input: { op, program: programOf(world, profile), touchy: world.chance(0.3) },
      delay: world.chance(0.2) ? world.pick([1, 50, 5000]) : 0,
      asked: 0,
      accepted: false,
      id: undefined,
      answer: undefined,
      disturbed: false,
      forgotten: false,
      restarted: false,
    };
    requests.push(request);
    await this.request(request);
  }

  async request(request: Request): Promise<void> {
    const world = this.#world;
    if (request.asked++ > 0) world.sometimes("a request is repeated");
    const { forgotten } = request;
    const sent = await this.#ask(`send ${request.op}`, (life) => this.#send(life, request));
    if (!("value" in sent)) return;
    const { id } = sent.value;
    // Whatever was forgotten since it was asked may have been this life of it.
    if (forgotten !== request.forgotten) return;
    if (request.id !== undefined && request.id !== id) {
      world.fail("O4", `${request.op} is ${request.id} and ${id}`);
    }
    request.id = id;
    request.accepted = true;
    if (world.chance(0.5)) await this.result(request);
  }

  #send({ engine, targets }: Serving, request: Request): Promise<Invocation<unknown>> {
    const { op, door, key, input, delay } = request;
    const options = { idempotencyKey: op, ...(delay > 0 ? { delay } : {}) };
    if (door === "service") return engine.send(targets.plain, options).go(input);
    if (door === "object") return engine.send(targets.keyed, key, options).go(input);
    return engine.send(targets.flow, op, delay > 0 ? { delay } : {}).run(input);
  }

  /** The result of what was accepted. */
  async result(request: Request): Promise<void> {
    const id = request.id as string;
    const disturbed = request.disturbed;
    const asked = await this.#ask(
      `result ${request.op}`,
      ({ engine }) => engine.invocation<Told>(id).result(),
      ["INVOCATION_NOT_FOUND", ...endings],
    );
    if ("code" in asked && this.#sim.usual.has(asked.code)) return;
    this.#sim.answered(request, asked, disturbed);
  }

  /** What became of something that was accepted, asked of whoever serves now. */
  async look(): Promise<void> {
    const known = this.#sim.requests.filter(({ id, forgotten }) => id !== undefined && !forgotten);
    if (known.length > 0) await this.result(this.#world.pick(known));
  }

  // ---- lists

  async list(): Promise<void> {
    const { profile, lists } = this.#sim;
    const key = `${this.#world.random.integer(profile.keys)}`;
    const append = this.#world.chance(0.6);
    const op = `${this.#name}.${this.#serial++}`;
    const atLeast = Math.max(
      0,
      ...lists.filter((each) => each.key === key).map((x) => x.seen.length),
    );
    const asked = await this.#ask(`list ${op}`, ({ engine }) =>
      append ? engine.call(list, key).append(op) : engine.call(list, key).read(),
    );
    if ("value" in asked) lists.push({ op, key, append, atLeast, seen: asked.value });
  }

  async take(): Promise<void> {
    const { profile, taken } = this.#sim;
    const key = `${this.#world.random.integer(profile.keys)}`;
    const id = `${this.#name}.${this.#serial++}`;
    const delay = this.#world.pick([0, 10, 1000, 100_000]);
    const options = { idempotencyKey: id, delay };
    const asked = await this.#ask(`take ${id}`, (life) => {
      const due = life.now() + delay;
      return life.engine.send(sink, key, options).take({ id, due });
    });
    if ("value" in asked) taken.set(id, key);
  }

  // ---- what operators and the outside do

  async operate(): Promise<void> {
    const world = this.#world;
    const request = world.pick(this.#sim.requests.filter(({ id }) => id !== undefined));
    if (request?.id === undefined) return;
    const { id } = request;
    const kind = world.pick(["cancel", "cancel", "kill", "pause", "resume", "purge", "restart"]);
    request.disturbed ||= kind !== "resume";
    if (kind === "purge") request.forgotten = true;
    if (kind === "restart") request.restarted = true;
    const asked = await this.#ask(
      `${kind} ${request.op}`,
      async ({ engine }): Promise<unknown> => {
        switch (kind) {
          case "cancel":
            return engine.invocation(id).cancel();
          case "kill":
            return engine.kill(id, { withSends: false });
          case "restart":
            return engine.restart(id, { from: world.random.integer(3), unsafe: world.chance(0.5) });
          case "pause":
            return engine.pause(id);
          case "resume":
            return engine.resume(id);
          default:
            return engine.purge(id);
        }
      },
      [
        "INVOCATION_NOT_FOUND",
        "INVOCATION_NOT_COMPLETED",
        "INVOCATION_NOT_RUNNING",
        "RESTART_UNSAFE",
      ],
    );
    if ("value" in asked) world.sometimes(`an operator's ${kind} is done`);
  }

  async settle(): Promise<void> {
    const { record } = this.#sim;
    const world = this.#world;
    const by = `${this.#name}.${this.#serial++}`;
    const dice = world.random.integer(4);
    if (dice === 0 && record.awakeables.size > 0) {
      const id = world.pick([...record.awakeables]);
      const reject = world.chance(0.2);
      await this.#ask(
        `awakeable ${by}`,
        ({ engine }) =>
          reject ? engine.awakeable(id).reject(by) : engine.awakeable(id).resolve(by),
        ["AWAKEABLE_NOT_FOUND"],
      );
    } else if (dice === 1 && record.waiting.size > 0) {
      const [id, name] = world.pick([...record.waiting]).split(" ") as [string, string];
      await this.#ask(`signal ${by}`, ({ engine }) => engine.signal(id, name, by), [
        "INVOCATION_NOT_FOUND",
        "INVOCATION_NOT_RUNNING",
      ]);
    } else if (dice === 2) await this.#promise(by);
    else await this.#edit(by);
  }

  async #promise(by: string): Promise<void> {
    const world = this.#world;
    const flow = world.pick(this.#sim.requests.filter(({ door }) => door === "workflow"));
    if (flow === undefined) return;
    const name = `p${world.random.integer(this.#sim.profile.keys)}`;
    const settles = world.chance(0.6);
    await this.#ask(
      `promise ${by}`,
      ({ engine, targets }): Promise<unknown> =>
        settles
          ? engine.call(targets.flow, flow.op).settle({ name, by })
          : engine.call(targets.flow, flow.op).peek(name),
      ["PROMISE_ALREADY_COMPLETED"],
    );
  }

  /** Each client edits a key of its own, so that what it was told stands is what it reads. */
  async #edit(by: string): Promise<void> {
    const { edits } = this.#sim;
    const key = this.#name;
    const before = edits.get(key);
    edits.set(key, { value: undefined });
    const asked = await this.#ask(`edit ${by}`, ({ engine, targets }) =>
      engine.editState(targets.edited, key, { value: by }),
    );
    if ("value" in asked) edits.set(key, { value: by });
    else if (asked.code === "DISK_FULL" && before !== undefined) edits.set(key, before);
  }
}

/** Where the engine ends in order, its last words are heard. */
function later(): Promise<{ readonly code: string }> {
  return Promise.resolve()
    .then(() => {})
    .then(() => ({ code: "ENGINE_CLOSED" }));
}

/** What any request may hear: the engine has gone, or has no room. */
export const usual: ReadonlySet<string> = new Set([
  "unknown",
  "ENGINE_CLOSED",
  "ENGINE_FAILED",
  "DISK_FULL",
  "CHANGELOG_FAILED",
  "CLOCK_BACKWARDS",
]);

/** Ends of a program that are its own. */
export const endings: readonly string[] = [
  "CANCELLED",
  "KILLED",
  "KEY_DEADLOCK",
  "STEP_FAILED",
  "STEP_TIMEOUT",
  "TIMEOUT",
  "PURPOSE",
  "TERMINAL",
  "PROMISE_ALREADY_COMPLETED",
  "CALL_DEPTH",
  "WORKFLOW_ALREADY_STARTED",
];

const verbs: readonly Verb[] = [
  (client) => client.program(),
  (client) => client.program(),
  (client) => client.program(),
  (client) => client.program(),
  (client) => client.list(),
  (client) => client.list(),
  (client) => client.take(),
  (client) => client.look(),
  (client) => client.operate(),
  (client) => client.settle(),
  (client) => client.settle(),
];
