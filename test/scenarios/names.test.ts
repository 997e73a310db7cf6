// What names find: idempotency keys, workflow keys, ids of earlier lives (R1); how long results are
// kept (R17); and the codes of requests that name what is not there.
import { expect, test } from "vitest";
import { handler, object, promise, ref, service, workflow } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

let runs = 0;
const counter = service("Counter", {
  async count(): Promise<number> {
    return ++runs;
  },
  async slow(ctx): Promise<number> {
    await ctx.sleep("1h");
    return ++runs;
  },
  async keyed(ctx): Promise<string> {
    return ctx.run("key", ({ idempotencyKey }) => idempotencyKey);
  },
  async rand(ctx): Promise<unknown> {
    const first = [ctx.rand.random(), ctx.rand.uuid()];
    await ctx.sleep("1s");
    return [...first, ctx.rand.random()];
  },
  brief: handler({ retention: "10s" }, async () => ++runs),
  forever: handler({ retention: "all" }, async () => ++runs),
  async fails(): Promise<void> {
    throw Object.assign(new Error("x"), {});
  },
});

const once = { idempotencyKey: "k" };

scenario("I5: one idempotency key is one invocation, running and completed", async (open) => {
  const engine = await open({ services: [counter] });
  runs = 0;
  const first = later(engine.call(counter, once).slow());
  const second = later(engine.call(counter, once).slow());
  const sent = await engine.send(counter, once).slow();
  await engine.advance("1h");
  expect([await first, await second, await sent.result()]).toEqual([1, 1, 1]);
  expect(await engine.call(counter, once).slow()).toBe(1);
  await engine.crash();
  expect(await engine.call(counter, once).slow()).toBe(1);
  expect(await engine.call(counter, { idempotencyKey: "other" }).count()).toBe(2);
  expect(await engine.call(counter, once).count()).toBe(3);
});

scenario("R1: after its retention a key begins another life", async (open) => {
  const engine = await open({ services: [counter] });
  runs = 0;
  const first = await engine.send(counter, once).count();
  expect(await first.result()).toBe(1);
  const key = await engine.call(counter, once).keyed();
  await engine.advance("23h");
  expect(await engine.call(counter, once).count()).toBe(1);
  await engine.advance("2h");
  expect(await codeOf(engine.invocation(first.id).result())).toBe("INVOCATION_NOT_FOUND");
  const second = await engine.send(counter, once).count();
  expect(second.id).toBe(first.id);
  expect(await second.result()).toBe(2);
  // The payment provider must not answer the second order with the first one's charge.
  expect(await engine.call(counter, once).keyed()).not.toBe(key);
});

scenario("R1: random values and step keys differ between lives of one id", async (open) => {
  const engine = await open({ services: [counter] });
  const live = async (): Promise<unknown> => {
    const result = engine.call(counter, once).rand();
    await engine.advance("1s");
    return result;
  };
  const first = await live();
  expect(await live()).toEqual(first);
  await engine.purge((await engine.send(counter, once).rand()).id);
  expect(await live()).not.toEqual(first);
});

const run = workflow(
  "Run",
  { promises: { go: promise<string>() } },
  {
    async run(ctx): Promise<string> {
      ctx.set("x", 1);
      const { id } = ctx.awakeable();
      await ctx.run("show", () => void shown.push(id));
      await ctx.sleep("1h");
      return ctx.promise("go");
    },
    async go(ctx, value: string): Promise<void> {
      await ctx.promise("go").resolve(value);
    },
    async x(ctx): Promise<unknown> {
      return ctx.get("x");
    },
  },
);
let shown: string[] = [];

