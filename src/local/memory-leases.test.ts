import { expect, test } from "vitest";
import { leasesConformance } from "../testing/conformance/leases.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { MemoryLeaseTable } from "./memory-leases.ts";

leasesConformance({
  test,
  expect,
  open: () => {
    const clock = new VirtualClock(0);
    const table = new MemoryLeaseTable(clock, 15_000);
    return {
      connect: (node) => Promise.resolve(table.of(node)),
      until: async (asked) => {
        while (!(await asked())) await clock.advance("1s");
      },
    };
  },
});

test("a lease is held exactly as long as it says after the last renewal", async () => {
  const clock = new VirtualClock(0);
  const table = new MemoryLeaseTable(clock, 1000);
  const [a, b] = [table.of("a"), table.of("b")];
  await a.take("1");
  await clock.advance(600);
  await a.renew("1");
  await clock.advance(999);
  expect(await b.take("1")).toBe(false);
  await clock.advance(1);
  expect(await a.renew("1")).toBe(false);
  expect(await b.take("1")).toBe(true);
});
