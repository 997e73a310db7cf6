// The ingress inside other people's servers, as docs/frameworks.md and docs/nextjs.md have it. Next,
// Express and Fastify are not installed: what they do to a request before our handler is called is
// done here, and no more.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Hono } from "hono";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Engine, memory } from "../../src/index.ts";
import { nodeHandler } from "../../src/server/index.ts";
import { counter, greeter } from "../support/services.ts";

let engine: Engine;
let server: Server | undefined;

beforeEach(async () => {
  engine = await Engine.open({ services: [greeter, counter], data: memory() });
});

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await engine.close();
});

const post = (json: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(json),
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function listening(handler: Handler): Promise<string> {
  const listens = createServer(handler);
  server = listens;
  await new Promise<void>((resolve) => listens.listen(0, "127.0.0.1", resolve));
  const address = listens.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/api/holdfast`;
}

const said = async (response: Response): Promise<unknown> => [
  response.status,
  await response.json(),
];

test("a route handler of Next is the ingress under the route's path", async () => {
  // app/api/holdfast/[...path]/route.ts
  const answer = engine.ingress({ prefix: "/api/holdfast" });
  const route = { GET: answer, POST: answer } as Readonly<
    Record<string, (request: Request, context: object) => Promise<Response>>
  >;
  const context = { params: Promise.resolve({ path: ["Counter", "k", "add"] }) };
  const url = "https://app.example/api/holdfast/Counter/k";
  const added = await route["POST"]?.(new Request(`${url}/add`, post(2)), context);
  expect(await said(added as Response)).toEqual([200, 2]);
  const got = await route["GET"]?.(new Request(`${url}/get`), context);
  expect(await said(got as Response)).toEqual([200, 2]);
});

test("Hono mounts it", async () => {
  const app = new Hono();
  app.mount("/api/holdfast", engine.fetch);
  const url = "http://app.example/api/holdfast/Greeter";
  expect(await said(await app.request(`${url}/greet`, post("Ada")))).toEqual([200, "Hello, Ada"]);
  expect((await app.request(`${url}/nothere`)).status).toBe(404);
});

/** What `app.use(path, handler)` of Express does, behind `express.json()` or not. */
function express(path: string, handler: Handler, parses: boolean): Handler {
  return (request, response) => {
    const go = (): void => {
      request.url = request.url?.slice(path.length) || "/";
      handler(request, response);
    };
    if (!parses) return go();
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => (text += part));
    request.on("end", () => {
      setImmediate(() => {
        if (text !== "") Object.assign(request, { body: JSON.parse(text) as unknown });
        go();
      });
    });
  };
}

test.each([false, true])("Express uses it, its body parser before it: %s", async (parses) => {
  const url = await listening(express("/api/holdfast", nodeHandler(engine), parses));
  for (const value of ["text", { a: [1] }, 5, null, false]) {
    expect(await said(await fetch(`${url}/Greeter/echo`, post(value)))).toEqual([200, value]);
  }
  expect(await (await fetch(`${url}/Greeter/nothing`)).text()).toBe("");
});

test("Fastify hands it the raw request of a hijacked reply", async () => {
  const handler = nodeHandler(engine, { prefix: "/api/holdfast" });
  const url = await listening((request, response) => handler(request, response));
  expect(await said(await fetch(`${url}/Greeter/greet`, post("Ada")))).toEqual([200, "Hello, Ada"]);
});
