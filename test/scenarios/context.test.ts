// Every method of the context, once for what it answers, in every configuration and over a crash.
import { expect } from "vitest";
import { object, service, shared, TerminalError, workflow } from "../../src/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

const echo = service("Echo", {
  async say(_ctx, text: string): Promise<string> {
    return text;
  },
  async fail(_ctx, data: { why: string }): Promise<void> {
    throw new TerminalError("no", { code: "NO_WAY", status: 418, data });
  },
});

const everything = object("Everything", {
  async state(ctx): Promise<unknown> {
    const before = await ctx.get("a");
    ctx.set("a", { deep: [1, "x", null] });
    ctx.set("b", 2);
    const names = await ctx.stateKeys();
    const value = await ctx.get("a");
    ctx.clear("a");
    const cleared = await ctx.get("a");
    ctx.clearAll();
    return { before, names, value, cleared, after: await ctx.stateKeys() };
  },
  async set(ctx, value: unknown): Promise<void> {
    ctx.set("kept", value);
  },
  kept: shared(async (ctx) => ctx.get("kept")),
  async request(ctx): Promise<unknown> {
    const { id, headers, idempotencyKey, attempt } = ctx.request();
    return { same: id === ctx.id, headers, idempotencyKey, attempt: attempt > 0, key: ctx.key };
  },
  async calls(ctx): Promise<unknown> {
    const calling = ctx.call(echo).say("a");
    const sent = ctx.send(echo).say("b");
    const delayed = ctx.send(echo, { delay: "1m" }).say("c");
    const spelled = ctx.sendDelayed(echo, "2m").say("d");
    const ids = [calling.id, sent.id, delayed.id, spelled.id];
    const a = await calling;
    return [
      new Set(ids).size,
      a,
      await sent.result(),
      await delayed.result(),
      await spelled.result(),
      await ctx.attach(ids[2] as string),
    ];
  },
  async time(ctx): Promise<unknown> {
    const began = ctx.date.now();
    await ctx.sleep("5s");
    const slept = ctx.date.now() - began;
    const late = await ctx.timeout(ctx.signal("never"), "1s").catch((e: TerminalError) => e.code);
    const early = await ctx.timeout(ctx.call(echo).say("in time"), "1s");
    return { slept, late, early };
  },
  async run(ctx): Promise<unknown> {
    const one = await ctx.run("one", () => 1);
    const two = await ctx.run("two", async (step) => ({ two: 2, at: step.attempt }));
    const none = await ctx.run("none", () => undefined);
    const bytes = await ctx.run("bytes", () => new Uint8Array([1, 2, 3]));
    return { one, two, none: none === undefined, bytes: [...bytes] };
  },
  async failing(ctx): Promise<unknown> {
    const failed = await ctx
      .call(echo)
      .fail({ why: "because" })
      .catch((e: TerminalError) => e);
    const { code, status, data, message, target, invocation } = failed as TerminalError;
    const ours = failed instanceof TerminalError;
    return { code, status, data, message, target, ours, named: typeof invocation };
  },
});

scenario("state: get, set, clear, clearAll, stateKeys", async (open) => {
  const engine = await open({ services: [everything, echo] });
  expect(await engine.call(everything, "k").state()).toEqual({
    before: null,
    names: ["a", "b"],
    value: { deep: [1, "x", null] },
    cleared: null,
    after: [],
  });
  await engine.call(everything, "k").set({ n: 1 });
  await engine.crash();
  expect(await engine.call(everything, "k").kept()).toEqual({ n: 1 });
  expect(await engine.call(everything, "other").kept()).toBe(null);
});

scenario("request: id, headers in lower case, idempotency key", async (open) => {
  const engine = await open({ services: [everything, echo] });
  const options = { headers: { "X-Trace": "t1" }, idempotencyKey: "once" };
  expect(await engine.call(everything, "k", options).request()).toEqual({
    same: true,
    headers: { "x-trace": "t1" },
    idempotencyKey: "once",
    attempt: true,
    key: "k",
  });
});

