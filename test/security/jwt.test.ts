// Signed tokens on both sides: what is taken, and everything that looks like it and is not.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Engine, memory, service } from "../../src/index.ts";
import { JwtVerifier } from "../../src/server/jwt.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { adminOf, askerOf } from "../support/admin.ts";

const pairs = {
  EdDSA: generateKeyPairSync("ed25519"),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
};
type Name = keyof typeof pairs;
const names = Object.keys(pairs) as Name[];

const jwk = (name: Name, kid: string = name): { kty: string } => ({
  ...(pairs[name].publicKey.export({ format: "jwk" }) as { kty: string }),
  ...{ kid, alg: name },
});
const keys = names.map((name) => jwk(name));
const now = Date.UTC(2026, 10, 22);
const seconds = now / 1000;
const good = { aud: "shop", iss: "https://id.example", exp: seconds + 300 };
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function signature(name: Name, data: string, key: KeyObject = pairs[name].privateKey): string {
  const bytes = Buffer.from(data);
  const hash = name === "EdDSA" ? null : "sha256";
  const options = name === "ES256" ? { key, dsaEncoding: "ieee-p1363" as const } : key;
  return sign(hash, bytes, options).toString("base64url");
}

function token(name: Name, claims: object = {}, header: object = {}): string {
  const data = `${part({ alg: name, kid: name, ...header })}.${part({ ...good, ...claims })}`;
  return `${data}.${signature(name, data)}`;
}

const verifier = new JwtVerifier(
  { keys, audience: "shop", issuer: "https://id.example" },
  () => now,
);
const refused = async (text: string): Promise<unknown> =>
  verifier.verify(text).then(
    () => "taken",
    (error: { code?: string }) => error.code,
  );

test.each(names)("a token signed with %s is taken, with its claims", async (name) => {
  expect((await verifier.verify(token(name, { sub: "ada" }))).get("sub")).toBe("ada");
  expect(await refused(token(name, { aud: ["other", "shop"] }))).toBe("taken");
});

describe("refused, without a word why", () => {
  const data = `${part({ alg: "HS256", kid: "RS256" })}.${part(good)}`;
  const pem = pairs.RS256.publicKey.export({ format: "pem", type: "spki" });
  const other = generateKeyPairSync("ed25519").privateKey;
  const body = `${part({ alg: "EdDSA", kid: "EdDSA" })}.${part(good)}`;

  test.each([
    ["no algorithm", `${part({ alg: "none" })}.${part(good)}.`],
    ["no algorithm, with a signature", `${part({ alg: "none" })}.${part(good)}.AAAA`],
    [
      "HS256 with the public key",
      `${data}.${createHmac("sha256", pem).update(data).digest("base64url")}`,
    ],
    ["another's key", `${body}.${signature("EdDSA", body, other)}`],
    ["another algorithm than its key's", token("EdDSA", {}, { alg: "RS256" })],
    ["a key nobody knows", token("EdDSA", {}, { kid: "nobody" })],
    ["critical extensions", token("EdDSA", {}, { crit: ["x"], x: 1 })],
    ["expired", token("ES256", { exp: seconds - 61 })],
    ["without an end", token("ES256", { exp: undefined })],
    ["of the future", token("ES256", { nbf: seconds + 61 })],
    ["for another audience", token("RS256", { aud: "other" })],
    ["for nobody", token("RS256", { aud: undefined })],
    ["from another issuer", token("RS256", { iss: "https://evil.example" })],
    ["changed", token("EdDSA").replace(/\.[^.]+\./, `.${part({ ...good, sub: "root" })}.`)],
    ["cut", token("EdDSA").slice(0, -4)],
    ["long", token("EdDSA", { pad: "x".repeat(9000) })],
    ["no JSON", "YWJj.YWJj.YWJj"],
    ["a list", `${part([])}.${part([])}.AAAA`],
    ["__proto__", `${Buffer.from('{"__proto__":{"alg":"EdDSA"}}').toString("base64url")}.e30.AAAA`],
  ])("%s", async (_, text) => {
    expect(await refused(text)).toBe("UNAUTHENTICATED");
  });
});

