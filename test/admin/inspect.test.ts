// What operators see: lists, one invocation, its journal, state, promises, timers, awakeables. All
// of it is read where it is folded, in every configuration alike (R3).
import { expect, test } from "vitest";
import { Engine, memory, object, service, shared, workflow } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { codeOf, scenario } from "../support/scenario.ts";

const greeter = service("Greeter", {
  hello: async (_ctx, name: string) => `Hello, ${name}!`,
  async refuse(): Promise<never> {
    throw Object.assign(new Error("never"), {});
  },
});
const cart = object("Cart", {
  async put(ctx, name: string): Promise<void> {
    ctx.set(name, { name });
  },
  async later(ctx): Promise<void> {
    await ctx.sleep("1h");
  },
  view: shared(async (ctx) => ctx.stateKeys()),
});
const signup = workflow("Signup", {
  async run(ctx): Promise<string> {
    const { promise } = ctx.awakeable<string>();
    const first = await promise;
    return `${first} ${await ctx.promise<string>("verified")}`;
  },
  async verify(ctx, by: string): Promise<void> {
    ctx.promise<string>("verified").resolve(by);
  },
});
const services = [greeter, cart, signup];

scenario(
  "a list has what was done before it was asked for, newest first, by pages",
  async (open) => {
    const engine = await open({ services });
    for (let i = 0; i < 5; i++) await engine.call(greeter).hello(`${i}`);
    const { id } = await engine.send(cart, "a").later();
    await engine.runUntilIdle();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await engine.inspect.invocations({}, { limit: 2, cursor });
      seen.push(...page.rows.map(({ target }) => target));
      expect(page.positions).toMatch(/^0:\d+$/);
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["Cart/a/later", ...Array.from({ length: 5 }, () => "Greeter/hello")]);
    const unfinished = await engine.inspect.invocations({ statuses: ["running", "suspended"] });
    expect(unfinished.rows.map((row) => row.id)).toEqual([id]);
  },
);

test("lists are filtered by service, key, handler, status and time, and counted", async () => {
  const engine = await TestEngine.open({ services });
  for (const key of ["a", "b", "c"]) await engine.call(cart, key).put("x");
  await engine.advance("1m");
  const since = engine.clock.now();
  await engine.call(greeter).hello("Ada");
  await engine.send(cart, "b").later();
  const { inspect } = engine;
  const targets = async (filter: Parameters<typeof inspect.invocations>[0]): Promise<string[]> =>
    (await inspect.invocations(filter)).rows.map(({ target }) => target);
  expect(await targets({ service: "Cart", key: "b" })).toEqual(["Cart/b/later", "Cart/b/put"]);
  expect(await targets({ handler: "hello" })).toEqual(["Greeter/hello"]);
  expect(await targets({ createdFrom: since, service: "Cart" })).toEqual(["Cart/b/later"]);
  expect(await targets({ createdBefore: since, key: "c" })).toEqual(["Cart/c/put"]);
  expect(await inspect.count({ statuses: ["completed"] })).toMatchObject({ count: 4, whole: true });
  expect(await inspect.count({ service: "Nobody" })).toMatchObject({ count: 0, whole: true });
  await engine.close();
});

test("a limit or a cursor that does not read is refused", async () => {
  const engine = await TestEngine.open({ services });
  await engine.call(greeter).hello("Ada");
  const ask = (limit?: number, cursor?: string): Promise<string> =>
    codeOf(engine.inspect.invocations({}, { limit, cursor }));
  expect(await ask(0)).toBe("QUERY_INVALID");
  expect(await ask(1001)).toBe("QUERY_INVALID");
  expect(await ask(1, "nonsense")).toBe("QUERY_INVALID");
  const places = Buffer.from(JSON.stringify([{ $gt: 1 }])).toString("base64url");
  expect(await ask(1, places)).toBe("QUERY_INVALID");
  expect(await codeOf(engine.inspect.timers({ cursor: places }))).toBe("QUERY_INVALID");
  await engine.close();
});

