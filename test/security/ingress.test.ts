// What the ingress refuses whoever asks, without a server: hosts, pages of other origins, callers
// without a token, and input made to do harm.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { IngressOptions } from "../../src/server/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { approval, counter, greeter } from "../support/services.ts";

let engine: TestEngine;

beforeEach(async () => {
  engine = await TestEngine.open({ services: [greeter, counter] });
});

afterEach(() => engine.close());

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly options?: IngressOptions;
}

function ask(path: string, { options, method, headers = {}, body }: Sent = {}): Promise<Response> {
  const url = `http://engine.example:8080${path}`;
  const init = { method: method ?? (body === undefined ? "GET" : "POST"), headers };
  return engine.ingress(options)(new Request(url, { ...init, body: body ?? null }));
}

const json = { "content-type": "application/json" };
const codeOf = (response: Response): string | null => response.headers.get("x-holdfast-code");
const isPolluted = (): boolean => "polluted" in {};

describe("hosts", () => {
  const options = { hosts: ["localhost", "app.example:8443"] };

  test.each([
    ["localhost", 200],
    ["LOCALHOST:8080", 200],
    ["app.example:8443", 200],
    ["app.example", 421],
    ["app.example:1", 421],
    ["evil.example", 421],
    ["localhost.evil.example", 421],
    ["localhost:8080@evil.example", 421],
  ])("a request for %s is answered with %i", async (host, status) => {
    const response = await ask("/Greeter/echo", { options, headers: { host } });
    expect(response.status).toBe(status);
    if (status !== 200) expect(codeOf(response)).toBe("HOST_REFUSED");
  });
});

