// R12: a call that would wait for itself fails at once, by its chain; cycles that no chain shows are
// found by a probe. And calls nested without end.
import { expect } from "vitest";
import { object, service, type TerminalError } from "../../src/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

type Path = readonly string[];
const node = object("Node", {
  async go(ctx, path: Path): Promise<string> {
    const [next, ...rest] = path;
    return next === undefined ? "end" : ctx.call(node, next).go(rest);
  },
  async slowly(ctx, next: string): Promise<string> {
    await ctx.sleep("1s");
    return ctx
      .call(node, next)
      .go([])
      .catch((e: TerminalError) => e.code);
  },
  async attachTo(ctx, to: { id: string; key?: string }): Promise<unknown> {
    if (to.key !== undefined) return ctx.call(node, to.key).attachTo({ id: to.id });
    return ctx.attach(to.id).catch((e: TerminalError) => e.code);
  },
  async self(ctx): Promise<unknown> {
    return ctx.attach(ctx.id).catch((e: TerminalError) => e.code);
  },
  async viaSend(ctx): Promise<string> {
    ctx.send(node, ctx.key).go([]);
    return "sent";
  },
  async ancestor(ctx): Promise<unknown> {
    return ctx.call(node, "helper").attachTo({ id: ctx.id });
  },
});
const deep = service("Deep", {
  async down(ctx, depth: number): Promise<number> {
    return ctx.call(deep, {}).down(depth + 1) as Promise<number>;
  },
});

for (const [name, path] of [
  ["itself", ["a"]],
  ["A, B, A", ["b", "a"]],
  ["A, B, C, B", ["b", "c", "b"]],
] as const) {
  scenario(`R12: a call to a key its own chain holds fails at once: ${name}`, async (open) => {
    const engine = await open({ services: [node] });
    const result = later(engine.call(node, "a").go([...path]));
    await engine.runUntilIdle();
    await expect(result).rejects.toMatchObject({ code: "KEY_DEADLOCK", status: 409 });
    expect(await engine.call(node, "b").go(["c", "d"])).toBe("end");
  });
}

scenario("R12: a send to one's own key is no deadlock", async (open) => {
  const engine = await open({ services: [node] });
  expect(await engine.call(node, "a").viaSend()).toBe("sent");
  expect(await engine.call(node, "a").go([])).toBe("end");
});

scenario("R12: an attach to oneself or to an ancestor fails at once", async (open) => {
  const engine = await open({ services: [node] });
  expect(await engine.call(node, "a").self()).toBe("KEY_DEADLOCK");
  expect(await engine.call(node, "a").ancestor()).toBe("KEY_DEADLOCK");
});

scenario(
  "R12: two chains that cross are found by a probe, the youngest call fails",
  async (open) => {
    const engine = await open({ services: [node] });
    const a = later(engine.call(node, "a").slowly("b"));
    const b = later(engine.call(node, "b").slowly("a"));
    await engine.advance("4s");
    await engine.advance("10s");
    expect([await a, await b].sort()).toEqual(["KEY_DEADLOCK", "end"]);
  },
);

scenario("R12: a crossing is found after a crash as well", async (open) => {
  const engine = await open({ services: [node] });
  const a = await engine.send(node, "a").slowly("b");
  const b = await engine.send(node, "b").slowly("a");
  await engine.advance("2s");
  await engine.crash();
  await engine.advance("10s");
  const results = [await engine.invocation(a.id).result(), await engine.invocation(b.id).result()];
  expect(results.sort()).toEqual(["KEY_DEADLOCK", "end"]);
});

const crossing = object("Crossing", {
  async first(ctx, id: string): Promise<string> {
    await ctx.sleep("1s");
    return ctx.attach<string>(id).catch((e: TerminalError) => e.code);
  },
  async second(ctx): Promise<string> {
    await ctx.sleep("2s");
    const mine = ctx.call(crossing, "a").nothing();
    return mine.then(
      () => "called",
      (e: TerminalError) => e.code,
    );
  },
  async nothing(): Promise<void> {},
});

scenario("R12: a cycle closed by an attach is found by a probe", async (open) => {
  const engine = await open({ services: [crossing] });
  const second = await engine.send(crossing, "b").second();
  const first = later(engine.call(crossing, "a").first(second.id));
  await engine.advance("30s");
  expect([await first, await second.result()].sort()[0]).toBe("KEY_DEADLOCK");
});

scenario("CALL_DEPTH: calls nested without end fail", async (open) => {
  const engine = await open({ services: [deep] });
  const result = later(engine.call(deep).down(0));
  await engine.runUntilIdle();
  expect(await codeOf(result)).toBe("CALL_DEPTH");
});
