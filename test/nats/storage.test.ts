// One partition's storage on a real server, under a real engine: its table is a cache that can be
// lost, its copies are what the changelog is trimmed behind, and what disagrees halts (R24).
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine, object } from "../../src/index.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { NatsCopies } from "../../src/nats/copies.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import { nats } from "../../src/nats-cluster.ts";
import type { OpenCluster } from "../../src/ports/cluster.ts";
import type { Storage } from "../../src/ports/storage.ts";
import { Admin } from "../support/nats-admin.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

const counter = object("Counter", {
  async add(ctx, by: number): Promise<number> {
    const sum = ((await ctx.get<number>("sum")) ?? 0) + by;
    ctx.set("sum", sum);
    return ctx.run("sum", () => sum);
  },
});

withNats("the storage of one partition over NATS", () => {
  let servers: NatsServers;
  let connection: Connection;
  let admin: Admin;
  let folder: string;
  let apps = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-nats-storage-"));
    servers = await startNats();
    connection = await openConnection({ servers: servers.servers });
    admin = new Admin(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await servers?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Place {
    readonly app: string;
    node(name: string): Promise<OpenCluster>;
    table(name: string): string;
  }

  async function place(): Promise<Place> {
    const app = `app${apps++}`;
    const cluster = nats({ servers: servers.servers, app, partitions: 1, leaseMs: 2000 });
    const data = (name: string): string => join(folder, `${app}-${name}`);
    return {
      app,
      table: (name) => join(data(name), `${app}-0`, "table.sqlite"),
      node: async (name) => {
        const open = await cluster.connect({ data: data(name) });
        await open.apps.register({ app, partitions: 1, secret: "5e", services: [] });
        return open;
      },
    };
  }

  async function add(storage: Storage, key: string, times: number): Promise<number> {
    const engine = await Engine.open({ services: [counter], data: storage, onFatal: () => {} });
    let sum = 0;
    try {
      for (let i = 0; i < times; i++) sum = await engine.call(counter, key).add(1);
    } finally {
      await engine.close();
    }
    return sum;
  }

  test("an engine goes on where it ended, on this node and on another", async () => {
    const at = await place();
    const [a, b] = [await at.node("a"), await at.node("b")];
    expect(await add(a.storage(0), "x", 5)).toBe(5);
    expect(await add(a.storage(0), "x", 5)).toBe(10);
    expect(await add(b.storage(0), "x", 5)).toBe(15);
    expect(await add(a.storage(0), "x", 5)).toBe(20);
    rmSync(at.table("a"));
    expect(await add(a.storage(0), "x", 5)).toBe(25);
    await a.close();
    await b.close();
  });

  test("a data directory belongs to one node at a time", async () => {
    const at = await place();
    const a = await at.node("a");
    await expect(at.node("a")).rejects.toMatchObject({ code: "DIRECTORY_LOCKED" });
    await a.close();
    await (await at.node("a")).close();
  });

  /** Writes, copies the table twice, trims behind the older copy, writes some more. */
  async function trimmed(at: Place, node: OpenCluster): Promise<number[]> {
    const behinds: number[] = [];
    for (let round = 0; round < 3; round++) {
      await add(node.storage(0), "x", 10);
      const open = await node.storage(0).open({ onFatal: () => {} });
      const { behind = 0 } = (await open.materialiser.copy()) ?? {};
      await open.changelog.trim(behind);
      behinds.push(behind);
      await open.close();
    }
    await add(node.storage(0), "x", 3);
    expect((await admin.info(`HF_${at.app}_0`)).state.first_seq).toBeGreaterThan(1);
    return behinds;
  }

  test("R15: a changelog is trimmed behind a copy that is not the only one", async () => {
    const at = await place();
    const [a, b] = [await at.node("a"), await at.node("b")];
    const [first, second, third] = await trimmed(at, a);
    expect(first).toBe(0);
    expect(second).toBeGreaterThan(0);
    expect(third).toBeGreaterThan(second ?? 0);
    // Two copies: chunks of two names, and the manifests.
    const { state } = await admin.info(`HF_${at.app}_copies`, { subjects_filter: ">" });
    expect(Object.keys(state.subjects ?? {})).toHaveLength(3);
    // A node without a table begins with the newest copy.
    expect(await add(b.storage(0), "x", 1)).toBe(34);
    await a.close();
    await b.close();
  });

  test.concurrent("a damaged newest copy is passed over for the one before", async () => {
    const at = await place();
    const [a, b] = [await at.node("a"), await at.node("b")];
    await trimmed(at, a);
    const copies = new NatsCopies({
      jetstream: new JetStream(connection, { patienceMs: 1500 }),
      app: at.app,
      partition: 0,
    });
    const [newest] = await copies.newest();
    await admin.purgeSubject(`HF_${at.app}_copies`, `hf.${at.app}.copy.0.${newest?.name}`);
    expect(await add(b.storage(0), "x", 1)).toBe(34);
    await a.close();
    await b.close();
  });

  test.concurrent("R15: a copy that went bad is none of the two that are kept", async () => {
    const at = await place();
    const a = await at.node("a");
    await trimmed(at, a);
    const jetstream = new JetStream(connection, { patienceMs: 500 });
    const copies = new NatsCopies({ jetstream, app: at.app, partition: 0 });
    const [newest, before] = await copies.newest();
    await admin.purgeSubject(`HF_${at.app}_copies`, `hf.${at.app}.copy.0.${newest?.name}`);
    const open = await a.storage(0).open({ onFatal: () => {} });
    expect((await open.materialiser.copy())?.behind).toBe(0);
    expect(before === undefined ? false : await copies.matches(before)).toBe(true);
    await open.close();
    await a.close();
  });

  test("a changelog purged ahead of every copy halts a node without a table", async () => {
    const at = await place();
    const [a, b] = [await at.node("a"), await at.node("b")];
    await trimmed(at, a);
    await admin.purge(`HF_${at.app}_copies`);
    await expect(b.storage(0).open({ onFatal: () => {} })).rejects.toMatchObject({
      code: "PARTITION_HALTED",
      data: { reason: "trimmed-ahead" },
    });
    // One with a table goes on.
    expect(await add(a.storage(0), "x", 1)).toBe(34);
    await a.close();
    await b.close();
  });

  test.concurrent("R24: a table that is ahead of its changelog is a witness, and stays", async () => {
    const at = await place();
    const other = await place();
    const [a, b] = [await at.node("a"), await other.node("b")];
    await add(a.storage(0), "x", 10);
    await add(b.storage(0), "x", 3);
    await a.close();
    // What is left of a stream that was restored from an older time, as its table sees it.
    for (const suffix of ["", "-wal", "-shm"]) {
      rmSync(other.table("b") + suffix, { force: true });
      const from = at.table("a") + suffix;
      if (existsSync(from)) copyFileSync(from, other.table("b") + suffix);
    }
    await expect(b.storage(0).open({ onFatal: () => {} })).rejects.toMatchObject({
      code: "PARTITION_HALTED",
      data: { reason: "rolled-back", witness: "this node's table" },
    });
    expect(existsSync(other.table("b"))).toBe(true);
    await b.close();
  });

  test.concurrent("R24: a mark that is ahead of the changelog halts a node without a table", async () => {
    const at = await place();
    const [a, b] = [await at.node("a"), await at.node("b")];
    await add(a.storage(0), "x", 3);
    const open = await a.storage(0).open({ onFatal: () => {} });
    const { epoch, last, chain } = open.changelog.range;
    await open.close();
    await a.leases.advance(0, { epoch, position: last, chain });
    await (await b.storage(0).open({ onFatal: () => {} })).close();
    await a.leases.advance(0, { epoch, position: last + 1, chain });
    await expect(b.storage(0).open({ onFatal: () => {} })).rejects.toMatchObject({
      code: "PARTITION_HALTED",
      data: { reason: "rolled-back", witness: "the mark" },
    });
    await a.close();
    await b.close();
  });
});
