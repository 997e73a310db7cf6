// What an operator asks: pause and resume, restart, purge, edits of state (R21), other code (R11).
import { expect } from "vitest";
import { object, service, shared } from "../../src/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

let ran: string[] = [];

const flow = object("Flow", {
  async steps(ctx, input: string): Promise<unknown> {
    const a = await ctx.run("a", ({ idempotencyKey }) => {
      ran.push("a");
      return idempotencyKey;
    });
    const random = ctx.rand.random();
    await ctx.sleep("1m");
    const b = await ctx.run("b", () => {
      ran.push("b");
      return "b";
    });
    return { input, a, random, b };
  },
  async awake(ctx): Promise<unknown> {
    return ctx.awakeable().promise;
  },
  async both(ctx): Promise<unknown> {
    const called = ctx.call(other).slow();
    const signal = ctx.signal("s");
    await ctx.run("after", () => void ran.push("after"));
    if (fail) throw Object.assign(new Error("no"), {});
    return [await called, await signal];
  },
  view: shared(async (ctx) => ctx.get("v")),
  async put(ctx, value: number): Promise<void> {
    ctx.set("v", value);
  },
});
const other = service("Other", {
  async slow(ctx): Promise<string> {
    await ctx.sleep("1h");
    return "slow";
  },
});
let fail = false;

scenario("pause holds one in its place, with its key, until resume", async (open) => {
  const engine = await open({ services: [flow, other] });
  ran = [];
  const { id } = await engine.send(flow, "k").steps("x");
  const next = later(engine.call(flow, "k").put(1));
  await engine.runUntilIdle();
  await engine.pause(id);
  await engine.pause(id);
  await engine.crash();
  await engine.advance("1h");
  expect(ran).toEqual(["a"]);
  expect(await engine.call(flow, "k").view()).toBe(null);
  await engine.resume(id);
  await engine.runUntilIdle();
  expect(await engine.invocation(id).result()).toMatchObject({ b: "b" });
  expect(await codeOf(next)).toBe("ENGINE_FAILED");
  expect(await engine.call(flow, "k").view()).toBe(1);
  expect(await codeOf(engine.pause(id))).toBe("INVOCATION_NOT_RUNNING");
  await engine.resume(id);
});

scenario("pause is refused before the begin", async (open) => {
  const engine = await open({ services: [flow, other] });
  const { id } = await engine.send(flow, "k", { delay: "1h" }).steps("x");
  expect(await codeOf(engine.pause(id))).toBe("INVOCATION_NOT_RUNNING");
});

scenario("restart afresh runs all again with other random values and keys", async (open) => {
  const engine = await open({ services: [flow, other] });
  ran = [];
  const { id } = await engine.send(flow, "k").steps("x");
  await engine.advance("1m");
  const first = (await engine.invocation(id).result()) as { a: string; random: number };
  const again = await engine.restart(id);
  expect(again.id).not.toBe(id);
  await engine.advance("1m");
  const second = (await again.result()) as { a: string; random: number };
  expect(ran).toEqual(["a", "b", "a", "b"]);
  expect(second.a).not.toBe(first.a);
  expect(second.random).not.toBe(first.random);
});

scenario("restart from an entry keeps what was done until then, keys included", async (open) => {
  const engine = await open({ services: [flow, other] });
  ran = [];
  const { id } = await engine.send(flow, "k").steps("x");
  await engine.advance("1m");
  const first = (await engine.invocation(id).result()) as { a: string; random: number };
  // Kept: the run, its result, and the sleep, which is over by then.
  const again = await engine.restart(id, { from: 3 });
  await engine.crash();
  await engine.advance("1s");
  const second = (await engine.invocation(again.id).result()) as { a: string; random: number };
  expect(ran).toEqual(["a", "b", "b"]);
  expect([second.a, second.random]).toEqual([first.a, first.random]);
  // Kept: the command alone; its body runs again, under the same key.
  const third = await engine.restart(id, { from: 1 });
  await engine.advance("1m");
  expect(await engine.invocation(third.id).result()).toMatchObject({ a: first.a });
  for (const from of [99, -1, 0.5]) {
    expect(await codeOf(engine.restart(id, { from }))).toBe("RESTART_UNSAFE");
  }
});

scenario("restart joins calls and signals that the kept entries wait for", async (open) => {
  const engine = await open({ services: [flow, other] });
  ran = [];
  fail = true;
  const { id } = await engine.send(flow, "k").both();
  await engine.signal(id, "s", "early");
  await engine.runUntilIdle();
  fail = false;
  await engine.kill(id);
  const again = await engine.restart(id, { from: 3 });
  await engine.signal(again.id, "s", "kept");
  const result = later(again.result());
  await engine.advance("2h");
  const got = await codeOf(result);
  expect(["KILLED", 'resolved: ["slow","kept"]', 'resolved: ["slow","early"]']).toContain(got);
});

scenario("restart behind an open awakeable is refused unless asked", async (open) => {
  const engine = await open({ services: [flow, other] });
  const { id } = await engine.send(flow, "k").awake();
  await engine.runUntilIdle();
  await engine.kill(id);
  expect(await codeOf(engine.restart(id, { from: 1 }))).toBe("RESTART_UNSAFE");
  const again = await engine.restart(id, { from: 1, unsafe: true });
  await engine.kill(again.id);
});

