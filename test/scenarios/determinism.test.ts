// What a handler may do and what is noticed when it does something else: R4 to R7, mismatches.
import { expect, test } from "vitest";
import { object, service, shared } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

interface Ctx {
  run<T>(name: string, action: () => T): Promise<T>;
  sleep(duration: "1m"): Promise<void>;
}

/** A handler that does other things the second time, as if its code had been changed. */
const changes: Record<string, [(ctx: Ctx) => Promise<void>, (ctx: Ctx) => Promise<void>]> = {
  inserted: [
    async (ctx) => void (await ctx.run("b", () => 1)),
    async (ctx) => {
      await ctx.run("a", () => 1);
      await ctx.run("b", () => 1);
    },
  ],
  deleted: [
    async (ctx) => {
      await ctx.run("a", () => 1);
      await ctx.run("b", () => 1);
    },
    async (ctx) => void (await ctx.run("b", () => 1)),
  ],
  swapped: [
    async (ctx) => {
      await ctx.run("a", () => 1);
      await ctx.run("b", () => 1);
    },
    async (ctx) => {
      await ctx.run("b", () => 1);
      await ctx.run("a", () => 1);
    },
  ],
  renamed: [
    async (ctx) => void (await ctx.run("a", () => 1)),
    async (ctx) => void (await ctx.run("A", () => 1)),
  ],
};

for (const [name, [before, after]] of Object.entries(changes)) {
  scenario(`JOURNAL_MISMATCH: a step ${name}, by the same revision, pauses`, async (open) => {
    let changed = false;
    const service1 = service("Changing", {
      async go(ctx): Promise<string> {
        await (changed ? after : before)(ctx as Ctx);
        await ctx.sleep("1m");
        return "done";
      },
    });
    const engine = await open({ services: [service1] });
    const { id } = await engine.send(service1).go();
    await engine.runUntilIdle();
    changed = true;
    await engine.crash();
    await engine.advance("1h");
    const failed = engine.events.filter(({ kind }) => kind === "attemptFailed");
    expect(failed).toMatchObject([{ code: "JOURNAL_MISMATCH", next: "pause" }]);
    await engine.reopen();
    await engine.advance("1h");
    expect(engine.events.filter(({ kind }) => kind === "attemptFailed").length).toBe(1);
    changed = false;
    await engine.resume(id);
    await engine.runUntilIdle();
    expect(await engine.invocation(id).result()).toBe("done");
  });
}

test("JOURNAL_MISMATCH: ending early, and another input of a call", async () => {
  let changed = 0;
  const callee = service("Callee", {
    async go(_ctx, input: number): Promise<number> {
      return input;
    },
  });
  const caller = service("Caller", {
    async go(ctx): Promise<void> {
      if (changed === 1) return;
      await ctx.call(callee).go(changed);
      await ctx.sleep("1m");
    },
  });
  for (const change of [1, 2]) {
    changed = 0;
    const engine = await TestEngine.open({ services: [caller, callee] });
    await engine.send(caller).go();
    await engine.runUntilIdle();
    changed = change;
    await engine.crash();
    await engine.advance("1h");
    const failed = engine.events.filter(({ kind }) => kind === "attemptFailed");
    expect(failed).toMatchObject([{ code: "JOURNAL_MISMATCH", next: "pause" }]);
    await engine.close();
  }
});

const outside = object("Outside", {
  async before(ctx): Promise<string> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await ctx.run("step", () => 1);
    return "went on";
  },
  async atEnd(): Promise<string> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    return "ended";
  },
  x: shared(async (ctx) => ctx.get("x")),
  async caught(ctx): Promise<string> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    try {
      ctx.set("x", 1);
    } catch {
      // What stops the attempt is not the handler's to answer.
    }
    return "ended";
  },
});

for (const name of ["before", "atEnd", "caught"] as const) {
  scenario(`R6: an await outside the journal is an error when strict: ${name}`, async (open) => {
    const engine = await open({ services: [outside] });
    expect(await codeOf(engine.call(outside, "k")[name]())).toBe("UNJOURNALED_AWAIT");
    expect(engine.events).toContainEqual(expect.objectContaining({ kind: "unjournaledAwait" }));
    // The key is free again, and nothing was asked after the await.
    expect(await engine.call(outside, "k").x()).toBe(null);
  });

  scenario(`R6: and an event when not: ${name}`, async (open) => {
    const engine = await open({ services: [outside], strict: false });
    expect(await engine.call(outside, "k")[name]()).toBe(name === "before" ? "went on" : "ended");
    const seen = engine.events.filter(({ kind }) => kind === "unjournaledAwait");
    expect(seen.length).toBeGreaterThan(0);
  });
}

