import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cliPage, cliPagePath } from "../../scripts/cli-page.ts";

test("docs/cli.md says what the catalogue of commands says", () => {
  expect(readFileSync(cliPagePath, "utf8"), "run npx tsx scripts/cli-page.ts").toBe(cliPage());
});
