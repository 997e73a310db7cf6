// Compiles src/ into dist/: types file by file, code as one file per face of the package and what
// they share in dist/lib, since a process that loads two hundred modules waits twice as long for
// its first result (docs/decisions/0018). Run: npm run build, or with --outdir for another folder.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { outdir: { type: "string", default: "dist" } } });
const outdir = resolve(root, values.outdir);

/** Entries of threads and processes that the package starts itself. */
const workers = ["materialiser-worker.ts", "sql-worker.ts"];

const { exports, imports, bin } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
) as Record<"exports" | "imports" | "bin", Readonly<Record<string, unknown>>>;

/** Sources of all files that the manifest names: its faces, its command, its platforms. */
function named(): string[] {
  const text = JSON.stringify([exports, imports, bin]);
  const files = [...text.matchAll(/"\.\/dist\/([^"]+)\.js"/g)].map(([, name]) => `${name}.ts`);
  return [...new Set(files)];
}

// All of it: what an older build left would be packed.
rmSync(outdir, { recursive: true, force: true });
const tsc = join(root, "node_modules/typescript/bin/tsc");
const types = ["-p", "tsconfig.build.json", "--outDir", outdir];
execFileSync(process.execPath, [tsc, ...types], { cwd: root, stdio: "inherit" });
await build({
  absWorkingDir: root,
  entryPoints: [...named(), ...workers].map((name) => join("src", name)),
  outdir,
  outbase: "src",
  // As deep as the rooms of src/: a path from a module to a file beside the code is one path.
  chunkNames: "lib/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  // Chosen by who runs it.
  external: Object.keys(imports),
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
});
