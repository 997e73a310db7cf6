// `holdfast dev`: reload while invocations go on, a line for each, a live page, and a process that is
// killed and comes back. What the page asks, and what it may not do, is read from its text and asked of
// the routes; test/browser sees it.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliFolder, type Started } from "../support/cli.ts";

const app = (greeting: string): string => `import { service } from "holdfast";
import { greeting } from "./words.ts";
export const greeter = service("Greeter", {
  hello: async (_ctx, name: string): Promise<string> => \`\${greeting}, \${name}! ${greeting}\`,
  async drifts(ctx): Promise<void> { await ctx.run(String(performance.now()), () => 1); },
  async waits(ctx): Promise<unknown> { return ctx.awakeable().promise; },
});
`;

let folder: CliFolder;
let dev: Started;
let ingress: string;
let admin: string;
let cookie: string;

beforeAll(async () => {
  folder = new CliFolder("dev", {
    "app.ts": app("one"),
    "words.ts": 'export const greeting = "Hello";\n',
  });
  dev = folder.start("dev", "app.ts", "--port", "0", "--admin-port", "0");
  [, ingress = ""] = await dev.said(/ingress +(http:\/\/\S+)\n/);
  const [, link = ""] = await dev.said(/live +(http:\S+)\n/);
  admin = new URL(link).origin;
  const entered = await fetch(link, { redirect: "manual" });
  expect([entered.status, entered.headers.get("location")]).toEqual([303, "/live"]);
  cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  expect((await fetch(link, { redirect: "manual" })).status).toBe(401);
}, 60_000);
afterAll(() => {
  dev.child.kill("SIGTERM");
  return dev.ended.then(() => folder.remove());
});

async function hello(): Promise<string> {
  const response = await fetch(`${ingress}/Greeter/hello`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '"Ada"',
  });
  return response.text();
}

test("a line for each invocation that ends, on standard output", async () => {
  expect(await hello()).toBe('"Hello, Ada! one"');
  const [line] = await dev.said(/.*Greeter\/hello.*\n/, "out");
  expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ✓ succeeded +Greeter\/hello \d+ ms inv_1\w+\n$/);
});

test("what would go another way after a crash is told when it has ended, with its line", async () => {
  const response = await fetch(`${ingress}/Greeter/drifts`, { method: "POST" });
  expect(response.status).toBe(200);
  await dev.said(/this ended well, and would go another way after a crash/);
  await dev.said(/Greeter\/drifts: JOURNAL_MISMATCH at command 0/);
  await dev.said(/app\.ts:\d+/);
});

test("the page: three files, no markup from data, at most 500 lines, only routes that exist", async () => {
  const texts: string[] = [];
  for (const path of ["/live", "/live/live.js", "/live/live.css"]) {
    const response = await fetch(`${admin}${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
    texts.push(await response.text());
  }
  expect(texts.join("").split("\n").length).toBeLessThanOrEqual(500);
  expect(texts[0]).not.toMatch(/<script(?! type="module" src=)|\son\w+=|style=/);
  expect(texts[1]).not.toMatch(
    /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(/,
  );
  for (const path of ["/invocations?limit=1", "/invocations/count", "/services"]) {
    expect((await fetch(`${admin}${path}`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${admin}${path}`)).status).toBe(401);
  }
  const ids = new Set([...(texts[0] ?? "").matchAll(/id="([\w-]+)"/g)].map(([, id]) => id));
  for (const [, id] of (texts[1] ?? "").matchAll(/\bat\("([\w-]+)"\)/g)) expect(ids).toContain(id);
});

test("path traversal leads to no file", async () => {
  for (const path of ["/live/../../package.json", "/live/%2e%2e%2fapp.ts", "/live/..\\app.ts"]) {
    expect((await fetch(`${admin}${path}`, { headers: { cookie } })).status).toBe(404);
  }
});

test("new code is taken over, with what it imports, while what waits goes on", async () => {
  const sent = await fetch(`${ingress}/Greeter/waits/send`, { method: "POST" });
  const { invocationId } = (await sent.json()) as { invocationId: string };
  folder.write("words.ts", 'export const greeting = "Hi";\n');
  await dev.said(/words\.ts changed: reloaded Greeter/);
  expect(await hello()).toBe('"Hi, Ada! one"');
  folder.write("app.ts", "this is no program");
  await dev.said(/app\.ts changed and does not load; the code before goes on/);
  expect(await hello()).toBe('"Hi, Ada! one"');
  folder.write("app.ts", app("two"));
  await dev.said(/app\.ts changed: reloaded Greeter/);
  expect(await hello()).toBe('"Hi, Ada! two"');
  const one = await fetch(`${admin}/invocations/${invocationId}`, { headers: { cookie } });
  expect(await one.json()).toMatchObject({ open: [{ kind: "awakeable" }] });
});

test("the process is killed from the page, comes back, and so does the page's session", async () => {
  const kill = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${admin}/live/kill-process`, { method: "POST", headers });
  expect((await kill({ cookie })).status).toBe(403);
  expect((await kill({})).status).toBe(401);
  const before = await fetch(`${admin}/invocations/count`, { headers: { cookie } });
  expect((await kill({ cookie, "x-holdfast-csrf": "1" })).status).toBe(202);
  await dev.said(
    /the process was ended by SIGKILL\. It comes back and goes on\.\n[\s\S]*live +http/,
  );
  const [, url = ""] = /SIGKILL[\s\S]*admin +(http:\/\/[^,]+),/.exec(dev.error) ?? [];
  const after = await fetch(`${url}/invocations/count`, { headers: { cookie } });
  expect(after.status).toBe(200);
  expect(await after.json()).toMatchObject({
    count: ((await before.json()) as { count: number }).count,
  });
});

test("the files of the page are part of the package", () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect((JSON.parse(text) as { files: string[] }).files).toContain("assets");
});
