// What is under way when something moves: every kind of waiting there is, and of having ended.
import { type Client, object, service, shared, workflow } from "../../src/index.ts";

/** Awakeables by the name they were asked for. */
export const awakeables = new Map<string, string>();

export const gate = object("Gate", {
  /** Holds its key until somebody answers. */
  async pass(ctx, name: string): Promise<string> {
    const { id, promise } = ctx.awakeable<string>();
    // Compared on replay: the id must be what it was.
    await ctx.run("tell", () => void awakeables.set(name, id));
    ctx.send(notes, "gate").note(`${name} ${id}`);
    const said = await promise;
    ctx.set("passed", [...((await ctx.get<string[]>("passed")) ?? []), name]);
    return `${name}: ${said}`;
  },
  passed: shared(async (ctx): Promise<string[]> => (await ctx.get<string[]>("passed")) ?? []),
});

export const notes = object("Notes", {
  async note(ctx, text: string): Promise<number> {
    const all = [...((await ctx.get<string[]>("notes")) ?? []), text];
    ctx.set("notes", all);
    return all.length;
  },
  all: shared(async (ctx): Promise<string[]> => (await ctx.get<string[]>("notes")) ?? []),
});

export const caller = service("Caller", {
  /** Waits for another key's handler, in another partition once there are several. */
  async call(ctx, key: string): Promise<string> {
    const before = ctx.rand.uuid();
    const said = await ctx.call(gate, key).pass(`called by ${key}`);
    return `${before.length} ${said}`;
  },
  async sleeps(ctx, text: string): Promise<string> {
    await ctx.sleep("30m");
    return text;
  },
  async signalled(ctx): Promise<string> {
    const [go, again] = [ctx.signal<string>("go"), ctx.signal<string>("again")];
    return `${await go} ${await again}`;
  },
  async fails(ctx): Promise<string> {
    if (!mended.has("fails")) throw new Error("not yet");
    return ctx.run("at last", () => "mended");
  },
  async long(ctx, steps: number): Promise<number> {
    let bytes = 0;
    for (let i = 0; i < steps; i++)
      bytes += (await ctx.run(`s${i}`, () => "é".repeat(80_000))).length;
    const { id, promise } = ctx.awakeable<number>();
    awakeables.set("long", id);
    return bytes + (await promise);
  },
  async large(_, bytes: number): Promise<string> {
    return "l".repeat(bytes);
  },
});

export const nester = service("Nester", {
  async nested(ctx, key: string): Promise<string> {
    const slept = ctx.sleep("20m");
    const said = await ctx.call(caller).call(key);
    await slept;
    return `${said} ${ctx.id.length}`;
  },
});

export const mended = new Set<string>();

export const order = workflow("Order", {
  async run(ctx, item: string): Promise<string> {
    const paid = await ctx.promise<string>("paid");
    const { id, promise } = ctx.awakeable<string>();
    await ctx.run("tell", () => void awakeables.set(`order ${item}`, id));
    return `${item} ${paid} ${await promise}`;
  },
  async pay(ctx, how: string): Promise<void> {
    await ctx.promise<string>("paid").resolve(how);
  },
  async watch(ctx): Promise<string> {
    return ctx.promise<string>("paid");
  },
});

export const services = [gate, notes, caller, nester, order];

export interface Begun {
  readonly ids: ReadonlyMap<string, string>;
}

/** Brings all of it under way. `settle` lets what can go on go on. */
export async function begin(client: Client, settle: () => Promise<void>): Promise<Begun> {
  const ids = new Map<string, string>();
  const sent = async (
    name: string,
    sending: PromiseLike<{ readonly id: string }>,
  ): Promise<void> => {
    const waiting = Promise.resolve(sending);
    await settle();
    ids.set(name, (await waiting).id);
    await settle();
  };
  for (let i = 0; i < 6; i++)
    await sent(`note ${i}`, client.send(notes, `n${i % 3}`).note(`#${i}`));
  await sent("held", client.send(gate, "a").pass("held"));
  await sent("second", client.send(gate, "a").pass("second"));
  await sent("third", client.send(gate, "a").pass("third"));
  await sent("call", client.send(caller).call("b"));
  await sent("nested", client.send(nester).nested("c"));
  await sent("sleeps", client.send(caller).sleeps("slept"));
  await sent("later", client.send(caller, { delay: "40m" }).large(3));
  await sent("signalled", client.send(caller).signalled());
  await sent("fails", client.send(caller).fails());
  await sent("long", client.send(caller).long(40));
  await sent("large", client.send(caller).large(3_000_000));
  await sent("once", client.send(notes, "once", { idempotencyKey: "k" }).note("once"));
  await sent("once open", client.send(gate, "d", { idempotencyKey: "k" }).pass("once open"));
  await sent("order", client.send(order, "o1").run("tea"));
  await sent("watch", client.send(order, "o1").watch());
  // Each has come to where it waits, however slow the machine is.
  const told = ["held", "called by b", "called by c", "long", "once open"];
  while (!told.every((name) => awakeables.has(name))) await settle();
  const signal = client.signal(ids.get("signalled") as string, "again", "kept");
  await settle();
  await signal;
  const cancelled = client.send(caller).sleeps("cancelled");
  await settle();
  const { id } = await cancelled;
  const cancel = client.invocation(id).cancel();
  await settle();
  await cancel;
  ids.set("cancelled", id);
  await settle();
  return { ids };
}

/** What each ends with, when all that is waited for has come. */
export const expected: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["held", "held: yes"],
  ["second", "second: yes"],
  ["third", "third: yes"],
  ["call", "36 called by b: yes"],
  ["nested", "36 called by c: yes 38"],
  ["sleeps", "slept"],
  ["later", "lll"],
  ["signalled", "first kept"],
  ["fails", "mended"],
  ["long", 40 * 80_000 + 7],
  ["large", "l".repeat(3_000_000)],
  ["once", 1],
  ["once open", "once open: yes"],
  ["order", "tea card sent"],
  ["watch", "card"],
  ["note 0", 1],
  ["note 5", 2],
]);
