// Engines as nodes of a cluster over a real server, one replica: they share the partitions of an
// app, reach every key from every node, call other apps, and take over from one that is gone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object, service } from "../../src/index.ts";
import { type NatsOptions, nats } from "../../src/nats-cluster.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

const counter = object("Counter", {
  async add(ctx, by: number): Promise<number> {
    const sum = ((await ctx.get<number>("sum")) ?? 0) + by;
    ctx.set("sum", sum);
    return ctx.run("sum", () => sum);
  },
});

const teller = service("Teller", {
  async addTo(ctx, key: string): Promise<number> {
    return (await ctx.call(counter, key).add(10)) + 1;
  },
});

withNats("a cluster over NATS", () => {
  let servers: NatsServers;
  let folder: string;
  let nodes = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-nats-cluster-"));
    servers = await startNats();
  });
  afterAll(async () => {
    await servers?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  function open(
    app: string,
    services: Parameters<typeof Engine.open>[0]["services"],
    more: Partial<NatsOptions> = {},
  ): Promise<Engine> {
    const cluster = nats({ servers: servers.servers, app, partitions: 4, leaseMs: 1500, ...more });
    const data = join(folder, `node${nodes++}`);
    return Engine.open({ services, cluster, data, onEvent: () => {}, onFatal: () => {} });
  }

  const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`);

  test("two nodes share the keys, and each reaches all of them", async () => {
    const [a, b] = [await open("share", [counter]), await open("share", [counter])];
    await a.start();
    await b.start();
    for (const [at, engine] of [a, b, a].entries()) {
      const sums = await Promise.all(keys.map((key) => engine.call(counter, key).add(1)));
      expect(sums).toEqual(keys.map(() => at + 1));
    }
    await a.close();
    // What a led, b leads now.
    const sums = await Promise.all(keys.map((key) => b.call(counter, key).add(1)));
    expect(sums).toEqual(keys.map(() => 4));
    await b.close();
  });

  test("apps call each other by service name, and a client needs no services", async () => {
    const bank = await open("bank", [teller]);
    const shop = await open("share", [counter]);
    await Promise.all([bank.start(), shop.start()]);
    const client = await open("bank", []);
    expect(await client.call(teller).addTo("x")).toBe(11);
    expect(await client.call(teller).addTo("x")).toBe(21);
    await Promise.all([client.close(), bank.close(), shop.close()]);
  });
});
