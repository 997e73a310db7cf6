// The door for protocols, on an engine in memory and a clock that the test moves.
import { expect, test } from "vitest";
import { codeOf, later } from "../../test/support/scenario.ts";
import { handler, object, service, shared, workflow } from "../sdk/definition.ts";
import { TestEngine } from "../testing/index.ts";

const greeter = service("Greeter", {
  greet: handler({ retention: "1h" }, async (ctx, name: string) => {
    await ctx.sleep("10s");
    return `Hello, ${name}`;
  }),
  async ask(ctx) {
    return ctx.signal<string>("answer");
  },
});
const counter = object("Counter", {
  async add(ctx, by: number) {
    ctx.set("n", ((await ctx.get<number>("n")) ?? 0) + by);
    return ctx.get<number>("n");
  },
  who: shared(async (ctx) => ctx.key),
});
const signup = workflow("Signup", {
  async run(ctx, email: string) {
    await ctx.sleep("1m");
    return email;
  },
});

const to = (service: string, key: string | null, handler: string) => ({ service, key, handler });
const greet = { target: to("Greeter", null, "greet"), input: '"Ada"' };

async function engine(): Promise<TestEngine> {
  return TestEngine.open({ services: [greeter, counter, signup] });
}

test("a call gives the result as it is kept, with the id and how long it is kept", async () => {
  await using e = await engine();
  const asked = e.door.call({ ...greet, idempotencyKey: "k" });
  await e.advance("10s");
  const first = await asked;
  expect(first).toMatchObject({ result: { value: '"Hello, Ada"' }, attached: false });
  const second = await e.door.call({ ...greet, idempotencyKey: "k" });
  expect(second).toMatchObject({ id: first.id, result: first.result, attached: true });
  expect(second.keptUntil).toBe(e.clock.now() + 3_600_000);
});

test("a delayed send says when it is due, and the same once more when it is repeated", async () => {
  await using e = await engine();
  const due = e.clock.now() + 5000;
  const call = { ...greet, idempotencyKey: "k" };
  const sent = await e.door.send(call, 5000);
  expect(sent).toMatchObject({ result: null, attached: false, due });
  expect(await e.door.send(call)).toEqual({ ...sent, attached: true });
  expect(await e.door.idOf(greet.target, "k")).toBe(sent.id);
});

test("output does not wait, attach does", async () => {
  await using e = await engine();
  const { id } = await e.door.send(greet);
  expect(await codeOf(e.door.output(id))).toBe("INVOCATION_NOT_COMPLETED");
  const attached = e.door.attach(id);
  await e.advance("10s");
  const { result } = await attached;
  expect(result).toEqual({ value: '"Hello, Ada"' });
  expect((await e.door.output(id)).result).toEqual(result);
});

test("a second run of a workflow is refused with the id of the first", async () => {
  await using e = await engine();
  const run = { target: to("Signup", "u1", "run"), input: '"a@b"' };
  const { id } = await e.door.send(run);
  await expect(e.door.call(run)).rejects.toMatchObject({
    code: "WORKFLOW_ALREADY_STARTED",
    data: { id },
  });
  expect(await e.door.idOf(run.target)).toBe(id);
});

test("who gives up waiting is gone, and the invocation goes on", async () => {
  await using e = await engine();
  const { id } = await e.door.send(greet);
  const giveUp = new AbortController();
  const attached = later(e.door.attach(id, { signal: giveUp.signal }));
  const called = later(e.door.call(greet, { signal: giveUp.signal }));
  const stays = e.door.attach(id);
  await e.runUntilIdle();
  giveUp.abort(new Error("enough"));
  await expect(attached).rejects.toThrow("enough");
  await expect(called).rejects.toThrow("enough");
  await expect(e.door.attach(id, { signal: giveUp.signal })).rejects.toThrow("enough");
  await e.advance("10s");
  expect((await stays).result).toEqual({ value: '"Hello, Ada"' });
});

test("signals and cancellation reach an invocation by its id", async () => {
  await using e = await engine();
  const ask = { target: to("Greeter", null, "ask"), input: null };
  const told = await e.door.send(ask);
  await e.door.signal(told.id, "answer", { value: "42" });
  expect((await e.door.attach(told.id)).result).toEqual({ value: "42" });
  const cancelled = await e.door.send(ask);
  await e.runUntilIdle();
  await e.door.operate("cancel", cancelled.id);
  const { result } = await e.door.attach(cancelled.id);
  expect(result).toMatchObject({ failure: { code: "CANCELLED", status: 409 } });
});

test("what is hosted can be looked up, and what is not is refused", async () => {
  await using e = await engine();
  expect(e.door.services()).toEqual(["Greeter", "Counter", "Signup"]);
  expect(e.door.definition("Counter")?.handlers.get("who")?.mode).toBe("shared");
  expect(e.door.definition("Nobody")).toBeUndefined();
  const nobody = { target: to("Nobody", null, "x"), input: null };
  expect(await codeOf(e.door.call(nobody))).toBe("SERVICE_NOT_FOUND");
  expect(await codeOf(e.door.attach("inv_bad"))).toBe("INVOCATION_ID_INVALID");
});
