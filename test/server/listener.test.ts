// The ingress behind a port: real sockets on a free port of this machine.
import { connect } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { Engine, type HoldfastError, memory } from "../../src/index.ts";
import { type Listener, type ServeOptions, serve } from "../../src/server/index.ts";
import { approval, counter, greeter } from "../support/services.ts";

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

let awakeables: ((id: string) => void)[] = [];

async function served(options: ServeOptions = {}): Promise<{ engine: Engine; server: Listener }> {
  awakeables = [];
  const ask = approval((id) => awakeables.shift()?.(id));
  const engine = await Engine.open({ services: [greeter, counter, ask], data: memory() });
  open.push(engine);
  const server = await serve(engine, { port: 0, ...options });
  open.push(server);
  return { engine, server };
}

/** What comes back for these bytes, until the other side closes. */
function raw(server: Listener, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => (answer += part));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

const post = (json: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(json),
});

test("it listens on this machine alone, and says where", async () => {
  const { server } = await served();
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  const response = await fetch(`${server.url}/Greeter/greet`, post("Ada"));
  expect(response.headers.get("x-restate-id")).toMatch(/^inv_1/);
  expect(await response.json()).toBe("Hello, Ada");
});

test("two hundred calls at a time are answered each with its own", async () => {
  const { server } = await served();
  const said = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const response = await fetch(`${server.url}/Greeter/greet`, post(String(i)));
      return response.json();
    }),
  );
  expect(said).toEqual(Array.from({ length: 200 }, (_, i) => `Hello, ${i}`));
});

test.each(["0.0.0.0", "::", "192.0.2.1"])(
  "it does not open on %s without credentials",
  async (host) => {
    await expect(served({ host })).rejects.toMatchObject({ code: "BIND_REFUSED" });
    const tokens = ["a-token-of-some-length"];
    await expect(served({ host, tokens })).rejects.toMatchObject({ code: "BIND_REFUSED" });
  },
);

test("it opens elsewhere when it is told to", async () => {
  const { server } = await served({ host: "0.0.0.0", insecureBind: true });
  expect((await fetch(`http://127.0.0.1:${server.port}/restate/health`)).status).toBe(200);
});

test("a port that is taken is refused with a code that names it", async () => {
  const { engine, server } = await served();
  const error = await serve(engine, { port: server.port }).catch((e: HoldfastError) => e);
  expect(error).toMatchObject({ code: "BIND_FAILED", data: { port: server.port } });
});

test("a listener on this machine answers to its own names alone", async () => {
  const { server } = await served();
  const ask = (host: string): Promise<string> =>
    raw(server, `GET /restate/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  expect(await ask(`localhost:${server.port}`)).toMatch(/^HTTP\/1.1 200 /);
  const answer = await ask("evil.example");
  expect(answer).toMatch(/^HTTP\/1.1 421 /);
  expect(answer).toContain("HOST_REFUSED");
});

test.each([
  ["names its host twice", "GET /restate/health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"],
  ["names no host", "GET /restate/health HTTP/1.1\r\nConnection: close\r\n\r\n"],
  ["has a host in its path", "GET http://evil/restate/health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["asks to be a proxy's", "CONNECT evil:443 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  [
    "hides a second request",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["speaks HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["has a header with a NUL", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n"],
])("a request that %s is refused and cut off", async (_, text) => {
  const { server } = await served();
  expect(await raw(server, text)).toMatch(/^(HTTP\/1.1 400 |$)/);
});

test("headers of more than 16 KiB are refused", async () => {
  const { server } = await served();
  const text = `GET /restate/health HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`;
  expect(await raw(server, text)).toMatch(/^HTTP\/1.1 431 /);
});

test("a body that says it is too large, and one that does not end, are refused", async () => {
  const { server } = await served({ bodyBytesMax: 1000 });
  const head =
    "POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const declared = await raw(server, `${head}Content-Length: 1001\r\n\r\n"abc`);
  expect(declared).toMatch(/^HTTP\/1.1 413 /);
  const chunk = `400\r\n${"1".repeat(1024)}\r\n`;
  const endless = await raw(server, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
  expect(endless).toMatch(/^HTTP\/1.1 413 /);
});

test.each([
  ["headers", "GET /restate/health HTTP/1.1\r\nHost: loc"],
  [
    "a body",
    "POST /Greeter/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
      'Content-Length: 100\r\n\r\n"half of i',
  ],
])("who sends %s and stops in the middle is cut off, and others are not", async (_, text) => {
  const { engine, server } = await served({ requestTimeout: "100ms" });
  const asked = new Promise<string>((resolve) => awakeables.push(resolve));
  const waits = fetch(`${server.url}/Approval/ask`);
  const id = await asked;
  expect(await raw(server, text)).toMatch(/^(HTTP\/1.1 408 |$)/);
  // Waiting for an answer has no limit.
  await engine.awakeable(id).resolve("patient");
  expect(await (await waits).json()).toBe("patient");
});

test("one address has its share of connections", async () => {
  const { server } = await served({ connectionsPerAddressMax: 2 });
  const held = [connect(server.port, "127.0.0.1"), connect(server.port, "127.0.0.1")];
  await Promise.all(
    held.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
  );
  await expect(fetch(`${server.url}/restate/health`)).rejects.toThrow();
  const [first] = held;
  first?.destroy();
  await vi.waitUntil(async () => {
    const response = await fetch(`${server.url}/restate/health`).catch(() => undefined);
    return response?.status === 200;
  });
  for (const socket of held) socket.destroy();
});

test("a client that goes leaves the invocation to go on", async () => {
  const { engine, server } = await served();
  const asked = new Promise<string>((resolve) => awakeables.push(resolve));
  const gone = new AbortController();
  const call = fetch(`${server.url}/Approval/ask`, { signal: gone.signal });
  call.catch(() => {});
  const id = await asked;
  gone.abort();
  await expect(call).rejects.toThrow();
  await engine.awakeable(id).resolve("late");
  expect((await fetch(`${server.url}/restate/health`)).status).toBe(200);
});

test("it closes when what is under way is answered, and takes nothing more", async () => {
  const { engine, server } = await served();
  const asked = new Promise<string>((resolve) => awakeables.push(resolve));
  const call = fetch(`${server.url}/Approval/ask`);
  const id = await asked;
  const closed = server.close();
  await expect(fetch(`${server.url}/restate/health`)).rejects.toThrow();
  await engine.awakeable(id).resolve("in time");
  const response = await call;
  expect(response.headers.get("connection")).toBe("close");
  expect(await response.json()).toBe("in time");
  await closed;
});

test("what does not end in time is cut off when it closes", async () => {
  const { server } = await served({ drainTimeout: "20ms" });
  const asked = new Promise<string>((resolve) => awakeables.push(resolve));
  const call = fetch(`${server.url}/Approval/ask`);
  call.catch(() => {});
  await asked;
  await server.close();
  await expect(call).rejects.toThrow();
});
