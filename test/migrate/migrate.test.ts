// A directory moves into a cluster and back, with everything under way that can be; the cluster is one
// in memory, on a virtual clock. What was asked for by an id or a key of before is found after.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { doctor } from "../../src/doctor.ts";
import { type Client, Engine, ref, service } from "../../src/index.ts";
import { migrateToCluster, migrateToDirectory } from "../../src/migrate.ts";
import { HoldfastError } from "../../src/model/errors.ts";
import type { Changelog } from "../../src/ports/changelog.ts";
import type { Cluster } from "../../src/ports/cluster.ts";
import { codeOf, later } from "../support/scenario.ts";
import { TestCluster, type TestNode } from "../support/test-cluster.ts";
import {
  awakeables,
  begin,
  caller,
  expected,
  gate,
  mended,
  notes,
  order,
  services,
} from "./services.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-migrate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  mended.clear();
  awakeables.clear();
});

let names = 0;
function fresh(name: string): string {
  return join(folder, `${name}-${++names}`);
}

const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

/** A directory with all of it under way, closed. */
async function embedded(): Promise<{ data: string; ids: ReadonlyMap<string, string> }> {
  const data = fresh("data");
  await using engine = await Engine.open({ services, data, closeTimeout: 0, onEvent: () => {} });
  const { ids } = await begin(engine, quiet);
  return { data, ids };
}

async function clusterNow(): Promise<TestCluster> {
  const cluster = new TestCluster();
  cluster.clock.set(Date.now());
  return cluster;
}

/** Answers all that is waited for, and sees that each ends as it should, by the ids of before. */
async function finish(
  client: Client,
  ids: ReadonlyMap<string, string>,
  settle: (ms?: number) => Promise<void>,
  more: readonly string[] = [],
): Promise<void> {
  mended.add("fails");
  const done = async (asked: Promise<unknown>): Promise<void> => {
    const noted = later(asked);
    await settle();
    await noted;
  };
  await done(client.signal(ids.get("signalled") as string, "go", "first"));
  const pay = later(client.call(order, "o1").pay("card"));
  await settle();
  await pay;
  for (let round = 0; round < 6; round++) {
    for (const [name, id] of [...awakeables]) {
      awakeables.delete(name);
      const answer = name === "long" ? 7 : name.startsWith("order") ? "sent" : "yes";
      await done(Promise.resolve(client.awakeable(id).resolve(answer)));
    }
    await settle(1000);
  }
  await settle(45 * 60_000);
  for (const [name, value] of expected) {
    const result = later(client.invocation(ids.get(name) as string).result());
    await settle();
    expect([name, await result]).toEqual([name, value]);
  }
  const cancelled = codeOf(client.invocation(ids.get("cancelled") as string).result());
  await settle();
  expect(await cancelled).toBe("CANCELLED");
  // By names as well as by ids; and nothing ran twice.
  const again = later(client.call(notes, "once", { idempotencyKey: "k" }).note("again"));
  await settle();
  expect(await again).toBe(1);
  const run = later(client.workflow(order, "o1").result());
  await settle();
  expect(await run).toBe("tea card sent");
  const passed = later(client.call(gate, "a").passed());
  await settle();
  expect(await passed).toEqual(["held", "second", "third"]);
  const noted = later(client.call(notes, "gate").all());
  await settle();
  const all = ["called by b", "called by c", "held", "once open", "second", "third", ...more];
  expect((await noted).map((text) => text.split(" awk_")[0]).sort()).toEqual(all.sort());
}

async function nodes(cluster: TestCluster, app: string, count: number): Promise<TestNode[]> {
  const started: TestNode[] = [];
  for (let i = 0; i < count; i++) {
    started.push(await cluster.node({ app, services, world: { strict: true } }));
  }
  await cluster.advance("20s");
  return started;
}

const settling =
  (cluster: TestCluster) =>
  (ms = 1000) =>
    cluster.advance(ms);

