// Streams that feed handlers, from memory, on a virtual clock: each message once, in the order of its
// key, whoever leads; what cannot be handed over is seen.
import { expect, test } from "vitest";
import { object, service, shared } from "../../src/index.ts";
import { partitionOfKey } from "../../src/model/place.ts";
import {
  type SourceMessage,
  type SubscriptionOptions,
  subscriptionOf,
} from "../../src/model/subscription.ts";
import type { Source, SourceState } from "../../src/ports/source.ts";
import { partitionHash } from "../../src/std/hash.ts";
import { Prng } from "../../src/std/prng.ts";
import { TestCluster, type TestNode } from "../support/test-cluster.ts";

/** A stream in memory. */
class MemoryStream implements Source {
  readonly messages = new Map<number, SourceMessage>();
  created = "2026-01-01T00:00:00Z";
  last = 0;
  there = true;

  put(subject: string, data: string, headers: Readonly<Record<string, string>> = {}): number {
    const sequence = ++this.last;
    const bytes = new TextEncoder().encode(data);
    const header = (name: string): string => headers[name] ?? "";
    this.messages.set(sequence, { sequence, subject, data: bytes, header });
    return sequence;
  }

  purge(before: number): void {
    for (const sequence of this.messages.keys()) {
      if (sequence < before) this.messages.delete(sequence);
    }
  }

  state(): Promise<SourceState | undefined> {
    const [first = this.last + 1] = this.messages.keys();
    const { created, last } = this;
    return Promise.resolve(this.there ? { created, first, last } : undefined);
  }

  forget(): void {}

  async next(from: number): Promise<SourceMessage | undefined> {
    for (const [sequence, message] of this.messages) if (sequence >= from) return message;
    return undefined;
  }
}

const ledger = object("Ledger", {
  async add(ctx, value: string): Promise<void> {
    const all = [...((await ctx.get<string[]>("all")) ?? []), value];
    await ctx.run("look", () => value);
    ctx.set("all", all);
  },
  all: shared(async (ctx): Promise<string[]> => (await ctx.get<string[]>("all")) ?? []),
});

const seen: { readonly input: unknown; readonly headers: unknown }[] = [];
const logger = service("Logger", {
  async log(ctx, input: unknown): Promise<void> {
    const { headers } = ctx.request();
    await ctx.run("log", () => void seen.push({ input, headers }));
  },
});

interface Fed {
  readonly cluster: TestCluster;
  readonly stream: MemoryStream;
  node(): Promise<TestNode>;
}

function fed(options: Partial<SubscriptionOptions> = {}): Fed {
  const cluster = new TestCluster();
  const stream = new MemoryStream();
  const given = { stream: "ORDERS", to: "Ledger/add", key: { token: 2 }, ...options };
  const subscriptions = [subscriptionOf(given)];
  const services = [ledger, logger];
  const node = (): Promise<TestNode> =>
    cluster.node({ app: "shop", services, subscriptions, source: () => stream });
  return { cluster, stream, node };
}

async function allOf({ cluster }: Fed, node: TestNode, key: string): Promise<string[]> {
  const asked = node.engine.call(ledger, key).all();
  await cluster.advance("1s");
  return asked;
}

async function statusesOf(fed: Fed, node: TestNode) {
  const asked = node.engine.cluster();
  await fed.cluster.advance("2s");
  const { apps } = await asked;
  return apps[0]?.partitions.flatMap((status) => status?.subscriptions ?? []) ?? [];
}

function told(node: TestNode, kind: "subscriptionStopped" | "subscriptionParked"): unknown[] {
  return node.events.filter((event) => event.kind === kind);
}