scenario("purge forgets a completed invocation at once", async (open) => {
  const engine = await open({ services: [flow, other] });
  const { id } = await engine.send(flow, "k").put(2);
  await engine.runUntilIdle();
  await engine.purge(id);
  expect(await codeOf(engine.invocation(id).result())).toBe("INVOCATION_NOT_FOUND");
  expect(await engine.call(flow, "k").view()).toBe(2);
});

scenario("R21: an edit of state has its turn at the key, by version", async (open) => {
  const engine = await open({ services: [flow, other] });
  await engine.editState(flow, "k", { v: 5, w: "x" });
  expect(await engine.call(flow, "k").view()).toBe(5);
  await engine.editState(flow, "k", { w: null }, { version: 2 });
  expect(await codeOf(engine.editState(flow, "k", { v: 6 }, { version: 2 }))).toBe(
    "STATE_CONFLICT",
  );
  const { id } = await engine.send(flow, "k").steps("x");
  await engine.runUntilIdle();
  const edits = [
    later(engine.editState(flow, "k", { v: 6 })),
    later(engine.editState(flow, "k", { v: 7 }, { version: 4 })),
  ];
  const refused = codeOf(engine.editState(flow, "k", { v: 8 }, { version: 4 }));
  const after = later(engine.call(flow, "k").put(9));
  await engine.runUntilIdle();
  expect(await engine.call(flow, "k").view()).toBe(5);
  await engine.kill(id);
  await Promise.all(edits);
  expect(await refused).toBe("STATE_CONFLICT");
  await after;
  expect(await engine.call(flow, "k").view()).toBe(9);
});

scenario("R21: an edit that waits survives a crash in its place", async (open) => {
  const engine = await open({ services: [flow, other] });
  const { id } = await engine.send(flow, "k").steps("x");
  await engine.runUntilIdle();
  const waiting = codeOf(engine.editState(flow, "k", { v: 6 }));
  await engine.runUntilIdle();
  await engine.crash();
  expect(await waiting).toBe("ENGINE_FAILED");
  await engine.kill(id);
  await engine.runUntilIdle();
  expect(await engine.call(flow, "k").view()).toBe(6);
  await engine.crash();
  await engine.editState(flow, "k", { u: 1 }, { clear: true });
  expect(await engine.call(flow, "k").view()).toBe(null);
});

const v1 = object("Code", {
  async go(ctx): Promise<string> {
    await ctx.run("one", () => 1);
    await ctx.sleep("1h");
    return `v1 ${await ctx.run("two", () => 2)}`;
  },
  async quick(): Promise<string> {
    return "quick";
  },
});
const v2 = object("Code", {
  async go(ctx): Promise<string> {
    await ctx.run("ONE", () => 1);
    await ctx.sleep("1h");
    return `v2 ${await ctx.run("two", () => 2)}`;
  },
  async quick(): Promise<string> {
    return "quicker";
  },
});
const v3 = object("Code", {
  async go(ctx): Promise<string> {
    await ctx.run("one", () => 1);
    await ctx.sleep("1h");
    return `v3 ${await ctx.run("two", () => 2)}`;
  },
  async quick(): Promise<string> {
    return "quickest";
  },
});

scenario("R11: other code that does not match waits for code that does", async (open) => {
  const engine = await open({ services: [v1] });
  const { id } = await engine.send(v1, "k").go();
  await engine.runUntilIdle();
  await engine.reopen({ services: [v2] });
  const next = await engine.send(v2, "k").quick();
  await engine.advance("1h");
  const failed = engine.events.filter(({ kind }) => kind === "attemptFailed");
  expect(failed).toMatchObject([{ code: "JOURNAL_MISMATCH", next: "pause" }]);
  await engine.reopen({ services: [v2] });
  await engine.advance("1m");
  expect(engine.events.filter(({ kind }) => kind === "attemptFailed").length).toBe(1);
  await engine.reopen({ services: [v3] });
  await engine.runUntilIdle();
  expect(await engine.invocation(id).result()).toBe("v3 2");
  expect(await engine.invocation(next.id).result()).toBe("quickest");
});

scenario("R11: code that comes back while the engine runs is tried at once", async (open) => {
  const engine = await open({ services: [v1] });
  const { id } = await engine.send(v1, "k").go();
  await engine.runUntilIdle();
  await engine.reopen({ services: [v2] });
  await engine.advance("1h");
  engine.replace([v1]);
  await engine.runUntilIdle();
  expect(await engine.invocation(id).result()).toBe("v1 2");
});

scenario("R11: what has no handler waits for it, in its place at its key", async (open) => {
  const engine = await open({ services: [v1, flow, other] });
  const scheduled = await engine.send(v1, "k", { delay: "1m" }).quick();
  const { id } = await engine.send(v1, "held").go();
  const inboxed = await engine.send(v1, "held").quick();
  await engine.runUntilIdle();
  await engine.reopen({ services: [flow, other] });
  await engine.advance("2h");
  expect(await codeOf(engine.call(v1, "k").quick())).toBe("SERVICE_NOT_FOUND");
  await engine.reopen({ services: [v3] });
  const late = await engine.send(v3, "k").quick();
  await engine.runUntilIdle();
  expect(await engine.invocation(scheduled.id).result()).toBe("quickest");
  expect(await engine.invocation(late.id).result()).toBe("quickest");
  expect(await engine.invocation(id).result()).toBe("v3 2");
  expect(await engine.invocation(inboxed.id).result()).toBe("quickest");
});
