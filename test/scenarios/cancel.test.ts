// R9: cancellation in every state, what it reaches, and what may run after it; and kill, which lets
// nothing run.
import { expect } from "vitest";
import { handler, object, service, shared, type TerminalError } from "../../src/index.ts";
import type { TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

let log: string[] = [];

const worker = object("Worker", {
  async hold(ctx): Promise<void> {
    await ctx.sleep("1h");
  },
  async wait(ctx): Promise<void> {
    await ctx.signal("never");
  },
  async compensate(ctx): Promise<string> {
    try {
      await ctx.sleep("1h");
      return "slept";
    } catch (error) {
      log.push((error as TerminalError).code);
      await ctx.run("undo", () => void log.push("undone"));
      await ctx.sleep("1s");
      throw error;
    } finally {
      log.push("finally");
    }
  },
  async swallow(ctx): Promise<string> {
    await ctx.sleep("1h").catch(() => {});
    await ctx.sleep("1s");
    return "went on";
  },
  async step(ctx): Promise<string> {
    try {
      return await ctx.run("slow", ({ signal }) => {
        log.push("begun");
        return new Promise<string>((resolve, reject) => {
          signal.addEventListener("abort", () => {
            log.push("aborted");
            reject(new Error("stopped"));
          });
          finish = () => resolve("too late");
        });
      });
    } finally {
      log.push(`aborted: ${ctx.abort.aborted}`);
    }
  },
  failing: handler({ retry: { delay: "1h" } }, async (): Promise<void> => {
    log.push("attempt");
    throw new Error("always");
  }),
  async later(ctx): Promise<unknown> {
    const one = ctx.sleep("1h").catch((e: TerminalError) => `one ${e.code}`);
    const two = ctx.signal("s").catch((e: TerminalError) => `two ${e.code}`);
    const three = ctx.awakeable().promise.catch((e: TerminalError) => `three ${e.code}`);
    return [await one, await two, await three, await ctx.run("four", () => "four")];
  },
  async mark(): Promise<void> {
    log.push("ran");
  },
  peek: shared(async () => "free"),
});

let finish = (): void => {};

async function begin(
  engine: TestEngine,
  handlerName: "hold" | "wait" | "compensate" | "swallow" | "step" | "failing" | "later",
  key = "k",
): Promise<string> {
  log = [];
  const { id } = await engine.send(worker, key)[handlerName]();
  await engine.runUntilIdle();
  return id;
}

const cancel = (engine: TestEngine, id: string): Promise<void> => engine.invocation(id).cancel();
const codeOfResult = (engine: TestEngine, id: string): Promise<string> =>
  codeOf(engine.invocation(id).result());

scenario("R9: what has not begun ends at once: scheduled, inboxed", async (open) => {
  const engine = await open({ services: [worker] });
  const { id } = await engine.send(worker, "a", { delay: "1h" }).hold();
  await cancel(engine, id);
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  const first = await begin(engine, "hold");
  const second = await engine.send(worker, "k").compensate();
  const third = later(engine.call(worker, "k").swallow());
  await cancel(engine, second.id);
  expect(await codeOfResult(engine, second.id)).toBe("CANCELLED");
  expect(log).toEqual([]);
  await cancel(engine, first);
  expect(await codeOfResult(engine, first)).toBe("CANCELLED");
  await engine.advance("2h");
  expect(await third).toBe("went on");
});

scenario("R9: a waiting one is told at its await and may compensate", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "compensate");
  await cancel(engine, id);
  await cancel(engine, id);
  await engine.runUntilIdle();
  expect(log).toContain("undone");
  await cancel(engine, id);
  await engine.advance("1s");
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  expect(log.filter((line) => line === "undone")).toEqual(["undone"]);
});

scenario("R9: compensation goes on after a crash, and is not run twice", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "compensate");
  await cancel(engine, id);
  await engine.runUntilIdle();
  await engine.crash();
  await engine.advance("1s");
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  expect(log.filter((line) => line === "undone")).toEqual(["undone"]);
});

scenario("R9: one that catches it goes on, and a second cancel changes nothing", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "swallow");
  await cancel(engine, id);
  await engine.runUntilIdle();
  await cancel(engine, id);
  await engine.advance("1s");
  expect(await engine.invocation(id).result()).toBe("went on");
  await cancel(engine, id);
});

scenario("R9: a running step is aborted, not tried again, and cannot win", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "step");
  expect(log).toEqual(["begun"]);
  await cancel(engine, id);
  finish();
  await engine.advance("1h");
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  expect(log).toEqual(["begun", "aborted", "aborted: true"]);
});

scenario("R9: it wakes one that backs off at once", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "failing");
  expect(log).toEqual(["attempt"]);
  await cancel(engine, id);
  await engine.runUntilIdle();
  expect(log).toEqual(["attempt", "attempt"]);
  await engine.kill(id);
});

