// The admin side's routes: statuses and words are Restate's where it has them.
import { afterEach, beforeEach, expect, test } from "vitest";
import { object, service, workflow } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { type Ask, adminOf, askerOf } from "../support/admin.ts";

const greeter = service("Greeter", {
  hello: async (_ctx, name: string) => `Hello, ${name}!`,
  async sleepy(ctx): Promise<string> {
    await ctx.sleep("1h");
    return "awake";
  },
  async failing(): Promise<void> {
    throw new Error("no network");
  },
});
const cart = object("Cart", {
  async put(ctx, value: unknown): Promise<void> {
    ctx.set("items", value);
  },
  async hold(ctx): Promise<void> {
    await ctx.awakeable().promise;
  },
});
const signup = workflow("Signup", {
  run: async (): Promise<string> => "done",
});

let engine: TestEngine;
let ask: Ask;
beforeEach(async () => {
  engine = await TestEngine.open({ services: [greeter, cart, signup] });
  ask = askerOf(adminOf(engine));
});
afterEach(() => engine.close());

test("cancel: 202 when it has begun, 200 before that, 409 when it is over, 404 when unknown", async () => {
  const begun = await engine.send(greeter).sleepy();
  const delayed = await engine.send(greeter, { delay: "1h" }).sleepy();
  await engine.runUntilIdle();
  expect((await ask("PATCH", `/invocations/${begun.id}/cancel`)).status).toBe(202);
  await engine.runUntilIdle();
  expect((await ask("PATCH", `/invocations/${delayed.id}/cancel`)).status).toBe(200);
  const over = await ask("PATCH", `/invocations/${begun.id}/cancel`);
  expect(over.status).toBe(409);
  expect(over.json()).toEqual({
    message: `The invocation '${begun.id}' was already completed.`,
    restate_code: null,
    code: "INVOCATION_COMPLETED",
  });
  await engine.purge(begun.id);
  const unknown = await ask("PATCH", `/invocations/${begun.id}/cancel`);
  expect([unknown.status, unknown.json()["message"]]).toEqual([
    404,
    `The requested invocation '${begun.id}' does not exist`,
  ]);
  const bad = await ask("PATCH", "/invocations/nonsense/cancel");
  expect([bad.status, bad.json()["message"]]).toEqual([
    400,
    "The request field 'invocation_id' is invalid. Reason: bad format",
  ]);
});

test("pause and resume: 202, then 200; what has not begun or is over is refused", async () => {
  const { id } = await engine.send(greeter).sleepy();
  const delayed = await engine.send(greeter, { delay: "1h" }).sleepy();
  await engine.runUntilIdle();
  const status = async (what: string, of = id): Promise<number> =>
    (await ask("PATCH", `/invocations/${of}/${what}`)).status;
  expect(await status("pause")).toBe(202);
  expect(await status("pause")).toBe(200);
  expect(await status("resume")).toBe(200);
  expect(await status("pause", delayed.id)).toBe(409);
  expect(await status("resume", delayed.id)).toBe(425);
  expect(await status("purge")).toBe(409);
  expect(await status("kill")).toBe(200);
  expect(await status("resume")).toBe(409);
  expect(await status("purge")).toBe(200);
});

test("restart-as-new answers the new id; a running one and a workflow are refused", async () => {
  const { id } = await engine.send(greeter).hello("Ada");
  const run = await engine.send(signup, "ada").run();
  const sleepy = await engine.send(greeter).sleepy();
  await engine.runUntilIdle();
  const restarted = await ask("PATCH", `/invocations/${id}/restart-as-new`);
  const { new_invocation_id: started } = restarted.json<{ new_invocation_id: string }>();
  expect(started).toMatch(/^inv_1/);
  expect(await engine.invocation(started).result()).toBe("Hello, Ada!");
  expect((await ask("PATCH", `/invocations/${run.id}/restart-as-new`)).status).toBe(422);
  expect((await ask("PATCH", `/invocations/${sleepy.id}/restart-as-new`)).status).toBe(409);
});

