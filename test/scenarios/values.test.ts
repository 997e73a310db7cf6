// Values at the border of user code: serdes and schemas, synchronous or not (R4), bounds, and what
// would not survive.
import { expect, test } from "vitest";
import { z } from "zod";
import type { Serde } from "../../src/index.ts";
import { handler, object, service, shared } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

/** JSON, but later: encoding and decoding each take some turns of microtasks, large values more. */
const slowSerde: Serde = {
  contentType: "application/json",
  async encode(value) {
    const text = value === undefined ? null : JSON.stringify(value);
    for (let i = 0; i < (text?.length ?? 0); i++) await undefined;
    return text;
  },
  async decode(payload) {
    for (let i = 0; i < 20; i++) await undefined;
    return typeof payload === "string" ? JSON.parse(payload) : undefined;
  },
};

const slow = service("Slow", {
  echo: handler({ serde: slowSerde }, async (_ctx, input: unknown): Promise<unknown> => input),
});
const caller = object("Caller", {
  mixed: handler({ serde: slowSerde }, async (ctx, input: string): Promise<unknown> => {
    const long = ctx.call(slow).echo("x".repeat(50));
    const short = ctx.call(slow).echo(input);
    const step = ctx.run("step", () => ({ step: input }));
    ctx.set("done", 1);
    const raced = await Promise.race([long, short, step.then((value) => value)]);
    ctx.send(slow).echo("last, and not awaited");
    const names = await ctx.stateKeys();
    ctx.send(slow).echo("x".repeat(99));
    const all = await Promise.all([long, short, step]);
    // Whichever was first, it is one of them, also where it was first in an earlier life.
    return { raced: all.some((one) => JSON.stringify(one) === JSON.stringify(raced)), all, names };
  }),
  ends: handler({ serde: slowSerde }, async (ctx): Promise<string> => {
    ctx.send(slow).echo("x".repeat(200));
    return "ended first";
  }),
  cancelled: handler({ serde: slowSerde }, async (ctx): Promise<unknown> => {
    await ctx.get("x");
    ctx.cancel(ctx.id);
    const call = ctx
      .call(slow)
      .echo("x".repeat(40))
      .catch(() => "rejected");
    const undo = async () => ctx.run("undo", () => "undone");
    return [await call, await undo()];
  }),
});

scenario("R4: asynchronous serdes: order, races and the end repeat after crashes", async (open) => {
  const engine = await open({ services: [slow, caller] });
  const result = await engine.call(caller, "k").mixed("in");
  expect(result).toMatchObject({ all: ["x".repeat(50), "in", { step: "in" }], names: ["done"] });
  expect(await engine.call(caller, "k").ends()).toBe("ended first");
  for (let frozen = 0; frozen < 12; frozen++) {
    engine.freezeAfter(engine.commits + frozen);
    const options = { idempotencyKey: `k${frozen}` };
    const first = later(engine.call(caller, "k", options).mixed("in"));
    await engine.runUntilIdle();
    await engine.crash();
    await codeOf(first);
    expect(await engine.call(caller, "k", options).mixed("in")).toEqual(result);
  }
  expect(await engine.call(caller, "k").cancelled()).toEqual(["rejected", "undone"]);
});

const price = z.object({ amount: z.number().int() });
const asyncPrice = price.refine(async ({ amount }) => amount >= 0);
const shop = service("Shop", {
  buy: handler({ input: price, output: z.string() }, async (_ctx, { amount }) => `${amount}`),
  later: handler(
    { input: asyncPrice, output: z.string().refine(async (s) => s !== "13") },
    async (_ctx, { amount }) => `${amount}`,
  ),
  wrong: handler({ output: z.string() }, async () => 5 as never as string),
  wrongLater: handler({ output: asyncPrice }, async () => ({ amount: -1 })),
});