let kept: { set(name: string, value: unknown): void } | undefined;
const nested = object("Nested", {
  async inside(ctx): Promise<unknown> {
    return ctx.run("outer", async () => {
      await Promise.resolve();
      return ctx.run("inner", () => 1);
    });
  },
  async state(ctx): Promise<unknown> {
    return ctx.run("outer", () => ctx.set("x", 1));
  },
  async keep(ctx): Promise<void> {
    kept = ctx;
  },
  async unawaited(ctx): Promise<void> {
    void ctx.run("left", () => new Promise(() => {}));
    void ctx.call(nested, "other").keep();
  },
  async raced(ctx): Promise<unknown> {
    const slow = (name: string) => ctx.run(name, () => new Promise<string>(() => {}));
    const helper = async () => (await slow("helped")).length;
    const first = await Promise.race([slow("raced"), helper(), ctx.sleep("1s")]);
    const late = await ctx.timeout(ctx.call(nested, "other").forever(), "1s").catch(codeIn);
    ctx.run("caught", () => new Promise(() => {})).catch(() => {});
    return [first ?? null, late];
  },
  async forever(ctx): Promise<void> {
    await ctx.awakeable().promise;
  },
});
const codeIn = (error: unknown) => (error as { code: string }).code;

scenario("R5: the context in the body of a step throws RUN_NESTED", async (open) => {
  const engine = await open({ services: [nested] });
  expect(await codeOf(engine.call(nested, "k").inside())).toBe("RUN_NESTED");
  expect(await codeOf(engine.call(nested, "k").state())).toBe("RUN_NESTED");
});

scenario("the context after the end throws CONTEXT_CLOSED", async (open) => {
  const engine = await open({ services: [nested] });
  await engine.call(nested, "k").keep();
  expect(() => kept?.set("x", 1)).toThrow(expect.objectContaining({ code: "CONTEXT_CLOSED" }));
});

scenario("what was asked and not awaited is reported", async (open) => {
  const engine = await open({ services: [nested] });
  await engine.call(nested, "k").unawaited();
  expect(engine.events.filter(({ kind }) => kind === "unawaited")).toMatchObject([
    { commands: ['run "left"', "call Nested/other/keep"] },
  ]);
});

scenario("what lost a race or a timeout was looked at, and is not reported", async (open) => {
  const engine = await open({ services: [nested] });
  const call = later(engine.call(nested, "k").raced());
  await engine.advance("3s");
  expect(await call).toEqual([null, "TIMEOUT"]);
  expect(engine.events.filter(({ kind }) => kind === "unawaited")).toEqual([]);
});

scenario("R5: date, rand and what was read repeat; values share nothing", async (open) => {
  const seen: string[] = [];
  const repeating = object("Repeating", {
    async go(ctx): Promise<unknown> {
      const record: unknown[] = [ctx.date.now(), ctx.rand.random(), ctx.rand.uuid()];
      const value = { list: [1] };
      ctx.set("v", value);
      value.list.push(2);
      const read = await ctx.get<{ list: number[] }>("v");
      record.push(structuredClone(read), ctx.date.now());
      read?.list.push(3);
      record.push(await ctx.get("v"));
      await ctx.sleep("1m");
      record.push(ctx.date.now(), ctx.rand.random());
      seen.push(JSON.stringify(record));
      await ctx.sleep("1m");
      return record;
    },
  });
  const engine = await open({ services: [repeating] });
  const { id } = await engine.send(repeating, "k").go();
  await engine.advance("61s");
  await engine.crash();
  await engine.advance("61s");
  const result = JSON.stringify(await engine.invocation(id).result());
  expect(new Set([...seen, result]).size).toBe(1);
  expect(JSON.parse(result)).toMatchObject({ 3: { list: [1] }, 5: { list: [1] } });
});

