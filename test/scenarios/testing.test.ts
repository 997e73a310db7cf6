// The test engine itself: what it promises to tests.
import { expect, test } from "vitest";
import { object, service } from "../../src/index.ts";
import { eachConfiguration, TestEngine } from "../../src/testing/index.ts";

const counter = object("Counter", {
  async add(ctx, by: number): Promise<number> {
    const sum = ((await ctx.get<number>("sum")) ?? 0) + by;
    ctx.set("sum", sum);
    return sum;
  },
});

const sleeper = service("Sleeper", {
  async nap(ctx): Promise<number> {
    await ctx.sleep("15m");
    return ctx.date.now();
  },
});

eachConfiguration(
  (name, body) => test(`what was acknowledged is there after a crash, ${name}`, body),
  async (configuration) => {
    const engine = await TestEngine.open({ services: [counter, sleeper], ...configuration });
    expect(await engine.call(counter, "a").add(2)).toBe(2);
    await engine.crash();
    expect(await engine.call(counter, "a").add(3)).toBe(5);
    await engine.reopen();
    expect(await engine.call(counter, "a").add(3)).toBe(8);
    await engine.close();
  },
);

eachConfiguration(
  (name, body) => test(`a sleep ends when the clock was advanced, not before, ${name}`, body),
  async (configuration) => {
    const engine = await TestEngine.open({ services: [counter, sleeper], ...configuration });
    const began = engine.clock.now();
    let woke: number | undefined;
    void engine
      .call(sleeper)
      .nap()
      .then((at) => {
        woke = at;
      });
    await engine.advance("14m");
    expect(woke).toBe(undefined);
    await engine.crash();
    await engine.advance("1m");
    expect(woke).toBe(undefined);
    const { id } = await engine.send(sleeper).nap();
    await engine.advance("15m");
    expect(await engine.invocation(id).result()).toBe(began + 30 * 60_000);
    await engine.close();
  },
);

test("a call under way when the process dies fails with ENGINE_FAILED", async () => {
  const engine = await TestEngine.open({ services: [sleeper] });
  const called = engine.call(sleeper).nap();
  called.catch(() => {});
  await engine.runUntilIdle();
  await engine.crash();
  await expect(called).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  await engine.close();
});
