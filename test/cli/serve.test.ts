// `holdfast serve` and the commands that ask it, as they are installed: one engine, from its start to
// SIGTERM, called, looked at and steered from a terminal.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliFolder, type Ran, type Started } from "../support/cli.ts";

const app = `import { object, service, TerminalError } from "holdfast";
type Text = string; // TypeScript, on every Node
export const greeter = service("Greeter", {
  async hello(ctx, name: Text): Promise<string> {
    return ctx.run("greet", () => \`Hello, \${name}!\`);
  },
  async sleepy(ctx): Promise<void> { await ctx.sleep("1h"); },
  async refuses(): Promise<void> { throw new TerminalError("sold \\u001b[31mout", { code: "SOLD_OUT", status: 409 }); },
});
export default [object("Cart", {
  async add(ctx, item: string): Promise<string[]> {
    const items = [...((await ctx.get<string[]>("items")) ?? []), item];
    ctx.set("items", items);
    return items;
  },
  async hold(ctx): Promise<void> { await ctx.awakeable().promise; },
})];
`;

let folder: CliFolder;
let serving: Started;
let ingress: string;
let admin: string;

beforeAll(async () => {
  folder = new CliFolder("serve", { "app.ts": app });
  serving = folder.start("serve", "app.ts", "--port", "0", "--admin-port", "0");
  [, ingress = ""] = await serving.said(/ingress +(http:\/\/\S+)\n/);
  [, admin = ""] = await serving.said(/admin +(http:\/\/[^,]+), token in data\/admin-token\n/);
  folder.set("HOLDFAST_URL", ingress);
  folder.set("HOLDFAST_ADMIN_URL", admin);
}, 60_000);
afterAll(() => folder.remove());

async function done(...args: readonly string[]): Promise<string> {
  const { code, out, error } = await folder.run(...args);
  expect({ code, error }).toMatchObject({ code: 0 });
  return out;
}

async function refused(...args: readonly string[]): Promise<Pick<Ran, "code" | "error">> {
  const { code, out, error } = await folder.run(...args);
  expect(out).toBe("");
  return { code, error };
}

test("on start it says what it serves, where data lives and what is promised, all on standard error", async () => {
  const [text] = await serving.said(/holdfast \d[\s\S]*admin-token\n/);
  expect(text).toMatch(
    /^holdfast \d+\.\d+\.\d+ serves Cart, Greeter\n {2}data {6}in \S+data: each/,
  );
  expect(text).toMatch(/owner {5}this process alone \(pid \d+\)/);
  expect(text).toMatch(/recovery {2}nothing to recover/);
  expect(serving.out).toBe("");
  expect([ingress, admin].every((url) => url.startsWith("http://127.0.0.1:"))).toBe(true);
});

test("the admin token lies beside the data, for its owner only", async () => {
  const path = join(folder.path, "data", "admin-token");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder.path, "data")).mode & 0o777).toBe(0o700);
  const token = readFileSync(path, "utf8").trim();
  expect(Buffer.from(token, "base64url")).toHaveLength(32);
  const get = (authorization: string): Promise<Response> =>
    fetch(`${admin}/services`, { headers: { authorization } });
  expect((await get(`Bearer ${token}`)).status).toBe(200);
  expect((await get("Bearer nonsense")).status).toBe(401);
  expect((await serving.said(/.*/s))[0]).not.toContain(token);
});

test("curl, invoke and send reach the same handlers", async () => {
  const response = await fetch(`${ingress}/Greeter/hello`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '"Ada"',
  });
  expect(await response.json()).toBe("Hello, Ada!");
  expect(await done("invoke", "Greeter/hello", '"Bob"')).toBe('"Hello, Bob!"\n');
  expect(await done("invoke", "Cart/a/b/add", '"T-1"', "--json")).toBe('["T-1"]\n');
  const id = (await done("send", "Greeter/hello", '"Cy"')).trim();
  expect(id).toMatch(/^inv_1\w{33}$/);
  expect(await done("attach", id)).toBe('"Hello, Cy!"\n');
});

describe("how it ends", () => {
  test("5: the invocation failed; its message cannot move the terminal", async () => {
    const { code, error } = await refused("invoke", "Greeter/refuses");
    expect([code, error]).toEqual([5, "holdfast: SOLD_OUT: sold \\u001b[31mout\n"]);
  });

  test("4: there is no such thing", async () => {
    expect((await refused("invoke", "Nobody/hello")).code).toBe(4);
    const unknown = "inv_10SHxgluLUdD1e2rcdmo3zo70e7gv6hUf7";
    expect((await refused("why", unknown)).code).toBe(4);
  });

  test("6: no engine answers, or it does not know the token", async () => {
    const away = await refused("ls", "--admin-url", "http://127.0.0.1:1");
    expect(away.code).toBe(6);
    expect(away.error).toContain("No engine answers at http://127.0.0.1:1");
    const wrong = await refused("ls", "--admin-token", "x".repeat(43));
    expect([wrong.code, wrong.error.startsWith("holdfast: UNAUTHENTICATED:")]).toEqual([6, true]);
  });

  test("1: usage, with what was probably meant", async () => {
    for (const [args, hint] of [
      [["lss"], "Did you mean ls?"],
      [["ls", "--sttus", "x"], "Did you mean --status?"],
      [["invoke", "Greeter"], "no target"],
      [["invoke", "Greeter/hello", "Ada"], `A text is quoted: '"Ada"'.`],
      [["serve"], "missing required argument"],
      [["kill"], "Give an id, or a filter."],
      [["kill", "--service", "Cart"], "Say --yes."],
    ] as const) {
      const { code, error } = await refused(...args);
      expect([args, code]).toEqual([args, 1]);
      expect(error).toContain(hint);
    }
  });
});

