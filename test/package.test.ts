// The packed tarball, as a user gets it: installed without scripts in an empty folder,
// run. NODE24=1 runs it on Node 24 as well, which is fetched as a package.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pages, snippets } from "./support/pages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
/** The user's project. */
let project: string;
let tarball: string;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

const npm = (cwd: string, ...args: string[]): string =>
  run("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-package-"));
  const source = join(folder, "source");
  mkdirSync(source);
  for (const name of ["package.json", ...manifest.files]) {
    cpSync(join(root, name), join(source, name), { recursive: true, filter: isBuilt });
  }
  npm(source, "pack", "--pack-destination", folder);
  tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`);
  project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(project, "install", tarball);
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What an earlier build has left, and has no source any more, is in no tarball. */
function isBuilt(path: string): boolean {
  const source = /^dist\/(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(relative(root, path))?.[1];
  if (source?.startsWith("lib/")) return true; // emptied by each build
  return source === undefined || existsSync(join(root, "src", `${source}.ts`));
}

/** Everything below a folder, by its path from there. */
function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );
}

test("the tarball holds what is built and what a user reads, and is small", () => {
  const files = filesIn(join(project, "node_modules", manifest.name));
  const strange = files.filter(
    (name) => !/^(dist\/|assets\/(live|lint)\/|[A-Z]+\.md$|LICENSE$|package\.json$)/.test(name),
  );
  expect(strange).toEqual([]);
  expect(files.filter((name) => /\.test\.|conformance\.test|\.tsbuildinfo/.test(name))).toEqual([]);
  for (const name of ["README.md", "LICENSE", "dist/index.js", "dist/materialiser-worker.js"]) {
    expect(files).toContain(name);
  }
  expect(statSync(tarball).size).toBeLessThan(800_000);
});

test("three run-time dependencies at most, and no install script of ours", () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(3);
  const installing = Object.keys(manifest.scripts).filter((name) =>
    /^(pre|post)?(install|prepare|publish|pack)/.test(name),
  );
  expect(installing).toEqual([]);
});

/** The README's program, its types erased. */
function program(): string {
  const readme = pages(root).find(({ path }) => path === "README.md");
  const { code } = snippets(readme as NonNullable<typeof readme>)[0] as { readonly code: string };
  return transformSync(code, { loader: "ts", format: "esm" }).code;
}

function printed(): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  return /```text\n([^`]*)```/.exec(readme)?.[1] ?? "";
}

describe.each(nodes())("on Node %s", (_name, node) => {
  test("the README's program prints what the README says, and goes on where it was", () => {
    writeFileSync(join(project, "main.mjs"), program());
    rmSync(join(project, "data"), { recursive: true, force: true });
    expect(run(node(), ["main.mjs"], project)).toBe(printed());
    expect(existsSync(join(project, "data", "holdfast.json"))).toBe(true);
    // The state of the first run is there.
    expect(run(node(), ["main.mjs"], project)).toContain("'TICKET-001', 'TICKET-001'");
  });

  test("every face of the package can be imported, and required", () => {
    const faces = Object.keys(manifest.exports).map((face) => join(manifest.name, face));
    const each = (load: (face: string, how: string) => string): string =>
      faces
        .map((face) => {
          const how = face.endsWith(".json") ? ', { with: { type: "json" } }' : "";
          const loaded = load(JSON.stringify(face), how);
          return `console.log(${JSON.stringify(face)}, Object.keys(${loaded}).length > 0);`;
        })
        .join("\n");
    const said = `${faces.map((face) => `${face} true`).join("\n")}\n`;
    const imported = each((face, how) => `await import(${face}${how})`);
    expect(run(node(), ["--input-type=module", "--eval", imported], project)).toBe(said);
    const required = each((face) => `require(${face})`);
    expect(run(node(), ["--input-type=commonjs", "--eval", required], project)).toBe(said);
  });

  test("a cluster says what to install where its client is missing", () => {
    const cluster = 'import("holdfast/nats").then((m) => m.nats({ servers: "x", app: "shop" })';
    const code = `${cluster}.connect({ data: "none" })).catch((e) => console.log(e.code, e.message))`;
    const output = run(node(), ["--input-type=module", "--eval", code], project);
    expect(output).toContain("NATS_UNAVAILABLE");
    expect(output).toContain("npm install @nats-io/transport-node");
  });

  test("what is no face cannot be reached", () => {
    const code = `import("${manifest.name}/dist/open.js").catch((e) => console.log(e.code))`;
    const output = run(node(), ["--input-type=module", "--eval", code], project);
    expect(output.trim()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  test("its commands start", () => {
    for (const path of Object.values(manifest.bin)) {
      const file = join(project, "node_modules", manifest.name, path);
      expect(run(node(), [file, "--help"], project)).toContain("holdfast");
    }
  });
});

test("the types are there for a program that is checked strictly", () => {
  const readme = pages(root).find(({ path }) => path === "README.md");
  const { code } = snippets(readme as NonNullable<typeof readme>)[0] as { readonly code: string };
  writeFileSync(join(project, "typed.mts"), code);
  const compilerOptions = {
    noEmit: true,
    strict: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "dom", "esnext.disposable"],
    types: [],
  };
  const config = { compilerOptions, files: ["typed.mts"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  expect(spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" }).stdout).toBe("");
});

/** This Node, and Node 24 where it is asked for; each as a function, as it is fetched late. */
function nodes(): [name: string, node: () => string][] {
  const all: [string, () => string][] = [[process.versions.node, () => process.execPath]];
  if (process.env["NODE24"] === undefined) return all;
  let path: string | undefined;
  all.push(["24", () => (path ??= fetchNode("24"))]);
  return all;
}

function fetchNode(version: string): string {
  const at = join(folder, "node");
  mkdirSync(at);
  writeFileSync(join(at, "package.json"), '{ "private": true }\n');
  const name = `node-${process.platform}-${process.arch}`;
  npm(at, "install", `${name}@${version}`);
  return join(at, "node_modules", name, "bin", "node");
}
