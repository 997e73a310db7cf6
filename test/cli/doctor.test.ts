// `holdfast doctor` on directories that are well, damaged, tampered with, or in use.
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { doctor } from "../../src/doctor.ts";
import { Engine, object } from "../../src/index.ts";
import { openConnection } from "../../src/sqlite/driver.ts";
import { CliFolder } from "../support/cli.ts";
import { codeOf } from "../support/scenario.ts";

const cart = object("Cart", {
  async add(ctx, item: string): Promise<void> {
    await ctx.run("look", () => item);
    ctx.set(item, { item });
  },
  async hold(ctx): Promise<void> {
    await ctx.awakeable().promise;
  },
});

let folder: string;
let whole: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-doctor-test-"));
  whole = join(folder, "whole");
  const engine = await Engine.open({ services: [cart], data: whole });
  for (let i = 0; i < 40; i++) await engine.call(cart, `k${i % 5}`).add(`T-${i}`);
  await engine.send(cart, "k0").hold();
  await engine.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let copies = 0;
function copied(): { directory: string; aside: string } {
  const directory = join(folder, `copy-${++copies}`);
  cpSync(whole, directory, { recursive: true });
  return { directory, aside: join(folder, `aside-${copies}.sqlite`) };
}

test("a directory that is well has no problem: all frames are read, all rows compared", async () => {
  const report = await doctor(copied());
  expect(report).toMatchObject({ clean: true, problems: [], table: { foldedFrom: 0 } });
  expect(report.records.from).toBe(1);
  expect(report.table?.position).toBe(report.records.to);
  expect(report.batches).toBeGreaterThan(40);
});

test("a flipped bit in the changelog is found", async () => {
  const place = copied();
  const segment = join(
    place.directory,
    "changelog",
    readdirSync(join(place.directory, "changelog"))[0]!,
  );
  const bytes = readFileSync(segment);
  bytes[3000]! ^= 1;
  writeFileSync(segment, bytes);
  const { problems } = await doctor(place);
  expect(problems.join()).toContain("CHANGELOG_DAMAGED");
});

test("a row that was changed, and one that was taken away, are found by what they should be", async () => {
  const place = copied();
  const table = openConnection(join(place.directory, "table.sqlite"), { readOnly: false });
  table.exec("UPDATE object_row SET value = '{\"item\":\"forged\"}' WHERE slot = 'T-3'");
  table.exec("DELETE FROM timer_row; DELETE FROM invocation_row WHERE status = 'running'");
  table.close();
  const { problems } = await doctor(place);
  expect(problems.some((said) => /row of state is in the table and not.*forged/.test(said))).toBe(
    true,
  );
  expect(problems.some((said) => /row of invocation is in a fold.*hold/.test(said))).toBe(true);
});

test("a directory in use, and one that is none, are refused", async () => {
  const { directory, aside } = copied();
  const engine = await Engine.open({ services: [cart], data: directory });
  await engine.start();
  expect(await codeOf(doctor({ directory, aside }))).toBe("DIRECTORY_LOCKED");
  await engine.close();
  expect(await codeOf(doctor({ directory: join(folder, "none"), aside }))).toBe(
    "DIRECTORY_FOREIGN",
  );
});

test("the command: 0 when all is well, 3 with what is wrong, and nothing is changed", async () => {
  const cli = new CliFolder("doctor");
  const { directory } = copied();
  const well = await cli.run("doctor", directory);
  expect([well.code, well.error]).toEqual([0, "All of it is well.\n"]);
  expect(well.out).toMatch(/table {6}compared at \d+ with a fold from the beginning/);
  chmodSync(join(directory, "holdfast.json"), 0o644);
  const open = await cli.run("doctor", directory, "--json");
  expect(open.code).toBe(3);
  expect((JSON.parse(open.out) as { problems: string[] }).problems).toMatchObject([
    expect.stringContaining("has mode 644: others may open it"),
  ]);
  cli.remove();
});

test("completion scripts name every command", async () => {
  const cli = new CliFolder("completion");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await cli.run("completion", shell);
    expect(code).toBe(0);
    for (const name of ["serve", "why", "doctor", "--admin-port".slice(2)])
      expect(out).toContain(name);
  }
  expect((await cli.run("completion", "tcsh")).code).toBe(1);
  cli.remove();
});
