import { expect, test } from "vitest";
import { Prng } from "./prng.ts";

test("the same seed gives the same numbers, in every version", () => {
  const prng = new Prng("holdfast");
  expect([prng.random(), prng.random(), prng.integer(1000), prng.uuid()]).toEqual([
    0.3257409836434978,
    0.15247860188151507,
    712,
    "92659d21-141a-4e7a-a430-0f56e4f7ac3f",
  ]);
});

test("near seeds share nothing", () => {
  expect(new Prng("seed-1").random()).not.toBe(new Prng("seed-2").random());
});

test("numbers are spread evenly over [0, 1)", () => {
  const prng = new Prng("spread");
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const x = prng.random();
    expect(x >= 0 && x < 1).toBe(true);
    counts[Math.floor(x * 16)]! += 1;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test("uuids are of version 4, and differ", () => {
  const prng = new Prng("uuid");
  const uuids = Array.from({ length: 1000 }, () => prng.uuid());
  expect(new Set(uuids).size).toBe(1000);
  for (const uuid of uuids) {
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});
