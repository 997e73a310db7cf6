// The rules of `holdfast/eslint`, as ESLint runs them. RUNNERS=1 fetches ESLint, which is too large
// to be installed for this alone; without it the rules are held against their own shape only.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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

/** Lines that end with a comment are wrong; all others are not. */
const linted = `import { service } from "holdfast";
const begun = Date.now();
export const one = service("One", {
  async go(ctx, n: number): Promise<number> {
    ctx.sleep(1); // await
    await fetch("x"); // effect
    await ctx.run("fine", () => Date.now() + begun);
    await ctx.run("fine", async () => void (await fetch("y")));
    return Math.random() + n; // differs
  },
});
`;
const wrongLines = linted.split("\n").flatMap((line, i) => (/ \/\/ /.test(line) ? [i + 1] : []));

describe.runIf(process.env["RUNNERS"] !== undefined)("other linters find the same", () => {
  let folder: string;
  const tool = (name: string): string => join(root, "tools", "node_modules", ".bin", name);

  beforeEach(() => {
    folder = join(root, "test", ".tmp", `lint-${process.pid}`);
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(root, join(folder, "node_modules", "holdfast"));
    writeFileSync(join(folder, "app.ts"), linted);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The lines it complains about. */
  function lines(name: string, args: readonly string[], line: RegExp): number[] {
    const options = {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    } as const;
    const { status, stdout, stderr } = spawnSync(tool(name), [...args, "app.ts"], options);
    expect({ status, said: stdout + stderr }).toMatchObject({ status: 1 });
    const found = [...`${stdout}${stderr}`.matchAll(line)].map(([, at]) => Number(at));
    return [...new Set(found)].sort((a, b) => a - b);
  }

  test("oxlint, by the same rules", () => {
    const config = {
      categories: { correctness: "off" },
      jsPlugins: [{ name: "holdfast", specifier: "holdfast/eslint" }],
      rules: configs.recommended.rules,
    };
    writeFileSync(join(folder, ".oxlintrc.json"), JSON.stringify(config));
    const args = ["--format=unix", "--config", ".oxlintrc.json", "--no-ignore"];
    expect(lines("oxlint", args, /app\.ts:(\d+):/g)).toEqual(wrongLines);
  });

  test("Biome, by rules of its own", () => {
    const config = {
      root: true,
      plugins: ["./node_modules/holdfast/assets/lint/handlers.grit"],
      linter: { rules: { preset: "none" } },
    };
    writeFileSync(join(folder, "biome.json"), JSON.stringify(config));
    expect(lines("biome", ["lint"], /app\.ts:(\d+):/g)).toEqual(wrongLines);
  });
});
