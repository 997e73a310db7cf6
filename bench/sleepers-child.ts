// One life of a process full of sleeping invocations, for sleepers.ts: fills the folder and stays, or
// opens a full one and calls. What it found goes to the standard output, one line of JSON. It is run
// without a loader, so that nothing but Node and the engine is in its memory.
import { Engine, service } from "holdfast";

export interface Life {
  /** From `Engine.open` to the first answered call. */
  readonly openMs: number;
  /** Accepted to suspended, all of them; 0 where nothing was to be filled. */
  readonly fillMs: number;
  /** Ten seconds after that. */
  readonly rssMb: number;
  /** The greatest the system has seen. */
  readonly peakMb: number;
}

const [data = "", count = "0", concurrent = "1024"] = process.argv.slice(1);
const suspendAfterMs = 10_000;
const quietMs = 10_000;
let asleep = 0;

const sleeper = service("Sleeper", {
  async sleep(ctx): Promise<void> {
    asleep++;
    await ctx.sleep("1d");
  },
  async wake(): Promise<string> {
    return "here";
  },
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function fill(engine: Engine, invocations: number): Promise<number> {
  const started = performance.now();
  let sent = 0;
  const sender = async (): Promise<void> => {
    while (sent < invocations) {
      sent++;
      await engine.send(sleeper).sleep();
    }
  };
  await Promise.all(Array.from({ length: Number(concurrent) }, sender));
  while (asleep < invocations) await pause(10);
  await pause(suspendAfterMs);
  return performance.now() - started - suspendAfterMs;
}

const before = performance.now();
const engine = await Engine.open({ services: [sleeper], data, suspendAfter: suspendAfterMs });
await engine.call(sleeper).wake();
const openMs = performance.now() - before;
const fillMs = count === "0" ? 0 : await fill(engine, Number(count));
await pause(quietMs);
const rssMb = process.memoryUsage().rss / 1e6;
const peakMb = process.resourceUsage().maxRSS / 1e3;
const life: Life = { openMs, fillMs, rssMb, peakMb };
process.stdout.write(`${JSON.stringify(life)}\n`);
// The one that filled is killed where it stands; one that was told to end does so in order.
process.stdin.once("data", () => void engine.close().then(() => process.exit()));
