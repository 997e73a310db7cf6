// An engine that folds, for hosts that end in the midst of it: a burst of work, all of it for rows
// of their own, which the materialiser writes in one go as soon as no more comes.
import { Engine, object } from "holdfast";

const counter = object(
  "Counter",
  { state: { n: 0, text: "" } },
  {
    async add(ctx, text: string): Promise<void> {
      ctx.set("n", (await ctx.get("n")) + 1);
      ctx.set("text", text);
    },
  },
);

const text = "x".repeat(200);
const calls = 2000;
const sideBySide = 256;
/** Resolves when the burst is over: the write is about to begin. The engine stays open. */
export async function underLoad(data: string): Promise<Engine> {
  const engine = await Engine.open({ services: [counter], data });
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < calls) await engine.call(counter, `k${next++}`).add(text);
  };
  await Promise.all(Array.from({ length: sideBySide }, client));
  return engine;
}
