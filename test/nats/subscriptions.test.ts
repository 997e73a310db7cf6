// Streams of a real server that feed handlers of nodes, which are killed meanwhile: each message is one
// invocation, in the order of its key, whoever leads; with no right but to read the stream.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object, ref, shared } from "../../src/index.ts";
import type { SubscriptionOptions } from "../../src/model/subscription.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { nats, natsPermissions, prepareNats } from "../../src/nats-cluster.ts";
import { utf8 } from "../../src/std/bytes.ts";
import { CliFolder } from "../support/cli.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

const app = `import { object, shared } from "holdfast";
export const ledger = object("Ledger", {
  async add(ctx, value) {
    const all = [...((await ctx.get("all")) ?? []), value];
    await ctx.run("look", () => value);
    ctx.set("all", all);
  },
  all: shared(async (ctx) => (await ctx.get("all")) ?? []),
});
export const subscriptions = [
  { stream: "ORDERS", subject: "orders.>", to: "Ledger/add", key: { token: 2 } },
];
`;

const ledgerOf = (name: string) =>
  object(name, {
    async add(ctx, value: string): Promise<void> {
      ctx.set("all", [...((await ctx.get<string[]>("all")) ?? []), value]);
    },
    all: shared(async (ctx): Promise<string[]> => (await ctx.get<string[]>("all")) ?? []),
  });
type Ledger = ReturnType<typeof ledgerOf>;
const far = ref<Ledger>("object", "Ledger");
const [mixed, anew, plain] = ["MixedLedger", "AnewLedger", "PlainLedger"].map(ledgerOf) as [
  Ledger,
  Ledger,
  Ledger,
];

class Source {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async make(name: string, subjects: readonly string[]): Promise<void> {
    const config = { name, subjects, num_replicas: 1, storage: "file", retention: "limits" };
    await this.#api(`STREAM.CREATE.${name}`, config);
  }

  async remove(name: string): Promise<void> {
    await this.#api(`STREAM.DELETE.${name}`, {});
  }

  async put(subject: string, text: string, headers: Record<string, string> = {}): Promise<void> {
    const outcome = await this.#connection.ask(subject, utf8(text), { headers, timeoutMs: 5000 });
    if (outcome.kind !== "reply") throw new Error(`${subject}: ${outcome.kind}`);
  }

