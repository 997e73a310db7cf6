import { expect, test } from "vitest";

import { builtInFits, loadFailure, loadLibrary, openConnection, tableFault } from "./driver.ts";

const here = import.meta.url.replace(/driver\.test\.ts$/, "driver.ts");

test("the library built into Node is taken where it needs no flag and is new enough", () => {
  expect(builtInFits({ node: "20.20.2" })).toBe(false);
  expect(builtInFits({ node: "22.12.0", sqlite: "3.51.3" })).toBe(false);
  expect(builtInFits({ node: "22.13.0", sqlite: "3.51.2" })).toBe(false);
  expect(builtInFits({ node: "22.13.0", sqlite: "3.51.3" })).toBe(true);
  expect(builtInFits({ node: "24.0.0", sqlite: "3.9.9" })).toBe(false);
  expect(builtInFits({ node: "26.10.0", sqlite: "4.0.0" })).toBe(true);
  expect(builtInFits({ node: "25.0.0-nightly", sqlite: "3.53" })).toBe(true);
});

test("a library loads, and gives rows as arrays in the order of their columns", () => {
  const connection = openConnection(":memory:", { readOnly: false });
  const version = String(connection.prepare("SELECT sqlite_version()").get()?.[0]);
  expect(builtInFits({ node: "22.13.0", sqlite: version })).toBe(true);
  const statement = connection.prepare("SELECT ?2 AS b, ?1 AS a UNION ALL SELECT NULL, 1.5");
  expect(statement.all("x", 2 ** 52)).toEqual([
    [2 ** 52, "x"],
    [null, 1.5],
  ]);
  expect(connection.prepare("SELECT 1 WHERE 0").get()).toBeUndefined();
  connection.close();
});

test("a library that does not load is SQLITE_UNAVAILABLE, with the platform and the cause", () => {
  const cause = new Error("No native build was found\nfor this platform");
  const failure = loadFailure(cause, here);
  expect(failure.code).toBe("SQLITE_UNAVAILABLE");
  expect(failure.cause).toBe(cause);
  expect(failure.message).toContain(`${process.platform}-${process.arch}`);
  expect(failure.message).toContain("(No native build was found)");
});

test("a package that was bundled says so, and which setting keeps it external", () => {
  const bundled: unknown = expect.objectContaining({ code: "PACKAGE_BUNDLED" });
  expect(() => loadLibrary(undefined)).toThrow(bundled);
  expect(() => loadLibrary("file:///nowhere/server.js", { node: "20.20.2" })).toThrow(bundled);
  const { message } = loadFailure(new Error("x"), "file:///app/.next/server/chunks/12.js");
  for (const setting of ["serverExternalPackages", "ssr.external", "esbuild"]) {
    expect(message).toContain(setting);
  }
  const installed = "file:///app/node_modules/holdfast/dist/lib/chunk-2G2ZC35X.js";
  expect(loadFailure(new Error("x"), installed).code).toBe("SQLITE_UNAVAILABLE");
});

test("errors of SQLite become ours by their code, and other errors stay what they are", () => {
  const fault = (errcode: number): unknown =>
    tableFault(Object.assign(new Error("sqlite says"), { errcode }), "/data/table.db");
  const code = (expected: string): unknown => expect.objectContaining({ code: expected });
  for (const errcode of [5, 6, 15, 261, 517]) expect(fault(errcode)).toEqual(code("TABLE_LOCKED"));
  expect(fault(13)).toEqual(code("DISK_FULL"));
  for (const errcode of [1, 8, 10, 11, 14, 19, 26, 522]) {
    expect(fault(errcode)).toEqual(code("TABLE_DAMAGED"));
  }
  expect(String(fault(522))).toContain("/data/table.db failed (SQLite 522: sqlite says)");
  const bug = new RangeError("ours");
  expect(tableFault(bug, "x")).toBe(bug);
});
