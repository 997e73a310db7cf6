import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adminPage, adminPagePath } from "../../scripts/admin-page.ts";

test("docs/admin-api.md says what the table of routes says", () => {
  expect(readFileSync(adminPagePath, "utf8"), "run npx tsx scripts/admin-page.ts").toBe(
    adminPage(),
  );
});
