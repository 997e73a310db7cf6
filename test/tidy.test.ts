// The shape of the house: STYLE.md as far as a program can check it. Each rule is held against the
// tree, and against a planted violation, so that a rule that has gone blind is noticed.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../src/model/errors.ts";
import {
  bannedWords,
  codesWithoutTest,
  fileSize,
  functionSize,
  parse,
  purity,
  type Rule,
  runTime,
  sources,
} from "./support/tidy.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = sources(root);

function violations(rule: Rule): string[] {
  return files.flatMap((file) => [...rule(file)]);
}

function planted(rule: Rule, path: string, text: string): readonly string[] {
  return rule(parse(path, text));
}

describe("floor 3 is pure", () => {
  test("codec, partition and replay have no node:, no async, no clock, no timer, no chance", () => {
    expect(violations(purity)).toEqual([]);
  });

  test.each([
    ['import { x } from "node:crypto";', "node:crypto"],
    ["export async function f() {}", "async"],
    ["for await (const x of y) f(x);", "async"],
    ["export type F = () => Promise<void>;", "Promise"],
    ["const now = Date.now();", "Date"],
    ["const now = performance.now();", "performance"],
    ["const r = Math.random();", "Math.random"],
    ["setTimeout(f, 1);", "setTimeout"],
    ["queueMicrotask(f);", "queueMicrotask"],
  ])("%s is refused", (text, what) => {
    const [found] = planted(purity, "src/partition/planted.ts", `\n${text}\n`);
    expect(found).toContain(`floor 3 is pure: src/partition/planted.ts:2: ${what}: `);
  });

  test("the same names as members, and on other floors, are nobody's concern", () => {
    const members = "export interface X { Date: number }\nconst x = { process: 1 };\nf(x.process);";
    expect(planted(purity, "src/replay/planted.ts", members)).toEqual([]);
    expect(planted(purity, "src/engine/planted.ts", "const now = Date.now();")).toEqual([]);
  });
});

describe("a file fits a sitting, a function fits a screen", () => {
  test("no file is longer than its limit", () => {
    expect(violations(fileSize)).toEqual([]);
  });

  test("no function is longer than its limit", () => {
    expect(violations(functionSize)).toEqual([]);
  });

  test("the 301st line of code is refused; comments and blank lines are free", () => {
    const code = "f();\n".repeat(300);
    const prose = "// Why.\n\n/** What.\n * How. */\n".repeat(100);
    expect(planted(fileSize, "src/engine/planted.ts", prose + code)).toEqual([]);
    expect(planted(fileSize, "src/engine/planted.ts", `${code}f();`)).toEqual([
      "file size: src/engine/planted.ts:1: 301 lines of code (limit 300): " +
        "which reason to change can move out?",
    ]);
  });

  test("tests have 600 lines", () => {
    expect(planted(fileSize, "src/engine/planted.test.ts", "f();\n".repeat(600))).toEqual([]);
    expect(planted(fileSize, "src/engine/planted.test.ts", "f();\n".repeat(601))).toHaveLength(1);
  });

  test("the 61st line of a function is refused, and the function is named", () => {
    const body = (lines: number): string => `\nfunction long() {\n${"  f();\n".repeat(lines)}}\n`;
    expect(planted(functionSize, "src/engine/planted.ts", body(58))).toEqual([]);
    expect(planted(functionSize, "src/engine/planted.ts", body(59))).toEqual([
      "function size: src/engine/planted.ts:2: long has 61 lines of code (limit 60): " +
        "which part of it has a name of its own?",
    ]);
  });

  test("a switch of one-line cases is a table; with two statements in a case it is not", () => {
    const cases = (body: string): string =>
      `function rule(x) {\n  switch (x) {\n${`    case 1:\n      ${body}\n`.repeat(40)}  }\n}\n`;
    expect(planted(functionSize, "src/engine/planted.ts", cases("return f();"))).toEqual([]);
    expect(planted(functionSize, "src/engine/planted.ts", cases("f(); return;"))).toHaveLength(1);
  });
});

describe("words that stay out", () => {
  test("no any, no .only, nothing unfinished, no console outside the rooms that have a terminal", () => {
    expect(violations(bannedWords)).toEqual([]);
  });

  test.each([
    ["const x: any = 1;", "no any"],
    ["const x = y as any;", "no any"],
    ["test.only('x', f);", "no .only"],
    ["describe.only('x', f);", "no .only"],
    [`// ${"TO"}DO later`, `no ${"TO"}DO`],
    [`const x = 1; // ${"FIX"}ME`, `no ${"FIX"}ME`],
    ["console.log(1);", "no console"],
  ])("%s is refused", (text, rule) => {
    const found = planted(bannedWords, "src/engine/planted.ts", `\n${text}\n`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${rule}: src/engine/planted.ts:2: `);
  });

  test("an example may print, and a context may have a console", () => {
    expect(planted(bannedWords, "examples/planted.ts", "console.log(1);")).toEqual([]);
    expect(planted(bannedWords, "src/sdk/planted.ts", "ctx.console.log(1);")).toEqual([]);
  });
});

describe("error codes", () => {
  test("each code has a test", () => {
    expect(codesWithoutTest(Object.keys(errorCodes), files)).toEqual([]);
  });

  test("a code that no test names is found", () => {
    const named = parse("src/engine/planted.test.ts", 'expect(code).toBe("NAMED_CODE");');
    const thrown = parse("src/engine/planted.ts", 'throw new HoldfastError("THROWN_CODE");');
    expect(codesWithoutTest(["NAMED_CODE", "THROWN_CODE"], [named, thrown])).toEqual([
      "THROWN_CODE",
    ]);
  });
});

describe("what the package needs at run time", () => {
  test("is at most three packages, all decided on, and no install script", () => {
    expect(runTime(JSON.parse(readFileSync(`${root}/package.json`, "utf8")))).toEqual([]);
  });

  test.each([
    [{ dependencies: { lodash: "4" } }, "lodash is not decided on"],
    [{ dependencies: { a: "1", b: "1", c: "1", d: "1" } }, "4 of them (limit 3)"],
    [{ peerDependencies: { "@nats-io/jetstream": "3" } }, "is not optional"],
    [{ scripts: { postinstall: "node x.js" } }, '"postinstall" runs on install'],
  ])("%j is refused", (manifest, why) => {
    expect(runTime(manifest)[0]).toContain(why);
  });
});
