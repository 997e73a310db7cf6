import { expect, test } from "vitest";
import { busConformance } from "../testing/conformance/bus.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { MemoryWire } from "./memory-bus.ts";

/** What the promise comes to, on a clock that goes on until it has. */
async function passing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const end = (): void => {
    settled = true;
  };
  promise.then(end, end);
  while (!settled) await clock.advance(50);
  return promise;
}

busConformance({
  test,
  expect,
  open: () => {
    const clock = new VirtualClock(0);
    const wire = new MemoryWire(clock);
    return {
      connect: () => Promise.resolve(wire.connect()),
      passing: (promise) => passing(clock, promise),
    };
  },
});

test("a node that is cut off hears nothing, is not heard, and is not told", async () => {
  const clock = new VirtualClock(0);
  const wire = new MemoryWire(clock);
  const [a, b] = [wire.connect(), wire.connect()];
  const place = { app: "shop", partition: 0 };
  let asked = 0;
  a.serve(place, async () => Uint8Array.of(++asked));
  const ask = (timeoutMs: number): Promise<Uint8Array> => {
    return passing(clock, b.request(place, new Uint8Array(1), { timeoutMs }));
  };
  for (const node of [a, b]) {
    wire.cut(node);
    await expect(ask(100)).rejects.toMatchObject({ code: "REQUEST_UNANSWERED" });
    wire.mend(node);
  }
  expect(asked).toBe(0);
  expect([...(await ask(100))]).toEqual([1]);
});
