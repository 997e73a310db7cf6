// Where settings come from, what is refused, and what a terminal is shown.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/catalogue.ts";
import { configure } from "../../src/cli/config.ts";
import { Output, type Terminal } from "../../src/cli/output.ts";
import { plainJson, plainLine, plainText } from "../../src/cli/plain.ts";
import { flagOf, settings, variableOf } from "../../src/cli/settings.ts";
import { targetPath } from "../../src/cli/target.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
  file = join(folder, "settings.json");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusal(sources: Parameters<typeof configure>[0]): string {
  try {
    configure(sources);
  } catch (error) {
    return (error as Error).message;
  }
  return "it was accepted";
}

test("flags win over the environment, that over the file, that over defaults", () => {
  writeFileSync(file, JSON.stringify({ port: 1, adminPort: 2, drain: "3s", hosts: ["a.example"] }));
  const { values, origins } = configure({
    flags: { port: "11" },
    env: { HOLDFAST_PORT: "21", HOLDFAST_ADMIN_PORT: "22", OTHER: "x" },
    file,
  });
  expect(values).toMatchObject({
    port: 11,
    adminPort: 22,
    drain: "3s",
    hosts: ["a.example"],
    keep: 10_000,
  });
  expect([origins.get("port"), origins.get("adminPort"), origins.get("drain")]).toEqual([
    "--port",
    "HOLDFAST_ADMIN_PORT",
    file,
  ]);
  expect(origins.get("keep")).toBe("default");
});

test("a name nobody knows is refused, with what was probably meant", () => {
  writeFileSync(file, '{"prot": 1}');
  expect(refusal({ flags: {}, env: {}, file })).toBe(
    `${file}: there is no setting "prot". Did you mean "port"?`,
  );
  writeFileSync(file, '{"__proto__": {"port": 1}}');
  expect(refusal({ flags: {}, env: {}, file })).toContain('there is no setting "__proto__"');
  expect(refusal({ flags: {}, env: { HOLDFAST_ADMINPORT: "1" } })).toContain(
    'Did you mean "HOLDFAST_ADMIN_PORT"?',
  );
  expect(({} as { port?: number }).port).toBeUndefined();
});

test.each([
  [{ port: "70000" }, "a port from 0 to 65535"],
  [{ port: "80a" }, "a port from 0 to 65535"],
  [{ concurrency: "0" }, "a whole number from 1"],
  [{ drain: "soon" }, 'a duration such as "10s"'],
  [{ insecureBind: "maybe" }, "true or false"],
])("%j is refused", (flags, why) => {
  expect(refusal({ flags, env: {} })).toContain(why);
});

test("a file that is named must be there, and be JSON; a secret is never repeated", () => {
  expect(refusal({ flags: {}, env: {}, file: join(folder, "none.json") })).toContain("ENOENT");
  writeFileSync(file, "{port: 1}");
  expect(refusal({ flags: {}, env: {}, file })).toContain("is no JSON");
  writeFileSync(file, '{"tokens": 123456789}');
  const said = refusal({ flags: {}, env: {}, file });
  expect(said).toContain("tokens is what was given");
  expect(said).not.toContain("123456789");
});

test("each setting has one flag and one variable, and each command examples that run it", () => {
  expect(new Set(settings.map(({ name }) => flagOf(name))).size).toBe(settings.length);
  expect(variableOf("adminPort")).toBe("HOLDFAST_ADMIN_PORT");
  for (const { name, examples } of commands) {
    expect(examples.some((example) => example.includes(`holdfast ${name}`))).toBe(true);
  }
});

describe("what others wrote", () => {
  const hostile = "a\u001b[2Jb\u0007\u009b31m\u202ec\r\nd\u0000\u2066";

  test("acts on no terminal", () => {
    expect(plainLine(hostile)).toBe(
      "a\\u001b[2Jb\\u0007\\u009b31m\\u202ec\\u000d\\nd\\u0000\\u2066",
    );
    expect(plainText("a\nb\tc")).toBe("a\nb\tc");
    const json = plainJson({ [hostile]: hostile });
    expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(JSON.parse(json)).toEqual({ [hostile]: hostile });
  });

  test("stays in its line and its column", () => {
    const lines: string[] = [];
    const out: Terminal = {
      write: (text) => void lines.push(String(text)),
      isTTY: true,
      columns: 40,
    };
    const output = new Output({ json: false, colours: true }, { out, error: out });
    output.rows(
      [{ a: hostile, b: "x".repeat(100) }],
      [
        { title: "a", of: ({ a }) => a, colour: () => "red" },
        { title: "b", of: ({ b }) => b },
      ],
    );
    expect(lines).toHaveLength(2);
    // Our own colours and nothing else.
    expect(lines[1]?.match(/\u001b\[\d+m/g)).toEqual(["\u001b[31m", "\u001b[39m"]);
    expect(lines[1]?.replace(/\u001b\[\d+m/g, "").length).toBeLessThanOrEqual(41);
  });
});

test("targets become paths, keys with slashes and all", () => {
  expect(targetPath("Greeter/hello")).toBe("/Greeter/hello");
  expect(targetPath("Cart/a/b c/add")).toBe("/Cart/a%2Fb%20c/add");
});
