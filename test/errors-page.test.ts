import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorsPage, errorsPagePath } from "../scripts/errors-page.ts";
import { storageErrorCodes } from "../src/model/error-codes-storage.ts";

test("docs/errors.md says what the table of codes says", () => {
  expect(readFileSync(errorsPagePath, "utf8"), "run npx tsx scripts/errors-page.ts").toBe(
    errorsPage(),
  );
});

test("docs/operations.md says what to do about every code a data directory can give", () => {
  const page = readFileSync(new URL("../docs/operations.md", import.meta.url), "utf8");
  const codes = Object.keys(storageErrorCodes);
  const ours = codes.filter((code) => /^(DIRECTORY|CHANGELOG|TABLE|COPY)_|^DISK_FULL$/.test(code));
  expect(ours.length).toBeGreaterThan(10);
  expect(ours.filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([]);
});