test("each message is one invocation of its key, in order, by token or by header", async () => {
  const world = fed();
  for (let i = 0; i < 40; i++) world.stream.put(`orders.k${i % 7}.new`, JSON.stringify(`#${i}`));
  const node = await world.node();
  await world.cluster.advance("10s");
  for (let k = 0; k < 7; k++) {
    const expected = Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 7 === k);
    expect(await allOf(world, node, `k${k}`)).toEqual(expected.map((i) => `#${i}`));
  }
  world.stream.put("orders.k1.new", '"later"');
  await world.cluster.advance("2s");
  expect((await allOf(world, node, "k1")).at(-1)).toBe("later");
  const statuses = await statusesOf(world, node);
  expect(statuses).toHaveLength(4);
  for (const one of statuses) {
    expect(one).toMatchObject({ name: "Ledger/add", position: 41, last: 41, parked: 0 });
  }
  await node.engine.close();

  const headed = fed({ key: { header: "user" } });
  headed.stream.put("anything", '"x"', { user: "ann" });
  const other = await headed.node();
  await headed.cluster.advance("5s");
  expect(await allOf(headed, other, "ann")).toEqual(["x"]);
});

test("R23: nodes die and hand over, and each message is taken once", async () => {
  const world = fed();
  const prng = new Prng("subscriptions");
  const expected = new Map<string, string[]>();
  const put = (): void => {
    const key = `k${prng.integer(9)}`;
    const value = `v${world.stream.last}`;
    world.stream.put(`orders.${key}`, JSON.stringify(value));
    expected.set(key, [...(expected.get(key) ?? []), value]);
  };
  let nodes = [await world.node(), await world.node()];
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 25; i++) put();
    await world.cluster.advance(prng.integer(1200));
    const [gone, stays] = nodes as [TestNode, TestNode];
    if (round % 2 === 0) gone.kill();
    else await gone.engine.close();
    nodes = [stays, await world.node()];
    for (let i = 0; i < 5; i++) put();
    await world.cluster.advance(prng.integer(20_000));
  }
  await world.cluster.advance("60s");
  for (const [key, values] of expected) {
    expect([key, await allOf(world, nodes[0] as TestNode, key)]).toEqual([key, values]);
  }
}, 60_000);

test("a service takes each message once, with where it came from", async () => {
  seen.length = 0;
  const world = fed({ to: "Logger/log", key: undefined });
  for (let i = 0; i < 10; i++) world.stream.put(`a.${i}`, JSON.stringify({ i }));
  world.stream.put("empty", "");
  const node = await world.node();
  await world.cluster.advance("5s");
  expect(seen).toHaveLength(11);
  expect(seen.find(({ input }) => (input as { i: number } | null)?.i === 3)?.headers).toEqual({
    "nats-stream": "ORDERS",
    "nats-subject": "a.3",
    "nats-sequence": "4",
  });
  await node.engine.close();
});

test("what cannot be handed over is parked, counted and told; or the subscription stops", async () => {
  const world = fed();
  world.stream.put("orders.a", "{no json");
  world.stream.put("orders", '"no key"');
  world.stream.put(`orders.${"k".repeat(2000)}`, '"key too long"');
  world.stream.put("orders.a", `"${"l".repeat(4 * 1024 * 1024)}"`);
  world.stream.put("orders.a", '"good"');
  const node = await world.node();
  await world.cluster.advance("5s");
  expect(await allOf(world, node, "a")).toEqual(["good"]);
  const statuses = await statusesOf(world, node);
  expect(statuses.reduce((sum, { parked }) => sum + parked, 0)).toBe(4);
  expect(told(node, "subscriptionParked")).toHaveLength(4);
  expect(told(node, "subscriptionParked")).toContainEqual({
    kind: "subscriptionParked",
    name: "Ledger/add",
    sequence: 1,
    why: "it is no JSON",
  });

  const strict = fed({ poison: "stop" });
  strict.stream.put("orders.a", "{no json");
  strict.stream.put("orders.a", '"good"');
  const stops = await strict.node();
  await strict.cluster.advance("20s");
  expect(await allOf(strict, stops, "a")).toEqual([]);
  expect(told(stops, "subscriptionStopped")).toHaveLength(1);
  const stopped = (await statusesOf(strict, stops)).filter((one) => one.stopped !== undefined);
  expect(stopped).toEqual([expect.objectContaining({ stopped: "SUBSCRIPTION_POISON" })]);
  strict.stream.messages.delete(1);
  await strict.cluster.advance("6s");
  expect(await allOf(strict, stops, "a")).toEqual(["good"]);
});

