// The security bar, as far as it is about the admin side: every route of the table is asked by who
// must not, and by pages that must not.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { object } from "../../src/index.ts";
import type { Admin } from "../../src/server/admin.ts";
import { parseAdminToken } from "../../src/server/admin-auth.ts";
import type { AdminRoute } from "../../src/server/admin-route.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { type Ask, adminOf, adminTokens, askerOf, requestOf } from "../support/admin.ts";

const cart = object("Cart", {
  async put(ctx, value: unknown): Promise<void> {
    ctx.set("items", value);
  },
  async hold(ctx): Promise<void> {
    await ctx.awakeable().promise;
  },
});

let engine: TestEngine;
let admin: Admin;
let ask: Ask;
let id: string;
beforeAll(async () => {
  engine = await TestEngine.open({ services: [cart] });
  admin = adminOf(engine);
  ask = askerOf(admin);
  ({ id } = await engine.send(cart, "k").hold());
  await engine.runUntilIdle();
});
afterAll(() => engine.close());

const examples: Readonly<Record<string, string>> = {
  service: "Cart",
  handler: "put",
  key: "k",
  operation: "cancel",
};

function urlOf({ path }: AdminRoute): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => examples[name] ?? id);
}

/** Nothing but whether it serves is told to who has no token. */
const open = ["/health", "/health/ready", "/health/live"];

describe("check 3: every admin route", () => {
  test("has a role, but for those that only say whether it serves", () => {
    const none = admin.routes.filter(({ role }) => role === "none").map(({ path }) => path);
    expect(none).toEqual(open);
    expect(admin.routes.length).toBeGreaterThan(30);
  });

  test("is refused without a token, with a wrong one, and with one of too small a role", async () => {
    for (const route of admin.routes) {
      if (route.role === "none") continue;
      const where = `${route.method} ${route.path}`;
      const without = await ask(route.method, urlOf(route), { as: null });
      expect([where, without.status]).toEqual([where, 401]);
      for (const token of ["x", "r".repeat(42), `${adminTokens.admin}x`]) {
        const headers = { authorization: `Bearer ${token}` };
        const wrong = await ask(route.method, urlOf(route), { as: null, headers });
        expect([where, wrong.status]).toEqual([where, 401]);
      }
      if (route.role === "read") continue;
      const small = await ask(route.method, urlOf(route), { as: "read" });
      expect([where, small.status, small.json()["code"]]).toEqual([where, 403, "FORBIDDEN"]);
      if (route.role !== "admin") continue;
      const smaller = await ask(route.method, urlOf(route), { as: "operate" });
      expect([where, smaller.status]).toEqual([where, 403]);
    }
    expect((await engine.inspect.invocation(id)).status).not.toBe("completed");
  });

  test("that changes anything needs more than read", () => {
    const moving = admin.routes.filter(({ method, path }) => method !== "GET" && path !== "/query");
    expect(moving.filter(({ role }) => role === "read" || role === "none")).toEqual([]);
  });

  test("who has no token learns of no route: unknown paths are 401 too", async () => {
    expect((await ask("GET", "/nothing", { as: null })).status).toBe(401);
    expect((await ask("PUT", "/services", { as: null })).status).toBe(401);
  });
});

describe("check 4 and 5: hosts and pages", () => {
  test("another host is 421, whatever the token", async () => {
    for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]) {
      expect((await ask("GET", "/invocations", { headers: { host } })).status).toBe(421);
    }
  });

  test("a page of another origin is refused and is allowed to read nothing", async () => {
    const headers = { origin: "https://evil.example", cookie: `holdfast_session=${session()}` };
    for (const route of admin.routes) {
      const answer = await ask(route.method, urlOf(route), { as: null, headers });
      expect(answer.status).toBe(403);
      expect(Object.keys(answer.headers)).not.toContain("access-control-allow-origin");
    }
  });

  test("a live cookie moves nothing by a form, an image or a fetch without the page's own header", async () => {
    const cookie = `holdfast_session=${session()}`;
    const path = `/invocations/${id}/kill`;
    const refused = [
      await ask("PATCH", path, { as: null, headers: { cookie } }),
      await ask("PATCH", path, { as: null, headers: { cookie, "sec-fetch-site": "cross-site" } }),
      await ask("POST", "/invocations/batch/kill?service=Cart", { as: null, headers: { cookie } }),
      await ask("GET", "/invocations", {
        as: null,
        headers: { cookie, "sec-fetch-site": "cross-site" },
      }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect((await engine.inspect.invocation(id)).status).not.toBe("completed");
    const own = { cookie, "x-holdfast-csrf": "1", "sec-fetch-site": "same-origin" };
    expect((await ask("GET", "/invocations", { as: null, headers: own })).status).toBe(200);
  });

  test("a body that is not marked as JSON is not read as JSON", async () => {
    const headers = { "content-type": "text/plain" };
    const body = '{"set":{"a":1}}';
    const answer = await ask("PATCH", "/services/Cart/keys/k", { headers, body });
    expect(answer.status).toBe(400);
  });

  function session(): string {
    const cookie = admin.auth.redeem(admin.auth.link("admin")) ?? "";
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\//);
    return /holdfast_session=([^;]+)/.exec(cookie)?.[1] ?? "";
  }

  test("a session that was not signed here, or is over, is none", async () => {
    const [role, until, signature] = session().split(".");
    for (const cookie of [
      `operate.${until}.${signature}`,
      `${role}.${Number(until) + 1}.${signature}`,
      `${role}.${until}.${"A".repeat(43)}`,
      `${role}.${until}.`,
      "..",
    ]) {
      const headers = { cookie: `holdfast_session=${cookie}` };
      expect((await ask("GET", "/invocations", { as: null, headers })).status).toBe(401);
    }
    const late = askerOf(adminOf(engine, { now: () => 13 * 3_600_000 }));
    const headers = { cookie: `holdfast_session=${role}.${until}.${signature}` };
    expect((await ask("GET", "/invocations", { as: null, headers })).status).toBe(200);
    expect((await late("GET", "/invocations", { as: null, headers })).status).toBe(401);
  });

  test("a link gives one session, once", () => {
    const code = admin.auth.link("read");
    expect(admin.auth.redeem(code)).toBeDefined();
    expect(admin.auth.redeem(code)).toBeUndefined();
    expect(admin.auth.redeem("nonsense")).toBeUndefined();
  });
});