scenario("R9: a paused one keeps it", async (open) => {
  const engine = await open({ services: [worker] });
  const id = await begin(engine, "compensate");
  await engine.pause(id);
  await cancel(engine, id);
  await engine.advance("1m");
  expect(log).toEqual([]);
  await engine.resume(id);
  await engine.advance("1s");
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  expect(log).toContain("undone");
});

scenario(
  "R9: every promise pending then is rejected, in order; the next made is not",
  async (open) => {
    const engine = await open({ services: [worker] });
    const id = await begin(engine, "later");
    await cancel(engine, id);
    expect(await engine.invocation(id).result()).toEqual([
      "one CANCELLED",
      "two CANCELLED",
      "three CANCELLED",
      "four",
    ]);
  },
);

const midway = object("Midway", {
  async signal(ctx): Promise<string> {
    await ctx.get("x");
    ctx.cancel(ctx.id);
    return ctx.signal("s").then(String, (error: TerminalError) => error.code);
  },
  async sleep(ctx): Promise<string> {
    await ctx.get("x");
    ctx.cancel(ctx.id);
    await ctx.sleep("1s").catch(() => {});
    return "done";
  },
});

scenario(
  "R9: with nothing pending it rejects the next promise made, a signal too",
  async (open) => {
    const engine = await open({ services: [midway] });
    const signalled = later(engine.call(midway, "k").signal());
    await engine.advance("1s");
    expect(await signalled).toBe("CANCELLED");
    const slept = later(engine.call(midway, "k").sleep());
    await engine.advance("2s");
    expect(await slept).toBe("done");
  },
);

const parent = service("Parent", {
  async call(ctx): Promise<void> {
    try {
      await ctx.call(worker, "child").compensate();
    } finally {
      log.push("parent");
    }
  },
  async send(ctx): Promise<void> {
    ctx.send(worker, "delayed", { delay: "1h" }).mark();
    await ctx.signal("never");
  },
});

scenario("R9: it cascades to the calls awaited, which compensate as well", async (open) => {
  const engine = await open({ services: [worker, parent] });
  log = [];
  const { id } = await engine.send(parent).call();
  await engine.runUntilIdle();
  await cancel(engine, id);
  await engine.advance("1s");
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
  expect(log).toContain("undone");
  expect(await engine.call(worker, "child").peek()).toBe("free");
  await engine.crash();
  expect(await codeOfResult(engine, id)).toBe("CANCELLED");
});

scenario("kill ends without compensation, with the calls it waits for", async (open) => {
  const engine = await open({ services: [worker, parent] });
  log = [];
  const { id } = await engine.send(parent).call();
  await engine.runUntilIdle();
  await engine.kill(id);
  expect(await codeOfResult(engine, id)).toBe("KILLED");
  await engine.advance("1h");
  expect(log).toEqual([]);
  const free = later(engine.call(worker, "child").swallow());
  await engine.advance("2h");
  expect(await free).toBe("went on");
  await engine.kill(id);
});

for (const withSends of [false, true]) {
  scenario(`kill ${withSends ? "drops" : "leaves"} delayed sends`, async (open) => {
    const engine = await open({ services: [worker, parent] });
    log = [];
    const { id } = await engine.send(parent).send();
    await engine.runUntilIdle();
    await engine.kill(id, { withSends });
    await engine.advance("3h");
    expect(log).toEqual(withSends ? [] : ["ran"]);
  });
}

scenario("kill in every state frees the key for the next", async (open) => {
  const engine = await open({ services: [worker] });
  for (const name of ["hold", "wait", "compensate", "step", "failing"] as const) {
    const id = await begin(engine, name, name);
    const next = later(engine.call(worker, name).swallow());
    await engine.runUntilIdle();
    if (name === "wait") await engine.pause(id);
    await engine.kill(id);
    expect(await codeOfResult(engine, id)).toBe("KILLED");
    await engine.advance("2h");
    expect(await next).toBe("went on");
  }
});

for (const deaf of [false, true]) {
  const how = deaf ? "one that ignores its signal" : "one that stops";
  scenario(`R9: a cancelled step is not run again, nor after a crash: ${how}`, async (open) => {
    let begun = 0;
    const stubborn = service("Stubborn", {
      async go(ctx): Promise<string> {
        const step = ctx.run("slow", ({ signal }) => {
          begun++;
          return new Promise<string>((_, reject) => {
            if (!deaf) signal.addEventListener("abort", () => reject(new Error("stopped")));
          });
        });
        const code = await step.catch((error: TerminalError) => error.code);
        await ctx.sleep("1h");
        return code;
      },
    });
    const engine = await open({ services: [stubborn] });
    const { id } = await engine.send(stubborn).go();
    await engine.runUntilIdle();
    await cancel(engine, id);
    await engine.advance("20m");
    await engine.crash();
    await engine.advance("2h");
    expect(await engine.invocation(id).result()).toBe("CANCELLED");
    expect(begun).toBe(1);
  });
}
