// `holdfast/testing` as it is published, in the test runners people use, each as a process of its
// own. RUNNERS=1 also fetches jest, which is too large to be installed with the project.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Inside the repository, so that "holdfast" means this package; see .gitignore. */
const folder = join(root, "test", ".tmp", `runners-${process.pid}`);
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const names = ["sleeps", "fails", "crashes"];

beforeAll(() => {
  expect(existsSync(join(root, "dist", "testing", "index.js")), "build first: make build").toBe(
    true,
  );
  mkdirSync(folder, { recursive: true });
  const program = fileURLToPath(new URL("runners/program.mjs", import.meta.url));
  cpSync(program, join(folder, "program.mjs"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A test file of this runner: `head` imports what it calls. */
function file(name: string, head: string): string {
  const tests = names.map((one) => `test("${one}", program.${one});`);
  const text = `import * as program from "./program.mjs";\n${head}\n${tests.join("\n")}\n`;
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** What it prints, colourless; a failure is its output. */
function run(args: readonly string[], env: Record<string, string> = {}): string {
  const inherited = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env };
  // Else it takes itself for a part of the run it is started from.
  for (const name of ["VITEST", "VITEST_POOL_ID", "VITEST_WORKER_ID", "VITEST_MODE", "TEST"]) {
    Reflect.deleteProperty(inherited, name);
  }
  const options = { cwd: folder, encoding: "utf8", env: inherited } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  return `${status === 0 ? "" : "failed\n"}${stdout}${stderr}`;
}

for (const pool of ["forks", "threads"]) {
  test(`vitest, pool ${pool}, with fake timers`, () => {
    const head = 'import { test, vi } from "vitest";\nvi.useFakeTimers();';
    file(`${pool}.spec.mjs`, head);
    const config = join(folder, "vitest.config.mjs");
    writeFileSync(config, 'export default { test: { include: ["*.spec.mjs"] } };\n');
    const said = run([vitest, "run", "--config", config, `--pool=${pool}`, `${pool}.spec.mjs`]);
    expect(said).toContain("3 passed");
  }, 60_000);
}

test("node:test, with mocked timers", () => {
  const head =
    'import { mock, test } from "node:test";\n' +
    'mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });';
  const said = run(["--test", "--test-reporter=tap", file("node.mjs", head)]);
  expect(said).toMatch(/# pass 3\n# fail 0/);
}, 60_000);

test.runIf(process.env["RUNNERS"] !== undefined)(
  "jest, as modules, with fake timers",
  () => {
    const at = join(folder, "jest");
    mkdirSync(at);
    writeFileSync(join(at, "package.json"), '{ "private": true }\n');
    const quick = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"];
    const install = ["install", "--ignore-scripts", ...quick, "jest@30"];
    execFileSync("npm", install, { cwd: at, stdio: "pipe" });
    const head = 'import { jest } from "@jest/globals";\njest.useFakeTimers();';
    const config = { testMatch: ["**/jest.mjs"], transform: {}, rootDir: folder };
    const modules = { modulePaths: [join(at, "node_modules")] };
    file("jest.mjs", head);
    const said = run([
      "--experimental-vm-modules",
      join(at, "node_modules", "jest", "bin", "jest.js"),
      "--config",
      JSON.stringify({ ...config, ...modules }),
    ]);
    expect(said).toContain("3 passed");
  },
  240_000,
);
