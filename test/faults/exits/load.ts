// An engine that folds at full speed, for hosts that end in the midst of it.
import { Engine, object } from "holdfast";

const counter = object(
  "Counter",
  { state: { n: 0, text: "" } },
  {
    async add(ctx, text: string): Promise<number> {
      const n = (await ctx.get("n")) + 1;
      ctx.set("n", n);
      ctx.set("text", text);
      return n;
    },
  },
);

const text = "x".repeat(300);
const sideBySide = 256;

/** Resolves once the engine is well under load; goes on until the host ends. */
export async function underLoad(data: string): Promise<Engine> {
  const engine = await Engine.open({ services: [counter], data });
  let done = 0;
  let warm = (): void => {};
  const warmed = new Promise<void>((resolve) => {
    warm = resolve;
  });
  const client = async (key: string): Promise<void> => {
    for (;;) {
      await engine.call(counter, key).add(text);
      // By then the thread that folds is there, and busy.
      if (++done === 300) setTimeout(warm, 150);
    }
  };
  for (let i = 0; i < sideBySide; i++) client(`k${i % 64}`).catch(() => {});
  await warmed;
  return engine;
}