scenario("one invocation has its input, its result and a journal in words", async (open) => {
  const engine = await open({ services });
  const { id } = await engine.send(signup, "ada").run();
  await engine.runUntilIdle();
  const waiting = await engine.inspect.invocation(id);
  expect(waiting).toMatchObject({ target: "Signup/ada/run", mode: "workflow", entries: 1 });
  const [open0] = waiting.open;
  expect(open0).toMatchObject({ command: 0, kind: "awakeable" });
  await engine.awakeable(open0?.awakeable ?? "").resolve("hi");
  await engine.call(signup, "ada").verify("mail");
  expect(await engine.invocation(id).result()).toBe("hi mail");
  const done = await engine.inspect.invocation(id);
  expect(done).toMatchObject({ status: "completed", outcome: "success", open: [] });
  expect(done.output).toMatchObject({ type: "json", value: "hi mail" });
  const journal = await engine.inspect.journal(id);
  expect(journal.map(({ title }) => title)).toEqual([
    "awakeable",
    "answer to 0",
    'promise "verified"',
    "answer to 1",
  ]);
  expect((await engine.inspect.journal(id, 2, 1)).map(({ index }) => index)).toEqual([2]);
});

test("an unknown, a purged and an expired invocation are absent alike; an id that is none is refused", async () => {
  const engine = await TestEngine.open({ services });
  const { id } = await engine.send(greeter, { idempotencyKey: "k" }).hello("Ada");
  await engine.runUntilIdle();
  await engine.advance("25h");
  expect(await codeOf(engine.inspect.invocation(id))).toBe("INVOCATION_NOT_FOUND");
  const other = await engine.send(greeter).hello("Bob");
  await engine.runUntilIdle();
  await engine.purge(other.id);
  expect(await codeOf(engine.inspect.invocation(other.id))).toBe("INVOCATION_NOT_FOUND");
  expect((await engine.inspect.invocations({})).rows).toEqual([]);
  expect(await codeOf(engine.inspect.invocation("inv_nonsense"))).toBe("INVOCATION_ID_INVALID");
  await engine.close();
});

scenario("objects, promises, timers, awakeables and services are listed", async (open) => {
  const engine = await open({ services });
  await engine.call(cart, "a").put("__proto__");
  const holder = await engine.send(cart, "b").later();
  const next = await engine.send(cart, "b").put("x");
  const run = await engine.send(signup, "ada").run();
  await engine.send(signup, "bob").verify("mail");
  await engine.runUntilIdle();
  const { inspect } = engine;
  const a = await inspect.object("Cart", "a");
  expect(Object.entries(a?.state ?? {})).toEqual([
    ["__proto__", { type: "json", bytes: 20, value: { name: "__proto__" } }],
  ]);
  expect(({} as { name?: string }).name).toBeUndefined();
  const objects = await inspect.objects("Cart");
  expect(objects.rows.map(({ key }) => key).sort()).toEqual(["a", "b"]);
  expect(await inspect.object("Cart", "b")).toMatchObject({
    lockedBy: holder.id,
    inbox: [next.id],
    inboxLength: 1,
  });
  expect((await inspect.timers()).rows).toMatchObject([{ id: holder.id, command: 0 }]);
  expect((await inspect.awakeables()).rows).toMatchObject([
    { invocation: run.id, target: "Signup/ada/run" },
  ]);
  expect((await inspect.promises("Signup")).rows).toMatchObject([
    { key: "bob", name: "verified", status: "resolved", value: { value: "mail" } },
  ]);
  expect(inspect.services().map(({ name, kind }) => [name, kind])).toEqual([
    ["Greeter", "service"],
    ["Cart", "object"],
    ["Signup", "workflow"],
  ]);
});

test("a storage that cannot be looked at says so", async () => {
  const stored = memory();
  const open: typeof stored.open = async (told) => {
    const { queries: _, ...rest } = await stored.open(told);
    return rest;
  };
  const engine = await Engine.open({ services, data: { ...stored, promise: "", open } });
  expect(await codeOf(engine.inspect.invocations({}))).toBe("QUERY_UNAVAILABLE");
  await engine.close();
});

test("a closed engine is not looked at", async () => {
  const engine = await Engine.open({ services, data: memory() });
  await engine.inspect.invocations({});
  await engine.close();
  expect(await codeOf(engine.inspect.invocations({}))).toBe("ENGINE_CLOSED");
});
