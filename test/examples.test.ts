// Every example as a user runs it, in a process of its own on the built package: its output is what
// lies beside it, line by line.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const examples = fileURLToPath(new URL("../examples", import.meta.url));
/** As the command tsx does it, which is one more process. */
const tsx = ["--import", import.meta.resolve("tsx")];
const start = promisify(execFile);

/** Fails when it ends with another exit code than 0. */
async function run(script: string, env: Record<string, string> = {}): Promise<string> {
  const { DATA: _, EXPIRY: __, ...inherited } = process.env;
  const { stdout } = await start(process.execPath, [...tsx, join(examples, script)], {
    env: { ...inherited, ...env },
  });
  return stdout;
}

const read = (...path: string[]): string => readFileSync(join(examples, ...path), "utf8");

const folders = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** `survive.ts` is a script of its own where `expected-survive.txt` lies beside it. */
const others = folders.flatMap((name) =>
  readdirSync(join(examples, name)).flatMap((file) => {
    const script = /^expected-(.+)\.txt$/.exec(file)?.[1];
    return script === undefined ? [] : [{ name, script, file }];
  }),
);

describe.concurrent("an example prints what lies beside it", () => {
  for (const name of folders) {
    test(name, async () => {
      expect(existsSync(join(examples, name, "expected.txt")), "it has an expected.txt").toBe(true);
      expect(await run(`${name}/main.ts`)).toBe(read(name, "expected.txt"));
    });
  }

  for (const { name, script, file } of others) {
    test(`${name}, ${script}`, async () => {
      expect(await run(`${name}/${script}.ts`)).toBe(read(name, file));
    });
  }

  test("ticket-cart, until the tickets have expired", async () => {
    const lines = (await run("ticket-cart/main.ts", { EXPIRY: "1s" })).split("\n");
    expect(lines).toContain("⏳ Waiting 1s for the tickets to expire...");
    expect(lines).toContain("✅ Result: cart is empty, the ticket is free again=true");
  });
});

test("the table of examples names each of them", () => {
  const table = read("README.md");
  for (const name of folders) expect(table).toContain(`npx tsx examples/${name}/main.ts`);
  for (const { name, script } of others) {
    expect(table).toContain(`npx tsx examples/${name}/${script}.ts`);
  }
});

test("each example has a crash test", () => {
  const without = folders.filter((name) => !existsSync(join(examples, name, "crash.test.ts")));
  expect(without).toEqual([]);
});