scenario("call, send, a delay, sendDelayed, attach", async (open) => {
  const engine = await open({ services: [everything, echo] });
  const calling = engine.call(everything, "k").calls();
  await engine.advance("2m");
  expect(await calling).toEqual([4, "a", "b", "c", "d", "c"]);
});

scenario("sleep, date, timeout", async (open) => {
  const engine = await open({ services: [everything, echo] });
  const timed = engine.call(everything, "k").time();
  await engine.advance("10s");
  expect(await timed).toEqual({ slept: 5000, late: "TIMEOUT", early: "in time" });
});

scenario("run: values, void, bytes", async (open) => {
  const engine = await open({ services: [everything, echo] });
  expect(await engine.call(everything, "k").run()).toEqual({
    one: 1,
    two: { two: 2, at: 1 },
    none: true,
    bytes: [1, 2, 3],
  });
});

scenario("a terminal error crosses calls with code, status, data, target and id", async (open) => {
  const engine = await open({ services: [everything, echo] });
  const caught = {
    code: "NO_WAY",
    status: 418,
    data: { why: "because" },
    message: "no",
    target: "Echo/fail",
  };
  expect(await engine.call(everything, "k").failing()).toEqual({
    ...caught,
    ours: true,
    named: "string",
  });
  const error = await later(engine.call(echo).fail({ why: "because" })).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TerminalError);
  expect(error).toMatchObject(caught);
  expect((error as TerminalError).invocation).toMatch(/^inv_1/);
});

const waiting = object("Waiting", {
  async awake(ctx): Promise<unknown> {
    const { id, promise } = ctx.awakeable<string>();
    ctx.set("id", id);
    return promise;
  },
  id: shared(async (ctx) => ctx.get<string>("id")),
  resolve: shared(async (ctx, id: string) => ctx.resolveAwakeable(id, { from: ctx.key })),
  reject: shared(async (ctx, id: string) => ctx.rejectAwakeable(id, "not now")),
  async signals(ctx): Promise<unknown> {
    const first = await ctx.signal("s");
    await ctx.sleep("1s");
    return [first, await ctx.signal("s"), await ctx.signal("s")];
  },
  tell: shared(async (ctx, to: { id: string; value: unknown }) => {
    ctx.sendSignal(to.id, "s", to.value);
  }),
  stop: shared(async (ctx, id: string) => ctx.cancel(id)),
});

scenario("awakeables: resolved and rejected, from outside and by handlers", async (open) => {
  const engine = await open({ services: [waiting] });
  const begin = async (key: string): Promise<[Promise<unknown>, string]> => {
    const result = later(engine.call(waiting, key).awake());
    await engine.runUntilIdle();
    return [result, (await engine.call(waiting, key).id()) as string];
  };
  const [a, idA] = await begin("a");
  await engine.awakeable(idA).resolve({ yes: true });
  await engine.awakeable(idA).resolve("too late, and no error");
  expect(await a).toEqual({ yes: true });
  const [b, idB] = await begin("b");
  await engine.awakeable(idB).reject("no");
  await expect(b).rejects.toMatchObject({ code: "TERMINAL", message: "no" });
  const [c, idC] = await begin("c");
  await engine.call(waiting, "helper").resolve(idC);
  expect(await c).toEqual({ from: "helper" });
  const [d, idD] = await begin("d");
  await engine.call(waiting, "helper").reject(idD);
  await expect(d).rejects.toMatchObject({ code: "TERMINAL", message: "not now" });
});

scenario("awakeables: foreign, damaged and forgotten ids are refused with a code", async (open) => {
  const engine = await open({ services: [waiting] });
  const result = later(engine.call(waiting, "a").awake());
  await engine.runUntilIdle();
  const id = (await engine.call(waiting, "a").id()) as string;
  expect(await codeOf(engine.awakeable("awk_1nonsense").resolve())).toBe("AWAKEABLE_ID_INVALID");
  const other = `${id.slice(0, -4)}AAAA`;
  expect(await codeOf(engine.awakeable(other).resolve())).toBe("AWAKEABLE_NOT_FOUND");
  await engine.awakeable(id).resolve(1);
  expect(await result).toBe(1);
});

