// crashTest: correct handlers pass, and each kind of mistake is reported at the line that makes it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  type HoldfastError,
  isHoldfastError,
  object,
  promise,
  service,
  TerminalError,
  workflow,
} from "../../src/index.ts";
import {
  type CrashTestFailure,
  type CrashTestOptions,
  crashTest,
} from "../../src/testing/index.ts";

const here = fileURLToPath(import.meta.url);
const lines = readFileSync(here, "utf8").split("\n");

/** The number of the line that ends with this mark. */
function marked(mark: string): number {
  return lines.findIndex((line) => line.endsWith(`// <- ${mark}`)) + 1;
}

async function failureOf(
  options: CrashTestOptions,
): Promise<CrashTestFailure & { readonly message: string }> {
  const error = await crashTest(options).then(
    () => new Error("it passed"),
    (thrown: unknown) => thrown as HoldfastError,
  );
  if (!isHoldfastError(error, "CRASH_TEST_FAILED")) throw error;
  return { ...(error.data as CrashTestFailure), message: error.message };
}

const booked: string[] = [];
const trips = service("Trips", {
  async book(ctx, city: string): Promise<string> {
    const undo: (() => Promise<unknown>)[] = [];
    try {
      undo.push(() => ctx.run("cancel flight", () => booked.push(`no flight ${city}`)));
      await ctx.run("book flight", () => booked.push(`flight ${city}`));
      await ctx.sleep("2d");
      undo.push(() => ctx.run("cancel hotel", () => booked.push(`no hotel ${city}`)));
      await ctx.run("book hotel", async () => Date.now());
      if (city === "Paris") throw new TerminalError("no car left", { code: "NO_CAR" });
      return `${city}: booked at ${ctx.date.now()}, ${ctx.rand.uuid()}`;
    } catch (error) {
      if (error instanceof TerminalError) for (const step of undo.reverse()) await step();
      throw error;
    }
  },
});

test("a saga with days of sleep comes to the same after every crash", async () => {
  const result = await crashTest({
    services: [trips],
    async run(client) {
      const lisbon = await client.call(trips).book("Lisbon");
      const paris = await client
        .call(trips)
        .book("Paris")
        .catch((error: HoldfastError) => error.code);
      return { lisbon, paris };
    },
  });
  expect(result.crashes).toBeGreaterThan(2 * result.commits);
  expect(result.records).toBeGreaterThan(result.commits);
});

const cart = object(
  "Cart",
  { state: { items: [] as string[] } },
  {
    async add(ctx, item: string): Promise<number> {
      const items = [...(await ctx.get("items")), item];
      await ctx.run("reserve", () => Math.random());
      ctx.set("items", items);
      ctx.send(cart, ctx.key, { delay: "15m" }).expire(item);
      return items.length;
    },
    async expire(ctx, item: string): Promise<void> {
      const items = await ctx.get("items");
      ctx.set(
        "items",
        items.filter((one) => one !== item),
      );
    },
  },
);

const signup = workflow(
  "Signup",
  { promises: { code: promise<string>() } },
  {
    async run(ctx, name: string): Promise<string> {
      const first = ctx.signal<string>("nudge");
      const asked = ctx.awakeable<number>();
      await ctx.run("mail", () => outbox.push(asked.id));
      const all = await Promise.all([first, asked.promise, ctx.promise("code")]);
      const late = await ctx.timeout(ctx.signal<string>("never"), "1d").catch(() => "late");
      const added = await Promise.race([
        ctx.call(cart, name).add("a"),
        ctx.sleep("9d").then(() => -1),
      ]);
      return `${all.join()} ${late} ${added}`;
    },
    async code(ctx, code: string): Promise<void> {
      ctx.promise("code").resolve(code);
    },
  },
);
let outbox: string[] = [];

