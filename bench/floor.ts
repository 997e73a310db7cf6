// Below the loop: the records that the engine writes for a cart, encoded and committed twice per
// cart through the real changelog, and nothing else. No handler, no state, no order of keys.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cart, concurrent } from "./cart.ts";
import { commitsOf, Group, openFileChangelog } from "./commits.ts";
import { type Figure, known, median } from "./figure.ts";

export async function measure(seconds: number, rounds = 3): Promise<Figure[]> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await floorCarts(seconds));
  return [known({ name: "floor.perSecond", unit: "/s", value: median(rates) })];
}

async function floorCarts(seconds: number): Promise<number> {
  const { beforeStep, afterStep } = await commitsOf([cart], (engine) =>
    engine.call(cart, "user-1").addTicket("TICKET-1"),
  );
  const directory = mkdtempSync(join(tmpdir(), "bench-floor-"));
  const changelog = await openFileChangelog({ directory });
  try {
    const group = new Group(changelog);
    const started = performance.now();
    const until = started + seconds * 1000;
    let done = 0;
    const worker = async (): Promise<void> => {
      while (performance.now() < until) {
        await group.commit(beforeStep);
        await group.commit(afterStep);
        done++;
      }
    };
    await Promise.all(Array.from({ length: concurrent }, worker));
    return done / ((performance.now() - started) / 1000);
  } finally {
    await changelog.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
