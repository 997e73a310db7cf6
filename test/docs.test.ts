// The documents are held against the code: links and file names lead somewhere, snippets compile,
// the README's program prints what the README says, and its numbers are those of limits.ts.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as limits from "../src/model/limits.ts";
import { brokenReferences, type Page, pages, snippets } from "./support/pages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const all = pages(root);
const readme = all.find(({ path }) => path === "README.md") as Page;
/** Inside the repository, so that "holdfast" means this package; see .gitignore. */
const temporary = join(root, "test", ".tmp", `docs-${process.pid}`);

beforeAll(() => {
  mkdirSync(temporary, { recursive: true });
});
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

test("links and file names lead to files and headings that exist", () => {
  expect(all.flatMap((page) => brokenReferences(root, page, all))).toEqual([]);
});

test("a link to nowhere, to a heading that is not there, and a stale file name are found", () => {
  const text = "[a](docs/nowhere.md) [b](docs/glossary.md#nothing) `src/nowhere.ts`\n";
  const planted = { path: "PLANTED.md", text };
  expect(brokenReferences(root, planted, all)).toEqual([
    "PLANTED.md:1: docs/nowhere.md does not exist.",
    "PLANTED.md:1: docs/glossary.md has no heading #nothing.",
    "PLANTED.md:1: src/nowhere.ts does not exist.",
  ]);
});

test("snippets compile", () => {
  const folder = join(temporary, "snippets");
  mkdirSync(folder);
  for (const { page, line, code } of all.flatMap(snippets)) {
    // Padded, so that what the compiler says has the line of the page.
    const name = `${page.replaceAll(/[/.]/g, "-")}-${line}.ts`;
    writeFileSync(join(folder, name), `${"\n".repeat(line)}${code}\n`);
  }
  writeFileSync(join(folder, "tsconfig.json"), snippetConfig);
  expect(run("node_modules/typescript/bin/tsc", ["-p", folder], root)).toBe("");
}, 60_000);

const snippetConfig = JSON.stringify({
  extends: "../../../../tsconfig.json",
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  include: ["*.ts"],
});

test("the README's program prints what the README says", () => {
  expect(existsSync(join(root, "dist", "index.js")), "build first: make build").toBe(true);
  const folder = join(temporary, "readme");
  mkdirSync(folder);
  const program = snippets(readme)[0];
  const printed = /```text\n([^`]*)```/.exec(readme.text.slice(program?.end))?.[1];
  writeFileSync(join(folder, "main.ts"), program?.code ?? "");
  // Without the repository's own paths: what runs is what is published.
  writeFileSync(join(folder, "tsconfig.json"), "{}");
  expect(run("node_modules/tsx/dist/cli.mjs", ["main.ts"], folder)).toBe(printed);
}, 60_000);

test("the README's limits are those of limits.ts", () => {
  const mib = (bytes: number): string => `${bytes / 2 ** 20} MiB`;
  const count = (number: number): string => number.toLocaleString("en");
  const rows = [
    `state value or signal | ${mib(limits.payloadBytesMax)} |`,
    `state of one key | ${mib(limits.stateBytesMax)}, ${count(limits.stateNamesMax)} names |`,
    `waiting at one key | ${count(limits.inboxLengthMax)} |`,
    `executing in one process | ${count(limits.attemptsOpenMax)}, or \`concurrency\` |`,
    `retention | ${limits.durationDaysMax} days |`,
    `idempotency key | ${count(limits.keyBytesMax)}; ${limits.nameBytesMax}; ${limits.idempotencyKeyBytesMax} bytes |`,
    `nested in each other | ${limits.callDepthMax} |`,
    `entries of one journal | ${count(limits.journalEntriesMax)} |`,
  ];
  for (const row of rows) expect(readme.text).toContain(row);
});

/** What a program of ours prints; a failed one prints, too. */
function run(script: string, args: readonly string[], cwd: string): string {
  try {
    const command = [join(root, script), ...args];
    return execFileSync(process.execPath, command, { cwd, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}`;
  }
}
