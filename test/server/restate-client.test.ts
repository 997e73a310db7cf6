// Restate's own client library, unchanged from npm, against our ingress behind a port: what an
// application that moves over does on its first day.
import * as restate from "@restatedev/restate-sdk-clients";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Engine, memory } from "../../src/index.ts";
import { type Listener, serve } from "../../src/server/index.ts";
import { approval, counter, greeter, signup } from "../support/services.ts";

type Context = Record<string, never>;
type GreeterApi = {
  greet(ctx: Context, name: string): Promise<string>;
  nothing(ctx: Context): Promise<void>;
  headers(ctx: Context): Promise<Record<string, string>>;
  refuse(ctx: Context, input: object): Promise<never>;
  sleep(ctx: Context, duration: string): Promise<string>;
  echo(ctx: Context, input: unknown): Promise<unknown>;
};
type CounterApi = {
  add(ctx: Context, by: number): Promise<number>;
  get(ctx: Context): Promise<number>;
  key(ctx: Context): Promise<string>;
};
type SignupApi = {
  run(ctx: Context, email: string): Promise<string>;
  verify(ctx: Context, code: string): Promise<void>;
};

const Greeter: restate.ServiceDefinition<"Greeter", GreeterApi> = { name: "Greeter" };
const Counter: restate.VirtualObjectDefinition<"Counter", CounterApi> = { name: "Counter" };
const Signup: restate.WorkflowDefinition<"Signup", SignupApi> = { name: "Signup" };

let engine: Engine;
let server: Listener;
let ingress: ReturnType<typeof restate.connect>;
let handedOut: (id: string) => void = () => {};

beforeAll(async () => {
  const services = [greeter, counter, signup, approval((id) => handedOut(id))];
  engine = await Engine.open({ services, data: memory() });
  server = await serve(engine, { port: 0 });
});

beforeEach(() => {
  ingress = restate.connect({ url: server.url });
});

afterAll(async () => {
  await server.close();
  await engine.close();
});

const failureOf = async (promise: PromiseLike<unknown>): Promise<[number, string]> => {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof restate.HttpCallError)) throw error;
    const { message } = JSON.parse(error.responseText) as { message: string };
    return [error.status, message];
  }
  throw new Error("it did not fail");
};

describe("calls", () => {
  test("services, objects and workflows are called with their types", async () => {
    const greeting = await ingress.serviceClient(Greeter).greet("Ada");
    expect(greeting).toBe("Hello, Ada");
    const object = ingress.objectClient(Counter, "calls/a b");
    expect(await object.add(2)).toBe(2);
    expect(await object.add(3)).toBe(5);
    expect(await object.get()).toBe(5);
    expect(await object.key()).toBe("calls/a b");
    expect(await ingress.serviceClient(Greeter).nothing()).toBeUndefined();
  });

  test("calls by name, with bytes in and out", async () => {
    const bytes = Uint8Array.of(0, 1, 254, 255);
    const opts = restate.Opts.from<Uint8Array, Uint8Array>({
      input: restate.serde.binary,
      output: restate.serde.binary,
    });
    const service = "Greeter";
    const out = await ingress.call({ service, handler: "echo", parameter: bytes, opts });
    expect(out).toEqual(bytes);
  });

  test("headers of the connection and of the call reach the handler", async () => {
    ingress = restate.connect({ url: server.url, headers: { "x-of": "connection" } });
    const opts = restate.rpc.opts<void, Record<string, string>>({ headers: { "x-by": "call" } });
    const headers = await ingress.serviceClient(Greeter).headers(opts);
    expect(headers).toMatchObject({ "x-of": "connection", "x-by": "call" });
  });

  test("a terminal error arrives with its status and message", async () => {
    const refused = ingress.serviceClient(Greeter).refuse({});
    expect(await failureOf(refused)).toEqual([418, "bad thing"]);
    const nobody = ingress.serviceClient<GreeterApi>({ name: "Nobody" } as never).greet("x");
    expect(await failureOf(nobody)).toEqual([
      404,
      "service 'Nobody' not found, make sure to register the service before calling it.",
    ]);
  });

  test("a call given up is given up, and the server goes on", async () => {
    const gone = new AbortController();
    const opts = restate.rpc.opts<string, string>({ signal: gone.signal });
    const call = ingress.serviceClient(Greeter).sleep("60s", opts);
    gone.abort();
    await expect(call).rejects.toThrow();
    expect(await ingress.serviceClient(Greeter).greet("you")).toBe("Hello, you");
  });
});

