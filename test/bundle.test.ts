// Bundlers: a program with an engine in memory needs nothing of Node; one with a data directory
// says which setting keeps the package out of the bundle, and works with it.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeEach(() => {
  // A project that has the package installed.
  folder = mkdtempSync(join(tmpdir(), "holdfast-bundle-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "holdfast"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const program = (data: string): string => `
  import { Engine, memory, object, service } from "holdfast";
  const counter = object("Counter", { state: { n: 0 } }, {
    async add(ctx, by) { ctx.set("n", (await ctx.get("n")) + by); return ctx.get("n"); },
  });
  const greeter = service("Greeter", {
    async greet(ctx, name) {
      const text = await ctx.run("text", () => "hello " + name);
      await ctx.sleep(5);
      const [n] = await Promise.all([ctx.call(counter, name).add(2), ctx.sleep(1)]);
      return text + " " + n;
    },
  });
  async function main() {
    const engine = await Engine.open({ services: [counter, greeter], data: ${data} });
    const said = await engine.call(greeter).greet("you");
    await engine.close();
    return said;
  }
  globalThis.outcome = main();
`;

async function bundle(data: string, options: BuildOptions): Promise<string> {
  const entry = join(folder, "program.js");
  const outfile = join(folder, `bundle.${options.format === "cjs" ? "cjs" : "mjs"}`);
  writeFileSync(entry, program(data));
  await build({ entryPoints: [entry], outfile, bundle: true, logLevel: "silent", ...options });
  return outfile;
}

const webNames = [
  "clearTimeout",
  "performance",
  "crypto",
  "console",
  "MessageChannel",
  "AbortController",
  "AbortSignal",
  "TextEncoder",
  "TextDecoder",
  "queueMicrotask",
];

/** What every browser and every edge runtime has; of Node nothing. */
function webGlobals(): Record<string, unknown> {
  const has = webNames.map((name): [string, unknown] => [name, Reflect.get(globalThis, name)]);
  const later = (then: () => void, ms: number): number => Number(setTimeout(then, ms));
  return { ...Object.fromEntries(has), setTimeout: later };
}

test("a bundle for the browser runs a handler where nothing of Node is", async () => {
  const file = await bundle("memory()", { platform: "browser", format: "iife" });
  const context = createContext(webGlobals());
  runInContext(readFileSync(file, "utf8"), context);
  const absent = "typeof process + typeof require + typeof Buffer + typeof setImmediate";
  expect(runInContext(absent, context)).toBe("undefined".repeat(4));
  expect(await (runInContext("outcome", context) as Promise<unknown>)).toBe("hello you 2");
});

test("a bundle for the browser has no word of Node's modules", async () => {
  const file = await bundle("memory()", { platform: "browser", format: "esm", minify: true });
  const text = readFileSync(file, "utf8");
  expect(text.match(/["'`]node:[a-z_]+["'`]/g)).toBeNull();
  // 270 kB in November 2026, minified and not compressed; 20 of them verify signed tokens.
  expect(text.length).toBeLessThan(300_000);
});

test("in the browser a data directory is refused with a code", async () => {
  const file = await bundle('"./data"', { platform: "browser", format: "iife" });
  const context = createContext(webGlobals());
  runInContext(readFileSync(file, "utf8"), context);
  const outcome = runInContext("outcome", context) as Promise<unknown>;
  await expect(outcome).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
});

function runNode(file: string): { readonly code: unknown; readonly message: unknown } {
  const main = `
    ${file.endsWith("cjs") ? "require" : "await import"}(${JSON.stringify(file)});
    globalThis.outcome.then(
      (said) => console.log(JSON.stringify({ code: "ok", message: said })),
      (error) => console.log(JSON.stringify({ code: error.code, message: error.message })),
    );`;
  const type = file.endsWith("cjs") ? "commonjs" : "module";
  const args = [`--input-type=${type}`, "--eval", main];
  const ran = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  if (ran.stdout === "") throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as { code: unknown; message: unknown };
}

test.each(["esm", "cjs"] as const)("a %s bundle for node says what to set", async (format) => {
  const file = await bundle('"./data"', { platform: "node", format });
  const { code, message } = runNode(file);
  expect(code).toBe("PACKAGE_BUNDLED");
  expect(message).toContain('external: ["holdfast"]');
  expect(message).toContain("serverExternalPackages");
});

test("with that setting the same program runs on its data directory", async () => {
  const options: BuildOptions = { platform: "node", format: "esm", external: ["holdfast"] };
  const file = await bundle('"./data"', options);
  expect(runNode(file)).toEqual({ code: "ok", message: "hello you 2" });
});