function troubles(all: readonly TestNode[]): unknown[] {
  const events = all.flatMap(({ events }) => events);
  return events.filter(
    (event) =>
      (event.kind === "attemptFailed" && event.code !== "HANDLER_FAILED") ||
      event.kind === "deliveryHalted",
  );
}

describe("from a directory into a cluster", () => {
  test("everything under way goes on in its partition, found by the ids and keys of before", async () => {
    const { data, ids } = await embedded();
    const cluster = await clusterNow();
    const report = await migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 5) });
    expect(report).toMatchObject({ partitions: 5, pending: 0 });
    expect(report.content.invocations.count).toBeGreaterThan(25);
    const all = await nodes(cluster, "shop", 2);
    await finish((all[1] as TestNode).engine, ids, settling(cluster));
    expect(troubles(all)).toEqual([]);
    for (const node of all) await node.engine.close();
  }, 60_000);

  test("the directory is left, and says where it went; the same move again changes nothing", async () => {
    const { data } = await embedded();
    const cluster = await clusterNow();
    const report = await migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 3) });
    const open = Engine.open({ services, data }).then((engine) => engine.start());
    expect(await codeOf(open)).toBe("MOVED_AWAY");
    expect((await doctor({ directory: data, aside: fresh("aside") })).problems).toEqual([]);
    expect(existsSync(`${data}.migrating`)).toBe(false);
    expect(
      await migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 3) }),
    ).toEqual(report);
    const other = migrateToCluster({ directory: data, cluster: cluster.cluster("other") });
    expect(await codeOf(other)).toBe("MOVED_AWAY");
    const [node] = await nodes(cluster, "shop", 1);
    const late = migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 3) });
    expect(await codeOf(late)).toBe("CLUSTER_RUNNING");
    await node?.engine.close();
    const later = migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 3) });
    expect(await codeOf(later)).toBe("TARGET_NOT_EMPTY");
  }, 60_000);

  test("an app in use is not moved into, and the directory stays what it was", async () => {
    const { data } = await embedded();
    const cluster = await clusterNow();
    const [node] = await nodes(cluster, "shop", 1);
    const before = readdirSync(data).filter((name) => !name.startsWith("lock"));
    const move = () => migrateToCluster({ directory: data, cluster: cluster.cluster("shop") });
    expect(await codeOf(move())).toBe("CLUSTER_RUNNING");
    await node?.engine.close();
    expect(await codeOf(move())).toBe("TARGET_NOT_EMPTY");
    expect(readdirSync(data).filter((name) => !name.startsWith("lock"))).toEqual(before);
    await (await Engine.open({ services, data, closeTimeout: 0 })).close();
  }, 60_000);

  test("cut short anywhere it is refused to nodes, and goes on with the same command", async () => {
    const { data, ids } = await embedded();
    const cluster = await clusterNow();
    for (let appends = 0; ; appends++) {
      const cut = cutAfter(cluster.cluster("shop", 3), appends);
      const code = await codeOf(migrateToCluster({ directory: data, cluster: cut }).then(() => 1));
      if (code === "resolved: 1") break;
      expect(code).toBe("PARTITION_FENCED");
      const node = cluster.node({ app: "shop", services });
      expect(await codeOf(node)).toBe("MIGRATION_UNFINISHED");
      const open = Engine.open({ services, data }).then((engine) => engine.start());
      expect(await codeOf(open)).toBe("MOVED_AWAY");
      expect(appends).toBeLessThan(60);
    }
    const all = await nodes(cluster, "shop", 1);
    await finish((all[0] as TestNode).engine, ids, settling(cluster));
    expect(troubles(all)).toEqual([]);
  }, 60_000);

  test("what lies there and is not of this move, or reads back differently, is refused", async () => {
    const { data } = await embedded();
    const cluster = await clusterNow();
    const foreign = corrupting(cluster.cluster("shop", 3));
    expect(await codeOf(migrateToCluster({ directory: data, cluster: foreign }))).toBe(
      "MIGRATION_DIFFERS",
    );
    const again = migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 3) });
    expect(await codeOf(again)).toBe("MIGRATION_DIFFERS");
  }, 60_000);
});

