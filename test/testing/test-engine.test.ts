// What a test engine offers beside the engine: mocks of services and of steps, what steps did, and a
// clock that no fake timer stops.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import {
  contract,
  Engine,
  object,
  service,
  shared,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import { mock, TestEngine } from "../../src/testing/index.ts";
import { codeOf, later } from "../support/scenario.ts";

const payments = service("Payments", {
  async charge(ctx, amount: number): Promise<string> {
    return ctx.run("charge", () => `paid ${amount}`);
  },
  async refund(ctx, receipt: string): Promise<void> {
    await ctx.run("refund", () => receipt);
  },
});
const stock = contract<{ take(count: number): Promise<number>; left(): Promise<number> }>(
  "object",
  "Stock",
);
const orders = service("Orders", {
  async place(ctx, amount: number): Promise<string> {
    const left = await ctx.call(stock, "books").take(1);
    const receipt = await ctx.call(payments).charge(amount);
    await ctx.sleep("15m");
    await ctx.run("mail", () => "mailed", { retry: { attempts: 2, delay: 1 } });
    return `${receipt}, ${left} left`;
  },
});

afterEach(() => {
  vi.useRealTimers();
});

test("a service can be put in place of another, with or without its code", async () => {
  const charged: number[] = [];
  const engine = await TestEngine.open({
    services: [
      orders,
      mock(payments, { charge: (_, amount) => `receipt ${charged.push(amount)}` }),
      mock(stock, { take: async (ctx, count) => (await ctx.run("take", () => 5)) - count }),
    ],
  });
  const placed = engine.call(orders).place(12);
  await engine.advance("15m");
  expect(await placed).toBe("receipt 1, 4 left");
  expect(charged).toEqual([12]);
  expect(await codeOf(engine.call(payments).refund("receipt 1"))).toBe("HANDLER_NOT_MOCKED");
  await engine.close();
});

test("mocks keep the kind of what they stand for: shared handlers, runs of workflows", async () => {
  const counter = object("Counter", {
    async add(): Promise<number> {
      return 1;
    },
    read: shared(async () => 2),
  });
  const signup = workflow("Signup", {
    async run(): Promise<string> {
      return "real";
    },
    async code(): Promise<string> {
      return "real";
    },
  });
  const engine = await TestEngine.open({
    services: [mock(counter, { read: () => 3 }), mock(signup, { run: () => "mocked" })],
  });
  expect(await engine.call(counter, "k").read()).toBe(3);
  expect(await engine.call(signup, "k").run()).toBe("mocked");
  expect(await codeOf(engine.call(signup, "k").code())).toBe("HANDLER_NOT_MOCKED");
  await engine.close();
});

test("the body of a step can be put in place, and fails as the real one would", async () => {
  const engine = await TestEngine.open({
    services: [orders, payments, mock(stock, { take: () => 0 })],
    steps: { charge: (step, { target }) => `${target} try ${step.attempt}` },
  });
  const restore = engine.mockStep("mail", () => {
    throw new Error("no network");
  });
  const first = later(engine.call(orders).place(1));
  await engine.advance("16m");
  expect(await codeOf(first)).toBe("STEP_FAILED");
  restore();
  engine.mockStep("charge", () => {
    throw new TerminalError("no money", { code: "NO_MONEY" });
  });
  expect(await codeOf(engine.call(orders).place(1))).toBe("NO_MONEY");
  await engine.close();
});

test("every effect is told, with its step and what came of it, across crashes", async () => {
  const engine = await TestEngine.open({
    services: [orders, payments, mock(stock, { take: () => 0 })],
  });
  const { id } = await engine.send(orders).place(7);
  await engine.runUntilIdle();
  await engine.crash();
  engine.mockStep("mail", ({ attempt }) => {
    if (attempt === 1) throw new Error("busy");
    return "mailed";
  });
  await engine.advance("16m");
  expect(await engine.invocation(id).result()).toBe("paid 7, 0 left");
  expect(engine.effects).toMatchObject([
    { target: "Payments/charge", step: "charge", attempt: 1, outcome: { value: "paid 7" } },
    {
      target: "Orders/place",
      id,
      step: "mail",
      attempt: 1,
      outcome: { error: { message: "busy" } },
    },
    { target: "Orders/place", id, step: "mail", attempt: 2, outcome: { value: "mailed" } },
  ]);
  expect(engine.effects[1]?.idempotencyKey).toBe(engine.effects[2]?.idempotencyKey);
  await engine.close();
});

test("fake timers of a test runner do not stop the engine", async () => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "performance", "Date"],
  });
  const engine = await TestEngine.open({
    services: [orders, payments, mock(stock, { take: () => 0 })],
  });
  const placed = engine.call(orders).place(3);
  await engine.advance("15m");
  expect(await placed).toBe("paid 3, 0 left");
  await engine.close();
});

test("nor an engine on a directory", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] });
  const data = mkdtempSync(join(tmpdir(), "holdfast-fake-timers-"));
  const engine = await Engine.open({ services: [orders, payments, mock(stock, {})], data });
  expect(await engine.call(payments).charge(3)).toBe("paid 3");
  await engine.close();
  rmSync(data, { recursive: true, force: true });
});
