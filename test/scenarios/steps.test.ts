// Steps: the barrier (R2), tries and policies, timeouts, keys for the other side, bodies left behind
// (R8), and the code of invocations that fail.
import { expect, test } from "vitest";
import { handler, service, TerminalError } from "../../src/index.ts";
import { configurations, TestEngine } from "../../src/testing/index.ts";
import { codeOf, later, scenario } from "../support/scenario.ts";

const counted = service("Counted", {
  async steps(ctx, n: number): Promise<number> {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await ctx.run(`step ${i}`, () => i);
    return sum;
  },
});

for (const n of [0, 1, 2, 5]) {
  test(`R2: a handler with ${n} steps costs ${n + 1} commits`, async () => {
    const engine = await TestEngine.open({ services: [counted] });
    await engine.call(counted).steps(n);
    await engine.runUntilIdle();
    const before = engine.commits;
    await engine.call(counted).steps(n);
    await engine.runUntilIdle();
    expect(engine.commits - before).toBe(n + 1);
    await engine.close();
  });
}

for (const configuration of configurations) {
  test(`R2: no body starts before what it learned is durable (${configuration.name})`, async () => {
    for (let frozen = 0; frozen < 8; frozen++) {
      const began: string[] = [];
      const barrier = service("Barrier", {
        async go(ctx): Promise<void> {
          await ctx.run("a", () => void began.push("a"));
          const { id } = ctx.awakeable();
          await ctx.run("show", () => void began.push(id.slice(0, 3)));
          await ctx.run("b", () => void began.push("b"));
        },
      });
      const engine = await TestEngine.open({ services: [barrier], ...configuration });
      engine.freezeAfter(engine.commits + frozen);
      const call = later(engine.call(barrier).go());
      await engine.runUntilIdle();
      const seen = [...began];
      await engine.crash();
      if ((await codeOf(call)) !== "ENGINE_FAILED") {
        expect(seen.join()).toBe("a,awk,b");
        await engine.close();
        continue;
      }
      began.length = 0;
      await engine.runUntilIdle();
      // What had begun was durable: the life after the crash goes on no later than there.
      expect(["", "a,awk,b", "awk,b", "b"]).toContain(began.join());
      if (seen.length > 0) expect(began.length).toBeGreaterThan(0);
      if (seen.length > 1) expect(began).not.toContain("a");
      await engine.close();
    }
  });
}

test("R2: nothing is answered, and no body begins, while the disk stands still", async () => {
  const began: number[] = [];
  const slow = service("Slow", {
    async go(ctx): Promise<number> {
      return ctx.run("step", () => began.push(1));
    },
    async quick(): Promise<number> {
      return 1;
    },
  });
  const engine = await TestEngine.open({ services: [slow] });
  engine.freezeAfter(engine.commits);
  let answered = false;
  const calls = [later(engine.call(slow).go()), later(engine.call(slow).quick())];
  for (const call of calls) void call.then(() => (answered = true)).catch(() => {});
  const sent = later(engine.send(slow).quick());
  void sent.then(() => (answered = true)).catch(() => {});
  await engine.advance("1h");
  expect([began, answered]).toEqual([[], false]);
  await engine.crash();
  await engine.close();
});

let tries = 0;
const keys: string[] = [];
const flaky = service("Flaky", {
  async step(ctx, failures: number): Promise<unknown> {
    return ctx.run(
      "flaky",
      ({ attempt, idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (++tries <= failures) throw new Error(`try ${attempt}`);
        return attempt;
      },
      { retry: { attempts: 3, delay: "1s", factor: 2 } },
    );
  },
  async terminal(ctx): Promise<unknown> {
    return ctx.run("terminal", () => {
      throw new TerminalError("never again", { code: "GONE", status: 410, data: 1 });
    });
  },
  async timeout(ctx): Promise<unknown> {
    return ctx.run("slow", ({ signal }) => hang(signal), {
      timeout: "5s",
      retry: { attempts: 2, delay: "1s" },
    });
  },
  attempts: handler(
    { retry: { attempts: 3, delay: "1s", onExhausted: "fail" } },
    async (ctx): Promise<number> => {
      const before = await ctx.run("before", () => 7);
      if (++tries < 3) throw new Error("not yet");
      return before;
    },
  ),
  exhausted: handler({ retry: { attempts: 2, delay: "1s" } }, async (): Promise<void> => {
    tries++;
    throw new Error("always");
  }),
  patient: handler(
    { retry: { attempts: 2, delay: "1s", onExhausted: "pause" } },
    async (): Promise<string> => {
      if (++tries < 3) throw new Error("not yet");
      return "at last";
    },
  ),
  limited: handler({ retry: { duration: "10s", delay: "4s", factor: 1 } }, async () => {
    tries++;
    throw new Error("always");
  }),
});

function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

scenario("a step is tried again, with one key for all its tries", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  keys.length = 0;
  const result = later(engine.call(flaky).step(2));
  await engine.runUntilIdle();
  expect(tries).toBe(1);
  await engine.advance("10s");
  expect(await result).toBe(3);
  expect([keys.length, new Set(keys).size]).toEqual([3, 1]);
});

