// T14: what users can do to an engine, in random order, against a model of a few maps. Whatever a
// client was told must be what the model says, across crashes and restarts. MODEL=n sequences
// (default 40), spread over the hostile configurations; fast-check shrinks what diverges.
import fc from "fast-check";
import { expect, test } from "vitest";
import { object, service, shared, workflow } from "../../src/index.ts";
import { configurations, TestEngine } from "../../src/testing/index.ts";
import { codeOf } from "../support/scenario.ts";

const sequences = Number(process.env["MODEL"] ?? 40);

const list = object("List", {
  async append(ctx, value: string): Promise<readonly string[]> {
    const next = [...((await ctx.get<string[]>("values")) ?? []), value];
    await ctx.run("outside", () => value);
    ctx.set("values", next);
    return next;
  },
  async clear(ctx): Promise<void> {
    ctx.clearAll();
  },
  read: shared(async (ctx): Promise<readonly string[]> => (await ctx.get("values")) ?? []),
});

const once = service("Once", {
  async draw(ctx): Promise<string> {
    return ctx.run("draw", () => ctx.id);
  },
  async nap(ctx, ms: number): Promise<string> {
    await ctx.sleep(ms);
    return "rested";
  },
});

const flow = workflow("Flow", {
  async run(ctx): Promise<string> {
    return `${await ctx.promise<string>("go")}!`;
  },
  async settle(ctx, value: string): Promise<void> {
    ctx.promise<string>("go").resolve(value);
  },
});

interface Later {
  readonly due: number;
  readonly key: string;
  readonly value: string;
}

interface Nap {
  readonly id: string;
  readonly due: number;
  cancelled: boolean;
}

/** What should be, by the documentation: nothing of it knows how. */
class Model {
  now = 0;
  readonly lists = new Map<string, string[]>();
  later: Later[] = [];
  readonly drawn = new Map<string, string>();
  readonly naps: Nap[] = [];
  readonly started = new Set<string>();
  readonly settled = new Map<string, string>();

  list(key: string): string[] {
    const values = this.lists.get(key) ?? [];
    this.lists.set(key, values);
    return values;
  }

  /** Delayed appends arrive in the order they are due, then in the order they were sent. */
  advance(ms: number): void {
    this.now += ms;
    const due = this.later.filter((each) => each.due <= this.now).sort((a, b) => a.due - b.due);
    this.later = this.later.filter((each) => each.due > this.now);
    for (const { key, value } of due) this.list(key).push(value);
  }
}

type Command = fc.AsyncCommand<Model, TestEngine>;

function command(
  name: string,
  run: (model: Model, engine: TestEngine) => Promise<void>,
  check: (model: Model) => boolean = () => true,
): Command {
  return { check, run, toString: () => name };
}

const key = fc.constantFrom("a", "b");
const ms = fc.constantFrom(0, 1, 50, 1000, 60_000, 600_000);
let serial = 0;

const append = key.map((key) =>
  command(`append ${key}`, async (model, engine) => {
    const value = `${++serial}`;
    model.list(key).push(value);
    expect(await engine.call(list, key).append(value)).toEqual(model.list(key));
  }),
);
const read = key.map((key) =>
  command(`read ${key}`, async (model, engine) => {
    expect(await engine.call(list, key).read()).toEqual(model.list(key));
  }),
);
const clear = key.map((key) =>
  command(`clear ${key}`, async (model, engine) => {
    await engine.call(list, key).clear();
    model.lists.delete(key);
  }),
);
const appendLater = fc.tuple(key, ms).map(([key, delay]) =>
  command(`append ${key} in ${delay}`, async (model, engine) => {
    const value = `${++serial}`;
    model.later.push({ due: model.now + delay, key, value });
    await engine.send(list, key, { delay }).append(value);
    await engine.advance(0);
    model.advance(0);
  }),
);
const draw = fc.constantFrom("x", "y", "z").map((idempotencyKey) =>
  command(`draw ${idempotencyKey}`, async (model, engine) => {
    const drawn = await engine.call(once, { idempotencyKey }).draw();
    expect(drawn).toBe(model.drawn.get(idempotencyKey) ?? drawn);
    model.drawn.set(idempotencyKey, drawn);
    expect(new Set(model.drawn.values()).size).toBe(model.drawn.size);
  }),
);
const nap = ms.map((ms) =>
  command(`nap ${ms}`, async (model, engine) => {
    const { id } = await engine.send(once).nap(ms);
    model.naps.push({ id, due: model.now + ms, cancelled: false });
    await engine.advance(0);
  }),
);
const cancel = fc.constant(
  command(
    "cancel the last nap",
    async (model, engine) => {
      const last = model.naps.at(-1) as Nap;
      await engine.invocation(last.id).cancel();
      if (last.due > model.now) last.cancelled = true;
      await engine.runUntilIdle();
    },
    ({ naps }) => naps.length > 0,
  ),
);
const naps = fc.constant(
  command("look at the naps", async (model, engine) => {
    for (const { id, due, cancelled } of model.naps) {
      if (due > model.now && !cancelled) continue;
      const said = await codeOf(engine.invocation(id).result());
      expect(said).toBe(cancelled ? "CANCELLED" : 'resolved: "rested"');
    }
  }),
);
const start = key.map((key) =>
  command(`start ${key}`, async (model, engine) => {
    await engine.send(flow, key).run();
    model.started.add(key);
  }),
);
const settle = key.map((key) =>
  command(`settle ${key}`, async (model, engine) => {
    const value = `${++serial}`;
    // Whether the later one hears of it or not: the first wins.
    await codeOf(engine.call(flow, key).settle(value));
    if (!model.settled.has(key)) model.settled.set(key, value);
  }),
);
const result = key.map((key) =>
  command(
    `result ${key}`,
    async (model, engine) => {
      expect(await engine.workflow(flow, key).result()).toBe(`${model.settled.get(key)}!`);
    },
    (model) => model.started.has(key) && model.settled.has(key),
  ),
);
const advance = ms.map((ms) =>
  command(`advance ${ms}`, async (model, engine) => {
    await engine.advance(ms);
    model.advance(ms);
  }),
);
const crash = fc.constant(command("crash", (_, engine) => engine.crash()));
const reopen = fc.constant(command("reopen", (_, engine) => engine.reopen()));

const all = [
  append,
  append,
  read,
  clear,
  appendLater,
  draw,
  nap,
  cancel,
  naps,
  start,
  settle,
  result,
  advance,
  crash,
  reopen,
];

for (const [i, { name, ...hostile }] of configurations.entries()) {
  const numRuns = Math.ceil(sequences / configurations.length);
  test(
    `an engine does what the model says (${name})`,
    () =>
      fc.assert(
        fc.asyncProperty(fc.commands(all, { maxCommands: 40, size: "max" }), async (commands) => {
          const engine = await TestEngine.open({ services: [list, once, flow], ...hostile });
          await fc.asyncModelRun(() => ({ model: new Model(), real: engine }), commands);
          await engine.close();
        }),
        { numRuns, seed: 20_261_122 + i },
      ),
    60_000 + 2000 * numRuns,
  );
}
