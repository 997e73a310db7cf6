import { expect, test } from "vitest";
import { checkServer, durabilityLine, isAtLeast, type Wanted } from "./versions.ts";

const one: Wanted = { replicas: 1, durability: "standard", sync: "interval" };
const three: Wanted = { ...one, replicas: 3 };
const strict: Wanted = { replicas: 3, durability: "strict", sync: "always" };

test("versions are compared by number, not by text", () => {
  expect(isAtLeast("2.10.0", [2, 9, 21])).toBe(true);
  expect(isAtLeast("2.9.3", [2, 9, 21])).toBe(false);
  expect(isAtLeast("2.9.21", [2, 9, 21])).toBe(true);
  expect(isAtLeast("3.0.0-beta.1", [2, 9, 21])).toBe(true);
  expect(isAtLeast("", [2, 9, 10])).toBe(false);
});

test.each([
  ["2.9.10", one, true],
  ["2.9.9", one, false],
  ["2.9.10", three, false],
  ["2.9.20", three, false],
  ["2.9.21", three, true],
  ["2.10.22", { ...one, sync: "always" }, false],
  ["2.10.22", strict, false],
  ["2.10.23", strict, true],
  ["2.15.1", { ...strict, replicas: 1 }, false],
  ["2.15.1", { ...strict, sync: "interval" }, false],
  ["garbage", one, false],
] satisfies [string, Wanted, boolean][])("server %s for %j: %s", (version, wanted, fit) => {
  const check = (): void => checkServer(version, wanted);
  if (fit) return expect(check).not.toThrow();
  expect(check).toThrow(expect.objectContaining({ code: "NATS_UNSUITABLE" }));
});

test("the line printed at start says what a power cut may take", () => {
  expect(durabilityLine("2.9.10", one)).toBe(
    "NATS 2.9.10, 1 replica: each answer waits for the server's operating system; a power cut of it " +
      "may lose what came since their last sync (2 minutes, unless sync_interval says otherwise); " +
      "2.12.7 or later is recommended",
  );
  expect(durabilityLine("2.15.1", strict)).toBe(
    "NATS 2.15.1, 3 replicas: each answer waits for a majority's disk",
  );
  expect(durabilityLine("2.15.1", three)).toContain("a power cut of all of them may lose");
});