scenario(
  "a line printed while something is awaited is not printed again after it",
  async (open) => {
    const waiting = service("Waiting", {
      async go(ctx): Promise<void> {
        ctx.console.log("begin");
        const { promise, id } = ctx.awakeable<string>();
        ctx.console.log("asked");
        const called = ctx.call(waiting).nap();
        await ctx.run("show", () => void (shown = id));
        ctx.console.log("shown");
        ctx.console.log("called", await called);
        ctx.console.log(await promise);
        ctx.console.log("end", await ctx.signal("s"));
      },
      async nap(ctx): Promise<number> {
        await ctx.sleep("1m");
        return 1;
      },
    });
    let shown = "";
    const engine = await open({ services: [waiting] });
    const { id, result } = await engine.send(waiting).go();
    await engine.advance("2m");
    await engine.signal(id, "s", 2);
    await engine.runUntilIdle();
    await engine.awakeable(shown).resolve("woken");
    await engine.runUntilIdle();
    await result();
    const lines = engine.events.flatMap((event) => (event.kind === "console" ? [event.args] : []));
    expect(lines.map((args) => args.join(" "))).toEqual([
      ...["begin", "asked", "shown", "called 1", "woken", "end 2"],
    ]);
  },
);

scenario("console is silent on replay", async (open) => {
  const talking = service("Talking", {
    async go(ctx): Promise<void> {
      ctx.console.log("one");
      await ctx.run("a", () => 1);
      ctx.console.warn("two", { n: 2 });
      await ctx.sleep("1m");
      ctx.console.error("three");
    },
  });
  const engine = await open({ services: [talking] });
  const call = engine.call(talking).go();
  await engine.advance("1m");
  await call;
  const lines = engine.events.flatMap((event) => (event.kind === "console" ? [event.args] : []));
  expect(lines).toEqual([["one"], ["two", { n: 2 }], ["three"]]);
});

const rejecting = service("Rejecting", {
  async first(ctx): Promise<string> {
    const a = ctx.call(rejecting).slow();
    const b = ctx.call(rejecting).fails();
    await a;
    return b.then(
      () => "no",
      () => "caught late",
    );
  },
  async slow(ctx): Promise<void> {
    await ctx.sleep("1m");
  },
  async fails(ctx): Promise<void> {
    await ctx.run("x", () => Promise.reject(Object.assign(new Error("x"), { code: 1 })), {
      retry: { attempts: 1 },
    });
  },
  async forgotten(ctx): Promise<string> {
    void Promise.reject(new Error("forgotten"));
    await ctx.sleep("1s");
    return "ended";
  },
  async lateCaught(ctx): Promise<string> {
    const failed = Promise.reject(new Error("late"));
    await ctx.sleep("1s");
    return failed.catch(() => "caught");
  },
});

/** Runs without the test runner's own listener, which counts every rejection as a failed run. */
async function alone(body: () => Promise<void>): Promise<void> {
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  try {
    await body();
  } finally {
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
}

test("R7: a promise of the context that fails before it is awaited ends nothing", async () => {
  await alone(async () => {
    const engine = await TestEngine.open({ services: [rejecting] });
    const call = engine.call(rejecting).first();
    await engine.advance("1m");
    expect(await call).toBe("caught late");
    expect(engine.events.filter(({ kind }) => kind === "unhandledRejection")).toEqual([]);
    await engine.close();
  });
});

test("R7: a rejection nobody looks at is the handler's, and reported at its end", async () => {
  await alone(async () => {
    const engine = await TestEngine.open({ services: [rejecting] });
    const { id, result } = await engine.send(rejecting).forgotten();
    await engine.runUntilIdle();
    const reported = () => engine.events.filter(({ kind }) => kind === "unhandledRejection");
    expect(reported()).toEqual([]);
    await engine.advance("1s");
    expect(await result()).toBe("ended");
    expect(reported()).toMatchObject([{ id, target: "Rejecting/forgotten" }]);
    const late = engine.call(rejecting).lateCaught();
    await engine.advance("1s");
    expect(await late).toBe("caught");
    expect(reported().length).toBe(1);
    await engine.close();
  });
});

test("R7: a rejection of nobody's goes on as if we were not there, with several engines", async () => {
  await alone(async () => {
    const engines = [
      await TestEngine.open({ services: [rejecting] }),
      await TestEngine.open({ services: [rejecting] }),
    ];
    const uncaught = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const seen = new Promise((resolve) => process.once("uncaughtException", resolve));
    void Promise.reject(new Error("nobody's"));
    expect(await seen).toMatchObject({ message: "nobody's" });
    for (const listener of uncaught) process.on("uncaughtException", listener);
    for (const engine of engines) await engine.close();
  });
});

scenario(
  "R6: without the journal to wake it, one that waits outside is not dropped",
  async (open) => {
    const fetching = service("Fetching", {
      async go(): Promise<string> {
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    });
    let answer: (text: string) => void = () => {};
    const engine = await open({ services: [fetching], strict: false });
    const call = later(engine.call(fetching).go());
    await engine.advance("1h");
    answer("fetched");
    expect(await call).toBe("fetched");
  },
);
