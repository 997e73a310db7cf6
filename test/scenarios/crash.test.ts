// R10: a handler that kills the process must not kill it for ever. And R20, R21: what an engine
// refuses to open on.
import { expect, test } from "vitest";
import { object, service } from "../../src/index.ts";
import { configurations, TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

/** Bodies running now; a dead process runs none. */
let running: string[] = [];
const never = (name: string) => (): Promise<never> => {
  running.push(name);
  return new Promise(() => {});
};
let mended = false;

const killer = service("Killer", {
  async kill(ctx, name: string): Promise<string> {
    await ctx.run("fine", () => 1);
    return mended ? "mended" : ctx.run("kill", never(name));
  },
  async innocent(ctx): Promise<string> {
    await ctx.sleep("1h");
    return ctx.run("late", () => "innocent");
  },
});

async function die(engine: TestEngine): Promise<string[]> {
  running = [];
  await engine.crash();
  await engine.advance("10s");
  return running;
}

scenario("R10: five unclean ends with its attempt open pause it; others go on", async (open) => {
  const engine = await open({ services: [killer] });
  running = [];
  mended = false;
  const { id } = await engine.send(killer).kill("a");
  const innocent = await engine.send(killer).innocent();
  await engine.runUntilIdle();
  for (let i = 0; i < 4; i++) expect(await die(engine)).toEqual(["a"]);
  expect(await die(engine)).toEqual([]);
  await engine.advance("1h");
  expect(await innocent.result().catch(() => engine.invocation(innocent.id).result())).toBe(
    "innocent",
  );
  mended = true;
  await engine.resume(id);
  await engine.runUntilIdle();
  // The step that was open is asked for no more: other code, which waits for code that matches.
  await engine.kill(id);
  expect(await codeOf(engine.invocation(id).result())).toBe("KILLED");
});

scenario("R10: from two on they begin one at a time, after the others", async (open) => {
  const engine = await open({ services: [killer] });
  running = [];
  mended = false;
  for (const name of ["a", "b", "c"]) await engine.send(killer).kill(name);
  await engine.runUntilIdle();
  expect(await die(engine)).toEqual(["a", "b", "c"]);
  await engine.send(killer).kill("new");
  await engine.runUntilIdle();
  running = [];
  expect(await die(engine)).toEqual(["new", "a"]);
  // Those that had to wait had no attempt open: only the first counts on.
  expect(await die(engine)).toHaveLength(1);
});

scenario("R10: a clean end counts for nothing", async (open) => {
  const engine = await open({ services: [killer], closeTimeout: 0 } as never);
  mended = false;
  await engine.send(killer).kill("a");
  await engine.runUntilIdle();
  for (let i = 0; i < 8; i++) {
    running = [];
    await engine.reopen();
    await engine.runUntilIdle();
    expect(running).toEqual(["a"]);
  }
});

test("R10: one that kills at its first line, before anything is durable, is counted", async () => {
  let begun = 0;
  let engine: TestEngine | undefined;
  const instant = service("Instant", {
    async go(): Promise<void> {
      begun++;
      // The process is gone with this line: nothing decided in this turn becomes durable.
      engine?.freezeAfter(engine.commits);
      await new Promise(() => {});
    },
  });
  engine = await TestEngine.open({ services: [instant] });
  await engine.send(instant, { delay: "1s" }).go();
  await engine.advance("2s");
  for (let i = 0; i < 12; i++) {
    await engine.crash();
    await engine.runUntilIdle();
  }
  expect(begun).toBeGreaterThanOrEqual(4);
  expect(begun).toBeLessThanOrEqual(6);
  await engine.crash();
  await engine.close();
});

const cart = object("Cart", {
  async add(ctx, item: string): Promise<number> {
    const items = (await ctx.get<string[]>("items")) ?? [];
    await ctx.run(`reserve ${item}`, () => true);
    ctx.set("items", [...items, item]);
    ctx.send(cart, ctx.key, { delay: "15m" }).expire(item);
    return items.length + 1;
  },
  async expire(ctx, item: string): Promise<void> {
    const items = (await ctx.get<string[]>("items")) ?? [];
    ctx.set(
      "items",
      items.filter((one) => one !== item),
    );
  },
  async items(ctx): Promise<unknown> {
    return ctx.get("items");
  },
});

for (const configuration of configurations) {
  test(`a cart is the same whatever commit the process dies behind (${configuration.name})`, async () => {
    for (let frozen = 0; frozen < 10; frozen++) {
      const engine = await TestEngine.open({ services: [cart], ...configuration });
      await engine.call(cart, "k").add("first");
      engine.freezeAfter(engine.commits + frozen);
      const once = { idempotencyKey: "second" };
      const dying = later(engine.call(cart, "k", once).add("second"));
      await engine.runUntilIdle();
      await engine.crash();
      await codeOf(dying);
      expect(await engine.call(cart, "k", once).add("second")).toBe(2);
      expect(await engine.call(cart, "k").items()).toEqual(["first", "second"]);
      await engine.advance("16m");
      expect(await engine.call(cart, "k").items()).toEqual([]);
      await engine.close();
    }
  });
}

test("R21: a clock behind the newest record never sends stamps back, and is told", async () => {
  const clocked = service("Clocked", {
    async now(ctx): Promise<number> {
      return ctx.date.now();
    },
  });
  const engine = await TestEngine.open({ services: [clocked] });
  const before = await engine.call(clocked).now();
  engine.clock.set(before - 3_600_000);
  await engine.crash();
  expect(await engine.call(clocked).now()).toBeGreaterThanOrEqual(before);
  expect(engine.events).toContainEqual(expect.objectContaining({ kind: "clockBackwards" }));
  engine.clock.set(before - 2 * 86_400_000);
  await expect(engine.crash()).rejects.toMatchObject({ code: "CLOCK_BACKWARDS" });
});

test("I10: a rule that breaks ends the engine and tells its callers, not the process", async () => {
  const caller = service("Caller", {
    async call(ctx): Promise<number> {
      await ctx.sleep("1s");
      return ctx.call(cart, "never seen").add("x");
    },
    async step(ctx): Promise<unknown> {
      return ctx.run("slow", never("slow"));
    },
  });
  const told: unknown[] = [];
  const engine = await TestEngine.open({
    services: [caller, cart],
    onFatal: (error) => told.push(error),
  });
  const calls = [later(engine.call(caller).call()), later(engine.call(caller).step())];
  await engine.runUntilIdle();
  Object.assign(engine.storage.cold, {
    object: () => {
      throw new Error("torn");
    },
  });
  await expect(engine.advance("2s")).rejects.toThrow("torn");
  for (const call of calls) expect(await codeOf(call)).toBe("ENGINE_FAILED");
  expect(told).toHaveLength(1);
  await expect(engine.close()).rejects.toThrow("torn");
});
