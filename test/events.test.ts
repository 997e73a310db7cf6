// What an engine tells who runs it, as a program sees it: through `onEvent`, or on standard error.
import { afterEach, expect, test, vi } from "vitest";
import { Engine, memory, service, workflow } from "../src/index.ts";

const flaky = service("Flaky", {
  async go(ctx): Promise<string> {
    ctx.console.log("order", { cents: 100 });
    return ctx.run("charge", ({ attempt }) => {
      if (attempt === 1) throw new Error("card declined");
      return "charged";
    });
  },
});
const signup = workflow("Signup", {
  async run(): Promise<string> {
    return "done";
  },
});

let written: string[] = [];

function listen(): void {
  written = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
}

afterEach(() => void vi.restoreAllMocks());

test("an onEvent that throws is told of once, and does not break the engine", async () => {
  listen();
  let events = 0;
  const onEvent = (): void => {
    events++;
    throw new Error("my telemetry is down");
  };
  const engine = await Engine.open({ services: [flaky], data: memory(), onEvent });
  expect(await engine.call(flaky).go()).toBe("charged");
  await engine.close();
  expect(events).toBeGreaterThan(2);
  expect(written.length).toBe(1);
  expect(written[0]).toMatch(/^holdfast: onEvent threw at "started".*my telemetry is down/);
});

test("without onEvent, a failed try and what a handler prints are lines", async () => {
  listen();
  const engine = await Engine.open({ services: [flaky], data: memory() });
  expect(await engine.call(flaky).go()).toBe("charged");
  await engine.close();
  expect(written[0]).toBe("Flaky/go: order { cents: 100 }\n");
  expect(written[1]).toMatch(
    /^holdfast: Flaky\/go: step "charge" failed \(try 1\) and is tried again in [\d.]+ s: card/,
  );
  expect(written.length).toBe(2);
});

test("the id of a run needs an open engine, and says so", async () => {
  const engine = await Engine.open({ services: [signup], data: memory() });
  const run = engine.workflow(signup, "k");
  expect(() => run.id).toThrow(expect.objectContaining({ code: "ENGINE_NOT_STARTED" }));
  expect(() => run.id).toThrow(/Await `engine.start\(\)`, or any call, before reading `id`/);
  await engine.start();
  expect(run.id).toMatch(/^inv_1/);
  const { id } = await engine.send(signup, "k").run();
  expect(run.id).toBe(id);
  await engine.close();
});