scenario("R1: timers, awakeables and promises of one run do not reach the next", async (open) => {
  const engine = await open({ services: [run] });
  shown = [];
  const first = await engine.send(run, "k").run();
  await engine.advance("30m");
  await engine.kill(first.id);
  await engine.call(run, "k").go("first");
  await engine.purge(first.id);
  expect(await engine.call(run, "k").x()).toBe(null);
  const second = await engine.send(run, "k").run();
  expect(second.id).toBe(first.id);
  await engine.advance("40m");
  const early = later(second.result());
  await engine.runUntilIdle();
  expect(await codeOf(engine.awakeable(shown[0] as string).resolve())).toBe("AWAKEABLE_NOT_FOUND");
  await engine.advance("30m");
  await engine.call(run, "k").go("second");
  expect(await early).toBe("second");
});

scenario("R17: a result is kept as long as its handler says", async (open) => {
  const engine = await open({ services: [counter] });
  const brief = await engine.send(counter).brief();
  const forever = await engine.send(counter).forever();
  await engine.advance("5s");
  expect(await codeOf(brief.result())).toMatch("resolved");
  await engine.advance("6s");
  expect(await codeOf(brief.result())).toBe("INVOCATION_NOT_FOUND");
  await engine.advance("30d");
  expect(await codeOf(forever.result())).toMatch("resolved");
});

scenario("R17: others are kept by number, failed ones a day", async (open) => {
  const engine = await open({ services: [counter], keep: 20 });
  const failed = await engine.send(counter).fails();
  await engine.kill(failed.id);
  const ids: string[] = [];
  for (let i = 0; i < 60; i++) ids.push((await engine.send(counter).count()).id);
  await engine.runUntilIdle();
  const codes = await Promise.all(ids.map((id) => codeOf(engine.invocation(id).result())));
  const kept = codes.filter((code) => code.startsWith("resolved")).length;
  expect(kept).toBeGreaterThanOrEqual(20);
  expect(kept).toBeLessThan(30);
  expect(codes.lastIndexOf("INVOCATION_NOT_FOUND")).toBe(60 - kept - 1);
  expect(await codeOf(engine.invocation(failed.id).result())).toBe("KILLED");
  await engine.advance("25h");
  expect(await codeOf(engine.invocation(failed.id).result())).toBe("INVOCATION_NOT_FOUND");
});

test("R17: a burst leaves the newest, not fewer", async () => {
  const engine = await TestEngine.open({ services: [counter], keep: 10 });
  const sent = await Promise.all(Array.from({ length: 200 }, () => engine.send(counter).count()));
  await engine.runUntilIdle();
  const codes = await Promise.all(sent.map(({ result }) => codeOf(result())));
  expect(codes.filter((code) => code.startsWith("resolved")).length).toBeGreaterThanOrEqual(10);
  await engine.close();
});

scenario("R17: many runs expire, not only the first hundred", async (open) => {
  const quick = workflow("Quick", {
    run: handler({ retention: "1h" }, async (ctx): Promise<void> => ctx.set("x", 1)),
    async x(ctx): Promise<unknown> {
      return ctx.get("x");
    },
  });
  const engine = await open({ services: [quick] });
  await Promise.all(Array.from({ length: 250 }, (_, i) => engine.call(quick, `k${i}`).run()));
  await engine.reopen();
  expect(await engine.call(quick, "k249").x()).toBe(1);
  await engine.advance("62m");
  for (const i of [0, 120, 249]) expect(await engine.call(quick, `k${i}`).x()).toBe(null);
});

scenario("R17: promises and state of a run wait for its shared handlers", async (open) => {
  const brief = workflow(
    "Brief",
    { promises: { go: promise<string>() }, retention: "1h" },
    {
      async run(ctx): Promise<void> {
        ctx.set("x", 1);
        await ctx.promise("go").resolve("went");
      },
      async late(ctx): Promise<unknown> {
        await ctx.sleep("3h");
        return [await ctx.get("x"), (await ctx.promise("go").peek()) ?? null];
      },
    },
  );
  const engine = await open({ services: [brief] });
  const { id } = await engine.send(brief, "k").run();
  const late = later(engine.call(brief, "k").late());
  await engine.advance("2h");
  expect(await codeOf(engine.invocation(id).result())).toBe("INVOCATION_NOT_FOUND");
  await engine.advance("61m");
  expect(await late).toEqual([1, "went"]);
  // What leaves is looked for where it is folded.
  await engine.reopen();
  await engine.advance("2m");
  const after = later(engine.call(brief, "k").late());
  await engine.advance("3h");
  expect(await after).toEqual([null, null]);
});

