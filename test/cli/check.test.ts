// `holdfast check`, `export` and `replay`, as they are installed, on a directory that an engine has
// open: code that goes on, and code that parts from what is under way.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object } from "../../src/index.ts";
import { hostsOf, listen } from "../../src/server/listener.ts";
import { nodeHandlerOf } from "../../src/server/node-http.ts";
import { adminOf, adminTokens } from "../support/admin.ts";
import { CliFolder } from "../support/cli.ts";

const app = (first: string): string => `import { object } from "holdfast";
export const account = object("Account", {
  async pay(ctx, amount: number): Promise<void> {
    ${first}
    await ctx.run("charge", () => process.exit(9));
    ctx.set("paid", amount);
    await ctx.sleep("300d");
  },
});
`;
const account = object("Account", {
  async pay(ctx, amount: number): Promise<void> {
    await ctx.run("charge", () => "secret");
    ctx.set("paid", amount);
    await ctx.sleep("300d");
  },
});

let folder: CliFolder;
let engine: Engine;
let id: string;

beforeAll(async () => {
  folder = new CliFolder("check", {
    "same.ts": app(""),
    "other.ts": app('await ctx.run("check", () => 1); // other'),
    "redact.ts": "export default (value: unknown, where: { kind: string }) => 'no ' + where.kind;",
  });
  engine = await Engine.open({ services: [account], data: join(folder.path, "data") });
  for (const key of ["a", "b"]) ({ id } = await engine.send(account, key).pay(5));
  while ((await engine.inspect.invocation(id)).entries < 4) await engine.start();
}, 60_000);
afterAll(async () => {
  await engine.close();
  folder.remove();
});

test("check: code that matches goes on; no step runs", async () => {
  const { code, out, error } = await folder.run("check", "same.ts");
  expect({ code, out }).toEqual({ code: 0, out: "" });
  expect(error).toContain(
    "2 of 2 invocations that are under way were replayed: 2 go on, 0 would be",
  );
});

test("check: code that parts is told with entry and line, and ends with 7", async () => {
  const { code, out, error } = await folder.run("check", "other.ts");
  expect(code).toBe(7);
  expect(out).toContain(`Account/b/pay (${id}): JOURNAL_MISMATCH at command 0`);
  expect(out).toContain('the journal holds  run "charge"');
  expect(out).toMatch(/at {2}\S*other\.ts:4 {2}await ctx\.run\("check", \(\) => 1\); \/\/ other/);
  expect(error).toContain("0 go on, 2 would be paused");
  const sampled = await folder.run("check", "other.ts", "--sample", "2", "--json");
  expect(JSON.parse(sampled.out)).toMatchObject({
    live: 2,
    replayed: 1,
    diverged: [{ target: "Account/a/pay" }],
  });
  expect((await folder.run("check", "same.ts", "--sample", "x")).code).toBe(1);
});

test("check and export ask a running engine where an admin side is named", async () => {
  const admin = adminOf(engine, { hosts: hostsOf("127.0.0.1") });
  const server = await listen(
    nodeHandlerOf((request) => admin.answer(request)),
    { port: 0, authenticated: true },
  );
  try {
    folder.set("HOLDFAST_ADMIN_TOKEN", adminTokens.operate);
    const at = ["--admin-url", server.url, "--data", "nowhere"];
    const same = await folder.run("check", "same.ts", ...at);
    expect({ code: same.code, out: same.out }).toEqual({ code: 0, out: "" });
    expect(same.error).toContain("2 of 2 invocations that are under way were replayed: 2 go on");
    const other = await folder.run("check", "other.ts", "--json", "--sample", "2", ...at);
    expect(other.code).toBe(7);
    expect(JSON.parse(other.out)).toMatchObject({
      live: 2,
      replayed: 1,
      diverged: [{ id, target: "Account/b/pay", divergence: { code: "JOURNAL_MISMATCH" } }],
    });
    const from = await folder.run("export", id, ...at);
    expect(from.out).toBe((await folder.run("export", id)).out);
    const unknown = "inv_10SHxgluLUdD1e2rcdmo3zo70e7gv6hUf7";
    expect((await folder.run("export", unknown, ...at)).code).toBe(4);
    // Ids of awakeables can be made of what is in it.
    folder.set("HOLDFAST_ADMIN_TOKEN", adminTokens.read);
    expect((await folder.run("export", id, ...at)).error).toContain("FORBIDDEN");
  } finally {
    await server.close();
  }
}, 60_000);

test("export and replay: an invocation as a file, with its secrets or without", async () => {
  const { out } = await folder.run("export", id);
  expect(out).toContain("secret");
  folder.write("run.json", out);
  const same = await folder.run("replay", "run.json", "same.ts");
  expect(same).toMatchObject({ code: 0 });
  expect(same.out).toMatch(
    /0 {2}run "charge" → "secret" +\S*same\.ts:5 {2}await ctx\.run\("charge"/,
  );
  const other = await folder.run("replay", "run.json", "other.ts");
  expect(other).toMatchObject({ code: 7 });
  expect(other.error).toContain("JOURNAL_MISMATCH at command 0");
  const redacted = (await folder.run("export", id, "--redact", "redact.ts")).out;
  expect(redacted).toContain("no step");
  expect(redacted).not.toContain("secret");
  expect((await folder.run("replay", "absent.json", "same.ts")).code).toBe(1);
  expect(existsSync(join(folder.path, "data", "holdfast.json"))).toBe(true);
});
