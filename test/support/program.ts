// Makes a program of TypeScript runnable by plain Node: one file aside, whose `holdfast` is the
// built package. The worker thread exists only there, and a process under fault has no loader.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const dist = (file: string): string =>
  fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));

export interface Program {
  readonly path: string;
  remove(): void;
}

export async function compileProgram(entry: URL): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-program-"));
  const path = join(folder, `${basename(entry.pathname, ".ts")}.mjs`);
  const external = (face: string) => ({ path: pathToFileURL(dist(face)).href, external: true });
  await build({
    entryPoints: [fileURLToPath(entry)],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    plugins: [
      {
        name: "holdfast",
        setup: (to) => {
          to.onResolve({ filter: /^holdfast$/ }, () => external("index.js"));
          to.onResolve({ filter: /^holdfast\/nats$/ }, () => external("nats-cluster.js"));
          to.onResolve({ filter: /^holdfast\/server$/ }, () => external("server/index.js"));
        },
      },
    ],
  });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