scenario("schemas of input and output, synchronous and not", async (open) => {
  const engine = await open({ services: [shop] });
  expect(await engine.call(shop).buy({ amount: 3 })).toBe("3");
  expect(await engine.call(shop).later({ amount: 3 })).toBe("3");
  const bad = { amount: "3" } as never as { amount: number };
  expect(await codeOf(engine.call(shop).buy(bad))).toBe("INPUT_INVALID");
  expect(await codeOf(engine.call(shop).later(bad))).toBe("INPUT_INVALID");
  expect(await codeOf(engine.call(shop).later({ amount: -1 }))).toBe("INPUT_INVALID");
  expect(await codeOf(engine.call(shop).later({ amount: 13 }))).toBe("OUTPUT_INVALID");
  expect(await codeOf(engine.call(shop).wrong())).toBe("OUTPUT_INVALID");
  expect(await codeOf(engine.call(shop).wrongLater())).toBe("OUTPUT_INVALID");
});

const mib = 1024 * 1024;
const bounded = object("Bounded", {
  async unserializable(ctx): Promise<unknown> {
    const codes: unknown[] = [];
    for (const value of [new Date(), new Map(), 1n, Number.NaN, () => 1]) {
      try {
        ctx.set("x", value);
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    await ctx
      .run("bad", () => new Date() as unknown)
      .catch((e: { code: string }) => codes.push(e.code));
    return codes;
  },
  async output(): Promise<unknown> {
    return { at: new Date() };
  },
  async large(ctx): Promise<unknown> {
    const codes: unknown[] = [];
    const large = "x".repeat(5 * mib);
    for (const ask of [
      () => ctx.set("x", large),
      () => ctx.send(bounded, "other").take(large),
      () => ctx.resolveAwakeable("awk_1", large),
      () => ctx.sendSignal("inv_1", "s", large),
    ]) {
      try {
        ask();
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    await ctx.run("bad", () => large).catch((e: { code: string }) => codes.push(e.code));
    return codes;
  },
  async take(_ctx, _value: unknown): Promise<void> {},
  async fill(ctx): Promise<unknown> {
    const codes: unknown[] = [];
    for (let i = 0; i < 9; i++) {
      try {
        ctx.set(`v${i}`, "x".repeat(4 * mib - 10));
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    await ctx.sleep("1s");
    ctx.clearAll();
    ctx.set("v", 1);
    return codes;
  },
  async names(ctx): Promise<unknown> {
    let code: unknown;
    for (let i = 0; i <= 10_000; i++) {
      try {
        ctx.set(`v${i}`, i);
      } catch (error) {
        code = (error as { code: string }).code;
      }
    }
    ctx.clearAll();
    return code;
  },
  async durations(ctx): Promise<unknown> {
    const codes: unknown[] = [];
    for (const duration of ["1x", -1, "366d", Number.NaN, new Date(Number.NaN)] as never[]) {
      try {
        ctx.send(bounded, "k", { delay: duration }).take(1);
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    return codes;
  },
  write: shared(async (ctx): Promise<void> => {
    (ctx as never as { set(name: string, value: unknown): void }).set("x", 1);
  }),
  async badName(ctx): Promise<void> {
    await ctx.run("", () => 1);
  },
});

scenario(
  "VALUE_NOT_SERIALIZABLE, NAME_INVALID, DURATION_INVALID, STATE_READ_ONLY",
  async (open) => {
    const engine = await open({ services: [bounded] });
    const call = engine.call(bounded, "k");
    const codes = (await call.unserializable()) as unknown[];
    expect([codes.length, ...new Set(codes)]).toEqual([6, "VALUE_NOT_SERIALIZABLE"]);
    expect(await codeOf(call.output())).toBe("VALUE_NOT_SERIALIZABLE");
    expect(await codeOf(call.take(new Date()))).toBe("VALUE_NOT_SERIALIZABLE");
    const durations = (await call.durations()) as unknown[];
    expect([durations.length, ...new Set(durations)]).toEqual([5, "DURATION_INVALID"]);
    expect(await codeOf(call.write())).toBe("STATE_READ_ONLY");
    expect(await codeOf(call.badName())).toBe("NAME_INVALID");
  },
);

test("PAYLOAD_TOO_LARGE for every value", async () => {
  const engine = await TestEngine.open({ services: [bounded] });
  const codes = (await engine.call(bounded, "k").large()) as unknown[];
  expect([codes.length, ...new Set(codes)]).toEqual([5, "PAYLOAD_TOO_LARGE"]);
  const large = "x".repeat(5 * mib);
  expect(await codeOf(engine.call(bounded, "k").take(large))).toBe("PAYLOAD_TOO_LARGE");
  expect(await codeOf(engine.editState(bounded, "k", { large }))).toBe("PAYLOAD_TOO_LARGE");
  await engine.close();
});

test("STATE_TOO_LARGE, caught or not, repeats after a crash", async () => {
  const engine = await TestEngine.open({ services: [bounded] });
  const { id } = await engine.send(bounded, "k").fill();
  await engine.runUntilIdle();
  await engine.crash();
  await engine.advance("1s");
  expect(await engine.invocation(id).result()).toEqual(["STATE_TOO_LARGE"]);
  expect(await engine.call(bounded, "names").names()).toBe("STATE_TOO_LARGE");
  const values = Object.fromEntries(Array.from({ length: 3 }, (_, i) => [i, "x".repeat(3 * mib)]));
  expect(await codeOf(engine.editState(bounded, "k", values))).toBe("STATE_TOO_LARGE");
  await engine.close();
});

const quotes = '"'.repeat(mib);
const heavy = object("Heavy", {
  async result(ctx): Promise<string> {
    await ctx.sleep("1s");
    return quotes;
  },
  wait: shared(async (ctx, id: string): Promise<number> => {
    return (await ctx.attach<string>(id)).length;
  }),
  async call(ctx): Promise<number> {
    return (await ctx.call(heavy, "callee").result()).length;
  },
  async fail(): Promise<void> {
    throw Object.assign(new Error("x".repeat(20 * mib)), { terminal: true });
  },
});

test("R18: a large result for many who wait is told in records of their own", async () => {
  const engine = await TestEngine.open({ services: [heavy] });
  const { id } = await engine.send(heavy, "k").result();
  const waiting = await Promise.all(
    Array.from({ length: 12 }, (_, i) => engine.send(heavy, `w${i}`).wait(id)),
  );
  await engine.runUntilIdle();
  await engine.advance("1s");
  for (const { result } of waiting) expect(await result()).toBe(mib);
  const called = engine.call(heavy, "caller").call();
  await engine.advance("2s");
  expect(await called).toBe(mib);
  await engine.close();
});

test("R18: those still to be told are told after a crash", async () => {
  const engine = await TestEngine.open({ services: [heavy], batchOfOne: true });
  const { id } = await engine.send(heavy, "k").result();
  const waiting = await Promise.all(
    Array.from({ length: 8 }, (_, i) => engine.send(heavy, `w${i}`).wait(id)),
  );
  await engine.runUntilIdle();
  engine.freezeAfter(engine.commits + 2);
  await engine.advance("1s");
  await engine.crash();
  await engine.advance("1s");
  for (const { id: waiter } of waiting) {
    expect(await engine.invocation(waiter).result()).toBe(mib);
  }
  await engine.close();
});

scenario(
  "R9: a call still being encoded is cancelled with the rest, once it was sent",
  async (open) => {
    const far = service("Far", {
      wait: handler({ serde: slowSerde }, async (ctx, _input: string): Promise<void> => {
        await ctx.sleep("1h");
      }),
    });
    const near = object("Near", {
      async go(ctx): Promise<string> {
        await ctx.get("x");
        const sleep = ctx.sleep("1h");
        ctx.cancel(ctx.id);
        const call = ctx.call(far).wait("x".repeat(5000));
        await Promise.allSettled([sleep, call]);
        return ctx.run("id", () => call.id);
      },
    });
    const engine = await open({ services: [far, near] });
    const id = await engine.call(near, "k").go();
    await engine.crash();
    expect(await codeOf(engine.invocation(id).result())).toBe("CANCELLED");
  },
);