describe("from a cluster into a directory", () => {
  test("everything under way goes on there, after a way through two places", async () => {
    const { data, ids } = await embedded();
    const cluster = await clusterNow();
    await migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 5) });
    const all = await nodes(cluster, "shop", 2);
    const moreIds = new Map(ids);
    const node = all[0] as TestNode;
    const started = later(Promise.resolve(node.engine.send(gate, "e").pass("from the cluster")));
    await cluster.advance("2s");
    moreIds.set("from the cluster", (await started).id);
    for (const one of all) await one.engine.close();
    const back = fresh("back");
    mkdirSync(back);
    const report = await migrateToDirectory({ directory: back, cluster: cluster.cluster("shop") });
    expect(report.partitions).toBe(1);
    expect((await doctor({ directory: back, aside: fresh("aside") })).problems).toEqual([]);
    // Nobody leads it any more.
    expect(await codeOf(cluster.node({ app: "shop", services }))).toBe("MOVED_AWAY");
    // On the clock it was left at, to have the sleeps end within the test.
    const there = new TestCluster();
    there.clock.set(cluster.clock.now());
    await migrateToCluster({ directory: back, cluster: there.cluster("shop-2", 2) });
    const again = await nodes(there, "shop-2", 1);
    await finish((again[0] as TestNode).engine, moreIds, settling(there), ["from the cluster"]);
    expect(troubles(again)).toEqual([]);
  }, 60_000);

  test("messages that had not arrived go along, and arrive once", async () => {
    const cluster = await clusterNow();
    const [first, second] = (await nodes(cluster, "shop", 2)) as [TestNode, TestNode];
    second.kill();
    const calls: Promise<{ readonly id: string }>[] = [];
    for (let i = 0; i < 20; i++) {
      calls.push(later(Promise.resolve(first.engine.send(caller).call(`key ${i}`))));
    }
    await cluster.advance(500);
    const ids = (await Promise.allSettled(calls)).flatMap((one) =>
      one.status === "fulfilled" ? [one.value.id] : [],
    );
    await first.engine.close();
    await cluster.advance("20s");
    const back = fresh("back");
    const report = await migrateToDirectory({ directory: back, cluster: cluster.cluster("shop") });
    expect(report.pending).toBeGreaterThan(0);
    await using engine = await Engine.open({ services, data: back, onEvent: () => {} });
    await engine.start();
    const results = ids.map((id) => later(engine.invocation(id).result()));
    let done = 0;
    for (const result of results) void result.then(() => done++);
    while (done < ids.length) {
      for (const [name, awakeable] of [...awakeables]) {
        awakeables.delete(name);
        await engine.awakeable(awakeable).resolve("yes");
      }
      await quiet();
    }
    for (const result of results) expect(await result).toMatch(/: yes$/);
    expect(await engine.call(notes, "gate").all()).toHaveLength(ids.length);
  }, 60_000);

  test("what waits for another app keeps it where it is, and it may go on", async () => {
    const cluster = await clusterNow();
    const other = service("Other", {
      async wait(ctx): Promise<string> {
        const { id, promise } = ctx.awakeable<string>();
        awakeables.set("other", id);
        return promise;
      },
    });
    const asks = service("Asks", {
      async other(ctx): Promise<string> {
        return ctx.call(ref<typeof other>("service", "Other")).wait();
      },
    });
    await cluster.node({ app: "others", services: [other] });
    const shop = await cluster.node({ app: "shop", services: [asks] });
    await cluster.advance("5s");
    const asked = later(Promise.resolve(shop.engine.send(asks).other()));
    await cluster.advance("2s");
    const { id } = await asked;
    await shop.engine.close();
    const move = migrateToDirectory({ directory: fresh("b"), cluster: cluster.cluster("shop") });
    expect(await codeOf(move)).toBe("MIGRATION_NOT_DRAINED");
    const again = await cluster.node({ app: "shop", services: [asks] });
    await cluster.advance("20s");
    const answered = later(
      Promise.resolve(again.engine.awakeable(awakeables.get("other") as string).resolve("done")),
    );
    const result = later(again.engine.invocation(id).result());
    await cluster.advance("5s");
    await answered;
    expect(await result).toBe("done");
  }, 60_000);

  test("a directory moved there and back has the same content, and its engine finishes it", async () => {
    const { data } = await embedded();
    const cluster = await clusterNow();
    const there = await migrateToCluster({ directory: data, cluster: cluster.cluster("shop", 7) });
    const back = fresh("back");
    const report = await migrateToDirectory({ directory: back, cluster: cluster.cluster("shop") });
    expect(report.content).toEqual(there.content);
    await using engine = await Engine.open({
      services,
      data: back,
      closeTimeout: 0,
      onEvent: () => {},
    });
    const [name, id] = [...awakeables].find(([of]) => of === "held") as [string, string];
    awakeables.delete(name);
    await engine.awakeable(id).resolve("yes");
    await quiet();
    expect(await engine.call(gate, "a").passed()).toEqual(["held"]);
    expect(await engine.call(notes, "once", { idempotencyKey: "k" }).note("again")).toBe(1);
  }, 60_000);

  test("a running app, one that is not there, and a folder with a file are refused", async () => {
    const cluster = await clusterNow();
    const [node] = await nodes(cluster, "shop", 1);
    const back = fresh("back");
    const move = (app: string) =>
      migrateToDirectory({ directory: back, cluster: cluster.cluster(app) });
    expect(await codeOf(move("shop"))).toBe("CLUSTER_RUNNING");
    expect(await codeOf(move("nobody"))).toBe("APP_NOT_FOUND");
    await node?.engine.close();
    mkdirSync(back);
    writeFileSync(join(back, "letter.txt"), "dear");
    expect(await codeOf(move("shop"))).toBe("TARGET_NOT_EMPTY");
    expect(readdirSync(back)).toEqual(["letter.txt"]);
  });
});

