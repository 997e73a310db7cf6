// A headless Chromium for tests of pages. Where there is none, the tests say so in one line and are
// skipped, or fail when REQUIRE says that they must run.
import { execFileSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";
import { type TestAPI, test } from "vitest";

const executablePath = process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium";
// It is kept from looking for anything beyond this machine.
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function found(): boolean {
  try {
    execFileSync(executablePath, ["--version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath, args });
}

/** The `test` of a file that needs a browser. */
export function browserTest(name: string): TestAPI | TestAPI["skip"] {
  if (found()) return test;
  if (/\bchromium\b/.test(process.env["REQUIRE"] ?? "")) {
    throw new Error("REQUIRE=chromium: install chromium, or name it in CHROMIUM_BIN");
  }
  process.stderr.write(`NOT RUN: ${name}: there is no Chromium (see CHROMIUM_BIN).\n`);
  return test.skip;
}