test("what waits is listed, shown and explained, and moved by what the explanation says", async () => {
  const held = (await done("send", "Cart/k/hold")).trim();
  const next = (await done("send", "Cart/k/add", '"T-2"')).trim();
  const list = await done("ls", "--status", "unfinished", "--service", "Cart");
  expect(list).toMatch(/^id +target +status +created/);
  expect(list).toMatch(new RegExp(`${next} +Cart/k/add +inboxed`));
  const why = await done("why", next);
  expect(why).toContain("Cart/k is held by Cart/k/hold");
  expect(why).toContain(`curl -X POST ${ingress}/restate/awakeables/awk_1`);
  const shown = await done("get", held);
  expect(shown).toMatch(/^waits for awakeable awk_1/m);
  await done("kill", held);
  expect(await done("attach", next)).toContain("T-2");
  expect(await done("state", "Cart/k")).toMatch(/items +\["T-2"\]/);
  expect(await done("state", "Cart/k", "items=", 'note={"a":1}')).toMatch(/note +\{"a":1\}/);
  expect(JSON.parse(await done("services", "--json"))).toMatchObject({ services: [{}, {}] });
});

test("many are moved by a filter; programs are given JSON and people tables", async () => {
  for (let i = 0; i < 3; i++) await done("send", "Greeter/sleepy");
  const { error } = await folder.run("cancel", "--handler", "sleepy", "--yes");
  expect(error).toContain("cancel: 3 done, 0 refused");
  const { invocations } = JSON.parse(await done("ls", "--handler", "sleepy", "--json")) as {
    invocations: { id: string }[];
  };
  expect(invocations).toHaveLength(3);
  expect((await done("ls", "--handler", "sleepy", "--count")).trim()).toBe("3");
  const sql =
    "SELECT status, count(*) AS n FROM sys_invocation WHERE target_handler_name = 'sleepy'";
  expect(JSON.parse(await done("sql", `${sql} GROUP BY 1`, "--json"))).toEqual([
    { status: "completed", n: 3 },
  ]);
  const again = (await done("restart", invocations[0]?.id ?? "")).trim();
  await done("purge", invocations[1]?.id ?? "");
  await done("kill", again);
});

test("tail prints what happens as it happens", async () => {
  const tail = folder.start("tail", "--json");
  const ended = tail.said(/"kind":"succeeded"/, "out");
  // It is connected once it has told of anything.
  let heard = false;
  void ended.then(() => {
    heard = true;
  });
  while (!heard) await done("invoke", "Greeter/hello", '"tail"');
  await ended;
  expect(tail.out).toMatch(
    /"kind":"succeeded","id":"inv_1\w+","target":"Greeter\/hello","ms":\d+\}/,
  );
  tail.child.kill("SIGKILL");
});

test("on SIGTERM it closes in order, and what was answered is there the next time", async () => {
  serving.child.kill("SIGTERM");
  const { code, error } = await serving.ended;
  expect(code).toBe(0);
  expect(error).toContain("holdfast: closed in order.");
  writeFileSync(join(folder.path, "holdfast.config.json"), '{"port": 0, "adminPort": 0}');
  const again = folder.start("serve", "app.ts");
  const [, url = ""] = await again.said(/ingress +(http:\/\/\S+)\n/);
  const [said] = await again.said(/recovery .*/);
  expect(said).toMatch(/the process before closed in order, 0 of \d+ records read again/);
  const response = await fetch(`${url}/Cart/a%2Fb/add`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '"T-9"',
  });
  expect(await response.json()).toEqual(["T-1", "T-9"]);
  const second = await folder.run("serve", "app.ts");
  expect(second.code).toBe(2);
  expect(second.error).toContain("DIRECTORY_LOCKED");
  again.child.kill("SIGKILL");
  await again.ended;
});

test("what cannot start says why, and how it would", async () => {
  folder.write("empty.ts", "export const nothing = 1;\n");
  folder.write("broken.ts", 'throw new Error("no such table");\n');
  const told = async (...args: string[]): Promise<string> => {
    const { code, error } = await folder.run("serve", ...args);
    expect(code).not.toBe(0);
    return error;
  };
  expect(await told("nothing.ts")).toContain("there is no such file");
  expect(await told("empty.ts")).toContain("exports no definition");
  expect(await told("broken.ts")).toContain("no such table");
  const bind = await told("app.ts", "--host", "0.0.0.0", "--data", "elsewhere");
  expect(bind).toContain("BIND_REFUSED");
  const admin = await told("app.ts", "--admin-host", "0.0.0.0", "--data", "elsewhere");
  expect(admin).toContain("BIND_REFUSED");
});
