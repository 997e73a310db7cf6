// The OpenAPI document of the ingress: made from what is hosted, and held against what it answers.
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { handler, object, service, workflow } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { type Ask, adminOf, askerOf } from "../support/admin.ts";

const greeter = service("Greeter", {
  greet: handler(
    { input: z.object({ name: z.string().min(1) }), output: z.string() },
    async (_ctx, { name }) => `Hello, ${name}`,
  ),
  hidden: handler({ ingress: "private" }, async () => "secret"),
  open: handler({ ingress: "public" }, async () => "open"),
});
const cart = object(
  "Cart",
  { ingress: "token" },
  {
    async add(_ctx, ticket: string) {
      return [ticket];
    },
  },
);
const signup = workflow("Signup", { run: async () => "done" });

let engine: TestEngine;
let ask: Ask;
beforeEach(async () => {
  engine = await TestEngine.open({ services: [greeter, cart, signup] });
  ask = askerOf(adminOf(engine, { ingressUrl: "http://127.0.0.1:8080" }));
});
afterEach(() => engine.close());

interface Operation {
  readonly requestBody: { content: Record<string, { schema: unknown }>; required: boolean };
  readonly responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
  readonly parameters: readonly { $ref: string }[];
  readonly security: readonly object[];
}
interface Document {
  readonly servers: unknown;
  readonly paths: Record<string, { post: Operation }>;
  readonly components: Record<string, Record<string, unknown>>;
}
const document = async (path = "/openapi/ingress"): Promise<Document> =>
  (await ask("GET", path)).json<Document>();

test("each handler that takes requests has a path to call it and one to send to it", async () => {
  const { paths, servers } = await document();
  expect(Object.keys(paths)).toEqual([
    "/Greeter/greet",
    "/Greeter/greet/send",
    "/Greeter/open",
    "/Greeter/open/send",
    "/Cart/{key}/add",
    "/Cart/{key}/add/send",
    "/Signup/{key}/run",
    "/Signup/{key}/run/send",
  ]);
  expect(servers).toEqual([{ url: "http://127.0.0.1:8080" }]);
  expect(Object.keys((await document("/services/Cart/openapi")).paths)).toEqual([
    "/Cart/{key}/add",
    "/Cart/{key}/add/send",
  ]);
  expect((await ask("GET", "/services/Nobody/openapi")).status).toBe(404);
});

test("inputs and outputs have the schemas of their handlers, and who may ask what the definition says", async () => {
  const { paths } = await document();
  const { requestBody, responses, security } = (paths["/Greeter/greet"] as { post: Operation })
    .post;
  expect(requestBody.required).toBe(true);
  expect(requestBody.content["application/json"]?.schema).toMatchObject({
    type: "object",
    properties: { name: { type: "string", minLength: 1 } },
    required: ["name"],
  });
  expect(responses["200"]?.content?.["application/json"]?.schema).toMatchObject({ type: "string" });
  expect(security).toEqual([{}, { token: [] }]);
  expect(paths["/Greeter/open"]?.post.security).toEqual([]);
  expect(paths["/Cart/{key}/add"]?.post.security).toEqual([{ token: [] }]);
  const idempotent = { $ref: "#/components/parameters/idempotencyKey" };
  expect(paths["/Cart/{key}/add"]?.post.parameters).toContainEqual(idempotent);
  expect(paths["/Signup/{key}/run"]?.post.parameters).not.toContainEqual(idempotent);
});

test("what it refers to is there, and a request made from it is answered as it says", async () => {
  const found = await document();
  const text = JSON.stringify(found);
  for (const [, room = "", name = ""] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
    expect(Object.keys(found.components[room] ?? {}), room).toContain(name);
  }
  const init = { method: "POST", headers: { "content-type": "application/json" } };
  const ingress = engine.ingress();
  const url = "http://localhost/Greeter/greet";
  const [good, sent, bad] = ["", "/send", ""].map((verb, i) =>
    ingress(new Request(url + verb, { ...init, body: i < 2 ? '{"name":"Ada"}' : '{"name":""}' })),
  ) as [Promise<Response>, Promise<Response>, Promise<Response>];
  await engine.runUntilIdle();
  expect([(await good).status, (await sent).status, (await bad).status]).toEqual([200, 202, 400]);
  const accepted = (await (await sent).json()) as { invocationId: string; status: string };
  expect(accepted).toMatchObject({
    invocationId: expect.stringMatching(/^inv_/),
    status: "Accepted",
  });
  expect(await (await bad).json()).toMatchObject({ code: 400, source: "invocation" });
});
