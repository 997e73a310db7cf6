// The client where nothing of Node is: bundled as a web page or an edge function would have it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestEngine } from "../../src/testing/index.ts";
import { counter, greeter } from "../support/services.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-client-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "holdfast"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const program = `
  import { connect, isHoldfastError, ref } from "holdfast/client";
  const counter = ref("object", "Counter");
  const greeter = ref("service", "Greeter");
  async function main() {
    const client = connect({ url: "http://engine.example:8080" });
    const n = await client.call(counter, "k").add(2);
    const sent = await client.send(greeter).greet("page");
    const code = await client.call(greeter).refuse({ code: "NO" }).catch(
      (error) => isHoldfastError(error) && error.code);
    return JSON.stringify([n, await sent.result(), code]);
  }
  globalThis.outcome = main();
`;

/** What a built file was made of: one holds many modules. */
function sourcesOf(path: string): readonly string[] {
  if (!/(?:^|\/)dist\//.test(path)) return [];
  const map = JSON.parse(readFileSync(`${resolve(path)}.map`, "utf8")) as { sources: string[] };
  return map.sources;
}

test("a bundle for the browser has nothing of Node and of the engine, and works", async () => {
  const entry = join(folder, "program.js");
  const outfile = join(folder, "bundle.js");
  writeFileSync(entry, program);
  const options = { bundle: true, minify: true, metafile: true, logLevel: "silent" } as const;
  const web = { platform: "browser", format: "iife" } as const;
  const { metafile } = await build({ entryPoints: [entry], outfile, ...web, ...options });
  const sources = Object.keys(metafile.inputs).flatMap(sourcesOf);
  const rooms = sources.map((path) => /src\/(\w+)\//.exec(path)?.[1]);
  expect([...new Set(rooms.filter((room) => room !== undefined))].sort()).toEqual([
    "client",
    "model",
    "sdk",
    "std",
  ]);
  const text = readFileSync(outfile, "utf8");
  expect(text.match(/["'`]node:[a-z_]+["'`]/g)).toBeNull();
  // 38 kB when this was written, minified and not compressed: much of it is what errors say.
  expect(text.length).toBeLessThan(60_000);

  await using engine = await TestEngine.open({ services: [counter, greeter] });
  const ingress = engine.ingress();
  const context = createContext({
    AbortController,
    Response,
    TextDecoder,
    TextEncoder,
    setTimeout,
    clearTimeout,
    btoa,
    atob,
    fetch: (url: string, init: RequestInit) => ingress(new Request(url, init)),
  });
  runInContext(text, context);
  const absent = "typeof process + typeof require + typeof Buffer";
  expect(runInContext(absent, context)).toBe("undefined".repeat(3));
  const outcome = (await (runInContext("outcome", context) as Promise<unknown>)) as string;
  expect(JSON.parse(outcome)).toEqual([2, "Hello, page", "NO"]);
});
