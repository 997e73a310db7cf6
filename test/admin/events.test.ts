// What changes, as it is told: once it is durable, in order, and from where somebody left off.
import { expect, test } from "vitest";
import type { ChangeEvent } from "../../src/engine/feed.ts";
import { service } from "../../src/index.ts";
import { eventStream } from "../../src/server/admin-events.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { later, scenario } from "../support/scenario.ts";

let broken = true;
const steps = service("Steps", {
  async work(ctx, _input: string): Promise<string> {
    await ctx.run("charge", () => {});
    if (broken) throw new Error("no network");
    return "done";
  },
});

scenario("an invocation is told from its beginning to its end, with its name", async (open) => {
  broken = true;
  const engine = await open({ services: [steps] });
  const events: ChangeEvent[] = [];
  const stop = await engine.inspect.watch((event) => events.push(event));
  const { id } = await engine.send(steps).work("x");
  await engine.runUntilIdle();
  broken = false;
  await engine.resume(id);
  await engine.runUntilIdle();
  const told = events.filter(({ kind }) => kind !== "suspended");
  expect(
    told.map(({ kind, detail }) => (detail === undefined ? kind : `${kind} ${detail}`)),
  ).toEqual([
    "created",
    "started",
    "asked run charge",
    "learned completed",
    "attempt-failed no network",
    "started",
    "succeeded",
  ]);
  expect(new Set(events.map((event) => event.id))).toEqual(new Set([id]));
  expect(events.every(({ target }) => target === "Steps/work")).toBe(true);
  const positions = events.map(({ position }) => position);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  stop();
  await engine.call(steps).work("y");
  expect(events.filter((event) => event.id !== id)).toEqual([]);
});

test("nothing is told before it is durable", async () => {
  broken = false;
  const engine = await TestEngine.open({ services: [steps] });
  const events: ChangeEvent[] = [];
  await engine.inspect.watch((event) => events.push(event));
  engine.freezeAfter(engine.commits);
  void later(engine.send(steps).work("x"));
  await engine.runUntilIdle();
  expect(events).toEqual([]);
  await engine.crash();
  await engine.close();
});

test("who comes back goes on where he was, and is told when that is not known any more", async () => {
  broken = false;
  const engine = await TestEngine.open({ services: [steps] });
  const all: ChangeEvent[] = [];
  const stop = await engine.inspect.watch((event) => all.push(event));
  await engine.call(steps).work("a");
  await engine.runUntilIdle();
  const seen = all[1] as ChangeEvent;
  const again: ChangeEvent[] = [];
  const stopAgain = await engine.inspect.watch((event) => again.push(event), `0:${seen.position}`);
  expect(again).toEqual(all.filter(({ position }) => position > seen.position));
  stopAgain();
  stop();
  await engine.call(steps).work("b");
  const late: ChangeEvent[] = [];
  await engine.inspect.watch((event) => late.push(event), `0:${seen.position}`);
  expect(late.map(({ kind }) => kind)).toEqual(["missed"]);
  await engine.close();
});

test("a burst is not read along: it is said that some were missed", async () => {
  broken = false;
  const engine = await TestEngine.open({ services: [steps] });
  const kinds = new Set<string>();
  await engine.inspect.watch(({ kind }) => kinds.add(kind));
  await engine.call(steps).work("x".repeat(200 * 1024));
  expect(kinds).toContain("missed");
  await engine.close();
});

test("the stream has an id, a kind and one line of data per event, and ends with its reader", async () => {
  broken = false;
  const engine = await TestEngine.open({ services: [steps] });
  const gone = new AbortController();
  const stream = eventStream(engine.inspect, undefined, gone.signal);
  expect((await stream.next()).value).toBe("retry: 1000\n\n");
  const first = stream.next();
  // It watches by the time it waits.
  await new Promise((resolve) => setImmediate(resolve));
  await engine.call(steps).work("a\nb");
  const text = (await first).value as string;
  expect(text).toMatch(/^id: 0:\d+\nevent: created\ndata: \{[^\n]+\}\n\n$/);
  gone.abort();
  let pieces = 0;
  for await (const _ of stream) pieces++;
  expect(pieces).toBeLessThan(20);
  await engine.close();
});
