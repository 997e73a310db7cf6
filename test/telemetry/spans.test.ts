// Spans as a tracer provider of OpenTelemetry is told of them: what is below what, what carries on from where, and
// what a replay does not make a second time.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Engine, memory, object, service, TerminalError } from "../../src/index.ts";
import { openTelemetry } from "../../src/otel/telemetry.ts";
import { type RecordedSpan, RecordedSpans } from "../support/recorded-spans.ts";
import { TestCluster } from "../support/test-cluster.ts";

const recorded = new RecordedSpans();
const open: Engine[] = [];
let folder: string;

beforeAll(() => {
  api.trace.setGlobalTracerProvider(recorded);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  api.trace.disable();
  api.context.disable();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-spans-"));
});
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
  rmSync(folder, { recursive: true, force: true });
  recorded.ended.length = 0;
});

const tracer = api.trace.getTracer("user");
let failures = 0;
let answered: string[] = [];

const cart = object("Cart", {
  async add(ctx, item: string): Promise<string> {
    await ctx.run("charge", () => {
      tracer.startSpan("in the step").end();
    });
    tracer.startSpan("in the handler").end();
    return item;
  },
});
const shop = service("Shop", {
  async buy(ctx, item: string): Promise<string> {
    const added = await ctx.call(cart, "user-1").add(item);
    ctx.send(shop).note(added);
    ctx.sendDelayed(shop, 1).note("later");
    return added;
  },
  async note(_ctx, text: string): Promise<void> {
    answered.push(text);
    await Promise.resolve();
  },
  async flaky(ctx): Promise<void> {
    await ctx.run(
      "reserve",
      () => {
        if (failures-- > 0) throw new Error("not yet");
      },
      { retry: { delay: 1 } },
    );
  },
  async refuse(): Promise<void> {
    await Promise.resolve();
    throw new TerminalError("sold out", { code: "SOLD_OUT" });
  },
  async patient(ctx): Promise<string> {
    await ctx.run("before", () => "a");
    await ctx.call(shop).note("called");
    await ctx.signal("go");
    return ctx.run("after", () => "b");
  },
});

async function opened(options: Partial<Parameters<typeof Engine.open>[0]> = {}): Promise<Engine> {
  const engine = await Engine.open({ services: [cart, shop], data: memory(), ...options });
  open.push(engine);
  return engine;
}

const spans = (): RecordedSpan[] => recorded.ended;
const named = (name: string): RecordedSpan[] => spans().filter((span) => span.name === name);

function one(name: string): RecordedSpan {
  const found = named(name);
  expect(
    found.map((span) => span.name),
    name,
  ).toEqual([name]);
  return found[0] as RecordedSpan;
}

/** Names from a span up to its root. */
function above(span: RecordedSpan): string[] {
  const parent = spans().find((other) => other.context.spanId === span.parent);
  return parent === undefined ? [] : [parent.name, ...above(parent)];
}

async function settled(name: string, count = 1): Promise<void> {
  await vi.waitFor(() => expect(named(name).length).toBeGreaterThanOrEqual(count), 5000);
}

const post = (path: string, headers: Record<string, string> = {}, body = '"T-1"'): Request =>
  new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

test("a request, its invocation, its attempt and its steps are spans below each other", async () => {
  const engine = await opened();
  const response = await engine.fetch(post("/Cart/user-1/add"));
  const id = response.headers.get("x-restate-id");
  await settled("attempt Cart/add");

  const step = one("run charge");
  expect(above(step)).toEqual(["attempt Cart/add", "Cart/add", "POST /Cart/{key}/add"]);
  expect(above(one("in the step"))[0]).toBe("run charge");
  expect(above(one("in the handler"))[0]).toBe("attempt Cart/add");
  expect(one("attempt Cart/add").attributes).toEqual({
    "holdfast.service": "Cart",
    "holdfast.handler": "add",
    "holdfast.invocation.id": id,
    "holdfast.attempt": 1,
    "holdfast.partition": 0,
    "holdfast.replayed": 0,
    "holdfast.outcome": "success",
  });
  expect(one("POST /Cart/{key}/add").attributes).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/Cart/{key}/add",
    "http.response.status_code": 200,
    "holdfast.invocation.id": id,
  });
  expect(one("POST /Cart/{key}/add").kind).toBe(api.SpanKind.SERVER);
});