describe("checks 7, 12, 13, 15: what is sent, and what is told", () => {
  test("a body larger than its limit is 413", async () => {
    const body = JSON.stringify({ set: { a: "x".repeat(5 * 1024 * 1024) } });
    expect((await ask("PATCH", "/services/Cart/keys/k", { body })).status).toBe(413);
  });

  test("names such as __proto__ are data, in state, in bodies and in queries", async () => {
    const path = "/services/Cart/keys/__proto__";
    const body = '{"set":{"__proto__":{"polluted":1},"constructor":2},"version":0}';
    expect((await ask("PATCH", path, { body })).status).toBe(202);
    await engine.runUntilIdle();
    const { state } = (await ask("GET", path)).json<{ state: object }>();
    expect(Object.keys(state).sort()).toEqual(["__proto__", "constructor"]);
    const query = "?__proto__=1&constructor=2&service=__proto__";
    expect((await ask("GET", `/invocations${query}`)).json()).toMatchObject({ invocations: [] });
    expect((await ask("GET", "/services/__proto__")).status).toBe(404);
    expect((await ask("PATCH", path, { body: '{"__proto__":{"admin":true}}' })).status).toBe(400);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test.each(["%00", "%0d%0aset-cookie:x", "%ff", "%", "a".repeat(20_000)])(
    "a path with %s is answered and nothing more",
    async (part) => {
      for (const path of [
        `/invocations/${part}`,
        `/services/${part}`,
        `/services/Cart/keys/${part}`,
      ]) {
        const { status, headers } = await ask("GET", path);
        expect(status).toBeLessThan(500);
        expect(Object.values(headers).join("")).not.toMatch(/[\r\n]/);
      }
    },
  );

  test("who may only read is given no awakeable's id: it completes what waits", async () => {
    for (const path of ["/awakeables", `/invocations/${id}`, `/invocations/${id}/why`]) {
      expect((await ask("GET", path, { as: "operate" })).text).toMatch(/awk_1[\w-]{46}/);
      expect((await ask("GET", path, { as: "read" })).text).not.toMatch(/awk_1[\w-]{46}/);
    }
  });

  test("an internal error tells nothing of itself", async () => {
    const broken = adminOf(
      new Proxy(engine, {
        get: (of, name) => {
          if (name === "restart") throw new Error("secret at /home/ada");
          return Reflect.get(of, name, of) as unknown;
        },
      }),
    );
    const sent = await engine.send(cart, "other").put(1);
    await engine.runUntilIdle();
    const answer = await askerOf(broken)("PATCH", `/invocations/${sent.id}/restart-as-new`);
    expect([answer.status, answer.text]).toEqual([
      500,
      '{"message":"internal error","restate_code":null}',
    ]);
  });
});

test("tokens are known by their digest alone, with a role", () => {
  expect(parseAdminToken(`read:${"0f".repeat(32)}`).role).toBe("read");
  for (const text of ["", "read:", "none:".concat("0".repeat(64)), `root:${"0".repeat(64)}`]) {
    expect(() => parseAdminToken(text)).toThrow(TypeError);
  }
  expect(JSON.stringify(admin)).not.toContain(adminTokens.admin);
});

test("answers are not kept by caches, nor taken for something else", async () => {
  const { headers } = await ask("GET", "/invocations");
  expect(headers).toMatchObject({
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  });
  const plain = await admin.answer(requestOf("GET", "/invocations", { host: "localhost" }));
  expect(plain.headers["www-authenticate"]).toBe("Bearer");
});
