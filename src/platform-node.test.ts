import { expect, test } from "vitest";
import type { Owner } from "./platform.ts";
import { platform } from "./platform-node.ts";

const owner = { body: false } as unknown as Owner;

test("a turn or a timer asked for in a handler's code belongs to nobody", async () => {
  const { clock, context } = platform;
  const within = context.run(owner, () => context.owner());
  const turn = await new Promise<unknown>((resolve) =>
    context.run(owner, () => clock.nextTurn(() => resolve(context.owner()))),
  );
  const timer = await new Promise<unknown>((resolve) =>
    context.run(owner, () => void clock.after(0, () => resolve(context.owner()))),
  );
  expect({ within, turn, timer }).toEqual({ within: owner, turn: undefined, timer: undefined });
});