scenario("signals: kept in order until somebody asks", async (open) => {
  const engine = await open({ services: [waiting] });
  const { id, result } = await engine.send(waiting, "a").signals();
  await engine.signal(id, "s", 1);
  await engine.signal(id, "s", 2);
  await engine.crash();
  await engine.call(waiting, "helper").tell({ id, value: 3 });
  const got = engine.invocation(id).result();
  await engine.advance("1s");
  expect(await got).toEqual([1, 2, 3]);
  expect(result).toBeTypeOf("function");
  expect(await codeOf(engine.signal(id, "s", 4))).toBe("INVOCATION_NOT_FOUND");
});

scenario("cancel by another handler ends a waiting one", async (open) => {
  const engine = await open({ services: [waiting] });
  const { id } = await engine.send(waiting, "a").signals();
  await engine.runUntilIdle();
  await engine.call(waiting, "helper").stop(id);
  expect(await codeOf(engine.invocation(id).result())).toBe("CANCELLED");
});

const signup = workflow("Signup", {
  async run(ctx, email: string): Promise<string> {
    ctx.set("email", email);
    return `${email} ${await ctx.promise<string>("verified")}`;
  },
  async verify(ctx, code: string): Promise<void> {
    await ctx.promise<string>("verified").resolve(code);
  },
  async refuse(ctx): Promise<void> {
    await ctx.promise<string>("verified").reject("unwanted");
  },
  async peek(ctx): Promise<unknown> {
    return (await ctx.promise("verified").peek()) ?? "open";
  },
  async wait(ctx): Promise<unknown> {
    return ctx.promise("verified");
  },
  async email(ctx): Promise<unknown> {
    return ctx.get("email");
  },
});

scenario("workflows: once per key, promises, shared handlers beside run", async (open) => {
  const engine = await open({ services: [signup] });
  const ran = later(engine.call(signup, "u1").run("a@b"));
  await engine.runUntilIdle();
  expect(await engine.call(signup, "u1").peek()).toBe("open");
  expect(await engine.call(signup, "u1").email()).toBe("a@b");
  const waited = engine.call(signup, "u1").wait();
  await engine.runUntilIdle();
  expect(await codeOf(engine.call(signup, "u1").run("x"))).toBe("WORKFLOW_ALREADY_STARTED");
  await engine.call(signup, "u1").verify("1234");
  expect(await ran).toBe("a@b 1234");
  expect(await waited).toBe("1234");
  expect(await engine.call(signup, "u1").peek()).toBe("1234");
  expect(await codeOf(engine.call(signup, "u1").verify("5"))).toBe("PROMISE_ALREADY_COMPLETED");
  expect(await codeOf(engine.call(signup, "u1").refuse())).toBe("PROMISE_ALREADY_COMPLETED");
  await engine.crash();
  expect(await engine.workflow(signup, "u1").result()).toBe("a@b 1234");
  expect(await codeOf(engine.call(signup, "u1").run("x"))).toBe("WORKFLOW_ALREADY_STARTED");
});

scenario("workflows: a promise completed before run, and one rejected", async (open) => {
  const engine = await open({ services: [signup] });
  await engine.call(signup, "u1").verify("early");
  await engine.crash();
  expect(await engine.call(signup, "u1").run("a")).toBe("a early");
  const ran = later(engine.call(signup, "u2").run("b"));
  await engine.runUntilIdle();
  await engine.call(signup, "u2").refuse();
  await expect(ran).rejects.toMatchObject({ message: "unwanted" });
  expect(await codeOf(engine.call(signup, "u2").peek())).toBe("TERMINAL");
});
