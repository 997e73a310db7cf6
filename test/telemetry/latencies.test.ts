// Where time goes: queue, execution and commit, as Prometheus reads them and as OpenTelemetry's
// instruments are told, on a virtual clock.
import * as api from "@opentelemetry/api";
import { afterEach, expect, test } from "vitest";
import { Engine, memory, object, service } from "../../src/index.ts";
import { latencyBoundsSeconds } from "../../src/std/histogram.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { adminOf, askerOf } from "../support/admin.ts";

const door = object("Door", {
  async hold(ctx, ms: number): Promise<void> {
    await ctx.sleep(ms);
  },
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
  api.metrics.disable();
});

async function metrics(engine: TestEngine): Promise<Map<string, number>> {
  const { text } = await askerOf(adminOf(engine))("GET", "/metrics");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.replace(/ [^ ]*$/, ""), Number(line.split(" ").at(-1))]),
  );
}

const labels = 'partition="0",service="Door",handler="hold"';

test("what waits at a key is time in the queue; what only waits for a timer is not executed", async () => {
  const engine = await TestEngine.open({ services: [door] });
  open.push(engine);
  const both = [engine.call(door, "k").hold(4000), engine.call(door, "k").hold(0)];
  await engine.advance("1m");
  await Promise.all(both);
  const found = await metrics(engine);
  const queue = (le: string): number | undefined =>
    found.get(`holdfast_queue_seconds_bucket{${labels},le="${le}"}`);
  expect([queue("2.5"), queue("5"), queue("+Inf")]).toEqual([1, 2, 2]);
  expect(found.get(`holdfast_queue_seconds_count{${labels}}`)).toBe(2);
  expect(found.get(`holdfast_queue_seconds_sum{${labels}}`)).toBeCloseTo(4, 1);
  expect(found.get(`holdfast_execution_seconds_count{${labels}}`)).toBe(2);
  expect(found.get(`holdfast_execution_seconds_bucket{${labels},le="1"}`)).toBe(2);
  expect(found.get('holdfast_commit_seconds_count{partition="0"}')).toBeGreaterThan(1);
});

test("buckets are cumulative, and the last one is all", async () => {
  const engine = await TestEngine.open({ services: [door] });
  open.push(engine);
  const held = engine.call(door, "k").hold(1);
  await engine.advance("1m");
  await held;
  const found = await metrics(engine);
  const bounds = [...latencyBoundsSeconds.map(String), "+Inf"];
  const counts = bounds.map(
    (le) => found.get(`holdfast_commit_seconds_bucket{partition="0",le="${le}"}`) as number,
  );
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(counts.at(-1)).toBe(found.get('holdfast_commit_seconds_count{partition="0"}'));
});

test("the same is told to OpenTelemetry's instruments, with our buckets", async () => {
  const told = new Map<string, { boundaries: unknown; values: [number, object][] }>();
  api.metrics.setGlobalMeterProvider({
    getMeter: () =>
      ({
        createHistogram: (name: string, options: api.MetricOptions) => {
          const values: [number, object][] = [];
          told.set(name, { boundaries: options.advice?.explicitBucketBoundaries, values });
          return {
            record: (value: number, attributes: object) => values.push([value, attributes]),
          };
        },
      }) as unknown as api.Meter,
  });
  const greeter = service("Greeter", { greet: async (_ctx, name: string) => `Hello, ${name}` });
  const engine = await Engine.open({ services: [greeter], data: memory() });
  open.push(engine);
  await engine.call(greeter).greet("Ada");
  expect([...told.keys()].sort()).toEqual([
    "holdfast.commit.duration",
    "holdfast.execution.duration",
    "holdfast.queue.duration",
  ]);
  for (const [name, { boundaries, values }] of told) {
    expect(boundaries).toEqual(latencyBoundsSeconds);
    const [[value, attributes] = [Number.NaN, {}]] = values;
    expect(value, name).toBeGreaterThanOrEqual(0);
    expect(attributes).toMatchObject({ "holdfast.partition": 0 });
    if (name === "holdfast.commit.duration") continue;
    const of = { "holdfast.service": "Greeter", "holdfast.handler": "greet" };
    expect(attributes).toMatchObject(of);
  }
});