test("objects, workflows, signals, awakeables, races and delayed sends come to the same", async () => {
  const result = await crashTest({
    services: [cart, signup],
    before: () => {
      outbox = [];
    },
    async run(client) {
      const run = await client.send(signup, "sarah").run("sarah");
      while (outbox.length === 0) await client.advance("1s");
      await client.signal(run.id, "nudge", "now");
      await client.awakeable(outbox.at(-1) as string).resolve(7);
      await client.call(signup, "sarah").code("4711");
      const again = client.call(signup, "sarah").run("sarah");
      return [await run.result(), await again.catch((error: HoldfastError) => error.code)];
    },
  });
  expect(result.crashes).toBeGreaterThan(50);
});

const clocked = object("Clocked", {
  async go(ctx): Promise<number> {
    const began = Date.now(); // <- clock
    await ctx.run("one", () => 1);
    ctx.set("began", began);
    return ctx.run("two", () => 2);
  },
});

test("Date.now between steps is reported at its line", async () => {
  const failure = await failureOf({
    services: [clocked],
    run: (client) => client.call(clocked, "k").go(),
  });
  expect(failure).toMatchObject({ line: marked("clock"), file: "test/testing/crash-test.test.ts" });
  expect(failure.message).toContain("Date.now()");
  expect(failure.message).toContain("ctx.date.now()");
});

const floating = service("Floating", {
  async go(ctx): Promise<string> {
    void ctx.run("mail", () => "sent"); // <- floating
    await ctx.run("other", () => 1);
    return "done";
  },
});

test("a step that nobody awaits is reported at its line", async () => {
  const failure = await failureOf({
    services: [floating],
    run: (client) => client.call(floating).go(),
  });
  expect(failure).toMatchObject({ line: marked("floating"), entry: 0, target: "Floating/go" });
});

const outside = service("Outside", {
  async go(ctx): Promise<string> {
    await ctx.run("one", () => 1);
    const answer = await fetched(); // <- outside
    await ctx.run("two", () => 2);
    return answer;
  },
});
async function fetched(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 1)); // <- effect
  return "answer";
}

test("an effect outside of run is reported at its line", async () => {
  const failure = await failureOf({
    services: [outside],
    run: (client) => client.call(outside).go(),
  });
  expect([marked("effect"), marked("outside")]).toContain(failure.line);
  expect(failure.message).toContain("ctx.run");
});

const shuffled = service("Shuffled", {
  async go(ctx): Promise<void> {
    const names = ["a", "b"].sort(() => Math.random() - 0.5); // <- random
    for (const name of names) await ctx.run(name, () => name);
  },
});

test("steps in random order are reported at the line of the choice", async () => {
  const failure = await failureOf({
    services: [shuffled],
    run: (client) => client.call(shuffled).go(),
  });
  expect(failure).toMatchObject({ line: marked("random"), target: "Shuffled/go" });
  expect(failure.message).toContain("Math.random()");
});

let visits = 0;
const sharing = service("Sharing", {
  async go(ctx): Promise<number> {
    visits++;
    await ctx.run("one", () => 1);
    return ctx.run(`visit ${visits}`, () => 2); // <- shared
  },
});

test("a module's variable is reported at the line of the step that it changes", async () => {
  const failure = await failureOf({
    services: [sharing],
    before: () => {
      visits = 0;
    },
    run: (client) => client.call(sharing).go(),
  });
  expect(failure).toMatchObject({ line: marked("shared"), entry: 1, target: "Sharing/go" });
  expect(failure.message).toContain('"visit 1" gave 2');
  expect(failure.message).toContain('run "visit 2"');
});

test("what outlives a run is seen without any crash", async () => {
  const failure = await failureOf({
    services: [sharing],
    run: (client) => client.call(sharing).go(),
  });
  expect(failure).toMatchObject({ crash: "No crash was needed to see it." });
  expect(failure.message).toContain("`before`");
});

test("a scenario that waits for what nobody will do says what has not ended", async () => {
  const failure = await crashTest({
    services: [signup, cart],
    run: (client) => client.call(signup, "sarah").run("sarah"),
  }).catch((error: HoldfastError) => error);
  expect(failure).toMatchObject({
    code: "CRASH_TEST_FAILED",
    data: { unfinished: ["Signup/sarah/run"] },
  });
});