test("keys, inputs and idempotency keys are in no span", async () => {
  const engine = await opened();
  const secret = "canary-3f1c";
  const path = `/Cart/${secret}/add?${secret}=1`;
  await engine.fetch(post(path, { "idempotency-key": secret }, `"${secret}"`));
  await engine.call(cart, secret).add(secret);
  await settled("attempt Cart/add", 2);
  const told = spans().map(({ name, attributes, events }) => ({ name, attributes, events }));
  expect(JSON.stringify(told)).not.toContain(secret);
});

test("the trace of who asks goes on, with its state, and is part of the invocation's record", async () => {
  const engine = await opened();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const asked = await engine.fetch(post("/Cart/a/add", { traceparent, tracestate: "shop=7" }));
  await settled("attempt Cart/add");
  const request = one("POST /Cart/{key}/add");
  expect(request.parent).toBe("b7ad6b7169203331");
  expect(new Set(spans().map((span) => span.context.traceId))).toEqual(new Set([traceId]));

  const { headers } = await engine.inspect.invocation(asked.headers.get("x-restate-id") as string);
  const { spanId } = one("Cart/add").context;
  expect(headers).toMatchObject({
    traceparent: `00-${traceId}-${spanId}-01`,
    tracestate: "shop=7",
  });
});

test("what names no trace is passed over", async () => {
  const engine = await opened();
  for (const traceparent of ["", "00-0-0-00", `00-${"0".repeat(32)}-${"1".repeat(16)}-01`, "ff"]) {
    await engine.fetch(post("/Cart/a/add", { traceparent }));
  }
  await settled("attempt Cart/add", 4);
  expect(named("POST /Cart/{key}/add").map((span) => span.parent)).toEqual(
    Array.from({ length: 4 }, () => undefined),
  );
});

test("a call in this process goes on from what is active", async () => {
  const engine = await opened();
  await tracer.startActiveSpan("page", async (page) => {
    await engine.call(shop).buy("T-1");
    page.end();
  });
  await settled("attempt Cart/add");
  expect(above(one("run charge"))).toEqual([
    "attempt Cart/add",
    "Cart/add",
    "attempt Shop/buy",
    "Shop/buy",
    "page",
  ]);
});

test("a send is below who sends; a delayed one is a trace of its own with a link", async () => {
  answered = [];
  const engine = await opened();
  await engine.call(shop).buy("T-1");
  await settled("attempt Shop/note", 2);
  const [sent, delayed] = ["send", "delayed send"].map((how) =>
    named("Shop/note").find((span) => span.attributes["holdfast.asked"] === how),
  ) as [RecordedSpan, RecordedSpan];
  const attempt = one("attempt Shop/buy").context;
  expect(sent.parent).toBe(attempt.spanId);
  expect(sent.kind).toBe(api.SpanKind.PRODUCER);
  expect(delayed.parent).toBeUndefined();
  expect(delayed.links).toEqual([attempt.spanId]);
  const parents = named("attempt Shop/note").map((span) => span.parent);
  expect(new Set(parents)).toEqual(new Set([sent.context.spanId, delayed.context.spanId]));
});