test("a handler that is not here is waited for, and nothing is passed over meanwhile", async () => {
  const world = fed({ to: "Ledger/later" });
  world.stream.put("orders.a", '"x"');
  const node = await world.node();
  await world.cluster.advance("10s");
  const at = partitionOfKey(partitionHash("a"), 4);
  const statuses = await statusesOf(world, node);
  expect(statuses[at]).toMatchObject({ position: 0, stopped: "HANDLER_NOT_FOUND" });
});

test("a stream that is missing, made anew, rolled back or purged ahead of us is told by its code", async () => {
  const world = fed();
  world.stream.there = false;
  const node = await world.node();
  await world.cluster.advance("6s");
  const codes = (): unknown[] =>
    told(node, "subscriptionStopped").map((event) => (event as { code: string }).code);
  expect(new Set(codes())).toEqual(new Set(["SUBSCRIPTION_SOURCE_MISSING"]));
  world.stream.there = true;
  for (let i = 1; i <= 5; i++) world.stream.put("orders.a", `"${i}"`);
  await world.cluster.advance("10s");
  expect(await allOf(world, node, "a")).toEqual(["1", "2", "3", "4", "5"]);

  world.stream.there = false;
  await world.cluster.advance("6s");
  for (let i = 6; i <= 9; i++) world.stream.put("orders.a", `"${i}"`);
  world.stream.purge(8);
  world.stream.there = true;
  await world.cluster.advance("10s");
  expect(codes()).toContain("SUBSCRIPTION_GAP");
  expect(await allOf(world, node, "a")).toHaveLength(5);

  world.stream.created = "2026-02-02T00:00:00Z";
  await world.cluster.advance("10s");
  expect(codes()).toContain("SUBSCRIPTION_SOURCE_CHANGED");

  const back = fed();
  for (let i = 1; i <= 5; i++) back.stream.put("orders.a", `"${i}"`);
  const other = await back.node();
  await back.cluster.advance("5s");
  back.stream.last = 3;
  await back.cluster.advance("10s");
  expect(told(other, "subscriptionStopped")).toContainEqual(
    expect.objectContaining({ code: "SUBSCRIPTION_SOURCE_CHANGED" }),
  );
});

test("gaps may be skipped, and a subscription may begin with what is new", async () => {
  const world = fed({ gaps: "skip", from: "new" });
  for (let i = 1; i <= 3; i++) world.stream.put("orders.a", `"old ${i}"`);
  const node = await world.node();
  await world.cluster.advance("2s");
  // The next leader begins where this one did.
  node.kill();
  for (let i = 4; i <= 9; i++) world.stream.put("orders.a", `"new ${i}"`);
  world.stream.purge(7);
  const next = await world.node();
  await world.cluster.advance("60s");
  expect(await allOf(world, next, "a")).toEqual(["new 7", "new 8", "new 9"]);
});

test("what is no subscription is refused when it is given", () => {
  const of = (more: object) => () =>
    subscriptionOf({ stream: "S", to: "A/b", ...more } as SubscriptionOptions);
  expect(of({})).not.toThrow();
  expect(of({ subject: "a.*.>" })).not.toThrow();
  for (const wrong of [
    { stream: "a.b" },
    { stream: undefined },
    { stream: "" },
    { subject: "a..b" },
    { subject: "a.>.b" },
    { subject: "a b" },
    { to: "A" },
    { to: "A/k/b" },
    { key: { token: 0 } },
    { key: { header: "" } },
    { name: "" },
  ]) {
    expect(of(wrong)).toThrow(TypeError);
  }
});
