// What happens at once settles in the same order after any crash.

import { crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { buyer, shops } from "./shops.ts";

for (const [handler, expected] of [
  ["all", ["far 9", "near 12"]],
  ["race", "near 12"],
  ["allSettled", ["near 12", "no: empty has none"]],
  ["inTime", "too late"],
  ["steps", 30],
] as const) {
  test(`${handler} survives any crash`, () =>
    crashTest({
      services: [shops, buyer],
      async run(client) {
        expect(await client.call(buyer)[handler]()).toEqual(expected);
      },
    }));
}