test("an operation answers with positions at which a list shows it", async () => {
  const { id } = await engine.send(greeter).sleepy();
  await engine.runUntilIdle();
  const killed = await ask("PATCH", `/invocations/${id}/kill`);
  const at = Number(killed.headers["x-holdfast-positions"]?.split(":")[1]);
  const list = await ask("GET", "/invocations?status=completed");
  const { invocations, positions } = list.json<{ invocations: object[]; positions: string }>();
  expect(invocations).toMatchObject([{ id, outcome: "failure", failure: { code: "KILLED" } }]);
  expect(Number(positions.split(":")[1])).toBeGreaterThanOrEqual(at);
});

test("a list is filtered by its query; what does not read is refused by name", async () => {
  for (const key of ["a", "b", "a b"]) await engine.call(cart, key).put(key);
  await engine.send(greeter).failing();
  await engine.runUntilIdle();
  const keys = async (query: string): Promise<unknown[]> => {
    const { invocations } = (await ask("GET", `/invocations${query}`)).json<{
      invocations: { key?: string; handler: string }[];
    }>();
    return invocations.map(({ key, handler }) => key ?? handler);
  };
  expect(await keys("?service=Cart&key=a%20b")).toEqual(["a b"]);
  expect(await keys("?status=unfinished")).toEqual(["failing"]);
  expect(await keys("?createdBefore=2020-01-01")).toEqual([]);
  expect(await keys("?limit=2")).toEqual(["failing", "a b"]);
  const count = await ask("GET", "/invocations/count?service=Cart");
  expect(count.json()).toMatchObject({ count: 3, whole: true });
  for (const query of ["?status=asleep", "?limit=x", "?createdFrom=yesterday", "?limit=9999"]) {
    expect((await ask("GET", `/invocations${query}`)).status).toBe(400);
  }
});

test("one invocation, its journal, and why", async () => {
  const { id } = await engine.send(greeter).failing();
  await engine.runUntilIdle();
  expect((await ask("GET", `/v3/invocations/${id}`)).json()).toMatchObject({
    id,
    status: "backing-off",
    failure: { code: "HANDLER_FAILED", message: "no network" },
  });
  const { lines, why } = (await ask("GET", `/invocations/${id}/why`)).json<{
    lines: string[];
    why: { moves: { command: string }[] };
  }>();
  expect(lines[1]).toContain("backing-off: its last attempt failed");
  expect(why.moves[0]?.command).toBe(`holdfast resume ${id}`);
  expect((await ask("GET", `/invocations/${id}/journal`)).json()).toEqual({ entries: [] });
});

test("state is read, edited with its version, replaced as Restate does, and cleared", async () => {
  await engine.call(cart, "k/1").put([1]);
  const path = "/services/Cart/keys/k%2F1";
  const read = async (): Promise<{ version: number; state: object }> =>
    (await ask("GET", path)).json<{ version: number; state: object }>();
  const { version, state } = await read();
  expect(state).toEqual({ items: { type: "json", bytes: 3, value: [1] } });
  const body = { set: { a: { b: 1 }, __proto__x: 1 }, remove: ["items"], version };
  expect((await ask("PATCH", path, { body })).status).toBe(202);
  await engine.runUntilIdle();
  expect(Object.keys((await read()).state).sort()).toEqual(["__proto__x", "a"]);
  const stale = await ask("PATCH", path, { body: { set: { a: 2 }, version } });
  expect([stale.status, stale.json()["code"]]).toEqual([409, "STATE_CONFLICT"]);
  const bytes = [...Buffer.from('{"c":3}')];
  const whole = { object_key: "k/1", new_state: { only: bytes } };
  expect((await ask("POST", "/services/Cart/state", { body: whole })).status).toBe(202);
  expect((await read()).state).toMatchObject({ only: { value: { c: 3 } } });
  expect((await ask("DELETE", path)).status).toBe(202);
  expect((await read()).state).toEqual({});
  expect((await ask("PATCH", path, { body: { put: {} } })).status).toBe(400);
  expect((await ask("PATCH", "/services/Greeter/keys/k", { body: {} })).status).toBe(400);
});