/** The same cluster, whose changelogs take so many appends and no more. */
function cutAfter(cluster: Cluster, appends: number): Cluster {
  let left = appends;
  return overAppends(cluster, (append) => (batch) => {
    if (left-- > 0) return append(batch);
    return Promise.reject(new HoldfastError("PARTITION_FENCED"));
  });
}

/** The same cluster, where one state value is stored as another. */
function corrupting(cluster: Cluster): Cluster {
  return overAppends(cluster, (append) => (batch) => {
    const text = Buffer.from(batch.bytes).toString().replaceAll("#0", "#9");
    return append({ ...batch, bytes: Buffer.from(text) });
  });
}

type Append = Changelog["append"];

function overAppends(cluster: Cluster, wrap: (append: Append) => Append): Cluster {
  return {
    ...cluster,
    connect: async (options) => {
      const open = await cluster.connect(options);
      const storage: typeof open.storage = (partition) => ({
        promise: "",
        open: async (told) => {
          const opened = await open.storage(partition).open(told);
          const { changelog } = opened;
          const append = wrap((batch) => changelog.append(batch));
          const through: Changelog = {
            fence: changelog.fence,
            get range() {
              return changelog.range;
            },
            bytes: 0,
            append,
            read: (position) => changelog.read(position),
            chainAt: (position) => changelog.chainAt(position),
            trim: (position) => changelog.trim(position),
            onFull: undefined,
            close: () => changelog.close(),
          };
          return { ...opened, changelog: through };
        },
      });
      return { ...open, storage };
    },
  };
}