const keyed = object("Keyed", {
  async go(): Promise<void> {},
});

test("requests that name what is not there are refused with a code", async () => {
  const engine = await TestEngine.open({ services: [counter, keyed, run] });
  const nobody = ref<typeof counter>("service", "Counter" as never);
  const gone = { kind: "service", name: "Gone" } as unknown as typeof counter;
  expect(nobody.name).toBe("Counter");
  expect(await codeOf(engine.call(gone).count())).toBe("SERVICE_NOT_FOUND");
  const untyped = { kind: "service", name: "Counter" } as unknown as typeof counter;
  const calls = engine.call(untyped) as unknown as Record<string, () => Promise<unknown>>;
  expect(await codeOf((calls["nothing"] as () => Promise<unknown>)())).toBe("HANDLER_NOT_FOUND");
  const typed = engine.call(counter) as unknown as Record<string, unknown>;
  expect(() => typed["nothing"]).toThrow(expect.objectContaining({ code: "HANDLER_NOT_FOUND" }));
  for (const key of [
    "",
    "x".repeat(1025),
    undefined as unknown as string,
    7 as unknown as string,
  ]) {
    expect(() => engine.call(keyed, key)).toThrow(expect.objectContaining({ code: "KEY_INVALID" }));
  }
  const asService = { kind: "service", name: "Keyed" } as unknown as typeof counter;
  expect(await codeOf((engine.call(asService) as never as { go(): Promise<void> }).go())).toBe(
    "KEY_INVALID",
  );
  const asObject = { kind: "object", name: "Counter" } as unknown as typeof keyed;
  const count = engine.call(asObject, "k") as never as { count(): Promise<void> };
  expect(await codeOf(count.count())).toBe("KEY_INVALID");
  for (const idempotencyKey of ["", "x".repeat(513)]) {
    expect(() => engine.call(counter, { idempotencyKey })).toThrow(
      expect.objectContaining({ code: "IDEMPOTENCY_KEY_INVALID" }),
    );
  }
  expect(await codeOf(engine.call(run, "k", once).run())).toBe("IDEMPOTENCY_KEY_NOT_ALLOWED");
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, ""]));
  for (const headers of [many, { large: "x".repeat(20_000) }]) {
    expect(() => engine.call(counter, { headers })).toThrow(
      expect.objectContaining({ code: "HEADERS_INVALID" }),
    );
  }
  expect(() => service("_bad", {})).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
  await expect(TestEngine.open({ services: [counter, counter] })).rejects.toMatchObject({
    code: "SERVICE_DUPLICATE",
  });
  await engine.close();
});

test("requests that name no invocation are refused with a code", async () => {
  const engine = await TestEngine.open({ services: [counter] });
  const { id } = await engine.send(counter).slow();
  const other = `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`;
  for (const asked of [
    (text: string) => engine.invocation(text).result(),
    (text: string) => engine.invocation(text).cancel(),
    (text: string) => engine.kill(text),
    (text: string) => engine.pause(text),
    (text: string) => engine.resume(text),
    (text: string) => engine.purge(text),
    (text: string) => engine.restart(text),
    (text: string) => engine.signal(text, "s"),
  ]) {
    expect(await codeOf(asked("inv_1nonsense"))).toBe("INVOCATION_ID_INVALID");
    expect(await codeOf(asked(other))).toBe("INVOCATION_NOT_FOUND");
  }
  expect(await codeOf(engine.purge(id))).toBe("INVOCATION_NOT_COMPLETED");
  expect(await codeOf(engine.restart(id))).toBe("INVOCATION_NOT_COMPLETED");
  await engine.close();
});
