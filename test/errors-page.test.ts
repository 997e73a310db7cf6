import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorsPage, errorsPagePath } from "../scripts/errors-page.ts";

test("docs/errors.md says what the table of codes says", () => {
  expect(readFileSync(errorsPagePath, "utf8"), "run npx tsx scripts/errors-page.ts")
    .toBe(errorsPage());
});
