import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fenced, halted, haltReasons } from "./halt.ts";

test("docs/cluster.md says what to do about every reason to halt", () => {
  const page = readFileSync(new URL("../../docs/cluster.md", import.meta.url), "utf8");
  expect(haltReasons.length).toBeGreaterThan(5);
  expect(haltReasons.filter((reason) => !page.includes(`| \`${reason}\` |`))).toEqual([]);
});

test("a halt says what was seen and where, and who remembers otherwise", () => {
  const error = halted("HF_shop_3", "rolled-back", { witness: "the mark", position: 7 });
  expect(error.message).toContain("HF_shop_3 is not what it was: it ends before what was");
  expect(error).toMatchObject({ code: "PARTITION_HALTED", data: { witness: "the mark" } });
  expect(fenced("HF_shop_3")).toMatchObject({ code: "PARTITION_FENCED", retryable: true });
});
