// Why an invocation does not go on: each way of waiting, in words, down to its cause.
import { expect } from "vitest";
import { object, service, type Why, whyLines, workflow } from "../../src/index.ts";
import { scenario } from "../support/scenario.ts";

let broken = true;

const steps = service("Steps", {
  async flaky(ctx): Promise<void> {
    await ctx.run("charge", () => {
      throw new Error("card reader is off");
    });
  },
  async failing(): Promise<void> {
    if (broken) throw new Error("no network");
  },
  async sleepy(ctx): Promise<void> {
    await ctx.sleep("90m");
  },
  async asks(ctx): Promise<unknown> {
    return ctx.call(cart, "k").hold();
  },
  async hears(ctx): Promise<unknown> {
    return ctx.signal("approve");
  },
});
const cart = object("Cart", {
  async hold(ctx): Promise<unknown> {
    return ctx.awakeable().promise;
  },
  async after(): Promise<void> {},
});
const flow = workflow("Flow", {
  async run(ctx): Promise<unknown> {
    return ctx.promise("ready");
  },
});
const services = [steps, cart, flow];

/** The sentences from the top down to the last reason. */
function sentences(why: Why): string[] {
  const [reason] = why.reasons;
  return [
    why.says,
    ...(reason === undefined ? [] : [reason.says]),
    ...(reason?.of === undefined ? [] : sentences(reason.of)),
  ];
}

scenario("behind another on its key, which waits for an awakeable", async (open) => {
  const engine = await open({ services });
  const asks = await engine.send(steps).asks();
  await engine.runUntilIdle();
  const first = await engine.send(cart, "k").after();
  const second = await engine.send(cart, "k").after();
  await engine.runUntilIdle();
  const why = await engine.inspect.why(second.id);
  expect(why).toMatchObject({ status: "inboxed", target: "Cart/k/after", id: second.id });
  expect(why.says).toBe(
    "waits its turn at Cart/k behind 1 other: one exclusive handler runs at a time per key.",
  );
  expect(why.moves[0]?.command).toBe(`holdfast cancel ${second.id}`);
  const [held] = why.reasons;
  expect(held?.says).toBe("Cart/k is held by Cart/k/hold");
  const [awakeable] = held?.of?.reasons ?? [];
  expect(awakeable?.says).toMatch(/^waits for the awakeable awk_1\S+: whoever was given it/);
  const lines = whyLines(await engine.inspect.why(asks.id));
  expect(lines[0]).toBe(`Steps/asks  ${asks.id}`);
  expect(lines.some((line) => line.includes("└ waits for its call to Cart/k/hold"))).toBe(true);
  expect((await engine.inspect.why(first.id)).says).toContain("waits its turn at Cart/k:");
});

scenario("a sleep, a signal, a promise, a delayed send", async (open) => {
  const engine = await open({ services });
  const why = async (id: string): Promise<string[]> => {
    await engine.runUntilIdle();
    return sentences(await engine.inspect.why(id));
  };
  const sleepy = await engine.send(steps).sleepy();
  expect((await why(sleepy.id)).at(-1)).toBe(
    "sleeps; it wakes at 2026-01-01T01:30:00.000Z (in 1h30m)",
  );
  const hears = await engine.send(steps).hears();
  expect((await why(hears.id)).at(-1)).toBe('waits for the signal "approve": nobody has sent it');
  const run = await engine.send(flow, "w").run();
  expect((await why(run.id)).at(-1)).toBe(
    'waits for the durable promise "ready" of Flow/w: nobody has completed it',
  );
  const delayed = await engine.send(steps, { delay: "5m" }).sleepy();
  expect(await why(delayed.id)).toEqual([
    "a delayed send; it starts at 2026-01-01T00:05:00.000Z (in 5m).",
  ]);
});

scenario(
  "a step that fails, and an attempt that fails, with the error and until when",
  async (open) => {
    broken = true;
    const engine = await open({ services });
    const flaky = await engine.send(steps).flaky();
    const failing = await engine.send(steps).failing();
    await engine.runUntilIdle();
    const [, step] = sentences(await engine.inspect.why(flaky.id));
    expect(step).toMatch(
      /^step "charge" failed 1 time, the last with HANDLER_FAILED: card reader is off; tried again at \S+ \(in \S+\)$/,
    );
    const why = await engine.inspect.why(failing.id);
    expect(why.status).toBe("backing-off");
    expect(why.says).toMatch(
      /^its last attempt failed, the last with HANDLER_FAILED: no network\. The next is due at /,
    );
    expect(why.moves[0]).toEqual({
      command: `holdfast resume ${failing.id}`,
      does: "try again now",
    });
    broken = false;
    await engine.resume(failing.id);
    await engine.runUntilIdle();
    expect((await engine.inspect.why(failing.id)).says).toMatch(/^ended at \S+ with its result\.$/);
  },
);

scenario("paused by an operator; no handler of that name", async (open) => {
  const engine = await open({ services });
  const sleepy = await engine.send(steps).sleepy();
  await engine.runUntilIdle();
  await engine.pause(sleepy.id);
  const paused = await engine.inspect.why(sleepy.id);
  expect(paused.says).toBe("paused by an operator.");
  expect(paused.moves[0]?.command).toBe(`holdfast resume ${sleepy.id}`);
  const hears = await engine.send(steps).hears();
  await engine.runUntilIdle();
  await engine.reopen({ services: [cart] });
  await engine.runUntilIdle();
  await engine.signal(hears.id, "approve");
  await engine.runUntilIdle();
  expect((await engine.inspect.why(hears.id)).says).toBe(
    "no handler Steps/hears is hosted here (services: Cart). It goes on by itself when code that " +
      "has it is deployed.",
  );
});

const pair = object("Pair", {
  async ask(ctx, other: string): Promise<void> {
    await ctx.sleep("1s");
    await ctx.call(pair, other).answer();
  },
  async answer(): Promise<void> {},
});

scenario("two chains that cross are a cycle, until the engine breaks it", async (open) => {
  const engine = await open({ services: [pair] });
  const a = await engine.send(pair, "a").ask("b");
  await engine.send(pair, "b").ask("a");
  await engine.advance("2s");
  const said = sentences(await engine.inspect.why(a.id));
  expect(said.at(-1)).toContain("this is where the waiting began: a cycle of 4.");
  await engine.advance("1m");
  expect((await engine.inspect.why(a.id)).status).toBe("completed");
});