scenario("a step fails with STEP_FAILED when no try is left", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const result = later(engine.call(flaky).step(9));
  await engine.advance("10s");
  await expect(result).rejects.toMatchObject({
    code: "STEP_FAILED",
    data: { step: "flaky", tries: 3, cause: { message: "try 3" } },
  });
  expect(tries).toBe(3);
});

scenario("tries of a step go on where they were after a crash", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const { id } = await engine.send(flaky).step(2);
  await engine.runUntilIdle();
  await engine.crash();
  await engine.runUntilIdle();
  expect(tries).toBe(1);
  await engine.advance("10s");
  expect(await engine.invocation(id).result()).toBe(3);
});

scenario("a TerminalError ends a step at once, with code, status and data", async (open) => {
  const engine = await open({ services: [flaky] });
  const error = { code: "GONE", status: 410, data: 1, message: "never again" };
  await expect(engine.call(flaky).terminal()).rejects.toMatchObject(error);
});

scenario("a try that takes too long fails with STEP_TIMEOUT and is told to stop", async (open) => {
  const engine = await open({ services: [flaky] });
  const result = later(engine.call(flaky).timeout());
  await engine.advance("20s");
  await expect(result).rejects.toMatchObject({
    code: "STEP_FAILED",
    data: { cause: { code: "STEP_TIMEOUT" }, tries: 2 },
  });
});

scenario("a handler that throws is tried again, its steps are not", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const result = engine.call(flaky).attempts();
  await engine.advance("10s");
  expect(await result).toBe(7);
  expect(tries).toBe(3);
  const failed = engine.events.filter(({ kind }) => kind === "attemptFailed");
  expect(failed).toMatchObject([
    { target: "Flaky/attempts", message: "not yet", next: "retry" },
    { message: "not yet", next: "retry" },
  ]);
});

scenario("a handler fails with HANDLER_FAILED when no attempt is left", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const result = later(engine.call(flaky).exhausted());
  await engine.advance("10s");
  expect(await codeOf(result)).toBe("HANDLER_FAILED");
  expect(tries).toBe(2);
});

scenario("a policy bounds the time of all attempts", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const result = later(engine.call(flaky).limited());
  await engine.advance("1m");
  expect(await codeOf(result)).toBe("HANDLER_FAILED");
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(9);
});

scenario("a policy may pause instead, until it is resumed", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 0;
  const { id } = await engine.send(flaky).patient();
  await engine.advance("1h");
  expect(tries).toBe(2);
  await engine.resume(id);
  expect(await engine.invocation(id).result()).toBe("at last");
});

scenario("resume lets one that backs off try again now", async (open) => {
  const engine = await open({ services: [flaky] });
  tries = 1;
  const { id } = await engine.send(flaky).attempts();
  await engine.runUntilIdle();
  await engine.resume(id);
  await engine.runUntilIdle();
  expect(await engine.invocation(id).result()).toBe(7);
});

scenario("R8: a body that goes on is waited for before the next try of its step", async (open) => {
  const running: string[] = [];
  let release = (): void => {};
  const slow = service("Stubborn", {
    async go(ctx): Promise<string> {
      return ctx.run("stubborn", async ({ attempt }) => {
        running.push(`begin ${attempt}`);
        if (running.length === 1) await new Promise<void>((resolve) => (release = resolve));
        running.push(`end ${attempt}`);
        return `by ${attempt}`;
      });
    },
  });
  const engine = await open({ services: [slow] });
  const { id } = await engine.send(slow).go();
  await engine.runUntilIdle();
  await engine.pause(id);
  await engine.resume(id);
  await engine.advance("1m");
  expect(running).toEqual(["begin 1"]);
  release();
  // Its result is taken, whichever attempt runs: the step does not run again.
  expect(await engine.invocation(id).result()).toBe("by 1");
  expect(running).toEqual(["begin 1", "end 1"]);
});

scenario("R8: a body that ignores its signal holds up the next try only so long", async (open) => {
  let begun = 0;
  const deaf = service("Deaf", {
    go: handler({ abortTimeout: "1m" }, async (ctx): Promise<number> => {
      return ctx.run("deaf", () => (++begun === 1 ? new Promise<number>(() => {}) : begun));
    }),
  });
  const engine = await open({ services: [deaf] });
  const { id } = await engine.send(deaf).go();
  await engine.runUntilIdle();
  await engine.pause(id);
  await engine.resume(id);
  await engine.advance("59s");
  expect(begun).toBe(1);
  await engine.advance("2s");
  expect(await engine.invocation(id).result()).toBe(2);
});

scenario("R8: a step that was stopped with its attempt has not failed", async (open) => {
  const seen: number[] = [];
  let failed = false;
  const parallel = service("Parallel", {
    go: handler({ retry: { delay: "1s", factor: 1 } }, async (ctx): Promise<unknown> => {
      const slow = ctx.run("slow", ({ attempt, signal }) => {
        seen.push(attempt);
        return failed ? "done" : hang(signal);
      });
      await ctx.sleep("1s");
      if (!failed) {
        failed = true;
        throw new Error("once");
      }
      return slow;
    }),
  });
  const engine = await open({ services: [parallel] });
  const result = later(engine.call(parallel).go());
  await engine.advance("10s");
  expect(await result).toBe("done");
  expect(seen).toEqual([1, 1]);
});
