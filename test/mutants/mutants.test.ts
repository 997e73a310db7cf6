import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { clusterMutants } from "./cluster-mutants.ts";
import { mutants } from "./mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("every fault to plant has its place: where a refactor moved the line, write it anew", () => {
  const lost = [...mutants, ...clusterMutants].filter(({ file, find }) => {
    return readFileSync(`${root}${file}`, "utf8").split(find).length !== 2;
  });
  expect(lost.map(({ name, file }) => `${file}: ${name}`)).toEqual([]);
  expect(mutants.length).toBeGreaterThanOrEqual(25);
});