describe("sends", () => {
  test("a send is accepted, and its result is there to attach to", async () => {
    const opts = restate.rpc.sendOpts<string>({ idempotencyKey: "sends-1" });
    const send = await ingress.serviceSendClient(Greeter).greet("Ada", opts);
    expect(send).toMatchObject({ status: "Accepted", attachable: true });
    expect(send.invocationId).toMatch(/^inv_1/);
    expect(await ingress.result(send)).toBe("Hello, Ada");
  });

  test("a delayed send has its result later", async () => {
    const soon = restate.rpc.sendOpts<number>({ delay: 30, idempotencyKey: "soon" });
    const late = restate.rpc.sendOpts<number>({ delay: { hours: 1 }, idempotencyKey: "late" });
    const client = ingress.objectSendClient(Counter, "delayed");
    await client.add(100, late);
    expect(await ingress.result(await client.add(7, soon))).toBe(7);
  });

  test("a send of the same key was accepted before, and runs once", async () => {
    const opts = restate.rpc.sendOpts<number>({ idempotencyKey: "once" });
    const client = ingress.objectSendClient(Counter, "once");
    const first = await client.add(1, opts);
    const second = await client.add(1, opts);
    expect(second).toMatchObject({
      status: "PreviouslyAccepted",
      invocationId: first.invocationId,
    });
    expect(await ingress.result(second)).toBe(1);
    expect(await ingress.objectClient(Counter, "once").get()).toBe(1);
  });

  test("calls of one key give one result", async () => {
    const opts = restate.rpc.opts<number, number>({ idempotencyKey: "call-once" });
    const client = ingress.objectClient(Counter, "call-once");
    const answers = await Promise.all([client.add(1, opts), client.add(1, opts)]);
    expect(answers).toEqual([1, 1]);
    expect(await client.get()).toBe(1);
  });
});

describe("workflows", () => {
  test("a run is submitted, looked at, helped along and attached to", async () => {
    const client = ingress.workflowClient(Signup, "ada@x");
    const submitted = await client.workflowSubmit("ada@x");
    expect(submitted).toMatchObject({ status: "Accepted", attachable: true });
    expect((await client.workflowOutput()).ready).toBe(false);
    const attached = client.workflowAttach();
    await client.verify("c0de");
    expect(await attached).toBe("ada@x c0de");
    expect(await client.workflowOutput()).toEqual({ ready: true, result: "ada@x c0de" });
    expect(await ingress.result(submitted)).toBe("ada@x c0de");
    const again = await client.workflowSubmit("ada@x");
    expect(again).toMatchObject({ ...submitted, status: "PreviouslyAccepted" });
  });

  test("output and attach of a run that never was are 404", async () => {
    const client = ingress.workflowClient(Signup, "nobody");
    expect(await failureOf(client.workflowAttach())).toEqual([404, "not found"]);
    expect(await failureOf(client.workflowOutput())).toEqual([404, "invocation not found"]);
  });
});

describe("awakeables", () => {
  const asked = async () => {
    const id = new Promise<string>((resolve) => (handedOut = resolve));
    const ask = { service: "Approval", handler: "ask", parameter: undefined };
    const answer = ingress.call<undefined, unknown>(ask);
    answer.catch(() => {});
    return { id: await id, answer };
  };

  test("one is resolved with a value", async () => {
    const { id, answer } = await asked();
    await ingress.resolveAwakeable(id, { approved: true });
    expect(await answer).toEqual({ approved: true });
  });

  test("one is resolved without a value", async () => {
    const { id, answer } = await asked();
    await ingress.resolveAwakeable(id);
    expect(await answer).toBeUndefined();
  });

  test("one is rejected with a reason", async () => {
    const { id, answer } = await asked();
    await ingress.rejectAwakeable(id, "not today");
    expect(await failureOf(answer)).toEqual([500, "not today"]);
  });
});

describe("retries of the client", () => {
  /** A fetch that fails `times` times before it reaches the server, and counts. */
  const failing = (times: number, how: () => Response) => {
    const seen: (string | null)[] = [];
    const through: typeof fetch = async (input, init) => {
      seen.push(new Headers(init?.headers).get("x-restateclient-retry-attempt"));
      return seen.length <= times ? how() : fetch(input, init);
    };
    return { seen, through };
  };
  const retry = { initialInterval: 1, maxInterval: 2 };

  test("with an idempotency key a call is repeated and runs once", async () => {
    const { seen, through } = failing(2, () => new Response("busy", { status: 503 }));
    ingress = restate.connect({ url: server.url, retry, fetch: through });
    const opts = restate.rpc.opts<number, number>({ idempotencyKey: "r" });
    expect(await ingress.objectClient(Counter, "retried").add(1, opts)).toBe(1);
    expect(seen).toEqual(["1", "2", "3"]);
  });

  test("what an invocation ended with is not repeated, though its status is 500", async () => {
    const { seen, through } = failing(0, () => Response.error());
    ingress = restate.connect({ url: server.url, retry, fetch: through });
    const opts = restate.rpc.opts<object, never>({ idempotencyKey: "r" });
    const refused = ingress.serviceClient(Greeter).refuse({ status: 500 }, opts);
    expect(await failureOf(refused)).toEqual([500, "bad thing"]);
    expect(seen).toEqual(["1"]);
  });
});
