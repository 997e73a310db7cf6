// ctx.version: invocations follow the logic they began with, whatever code they are replayed under.
import { expect } from "vitest";
import { type Context, service } from "../../src/index.ts";
import type { TestEngine } from "../../src/testing/index.ts";
import { scenario } from "../support/scenario.ts";

/** An order as it was first, and with a change that is named. */
const first = service("Orders", {
  async place(ctx): Promise<string> {
    await ctx.run("reserve", () => 1);
    await ctx.sleep("1d");
    await ctx.run("mail", () => 2);
    return "first";
  },
});
const second = (latest: number, oldest: number) =>
  service(
    "Orders",
    { revision: `${oldest}-${latest}` },
    {
      async place(ctx): Promise<string> {
        const version = ctx.version("check for fraud", latest, oldest);
        if (version >= 1) await ctx.run(`check ${version}`, () => 0);
        await ctx.run("reserve", () => 1);
        await ctx.sleep("1d");
        const again = ctx.version("check for fraud", latest, oldest);
        await ctx.run(again >= 1 ? "letter" : "mail", () => 2);
        return `version ${version} ${again}`;
      },
    },
  );

const steps = (engine: TestEngine): string[] => engine.effects.map(({ step }) => step);
const failures = (engine: TestEngine) =>
  engine.events.filter((event) => event.kind === "attemptFailed");

scenario("one that began before the change goes on as if there were none", async (open) => {
  const engine = await open({ services: [first] });
  const { id } = await engine.send(first).place();
  await engine.runUntilIdle();
  await engine.crash({ services: [second(1, 0)] });
  const later = await engine.send(first).place();
  await engine.advance("1h");
  await engine.crash();
  await engine.advance("1d");
  expect(await engine.invocation(id).result()).toBe("version 0 0");
  expect(await engine.invocation(later.id).result()).toBe("version 1 1");
  expect(failures(engine)).toEqual([]);
  expect(steps(engine).sort()).toEqual(["check 1", "letter", "mail", "reserve", "reserve"]);
});

scenario("one that has a version keeps it when the code has a later one", async (open) => {
  const engine = await open({ services: [second(1, 0)] });
  const { id } = await engine.send(first).place();
  await engine.runUntilIdle();
  await engine.crash({ services: [second(2, 1)] });
  await engine.advance("1d");
  expect(await engine.invocation(id).result()).toBe("version 1 1");
  const later = await engine.send(first).place();
  await engine.advance("1d");
  expect(await engine.invocation(later.id).result()).toBe("version 2 2");
  expect(failures(engine)).toEqual([]);
});

for (const [name, code] of [
  ["no longer has", second(3, 2)],
  ["does not have yet", second(0, 0)],
] as const) {
  scenario(`one whose version the code ${name} waits for code that has it`, async (open) => {
    const engine = await open({ services: [second(1, 0)] });
    const { id } = await engine.send(first).place();
    await engine.runUntilIdle();
    await engine.crash({ services: [code] });
    await engine.advance("2d");
    expect(failures(engine)).toMatchObject([{ id, code: "VERSION_UNSUPPORTED", next: "pause" }]);
    await engine.crash({ services: [second(1, 0)] });
    await engine.advance("1d");
    expect(await engine.invocation(id).result()).toBe("version 1 1");
    expect(steps(engine)).toEqual(["check 1", "reserve", "letter"]);
  });
}

scenario("a line that was taken out while it is needed is a mismatch", async (open) => {
  const engine = await open({ services: [second(1, 0)] });
  const { id } = await engine.send(first).place();
  await engine.runUntilIdle();
  await engine.crash({ services: [first] });
  await engine.advance("2d");
  expect(failures(engine)).toMatchObject([{ id, code: "JOURNAL_MISMATCH" }]);
  expect(failures(engine)[0]?.message).toContain('its journal holds version "check for fraud"');
  await engine.kill(id);
});

scenario("versions that are no whole numbers in order are refused", async (open) => {
  const odd = service("Odd", {
    async go(ctx, [latest, oldest]: [number, number]): Promise<string> {
      try {
        return String(ctx.version("x", latest, oldest));
      } catch (error) {
        return (error as Error).name;
      }
    },
  });
  const engine = await open({ services: [odd] });
  for (const given of [
    [1.5, 0],
    [-1, -1],
    [1, 2],
  ] as [number, number][]) {
    const call = engine.call(odd).go(given);
    expect(await call).toBe("TypeError");
  }
});

const one = service(
  "Trips",
  { revision: "1" },
  {
    async book(ctx): Promise<string> {
      await ctx.run("flight", () => 1);
      await ctx.sleep("1d");
      await ctx.run("hotel", () => 2);
      return "one";
    },
    async old(ctx): Promise<string> {
      await ctx.sleep("1d");
      return "old";
    },
  },
);
const two = service(
  "Trips",
  { revision: "2" },
  {
    async book(ctx): Promise<string> {
      await ctx.run("train", () => 1);
      await ctx.sleep("1d");
      return "two";
    },
  },
);

scenario("an engine with two revisions finishes each invocation on its own", async (open) => {
  const engine = await open({ services: [one] });
  const [first, gone] = [await engine.send(one).book(), await engine.send(one).old()];
  await engine.runUntilIdle();
  await engine.crash({ services: [two, one] });
  const second = await engine.send(two).book();
  await engine.advance("1h");
  await engine.crash();
  await engine.advance("1d");
  expect(await engine.invocation(first.id).result()).toBe("one");
  expect(await engine.invocation(gone.id).result()).toBe("old");
  expect(await engine.invocation(second.id).result()).toBe("two");
  expect(failures(engine)).toEqual([]);
  expect(steps(engine)).toEqual(["flight", "train", "hotel"]);
});

scenario("code without a name for its revision is known by its text afterwards", async (open) => {
  const handlers = {
    async book(ctx: Context): Promise<string> {
      await ctx.run("flight", () => 1);
      await ctx.sleep("1d");
      return "before";
    },
  };
  const engine = await open({ services: [service("Trips", handlers)] });
  const { id } = await engine.send(one).book();
  await engine.runUntilIdle();
  await engine.crash({ services: [two, service("Trips", { revision: "1" }, handlers)] });
  await engine.advance("1d");
  expect(await engine.invocation(id).result()).toBe("before");
});

scenario("two of one name are a mistake unless both say which is which", async (open) => {
  const unnamed = service("Trips", {
    async book(): Promise<string> {
      return "";
    },
  });
  const same = service(
    "Trips",
    { revision: "2" },
    {
      async book(): Promise<string> {
        return "";
      },
    },
  );
  for (const services of [
    [two, unnamed],
    [unnamed, two],
    [two, same],
    [two, one, one],
  ]) {
    await expect(open({ services })).rejects.toMatchObject({ code: "SERVICE_DUPLICATE" });
  }
});
