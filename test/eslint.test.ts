// The rules of `holdfast/eslint`, as ESLint runs them. RUNNERS=1 fetches ESLint, which is too large
// to be installed for this alone; without it the rules are held against their own shape only.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { configs, rules } from "../src/eslint/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Cases {
  readonly valid: readonly string[];
  readonly invalid: readonly { readonly code: string; readonly errors: number }[];
}

const inHandler = (body: string): string => `service("S", { async go(ctx) { ${body} } });`;
const wrong = (body: string) => ({ code: inHandler(body), errors: 1 });

const cases: Readonly<Record<string, Cases>> = {
  "await-context": {
    valid: [
      inHandler('await ctx.run("a", f);'),
      inHandler("const a = ctx.call(b).c(); return a;"),
      inHandler("ctx.send(b).c(); ctx.set('a', 1);"),
      inHandler("await Promise.all([ctx.sleep(1), ctx.get('a')]);"),
      "function other(c) { c.run('a', f); }",
    ],
    invalid: [
      wrong('ctx.run("a", f);'),
      wrong('void ctx.run("a", f);'),
      wrong("ctx.call(b).c();"),
      wrong("ctx.sleep(1);"),
      { code: 'object("O", { a: shared(async (c) => { c.get("x"); }) });', errors: 1 },
      { code: "async function helper(ctx) { ctx.sleep(1); }", errors: 1 },
    ],
  },
  "no-nondeterminism": {
    valid: [
      inHandler("return ctx.date.now() + ctx.rand.random();"),
      inHandler('await ctx.run("a", () => Date.now());'),
      inHandler('await ctx.run("a", async () => { await b(() => Math.random()); });'),
      inHandler("return new Date(ctx.date.now());"),
      "const now = Date.now(); function f() { return Math.random(); }",
    ],
    invalid: [
      wrong("return Date.now();"),
      wrong("return new Date();"),
      wrong("return [1, 2].sort(() => Math.random() - 0.5);"),
      wrong("return crypto.randomUUID();"),
      wrong("return globalThis.performance.now();"),
      { code: "workflow('W', { run: handler({}, async (c) => Date.now()) });", errors: 1 },
    ],
  },
  "no-effects": {
    valid: [inHandler('await ctx.run("a", () => fetch("b"));'), 'fetch("b"); setTimeout(f, 1);'],
    invalid: [wrong('await fetch("b");'), wrong("setTimeout(f, 1);"), wrong("setInterval(f, 1);")],
  },
};

test("each rule has cases, a message and is in the recommended configuration", () => {
  expect(Object.keys(cases)).toEqual(Object.keys(rules));
  for (const [name, { meta }] of Object.entries(rules)) {
    expect(meta.messages["found"]).not.toBe("");
    expect(configs.recommended.rules[`holdfast/${name}`]).toBe("error");
  }
});

test.runIf(process.env["RUNNERS"] !== undefined)(
  "ESLint finds what is wrong and nothing else",
  () => {
    const at = join(root, "test", ".tmp", `eslint-${process.pid}`);
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "package.json"), '{ "private": true }\n');
    const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "eslint@9"];
    execFileSync("npm", install, { cwd: at, stdio: "pipe" });
    const { RuleTester } = createRequire(join(at, "package.json"))("eslint") as {
      readonly RuleTester: {
        new (): { run(name: string, rule: unknown, cases: unknown): void };
        it(name: string, body: () => void): void;
        describe(name: string, body: () => void): void;
      };
    };
    let ran = 0;
    RuleTester.describe = (_, body) => body();
    RuleTester.it = (_, body) => {
      ran++;
      body();
    };
    for (const [name, of] of Object.entries(cases)) new RuleTester().run(name, rules[name], of);
    expect(ran).toBeGreaterThan(25);
    rmSync(at, { recursive: true, force: true });
  },
  120_000,
);
