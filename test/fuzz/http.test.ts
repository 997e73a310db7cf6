// T12 over HTTP: whatever request the two sides are given, each is answered, with a status that is meant,
// a code of ours and headers that split nothing; and whatever bytes a socket brings, the next is served.
// FUZZ=n cases for each (default 200).
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { errorCodes } from "../../src/model/error-codes.ts";
import type { Admin } from "../../src/server/admin.ts";
import type { HttpRequest, HttpResponse } from "../../src/server/http.ts";
import { type Listener, serve } from "../../src/server/index.ts";
import { HttpIngress } from "../../src/server/ingress.ts";
import { utf8 } from "../../src/std/bytes.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { adminOf, adminTokens } from "../support/admin.ts";
import { counter, greeter, signup } from "../support/services.ts";

const numRuns = Number(process.env["FUZZ"] ?? 200);
const seed = 20_261_123;
const minutes = 60_000 * Math.ceil(numRuns / 2000);

let engine: TestEngine;
let ingress: HttpIngress;
let admin: Admin;
let listener: Listener;

beforeAll(async () => {
  engine = await TestEngine.open({ services: [greeter, counter, signup] });
  ingress = new HttpIngress(engine.door, { tokens: ["a-token-of-some-length"] });
  admin = adminOf(engine);
  listener = await serve(engine, { port: 0, requestTimeout: "1s" });
});
afterAll(async () => {
  await listener.close();
  await engine.close();
});

const words = [
  ...["Greeter", "Counter", "Signup", "greet", "add", "get", "run", "send", "restate", "call"],
  ...["invocation", "workflow", "awakeables", "resolve", "attach", "output", "lookup", "health"],
  ...["invocations", "services", "keys", "query", "metrics", "why", "cancel", "batch", "v3", ""],
  ...["__proto__", "constructor", "..", "%2e%2e", "%00", "%ff", "%", "*", "inv_1", "awk_1"],
];
const segment = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }).map(encodeURIComponent) },
  { weight: 1, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 20 }) },
);
const path = fc.array(segment, { maxLength: 9 }).map((parts) => `/${parts.join("/")}`);
const query = fc.oneof(
  fc.constant(""),
  fc.string({ maxLength: 60 }).map((text) => `?${text}`),
  fc.constantFrom(
    "?delay=",
    "?delay=P9999999999D",
    "?delay=-1",
    "?limit=0",
    "?cursor=eyJ9",
    "?status=x",
  ),
);
const method = fc.constantFrom("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "BREW");
const headerName = fc.constantFrom(
  ...["content-type", "idempotency-key", "authorization", "host", "origin", "cookie", "accept"],
  ...["content-encoding", "traceparent", "tracestate", "last-event-id", "x-a", "__proto__"],
);
const headerValue = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    "application/json",
    "text/plain",
    "gzip",
    "Bearer ",
    `Bearer ${"a".repeat(9000)}`,
  ),
  fc.constantFrom(
    "null",
    "http://localhost",
    "Bearer a.b.c",
    `holdfast_session=${"x.".repeat(50)}`,
  ),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json({ maxDepth: 3 }).map(utf8),
  fc
    .constantFrom(
      '{"query":"SELECT"}',
      '{"__proto__":1}',
      '{"target":"workflow"}',
      "[".repeat(3000),
    )
    .map(utf8),
);
const asked = fc.record({
  method,
  url: fc.tuple(path, query).map(([at, of]) => at + of),
  headers: fc.dictionary(headerName, headerValue, { noNullPrototype: false, maxKeys: 5 }),
  body,
  known: fc.boolean(),
});
type Given = typeof asked extends fc.Arbitrary<infer T> ? T : never;

function requestOf(given: Given, token: string): HttpRequest {
  const { method, url, body, known } = given;
  const headers = new Map(Object.entries(given.headers));
  if (known)
    headers.set("authorization", `Bearer ${token}`).set("host", "localhost").delete("origin");
  return {
    method,
    url,
    header: (name) => headers.get(name),
    headers: () => headers.entries(),
    body: async () => body,
    signal: undefined,
  };
}

const splits = /[\r\n\0]/;

function check(given: Given, { status, headers, body }: HttpResponse): void {
  expect(Number.isInteger(status) && status >= 200 && status < 600, `${status}`).toBe(true);
  // 500 is our mistake; 501 to 503 are refusals with a code.
  expect([given, body, status === 500]).toEqual([given, body, false]);
  for (const [name, value] of Object.entries(headers)) {
    expect([name, splits.test(name + value)]).toEqual([name, false]);
  }
  const code = headers["x-holdfast-code"];
  if (status >= 400 && status !== 499 && code !== undefined) {
    expect(Object.keys(errorCodes)).toContain(code);
  }
}

test(
  "the ingress answers any request",
  async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (given) => {
        const answer = ingress.answer(requestOf(given, "a-token-of-some-length"));
        // What waits for a timer or a signal is asked no more of: it is answered when its time comes.
        const late = new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
        const response = await Promise.race([answer, late]);
        if (typeof response === "object") check(given, response);
      }),
      { numRuns, seed },
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  },
  minutes,
);

test(
  "the admin side answers any request",
  async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (given) => {
        const answering = admin.answer(requestOf(given, adminTokens.admin));
        await engine.runUntilIdle();
        const response = await answering;
        if (!("stream" in response)) check(given, response);
      }),
      { numRuns, seed },
    );
  },
  minutes,
);

const line = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 100 }),
  fc.constantFrom(
    ...["GET / HTTP/1.1", "POST /Greeter/greet HTTP/1.1", "GET / HTTP/9.9", "PRI * HTTP/2.0", ""],
    ...["Host: localhost", "Content-Length: -1", "Content-Length: 5", "Transfer-Encoding: chunked"],
    ...["Transfer-Encoding: gzip", "Expect: 100-continue", "Upgrade: h2c", "Connection: upgrade"],
    ...["ffffffffffffffff", "0", "Content-Length: 99999999999999999999"],
  ),
);

test(
  "whatever a socket brings, the next one is served",
  async () => {
    const bytes = fc.array(line, { maxLength: 12 }).map((lines) => lines.join("\r\n"));
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        await new Promise<void>((resolve) => {
          const socket = connect(listener.port, "127.0.0.1", () => socket.end(text, "latin1"));
          socket.on("error", () => {}).on("close", () => resolve());
          socket.resume();
        });
      }),
      { numRuns: Math.min(numRuns, 300), seed },
    );
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: '"Ada"' };
    const answer = fetch(`${listener.url}/Greeter/greet`, init);
    await new Promise<void>((resolve) => setTimeout(resolve, 50));
    await engine.runUntilIdle();
    expect(await (await answer).json()).toBe("Hello, Ada");
  },
  minutes,
);
