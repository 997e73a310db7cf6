// Bundles the simulator with the engine under it. Modules of Node that reach the world are replaced
// by traps, and faults are planted in the sources as they are read (test/mutants).
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A fault to plant: the text is there exactly once, or the planting fails. */
export interface Planted {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** Modules whose use is a hole in the ports. Of `crypto` only hashes are let through. */
const trappedModules =
  /^node:(fs|fs\/promises|net|http|https|child_process|worker_threads|sqlite|dns|tls|os)$/;

const traps: Plugin = {
  name: "traps",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#platform$/ }, () => ({ path: `${root}sim/platform.ts` }));
    onResolve({ filter: trappedModules }, ({ path }) => ({ path, namespace: "trap" }));
    onResolve({ filter: /^@photostructure\/sqlite$/ }, ({ path }) => ({ path, namespace: "trap" }));
    onResolve({ filter: /^node:crypto$/ }, ({ path, importer }) =>
      importer.startsWith(`${root}src/`) ? { path, namespace: "crypto" } : { path, external: true },
    );
    onLoad({ filter: /./, namespace: "trap" }, ({ path }) => ({
      contents:
        `const trap = new Proxy(() => {}, { get: (_, name) => trap, apply: () => { throw new Error(` +
        `${JSON.stringify(`${path} is used under simulation`)}); } }); module.exports = trap;`,
    }));
    onLoad({ filter: /./, namespace: "crypto" }, () => ({
      contents:
        'export { createHash } from "node:crypto";\n' +
        // A module may name itself while it is loaded; from then on nobody asks.
        "export const randomBytes = (length) => {\n" +
        '  if (globalThis[Symbol.for("holdfast.sim")]) throw new Error("randomBytes under simulation");\n' +
        "  return Buffer.alloc(length);\n};",
      resolveDir: root,
    }));
  },
};

function planting({ file, find, put }: Planted): Plugin {
  return {
    name: "planted",
    setup({ onLoad }) {
      onLoad({ filter: /[.]ts$/ }, async ({ path }) => {
        if (path !== `${root}${file}`) return undefined;
        const text = await readFile(path, "utf8");
        const parts = text.split(find);
        if (parts.length !== 2) {
          throw new Error(`${file} holds ${parts.length - 1} times: ${find}`);
        }
        return { contents: parts.join(put), loader: "ts" };
      });
    },
  };
}

/** Bundles one entry into `to`, which ends in `.mjs`. */
export async function bundle(entry: string, to: string, planted?: Planted): Promise<void> {
  await build({
    entryPoints: [`${root}${entry}`],
    outfile: to,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "silent",
    plugins: [...(planted === undefined ? [] : [planting(planted)]), traps],
  });
}
