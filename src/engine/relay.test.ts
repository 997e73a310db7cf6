import { expect, test } from "vitest";
import { encodeReply } from "../codec/bus-message.ts";
import type { EngineEvent } from "./events.ts";
import { Relay, type RelayParts } from "./relay.ts";

function relayed(accepted: number) {
  const told: EngineEvent[] = [];
  const barriers: (() => void)[] = [];
  const message = { kind: "cancel", id: "inv_1" } as const;
  const outbox = {
    to: () => ({ sent: 3, accepted: 0 }),
    read: () => [{ seq: 1, message }],
    waiting: () => [],
  };
  const parts = {
    tables: { outbox, meta: { place: "shop/0", line: "l" } },
    bus: { request: () => Promise.resolve(encodeReply({ kind: "accepted", seq: accepted })) },
    clock: { after: () => ({ cancel: () => {} }) },
    processor: { barrier: (then: () => void) => barriers.push(then), propose: () => {} },
    report: (event: EngineEvent) => told.push(event),
  };
  return { relay: new Relay(parts as unknown as RelayParts), told, barriers };
}

test("R22, R23: that more was accepted than was sent is told by who leads, not by who was replaced", async () => {
  const { relay, told, barriers } = relayed(5);
  relay.posted("shop/1", 3);
  await expect.poll(() => barriers.length).toBe(1);
  // One that was replaced is fenced by the append that this waits for, and says nothing.
  expect(told).toEqual([]);
  barriers[0]?.();
  expect(told).toEqual([{ kind: "deliveryHalted", to: "shop/1", accepted: 5, sent: 3 }]);
});