  async #api(path: string, request: object): Promise<void> {
    await this.put(`$JS.API.${path}`, JSON.stringify(request));
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

withNats("subscriptions over NATS", () => {
  let servers: NatsServers;
  let folder: string;
  let connection: Connection;
  let source: Source;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-subscriptions-"));
    servers = await startNats();
    connection = await openConnection({ servers: servers.servers });
    source = new Source(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await servers?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  function open(
    appName: string,
    ledger: Ledger,
    subscriptions: readonly SubscriptionOptions[],
    name: string,
  ): Promise<Engine> {
    const at = { servers: servers.servers, app: appName, partitions: 3, leaseMs: 2000 };
    const cluster = nats({ ...at, subscriptions });
    const told = { onEvent: () => {}, onFatal: () => {} };
    return Engine.open({ services: [ledger], cluster, data: join(folder, name), ...told });
  }

  test("each message once, while nodes that serve are killed one after the other", async () => {
    await source.make("ORDERS", ["orders.>"]);
    const served = new CliFolder("subscriptions", { "app.mjs": app });
    const client = await Engine.open({
      services: [],
      cluster: nats({ servers: servers.servers, app: "client" }),
    });
    try {
      const flags = ["--nats", servers.servers.join(","), "--app", "fed", "--partitions", "4"];
      const node = (name: string) => {
        const ports = ["--port", "0", "--admin-port", "0"];
        return served.start("serve", "app.mjs", "--data", name, ...ports, ...flags);
      };
      let nodes = [node("n0"), node("n1")];
      await Promise.all(nodes.map((one) => one.said(/ingress/)));
      const expected = new Map<string, string[]>();
      for (let i = 0; i < 300; i++) {
        const key = `k${i % 11}`;
        await source.put(`orders.${key}.made`, JSON.stringify(`#${i}`));
        expected.set(key, [...(expected.get(key) ?? []), `#${i}`]);
        if (i % 100 !== 50) continue;
        const [gone, stays] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
        gone.child.kill("SIGKILL");
        await gone.ended;
        const next = node(`n${i}`);
        await next.said(/ingress/);
        nodes = [stays, next];
      }
      for (const [key, values] of expected) {
        let found: string[] = [];
        while (found.length < values.length) {
          found = await client
            .call(far, key)
            .all()
            .catch(() => []);
          await wait(100);
        }
        expect([key, found]).toEqual([key, values]);
      }
      // Nothing comes twice, later either.
      await wait(1000);
      expect(await client.call(far, "k3").all()).toEqual(expected.get("k3"));
      const listed = await served.run("cluster", "--nats", servers.servers.join(","));
      expect(listed.error).toMatch(
        /fed: subscription Ledger\/add has read ORDERS to 300 of 300, 0 parked/,
      );
    } finally {
      await client.close();
      served.remove();
    }
  }, 180_000);

  test("keys come from a header, what is none is parked, another subject is not read", async () => {
    await source.make("MIXED", ["mixed.*"]);
    await source.put("mixed.a", '"one"', { user: "ann" });
    await source.put("mixed.a", '"nobody"');
    await source.put("mixed.a", "no json", { user: "ann" });
    await source.put("mixed.b", '"other"', { user: "ann" });
    await source.put("mixed.a", '"two"', { user: "ann" });
    const subscription = { stream: "MIXED", subject: "mixed.a", to: "MixedLedger/add" };
    const engine = await open(
      "mixed",
      mixed,
      [{ ...subscription, key: { header: "user" } }],
      "mixed",
    );
    await engine.start();
    const all = () => engine.call(mixed, "ann").all();
    while ((await all()).length < 2) await wait(50);
    expect(await all()).toEqual(["one", "two"]);
    const { apps } = await engine.cluster();
    const own = apps.find((one) => one.app === "mixed");
    const statuses = own?.partitions.flatMap((one) => one?.subscriptions ?? []) ?? [];
    expect(statuses.reduce((sum, { parked }) => sum + parked, 0)).toBe(2);
    await engine.close();
  }, 60_000);

  test("a stream that is made anew is told by its code, and a new name begins with it", async () => {
    await source.make("ANEW", ["anew.*"]);
    await source.put("anew.k", '"old"');
    const subscription = { stream: "ANEW", to: "AnewLedger/add", key: { token: 2 } } as const;
    const first = await open("anew", anew, [subscription], "anew");
    await first.start();
    while ((await first.call(anew, "k").all()).length < 1) await wait(50);
    await source.remove("ANEW");
    await source.make("ANEW", ["anew.*"]);
    await source.put("anew.k", '"new"');
    const stopped = async (): Promise<unknown> => {
      const { apps } = await first.cluster();
      const own = apps.find((one) => one.app === "anew");
      return own?.partitions.flatMap((one) => one?.subscriptions ?? []).map((one) => one.stopped);
    };
    const codes = [
      "SUBSCRIPTION_SOURCE_CHANGED",
      "SUBSCRIPTION_SOURCE_CHANGED",
      "SUBSCRIPTION_SOURCE_CHANGED",
    ];
    while (JSON.stringify(await stopped()) !== JSON.stringify(codes)) await wait(200);
    await first.close();
    const again = await open("anew", anew, [{ ...subscription, name: "second" }], "anew");
    await again.start();
    while ((await again.call(anew, "k").all()).length < 2) await wait(50);
    expect(await again.call(anew, "k").all()).toEqual(["old", "new"]);
    await again.close();
  }, 60_000);

  test("a plain subject feeds whoever leads, at most once", async () => {
    const subscription = { subject: "plain.*", to: "PlainLedger/add", key: { token: 2 } };
    const [one, two] = [
      await open("plain", plain, [subscription], "plain1"),
      await open("plain", plain, [subscription], "plain2"),
    ];
    await one.start();
    await two.start();
    for (let led = 0; led < 2; await wait(100)) {
      const { apps } = await one.cluster();
      const own = apps.find(({ app }) => app === "plain")?.partitions ?? [];
      led = own.includes(undefined) ? 0 : new Set(own.map((each) => each?.node)).size;
    }
    for (let i = 0; i < 30; i++) {
      connection.publish(`plain.k${i % 3}`, utf8(JSON.stringify(i)));
      await wait(5);
    }
    connection.publish("plain.k0", utf8("no json"));
    const expected = Array.from({ length: 10 }, (_, i) => i * 3);
    while ((await two.call(plain, "k0").all()).length < 10) await wait(50);
    expect(await two.call(plain, "k0").all()).toEqual(expected);
    expect(await one.call(plain, "k1").all()).toHaveLength(10);
    await one.close();
    await two.close();
  }, 60_000);

  test("the rights of a node are enough, with the streams it reads among them", async () => {
    const inboxPrefix = { node: "_node", janitor: "_janitor", admin: "_admin" } as const;
    const shop = { app: "shop", partitions: 1 };
    const roles = natsPermissions({
      ...shop,
      inboxPrefix,
      subscribed: ["FEED"],
      heard: ["heard.*"],
    });
    const users = [
      { user: "node", password: "n", permissions: roles.node },
      { user: "admin", password: "a", permissions: roles.admin },
      { user: "feeder", password: "f" },
    ];
    const account = JSON.stringify({ HOLDFAST: { jetstream: "enabled", users } });
    const locked = await startNats({ config: `accounts: ${account}` });
    const feeder = await openConnection({ servers: locked.servers, user: "feeder", pass: "f" });
    try {
      const feed = new Source(feeder);
      await feed.make("FEED", ["feed.*"]);
      await feed.put("feed.k", '"fed"');
      const at = { servers: locked.servers, ...shop };
      await prepareNats({ ...at, user: "admin", pass: "a", inboxPrefix: inboxPrefix.admin });
      const subscriptions = [
        { stream: "FEED", to: "Ledger/add", key: { token: 2 } },
        { subject: "heard.*", to: "Ledger/add", key: { token: 2 }, name: "heard" },
      ];
      const ledger = ledgerOf("Ledger");
      const as = { user: "node", pass: "n", inboxPrefix: inboxPrefix.node };
      const cluster = nats({ ...at, ...as, leaseMs: 2000, subscriptions });
      const told = { onEvent: () => {}, onFatal: () => {} };
      const data = join(folder, "locked");
      const engine = await Engine.open({ services: [ledger], cluster, data, ...told });
      await engine.start();
      while ((await engine.call(ledger, "k").all()).length < 1) await wait(50);
      while ((await engine.call(ledger, "h").all()).length < 1) {
        feeder.publish("heard.h", utf8('"heard"'));
        await wait(50);
      }
      await engine.close();
    } finally {
      await feeder.close();
      await locked.dispose();
    }
  }, 60_000);
});