test("services, promises, timers and awakeables are listed as Restate names them", async () => {
  await engine.send(cart, "k").hold();
  await engine.send(greeter).sleepy();
  await engine.runUntilIdle();
  const { services } = (await ask("GET", "/services")).json<{ services: object[] }>();
  expect(services).toMatchObject([
    { name: "Greeter", ty: "Service" },
    { name: "Cart", ty: "VirtualObject", handlers: [{ name: "put", ty: "Exclusive" }, {}] },
    { name: "Signup", ty: "Workflow", handlers: [{ name: "run", ty: "Workflow" }] },
  ]);
  const none = await ask("GET", "/services/Nobody");
  expect([none.status, none.json()["message"]]).toEqual([
    404,
    "The requested service 'Nobody' does not exist",
  ]);
  expect((await ask("GET", "/services/Cart/handlers/nothing")).status).toBe(404);
  expect((await ask("GET", "/timers")).json()).toMatchObject({ timers: [{ command: 0 }] });
  expect((await ask("GET", "/promises")).json()).toMatchObject({ promises: [] });
  const { awakeables } = (await ask("GET", "/awakeables")).json<{ awakeables: object[] }>();
  expect(awakeables).toMatchObject([{ target: "Cart/k/hold" }]);
});

test("many are moved by ids or by a filter, never all by saying nothing", async () => {
  for (let i = 0; i < 5; i++) await engine.send(greeter).sleepy();
  const one = await engine.send(cart, "k").hold();
  await engine.runUntilIdle();
  expect((await ask("POST", "/invocations/batch/kill")).status).toBe(400);
  const killed = await ask("POST", "/invocations/batch/kill?service=Greeter");
  expect(killed.json<{ done: string[] }>().done).toHaveLength(5);
  const body = { ids: [one.id, "inv_nonsense"] };
  const cancelled = await ask("POST", "/invocations/batch/cancel", { body });
  expect(cancelled.json()).toMatchObject({
    done: [one.id],
    failed: [{ id: "inv_nonsense", code: "INVOCATION_ID_INVALID" }],
  });
  expect((await ask("POST", "/invocations/batch/bless?service=Greeter")).status).toBe(400);
});

test("DELETE never says whether it was there", async () => {
  const { id } = await engine.send(greeter).sleepy();
  await engine.runUntilIdle();
  expect((await ask("DELETE", `/invocations/${id}?mode=kill`)).status).toBe(202);
  expect((await ask("DELETE", `/invocations/${id}?mode=purge`)).status).toBe(202);
  expect((await ask("DELETE", `/invocations/${id}?mode=purge`)).status).toBe(202);
  expect((await ask("DELETE", `/invocations/${id}?mode=bless`)).status).toBe(400);
});

test("health, version, metrics and the OpenAPI document", async () => {
  await engine.send(greeter).sleepy();
  await engine.runUntilIdle();
  for (const path of ["/health", "/health/live", "/health/ready"]) {
    expect((await ask("GET", path, { as: null })).status).toBe(200);
  }
  expect((await ask("GET", "/version")).json()).toMatchObject({ max_admin_api_version: 4 });
  const metrics = await ask("GET", "/metrics");
  expect(metrics.headers["content-type"]).toContain("text/plain");
  expect(metrics.text).toMatch(/^holdfast_invocations\{status="(running|suspended)"\} 1$/m);
  expect(metrics.text).toMatch(/^# TYPE holdfast_records_durable_total counter$/m);
  const { paths } = (await ask("GET", "/openapi")).json<{ paths: Record<string, object> }>();
  expect(Object.keys(paths)).toContain("/invocations/{id}/why");
  expect(Object.values(paths).every((path) => Object.keys(path).length > 0)).toBe(true);
});

test("an unknown route, another method and an old version are refused", async () => {
  expect((await ask("GET", "/nothing")).status).toBe(404);
  const wrong = await ask("PUT", "/services");
  expect([wrong.status, wrong.headers["allow"]]).toEqual([405, "GET"]);
  expect((await ask("GET", "/v1/services")).status).toBe(400);
  expect((await ask("GET", "/v2/services/")).status).toBe(200);
});

test("SQL is not offered where there is no table in a file", async () => {
  const answer = await ask("POST", "/query", { body: { query: "SELECT 1" } });
  expect([answer.status, answer.json()["code"]]).toEqual([503, "QUERY_UNAVAILABLE"]);
});