describe("keys that are fetched", () => {
  let published: readonly object[];
  let asked = 0;
  let url: string;
  const server = createServer((_, response) => {
    asked++;
    response.statusCode = published.length === 0 ? 500 : 200;
    response.end(JSON.stringify({ keys: published }));
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterAll(() => void server.close());
  beforeEach(() => {
    asked = 0;
    vi.useFakeTimers({ toFake: ["Date"], now });
    published = [jwk("EdDSA", "first")];
  });
  afterEach(() => void vi.useRealTimers());
  const fetched = (): JwtVerifier => new JwtVerifier({ keys: url, audience: "shop" });
  const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
  const first = token("EdDSA", {}, { kid: "first" });
  const second = token("ES256", {}, { kid: "second" });

  test("are asked for once, and again for one that is new, but not by everybody", async () => {
    const rotating = fetched();
    for (let i = 0; i < 5; i++) await rotating.verify(first);
    expect(asked).toBe(1);
    for (let i = 0; i < 5; i++) await expect(rotating.verify(second)).rejects.toThrow();
    expect(asked).toBe(1);
    published = [jwk("EdDSA", "first"), jwk("ES256", "second")];
    later(61_000);
    await rotating.verify(second);
    await rotating.verify(first);
    expect(asked).toBe(2);
  });

  test("go on being good while nobody publishes them", async () => {
    const known = fetched();
    await known.verify(first);
    published = [];
    later(200_000);
    await expect(known.verify(second)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect((await known.verify(first)).get("aud")).toBe("shop");
    later(11 * 60_000);
    const lasting = token("EdDSA", { exp: seconds + 3600 }, { kid: "first" });
    expect((await known.verify(lasting)).get("aud")).toBe("shop");
    published = [jwk("ES256", "second")];
    later(11 * 60_000);
    await expect(known.verify(lasting)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("over plain HTTP from elsewhere are refused", () => {
    const keys = "http://id.example/jwks";
    expect(() => new JwtVerifier({ keys, audience: "shop" })).toThrow(TypeError);
    expect(() => new JwtVerifier({ keys: [], audience: "" })).toThrow(TypeError);
  });
});

const later = { exp: Date.now() / 1000 + 300 };

test("the ingress takes such a token beside its own, and nothing without", async () => {
  const greeter = service("Greeter", { greet: async (_ctx, name: string) => `Hello, ${name}` });
  await using engine = await Engine.open({ services: [greeter], data: memory() });
  const tokens = ["a-token-of-some-length"];
  const ingress = engine.ingress({ tokens, jwt: { keys, audience: "shop" } });
  const ask = async (bearer?: string): Promise<number> => {
    const headers = {
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    };
    const init = { method: "POST", body: '"Ada"', headers };
    return (await ingress(new Request("http://localhost/Greeter/greet", init))).status;
  };
  const given = [token("EdDSA", later), tokens[0], token("EdDSA", { exp: 1 }), "a.b.c", undefined];
  expect(await Promise.all(given.map(ask))).toEqual([200, 200, 401, 401, 401]);
});

test("the admin side takes its role from the claim holdfast_role", async () => {
  await using engine = await TestEngine.open({ services: [service("S", { async nothing() {} })] });
  const ask = askerOf(adminOf(engine, { jwt: { keys, audience: "shop" }, now: () => now }));
  const as = async (role: unknown, method = "GET", path = "/services"): Promise<number> => {
    const headers = { authorization: `Bearer ${token("EdDSA", { holdfast_role: role })}` };
    return (await ask(method, path, { as: null, headers })).status;
  };
  expect(await as("read")).toBe(200);
  expect(await as("read", "POST", "/invocations/batch/cancel")).toBe(403);
  expect(await as("admin", "POST", "/invocations/batch/cancel")).not.toBe(403);
  for (const role of ["none", "root", undefined, 1, ["admin"]]) expect(await as(role)).toBe(403);
});