describe("web pages", () => {
  test.each([
    ["https://evil.example", {}],
    ["null", {}],
    ["http://engine.example", {}],
    ["http://engine.example:8080.evil.example", {}],
    [undefined, { "sec-fetch-site": "cross-site" }],
    [undefined, { "sec-fetch-site": "same-site" }],
  ])("a page of the origin %s starts nothing and may read nothing (%j)", async (origin, more) => {
    const headers = { ...json, ...more, ...(origin === undefined ? {} : { origin }) };
    const response = await ask("/Counter/k/add", { headers, body: "1" });
    expect([response.status, codeOf(response)]).toEqual([403, "ORIGIN_REFUSED"]);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(await (await ask("/Counter/k/get")).json()).toBe(0);
  });

  test("a page of the same host may ask, and who is no page", async () => {
    const origin = "http://engine.example:8080";
    expect((await ask("/Greeter/echo", { headers: { origin } })).status).toBe(200);
    const typed = { "sec-fetch-site": "none" };
    expect((await ask("/Greeter/echo", { headers: typed })).status).toBe(200);
  });

  test("a page of an origin that is named may ask and read, and no other is told so", async () => {
    const options = { origins: ["https://app.example"] };
    const headers = { origin: "https://app.example" };
    const response = await ask("/Greeter/echo", { headers, options });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(response.headers.get("vary")).toBe("origin");
    const asked = { ...headers, "access-control-request-headers": "content-type" };
    const preflight = await ask("/Greeter/echo", { method: "OPTIONS", headers: asked, options });
    expect(preflight.status).toBe(200);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("content-type");
    const other = { origin: "https://other.example" };
    const refused = await ask("/Greeter/echo", { method: "OPTIONS", headers: other, options });
    expect(refused.status).toBe(403);
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("an origin with a pattern is a mistake of the program", () => {
    expect(() => engine.ingress({ origins: ["*"] })).toThrow(TypeError);
    expect(() => engine.ingress({ origins: ["https://*.example"] })).toThrow(TypeError);
  });
});

describe("tokens", () => {
  const options = { tokens: ["a-token-of-some-length", "another-token-for-rotation"] };

  test.each([
    ["Bearer a-token-of-some-length", 200],
    ["bearer another-token-for-rotation", 200],
    ["Bearer a-token-of-some-lengt", 401],
    ["Bearer ", 401],
    ["Basic a-token-of-some-length", 401],
    [undefined, 401],
  ])("with %s the answer is %i", async (authorization, status) => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await ask("/Greeter/echo", { options, headers });
    expect(response.status).toBe(status);
    if (status !== 200) expect(codeOf(response)).toBe("UNAUTHENTICATED");
  });

  test("without one nothing is said of what is hosted, not even what is not there", async () => {
    for (const path of ["/restate/health", "/Nobody/x", "/restate/invocation/bad/output", "/x"]) {
      const response = await ask(path, { options });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain("Greeter");
    }
  });

  test("a short token is a mistake of the program", () => {
    expect(() => engine.ingress({ tokens: ["short"] })).toThrow(TypeError);
  });
});

test("a handler that is private is nobody's outside, whatever the route", async () => {
  for (const path of ["/Greeter/hidden", "/restate/call/Greeter/hidden", "/Greeter/hidden/send"]) {
    const response = await ask(path);
    expect([response.status, codeOf(response)]).toEqual([400, "HANDLER_PRIVATE"]);
  }
  expect(await engine.call(greeter).hidden()).toBe("secret");
});

describe("input made to do harm", () => {
  test("a body nested deeper than anybody could write back is refused", async () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    const response = await ask("/Greeter/echo", { headers: json, body: nested(100_000) });
    expect([response.status, codeOf(response)]).toEqual([400, "REQUEST_INVALID"]);
    const text = JSON.stringify("[".repeat(5000));
    expect(await (await ask("/Greeter/echo", { headers: json, body: text })).text()).toBe(text);
    const deep = nested(900);
    expect(await (await ask("/Greeter/echo", { headers: json, body: deep })).text()).toBe(deep);
  });

  test("__proto__ and constructor are data wherever they come from", async () => {
    const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const echoed = await ask("/Greeter/echo", { headers: json, body });
    expect(await echoed.text()).toBe(body);
    const key = "/Counter/__proto__";
    expect(await (await ask(`${key}/add`, { headers: json, body: "2" })).json()).toBe(2);
    expect(await (await ask(`${key}/key`)).json()).toBe("__proto__");
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect((await ask(`/${name}/${name}`)).status).toBe(404);
      expect((await ask(`/Greeter/${name}`)).status).toBe(404);
      expect((await ask(`/restate/${name}`)).status).toBe(404);
    }
    const target = '{"__proto__":{"target":"invocation","invocationId":"x"}}';
    expect((await ask("/restate/attach", { headers: json, body: target })).status).toBe(400);
    const options = { headers: ["__proto__", "constructor"] };
    const headers = { constructor: "c", __proto__: "p" } as Record<string, string>;
    expect((await ask("/Greeter/headers", { headers, options })).status).toBe(200);
    expect(isPolluted()).toBe(false);
  });

  test.each(["%00", "a%0d%0ab", "%1b[31m", encodeURIComponent("k".repeat(1025)), "%C3%28"])(
    "a key %s is refused",
    async (key) => {
      const response = await ask(`/Counter/${key}/get`);
      expect(response.status).toBe(400);
      expect(codeOf(response)).toMatch(/^(KEY|REQUEST)_INVALID$/);
    },
  );

  test("a path that climbs leads nowhere else", async () => {
    for (const path of [
      "/Greeter/%2e%2e/%2e%2e/echo",
      "/..%2f..%2fetc/passwd",
      "/Greeter/..%5cx",
    ]) {
      expect([400, 404]).toContain((await ask(path)).status);
    }
  });

  test("a compressed body is not unpacked", async () => {
    const headers = { ...json, "content-encoding": "gzip" };
    const response = await ask("/Greeter/echo", { headers, body: "1" });
    expect([response.status, codeOf(response)]).toEqual([415, "CONTENT_TYPE_INVALID"]);
  });

  test("a body of a byte too much is refused, one of the limit is not", async () => {
    const options = { bodyBytesMax: 10 };
    const fits = await ask("/Greeter/echo", { options, headers: json, body: '"12345678"' });
    expect(fits.status).toBe(200);
    const larger = await ask("/Greeter/echo", { options, headers: json, body: '"123456789"' });
    expect([larger.status, codeOf(larger)]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("line breaks and length in an idempotency key are refused", async () => {
    for (const key of ["k".repeat(513), "a\tb\u00e4", "\u0080"]) {
      const request = { ...json, "idempotency-key": key };
      const response = await ask("/Greeter/echo", { headers: request, body: "1" });
      expect([response.status, codeOf(response)]).toEqual([
        400,
        expect.stringMatching(/^(IDEMPOTENCY_KEY|REQUEST)_INVALID$/),
      ]);
    }
  });

  test("an awakeable has 128 random bits, and whoever guesses is answered alike", async () => {
    const ids: string[] = [];
    const ask = approval((id) => ids.push(id));
    await using engine = await TestEngine.open({ services: [ask] });
    const asking = [engine.call(ask).ask(), engine.call(ask).ask()];
    await engine.advance(0);
    const [id = "", other = ""] = ids;
    // 22 characters of base64url: 132 bits. Two of one process have them nowhere in common.
    const random = (text: string): string => text.slice(-22);
    expect(random(id)).toMatch(/^[\w-]{22}$/);
    expect([...random(id)].filter((c, i) => c === random(other)[i]).length).toBeLessThan(8);
    const ingress = engine.ingress();
    const guess = (at: number): string => {
      const changed = id[at] === "A" ? "B" : "A";
      return id.slice(0, at) + changed + id.slice(at + 1);
    };
    for (let at = id.length - 22; at < id.length; at++) {
      const url = `http://localhost/restate/awakeables/${guess(at)}/resolve`;
      const answer = ingress(new Request(url, { method: "POST", headers: json, body: "true" }));
      await engine.advance(0);
      expect([202, 400]).toContain((await answer).status);
    }
    await engine.awakeable(id).resolve(true);
    await engine.awakeable(other).resolve(true);
    await engine.runUntilIdle();
    await Promise.all(asking);
  });

  test("the id of one invocation says nothing of another's", async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => ask("/Greeter/nothing"))).then(
      (all) => all.map((response) => response.headers.get("x-restate-id") as string),
    );
    // Guessed from a neighbour: its position with other random bits.
    const guessed = `${ids[0]?.slice(0, 30)}AAAAAAAA`;
    const unknown = await ask(`/restate/invocation/${guessed}/output`);
    expect(unknown.status).toBe(404);
    const other = "inv_1553EmTLdKub00P0H1LR9BIfnwT28FMMAf";
    const nobody = await ask(`/restate/invocation/${other}/output`);
    expect(await nobody.text()).toBe((await unknown.text()).replace(guessed, other));
  });
});