test("each try of a step is a span, with its error; the attempt tells of the retries", async () => {
  failures = 2;
  const engine = await opened({ onEvent: () => {} });
  await engine.call(shop).flaky();
  await settled("attempt Shop/flaky");
  const tries = named("run reserve");
  expect(tries.map(({ status }) => status.code)).toEqual([
    api.SpanStatusCode.ERROR,
    api.SpanStatusCode.ERROR,
    api.SpanStatusCode.UNSET,
  ]);
  expect(tries.map(({ attributes }) => attributes["holdfast.step.attempt"])).toEqual([1, 2, 3]);
  expect(tries[0]?.events[0]?.attributes).toMatchObject({ "exception.message": "not yet" });
  const attempt = one("attempt Shop/flaky");
  expect(attempt.events.map(({ name }) => name)).toEqual(["step failed", "step failed"]);
  expect(attempt.status.code).toBe(api.SpanStatusCode.UNSET);
});

test("a failure is the status of the attempt and of its invocation, by its code", async () => {
  const engine = await opened();
  await expect(engine.call(shop).refuse()).rejects.toMatchObject({ code: "SOLD_OUT" });
  await settled("attempt Shop/refuse");
  for (const name of ["Shop/refuse", "attempt Shop/refuse"]) {
    const span = one(name);
    expect(span.status).toEqual({ code: api.SpanStatusCode.ERROR, message: "sold out" });
    expect(span.attributes["error.type"]).toBe("SOLD_OUT");
  }
});

test("out of the journal: a later attempt is a span of the same trace, a replayed step is none", async () => {
  const options = { data: join(folder, "data"), suspendAfter: 1 };
  const first = await opened(options);
  const { id } = await first.send(shop).patient();
  await vi.waitFor(async () => {
    expect((await first.inspect.invocation(id)).status).toBe("suspended");
  }, 5000);
  await first.close();
  expect(named("run before").length).toBe(1);

  const second = await opened(options);
  await second.signal(id, "go");
  expect(await second.invocation(id).result()).toBe("b");
  await settled("attempt Shop/patient", 2);
  expect(named("run before").length).toBe(1);
  expect(named("Shop/note").length).toBe(1);
  expect(named("run after").length).toBe(1);
  const attempts = named("attempt Shop/patient");
  const { spanId, traceId } = one("Shop/patient").context;
  expect(attempts.map((span) => span.parent)).toEqual(attempts.map(() => spanId));
  expect(new Set(spans().map((span) => span.context.traceId))).toEqual(new Set([traceId]));
  const last = attempts.at(-1) as RecordedSpan;
  expect(attempts[0]?.attributes["holdfast.outcome"]).toBe("suspended");
  expect(last.attributes["holdfast.outcome"]).toBe("success");
  expect(last.attributes["holdfast.replayed"]).toBe(3);
});

test("with `opentelemetry: false` nothing is told", async () => {
  const engine = await opened({ opentelemetry: false });
  await engine.fetch(post("/Cart/user-1/add"));
  expect(spans().map(({ name }) => name)).toEqual(["in the step", "in the handler"]);
});

test("the package may be handed over, where the engine cannot find it", async () => {
  const engine = await opened({ opentelemetry: api });
  await engine.call(cart, "a").add("x");
  await settled("attempt Cart/add");
  expect(above(one("run charge"))).toEqual(["attempt Cart/add", "Cart/add"]);
});

test("a trace goes on over the bus: to the partition that leads a key, and to another app", async () => {
  const telemetry = openTelemetry(api);
  const cluster = new TestCluster();
  const shops = await cluster.node({ app: "shop", services: [shop], telemetry });
  const carts = await cluster.node({ app: "cart", services: [cart], telemetry });
  await cluster.advance("3s");
  const bought = tracer.startActiveSpan("page", (page) =>
    carts.engine
      .call(shop)
      .buy("T-1")
      .finally(() => page.end()),
  );
  await cluster.advance("2s");
  expect(await bought).toBe("T-1");
  expect(above(one("run charge"))).toEqual([
    "attempt Cart/add",
    "Cart/add",
    "attempt Shop/buy",
    "Shop/buy",
    "page",
  ]);
  for (const node of [shops, carts]) await node.engine.close();
});
