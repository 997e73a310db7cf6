// The ingress on an engine in memory, without a server and on a clock that the test moves: every
// route, every status, every body that clients of Restate read.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EngineEvent } from "../../src/index.ts";
import { fetchOf } from "../../src/server/fetch.ts";
import type { Fetch, IngressOptions } from "../../src/server/index.ts";
import { HttpIngress } from "../../src/server/ingress.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { approval, counter, greeter, signup } from "../support/services.ts";

let engine: TestEngine;
let ingress: Fetch;
let awakeables: string[];

beforeEach(async () => {
  awakeables = [];
  const services = [greeter, counter, signup, approval((id) => awakeables.push(id))];
  engine = await TestEngine.open({ services });
  ingress = engine.ingress();
});

afterEach(() => engine.close());

interface Sent {
  readonly method?: string;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

function request(path: string, { method, json, body, headers = {} }: Sent = {}): Promise<Response> {
  const typed = json === undefined ? headers : { "content-type": "application/json", ...headers };
  return ingress(
    new Request(`http://127.0.0.1:8080${path}`, {
      method: method ?? (json === undefined && body === undefined ? "GET" : "POST"),
      headers: typed,
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
    }),
  );
}

async function refusal(path: string, sent?: Sent): Promise<[number, string, string]> {
  const response = await request(path, sent);
  const body = (await response.json()) as { code: number; message: string; source: string };
  expect(body.code).toBe(response.status);
  expect(response.headers.get("x-restate-error-source")).toBe(body.source);
  expect(response.headers.get("content-type")).toBe("application/json");
  return [response.status, body.source, body.message];
}

const sentTo = async (path: string, sent?: Sent): Promise<Record<string, string>> =>
  (await request(path, sent)).json() as Promise<Record<string, string>>;

describe("calls", () => {
  test("a call answers with the handler's output, its type and the invocation's id", async () => {
    const response = await request("/Greeter/greet", { json: "Ada" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-restate-id")).toMatch(/^inv_1[0-9a-zA-Z]{33}$/);
    expect(await response.text()).toBe('"Hello, Ada"');
  });

  test("a handler that returns nothing answers with nothing, and no type", async () => {
    const response = await request("/Greeter/nothing", { method: "POST" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBeNull();
    expect(await response.text()).toBe("");
  });

  test("GET is POST with an empty body, a slash at the end is nothing", async () => {
    expect(await (await request("/Greeter/echo/")).text()).toBe("");
  });

  test("the key is percent-decoded, and a slash in it is part of it", async () => {
    const key = "a/b ü%";
    const response = await request(`/Counter/${encodeURIComponent(key)}/key`);
    expect(await response.json()).toBe(key);
  });

  test("the unambiguous routes are the same", async () => {
    const response = await request("/restate/call/Counter/k/add", { json: 2 });
    expect(await response.json()).toBe(2);
    const accepted = await request("/restate/send/Counter/k/add", { json: 3 });
    expect(accepted.status).toBe(202);
    await engine.runUntilIdle();
    expect(await (await request("/Counter/k/get")).json()).toBe(5);
  });

  test("bytes go in and out unchanged", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const headers = { "content-type": "application/octet-stream" };
    const response = await request("/Greeter/echo", { body: bytes, headers });
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  });

  test("an empty body that says it is JSON is no value", async () => {
    const headers = { "content-type": "application/json" };
    const response = await request("/Greeter/echo", { method: "POST", headers });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("a terminal error is the answer, with its status, and says that it is final", async () => {
    const response = await request("/Greeter/refuse", { json: {} });
    expect(response.status).toBe(418);
    expect(response.headers.get("x-restate-id")).toMatch(/^inv_1/);
    expect(response.headers.get("x-restate-error-source")).toBe("invocation");
    expect(response.headers.get("x-holdfast-code")).toBe("TERMINAL");
    const body = { code: 418, message: "bad thing", source: "invocation" };
    expect(await response.json()).toEqual(body);
  });

  test("the code and the data of a terminal error arrive, and no status says it went well", async () => {
    const json = { code: "SOLD OUT ü", status: 200, data: { left: 0 } };
    const response = await request("/Greeter/refuse", { json });
    expect(response.status).toBe(500);
    expect(response.headers.get("x-holdfast-code")).toBe("SOLD_OUT__");
    expect(await response.json()).toMatchObject({ error: "SOLD OUT ü", data: { left: 0 } });
  });

  test("a handler whose tries are used up answers 500 with what it threw", async () => {
    const [status, source, message] = await refusal("/Greeter/fails");
    expect([status, source]).toEqual([500, "invocation"]);
    expect(message).toContain("no more tries");
  });
});

describe("headers", () => {
  test("those on the list reach the handler, in front the path it was asked for by", async () => {
    const headers = { "x-user": "ada", accept: "*/*", traceparent: "00-1-2-03" };
    const response = await request("/Greeter/headers?x=1", { headers });
    const kept = (await response.json()) as Record<string, string>;
    expect(Object.entries(kept)).toEqual([
      ["x-restate-ingress-path", "/Greeter/headers?x=1"],
      ["traceparent", "00-1-2-03"],
      ["x-user", "ada"],
    ]);
  });

  test("credentials never reach the journal, not even when they are asked for", async () => {
    ingress = engine.ingress({ headers: ["authorization", "cookie", "proxy-*", "x-api-key"] });
    const headers = {
      authorization: "Bearer canary",
      cookie: "session=canary",
      "proxy-authorization": "canary",
      "x-auth-token": "canary",
      "x-api-key": "asked for",
      "idempotency-key": "k",
    };
    const kept = await (await request("/Greeter/headers", { headers })).json();
    const path = { "x-restate-ingress-path": "/Greeter/headers" };
    expect(kept).toEqual({ ...path, "x-api-key": "asked for" });
  });

  test("too many are refused with a code", async () => {
    const headers = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`x-${i}`, "v"]));
    const response = await request("/Greeter/headers", { headers });
    expect(response.headers.get("x-holdfast-code")).toBe("HEADERS_INVALID");
  });
});

describe("sends", () => {
  test("a send is accepted once it is durable, before it has ended", async () => {
    const response = await request("/Greeter/sleep/send", { json: "60s" });
    expect(response.status).toBe(202);
    const { invocationId } = (await response.json()) as { invocationId: string };
    expect(response.headers.get("x-restate-id")).toBe(invocationId);
    const output = `/restate/invocation/${invocationId}/output`;
    expect(await refusal(output)).toEqual([
      470,
      "ingress",
      "the invocation exists but has not completed yet",
    ]);
    await engine.advance("60s");
    expect(await (await request(output)).json()).toBe("slept");
  });

  test.each([
    ["PT1S", 1000],
    ["1s", 1000],
    ["500ms", 500],
    ["60 sec", 60_000],
    ["60sec", 60_000],
    ["1 hour 30 minutes", 5_400_000],
    ["P1D", 86_400_000],
  ])("a delay of %s is %i ms", async (delay, ms) => {
    const body = await sentTo(`/Greeter/greet/send?DELAY=${encodeURIComponent(delay)}`, {
      json: "Ada",
    });
    const executionTime = new Date(engine.clock.now() + ms).toISOString().replace("Z", "000000Z");
    const { invocationId } = body;
    expect(Object.entries(body)).toEqual(
      Object.entries({ invocationId, executionTime, status: "Accepted" }),
    );
    await engine.advance(ms - 1);
    const output = `/restate/invocation/${invocationId}/output`;
    expect((await request(output)).status).toBe(470);
    await engine.advance(1);
    expect(await (await request(output)).json()).toBe("Hello, Ada");
  });

  test("a delay that cannot be read, or is put on a call, is refused", async () => {
    const [status, , message] = await refusal("/Greeter/greet/send?delay=soon", { json: "Ada" });
    expect(status).toBe(400);
    expect(message).toMatch(/^bad delay query parameter, must be a ISO8601 duration: /);
    expect(await refusal("/Greeter/greet?delay=1s", { json: "Ada" })).toEqual([
      400,
      "ingress",
      "cannot use the delay query parameter with calls. The delay is supported only with sends",
    ]);
  });
});

describe("idempotency", () => {
  const once = { json: "Ada", headers: { "idempotency-key": "k9" } };

  test("the same key gives the first result, and says until when", async () => {
    const first = await request("/Greeter/greet", once);
    expect(first.headers.get("idempotency-expires")).toBeNull();
    const second = await request("/Greeter/greet", { ...once, json: "Grace" });
    expect(await second.json()).toBe("Hello, Ada");
    expect(second.headers.get("x-restate-id")).toBe(first.headers.get("x-restate-id"));
    const expires = new Date(engine.clock.now() + 86_400_000).toISOString();
    expect(second.headers.get("idempotency-expires")).toBe(expires.replace("Z", "+00:00"));
  });

  test("a send of the same key was accepted before", async () => {
    const first = await sentTo("/Greeter/greet/send?delay=1h", once);
    const second = await sentTo("/Greeter/greet/send", once);
    expect(second).toEqual({ ...first, status: "PreviouslyAccepted" });
  });

  test("the same key on another handler or object key is another invocation", async () => {
    const ids = await Promise.all(
      ["/Greeter/greet/send", "/Greeter/echo/send", "/Counter/a/add/send", "/Counter/b/add/send"]
        .map((path) => sentTo(path, { ...once, json: 1 }))
        .map(async (sent) => (await sent)["invocationId"]),
    );
    expect(new Set(ids).size).toBe(4);
  });

  test("its result is found by id, by the key and by a target in the body alike", async () => {
    const { invocationId } = await sentTo("/Counter/c 1/add/send", {
      json: 4,
      headers: { "idempotency-key": "k" },
    });
    await engine.runUntilIdle();
    const target = {
      target: "idempotentInvocation",
      service: "Counter",
      key: "c 1",
      handler: "add",
      idempotencyKey: "k",
    };
    const answers = [
      await request(`/restate/invocation/${invocationId}/output`),
      await request(`/restate/invocation/${invocationId}/attach`),
      await request(`/restate/output/${invocationId}`),
      await request("/restate/invocation/Counter/c%201/add/k/output"),
      await request("/restate/output", { json: target }),
      await request("/restate/attach", { json: { target: "invocation", invocationId } }),
    ];
    for (const answer of answers) {
      expect(answer.headers.get("x-restate-id")).toBe(invocationId);
      expect(answer.headers.get("idempotency-expires")).not.toBeNull();
      expect(await answer.json()).toBe(4);
    }
    expect(await sentTo("/restate/lookup", { json: target })).toEqual({ invocationId });
  });

  test("lookup answers whether the invocation exists or not", async () => {
    const target = { target: "workflow", workflowName: "Signup", workflowKey: "nobody" };
    const { invocationId } = await sentTo("/restate/lookup", { json: target });
    expect(invocationId).toMatch(/^inv_1/);
    expect((await request(`/restate/output/${invocationId}`)).status).toBe(404);
  });

  test("a key that is empty, too long or not plain text is refused", async () => {
    const with_ = (key: string) => ({ json: 1, headers: { "idempotency-key": key } });
    const long = await request("/Greeter/echo", with_("x".repeat(513)));
    expect(long.headers.get("x-holdfast-code")).toBe("IDEMPOTENCY_KEY_INVALID");
    const [status, , message] = await refusal("/Greeter/echo", with_("kü"));
    expect([status, message]).toEqual([400, "bad header idempotency-key: it is not visible ASCII"]);
  });
});

describe("workflows", () => {
  test("a run is attached to by its key, and its handlers are called beside it", async () => {
    const { invocationId } = await sentTo("/Signup/u1/run/send", { json: "a@b" });
    expect((await request("/restate/workflow/Signup/u1/output")).status).toBe(470);
    const attached = request("/restate/workflow/Signup/u1/attach");
    expect((await request("/Signup/u1/verify", { json: "c0de" })).status).toBe(200);
    const response = await attached;
    expect(response.headers.get("x-restate-id")).toBe(invocationId);
    expect(await response.json()).toBe("a@b c0de");
  });

  test("a second run is refused, with the id of the first; a second send was accepted before", async () => {
    const { invocationId } = await sentTo("/Signup/u1/run/send", { json: "a@b" });
    const response = await request("/Signup/u1/run", { json: "a@b" });
    expect(response.headers.get("x-restate-id")).toBe(invocationId);
    expect(response.headers.get("x-holdfast-code")).toBe("WORKFLOW_ALREADY_STARTED");
    expect([response.status, await response.json()]).toEqual([
      409,
      { code: 409, message: "the workflow method was already invoked", source: "invocation" },
    ]);
    const again = await sentTo("/Signup/u1/run/send", { json: "a@b" });
    expect(again).toEqual({ invocationId, status: "PreviouslyAccepted" });
  });

  test("an idempotency key is not for a run, but for its other handlers", async () => {
    const headers = { "idempotency-key": "k" };
    expect(await refusal("/Signup/u1/run", { json: "a@b", headers })).toEqual([
      400,
      "ingress",
      "cannot use the idempotency key with workflow handlers. The handler invocation will " +
        "already be idempotent by the workflow key itself.",
    ]);
    expect((await request("/Signup/u1/verify", { json: "c", headers })).status).toBe(200);
  });
});

describe("awakeables, signals and cancellation", () => {
  async function asked(): Promise<{ path: string; answer: Promise<Response> }> {
    const answer = request("/Approval/ask");
    await engine.runUntilIdle();
    return { path: `/restate/awakeables/${awakeables.at(-1)}`, answer };
  }

  test.each([
    ["application/json", '{"ok":true}', '{"ok":true}'],
    ["text/plain", "yes", "yes"],
    ["application/octet-stream", "raw", "raw"],
  ])("an awakeable is resolved with a body of type %s", async (type, body, text) => {
    const { path, answer } = await asked();
    const response = await request(`${path}/resolve`, { body, headers: { "content-type": type } });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    expect(await (await answer).text()).toBe(text);
  });

  test("an awakeable is rejected with a reason, by the short route too", async () => {
    const { path, answer } = await asked();
    const short = path.replace("awakeables", "a");
    expect((await request(`${short}/reject`, { body: "too late" })).status).toBe(202);
    const response = await answer;
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ message: "too late", source: "invocation" });
  });

  test("one that nobody awaits is accepted, one that is no id is refused", async () => {
    const { path, answer } = await asked();
    await request(`${path}/resolve`, { json: 1 });
    await answer;
    expect((await request(`${path}/resolve`, { json: 2 })).status).toBe(202);
    const unknown = path.replace(/.{8}$/, "AAAAAAAA");
    expect((await request(`${unknown}/resolve`, { json: 2 })).status).toBe(202);
    const bad = (id: string) => refusal(`/restate/awakeables/${id}/resolve`, { json: 1 });
    expect(await bad("bad")).toEqual([400, "ingress", "bad awakeable id 'bad': bad format"]);
    expect((await bad("sign_1aaaa"))[2]).toBe(
      "bad awakeable id 'sign_1aaaa': id doesn't match the expected type",
    );
    expect(await refusal(`${path}/resolve`)).toEqual([405, "ingress", "method not allowed"]);
  });

  test("a signal and a cancellation reach an invocation by its id", async () => {
    const { invocationId } = await sentTo("/Greeter/signalled/send", { method: "POST" });
    const own = `/restate/invocation/${invocationId}`;
    expect((await request(`${own}/signal/go`, { json: [1] })).status).toBe(202);
    expect(await (await request(`/restate/attach/${invocationId}`)).json()).toEqual([1]);
    const { invocationId: other } = await sentTo("/Greeter/signalled/send", { method: "POST" });
    await engine.runUntilIdle();
    const cancel = `/restate/invocation/${other}/cancel`;
    expect((await request(cancel, { method: "POST" })).status).toBe(202);
    expect(await refusal(`/restate/attach/${other}`)).toEqual([409, "invocation", "Cancelled"]);
  });
});

describe("refusals, in the words clients know", () => {
  test.each([
    ["/restate/nonsense", 404, "not found"],
    [
      "/Nobody/greet",
      404,
      "service 'Nobody' not found, make sure to register the service before calling it.",
    ],
    [
      "/Greeter/nothere",
      404,
      "the service 'Greeter' exists, but the handler 'nothere' was not found, check that the " +
        "handler exists in the latest registered service version.",
    ],
    ["/Greeter/hidden", 400, "the invoked service is not public"],
    ["/Greeter", 400, "bad path: /Greeter"],
    ["/a/b/c/d/e/f/g/h", 400, "bad path: /a/b/c/d/e/f/g/h"],
    [
      "/Greeter/greet/other",
      400,
      "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler",
    ],
    [
      "/restate/awakeables/x",
      400,
      "bad path, expected either /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject",
    ],
    ["/Counter/%ff/get", 400, "bad path, cannot decode key: invalid utf-8 sequence or escape"],
    [
      "/restate/scope/s/call/Greeter/greet",
      400,
      "scoped invocations require vqueues to be enabled",
    ],
    [
      "/restate/invocation/inv_bad/attach",
      400,
      "bad invocation id 'inv_bad': unrecognized codec version",
    ],
    [
      "/restate/invocation/inv_1553EmTLdKub00P0H1LR9BIfnwT28FMMAf/output",
      404,
      "invocation not found",
    ],
  ])("GET %s is %i", async (path, status, message) => {
    expect(await refusal(path)).toEqual([status, "ingress", message]);
  });

  test.each([
    ["workflow/W/k", "workflow"],
    ["invocation/a/b", "invocation"],
    ["call/Greeter", "call"],
    ["lookup/x", "lookup"],
    ["attach/a/b", "attach"],
  ])(
    "a path below /restate/ that is too short or too long says what was expected: %s",
    async (path, word) => {
      const [status, , message] = await refusal(`/restate/${path}`);
      expect(status).toBe(400);
      expect(message).toMatch(/^bad path, expected /);
      expect(message).toContain(`/restate/${word}`);
    },
  );

  test("attach to one that is not there is final, and names its id", async () => {
    const id = "inv_1553EmTLdKub00P0H1LR9BIfnwT28FMMAf";
    const response = await request(`/restate/invocation/${id}/attach`);
    expect(response.headers.get("x-restate-id")).toBe(id);
    expect(await response.json()).toMatchObject({ message: "not found", source: "invocation" });
  });

  test("what is asked of nobody is 404 whatever its method, what is hosted 405", async () => {
    expect((await request("/Greeter/nothere", { method: "PUT" })).status).toBe(404);
    const response = await request("/Greeter/greet", { method: "PUT" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, POST");
    expect(response.headers.get("x-holdfast-code")).toBe("METHOD_NOT_ALLOWED");
    expect((await request("/restate/health", { method: "POST" })).status).toBe(405);
  });

  test.each([
    ["text/plain", "Ada", "Content-type 'text/plain' does not match 'application/json'"],
    ["", "Ada", "Empty content-type"],
  ])("a body of type %j is refused", async (type, body, why) => {
    const bytes = new TextEncoder().encode(body);
    const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
    const response = await request("/Greeter/greet", { body: bytes, headers });
    expect(response.headers.get("x-holdfast-code")).toBe("CONTENT_TYPE_INVALID");
    expect(await response.json()).toMatchObject({
      code: 400,
      message: `input validation error: ${why}`,
    });
  });

  test("JSON that cannot be read is refused before anything is kept", async () => {
    const headers = { "content-type": "application/json; charset=utf-8" };
    const [status, , message] = await refusal("/Greeter/greet", { body: '{"a":', headers });
    expect(status).toBe(400);
    expect(message).toMatch(/^The body is no JSON: /);
    const invalid = { body: Uint8Array.of(0x22, 0xff, 0x22), headers };
    expect((await refusal("/Greeter/greet", invalid))[0]).toBe(400);
  });

  test("a target in the body that cannot be read says what is missing", async () => {
    const message = async (sent: Sent) => (await refusal("/restate/attach", sent))[2];
    expect(await message({ body: "{" })).toMatch(/^cannot read body: /);
    expect(await message({ json: {} })).toBe("cannot read body: missing field `target`");
    expect(await message({ json: { target: "workflow" } })).toBe(
      "cannot read body: missing field `workflowName`",
    );
    expect(await message({ json: { target: "elsewhere" } })).toContain("`target` is none of");
  });

  test("while the engine is closed, callers are told that they may try again", async () => {
    await engine.close();
    const response = await request("/Greeter/greet", { json: "Ada" });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-holdfast-code")).toBe("ENGINE_CLOSED");
    const { message } = (await response.json()) as { message: string };
    expect([response.status, message]).toEqual([
      503,
      expect.stringMatching(/^internal routing error: .*idempotency-key.*twice\.$/),
    ]);
    engine = await TestEngine.open({ services: [greeter] });
  });
});

test("health names the services", async () => {
  const services = ["Greeter", "Counter", "Signup", "Approval"];
  expect(await (await request("/restate/health")).json()).toEqual({ services });
});

test("everything answers under a prefix, and nothing else does", async () => {
  const under = (options: IngressOptions) => (ingress = engine.ingress(options));
  under({ prefix: "/api/holdfast" });
  expect(await (await request("/api/holdfast/Greeter/greet", { json: "Ada" })).json()).toBe(
    "Hello, Ada",
  );
  for (const path of ["/Greeter/greet", "/api/holdfastX/Greeter/greet", "/api"]) {
    const response = await request(path, { json: "Ada" });
    expect([response.status, response.headers.get("x-holdfast-code")]).toEqual([
      404,
      "ROUTE_NOT_FOUND",
    ]);
  }
  expect(() => under({ prefix: "api" })).toThrow(TypeError);
});

test("a mistake of ours is told to whoever runs the engine, and not to the caller", async () => {
  const { door } = engine;
  const definition = (): never => {
    throw new RangeError("canary");
  };
  const broken = Object.create(door, { definition: { value: definition } }) as typeof door;
  Object.assign(broken, { report: (event: EngineEvent) => void told.push(event) });
  const told: EngineEvent[] = [];
  const answer = fetchOf(new HttpIngress(broken));
  const response = await answer(new Request("http://localhost/Greeter/greet?token=secret"));
  const body = { code: 500, message: "internal error", source: "ingress" };
  expect([response.status, await response.json()]).toEqual([500, body]);
  expect(told).toMatchObject([{ kind: "requestFailed", path: "/Greeter/greet" }]);
  expect(String((told[0] as { error?: unknown }).error)).toContain("canary");
});
