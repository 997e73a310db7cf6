// Callers at once, one of them slow, and a crash wherever there can be one: no count is lost, and
// none is counted twice.

import { crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { counter } from "./counter.ts";

test("a count survives any crash", () =>
  crashTest({
    services: [counter],
    async run(client) {
      const apples = client.call(counter, "apples");
      const slow = await client.send(counter, "apples").addSlowly(10);
      await Promise.all([1, 2, 3].map((by) => apples.add(by)));
      expect(await apples.read()).toBe(16);
      return slow.result();
    },
  }));
