// Bus, leases and the register of apps over a real server.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Admin } from "../../test/support/nats-admin.ts";
import { type NatsServers, startNats, withNats } from "../../test/support/nats-server.ts";
import { appsConformance } from "../testing/conformance/apps.ts";
import { busConformance } from "../testing/conformance/bus.ts";
import { leasesConformance } from "../testing/conformance/leases.ts";
import { NatsApps } from "./apps.ts";
import { NatsBus } from "./bus.ts";
import { openConnection } from "./client.ts";
import type { Connection } from "./connection.ts";
import { JetStream } from "./jetstream.ts";
import { NatsLeases } from "./leases.ts";
import { provision } from "./provision.ts";

withNats("over NATS, one replica", () => {
  let nats: NatsServers;
  let connection: Connection;
  let admin: Admin;
  let apps = 0;

  beforeAll(async () => {
    nats = await startNats();
    connection = await openConnection({ servers: nats.servers });
    admin = new Admin(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await nats?.dispose();
  });

  busConformance({
    test,
    expect,
    open: () => {
      const connections: Connection[] = [];
      return {
        connect: async () => {
          const one = await openConnection({ servers: nats.servers });
          connections.push(one);
          return new NatsBus(one);
        },
        passing: (promise) => promise,
        settled: async () => {
          await Promise.all(connections.map((one) => one.flush()));
        },
        dispose: async () => {
          await Promise.all(connections.map((one) => one.close()));
        },
      };
    },
  });

  leasesConformance({
    test,
    expect,
    open: async () => {
      const app = `app${apps++}`;
      const jetstream = new JetStream(connection);
      await provision(jetstream, app, 0, { replicas: 1, leaseMs: 1000 });
      return {
        connect: async (node) => new NatsLeases({ jetstream, app, node, ttlMs: 1000 }),
        until: (asked) => expect.poll(asked, { timeout: 10_000, interval: 50 }).toBe(true),
      };
    },
  });

  appsConformance({
    test,
    expect,
    open: () => ({
      connect: async () => new NatsApps(new JetStream(connection), { replicas: 1 }),
      dispose: () => admin.deleteAll(),
    }),
  });

  test("streams are made once, at the first registration, and remembered", async () => {
    const register = new NatsApps(new JetStream(connection), { replicas: 1 });
    const record = { app: "shop", partitions: 3, secret: "5e", services: [] };
    await register.register(record);
    const made = (await register.made("shop")) ?? {};
    expect(Object.keys(made).sort()).toEqual([
      "HF_shop_0",
      "HF_shop_1",
      "HF_shop_2",
      "HF_shop_copies",
      "HF_shop_leases",
      "HF_shop_marks",
    ]);
    await admin.delete("HF_shop_1");
    await register.register(record);
    await expect(admin.info("HF_shop_1")).rejects.toThrow("10059");
    expect(await register.made("shop")).toEqual(made);
    await admin.deleteAll();
  });

  test("more replicas than there are servers are refused", async () => {
    const jetstream = new JetStream(connection, { patienceMs: 100 });
    const register = new NatsApps(jetstream, { replicas: 3 });
    await expect(register.all()).rejects.toMatchObject({ code: "NATS_UNSUITABLE" });
  });

  test("an app whose registration was lost is not begun anew over its records", async () => {
    const jetstream = new JetStream(connection, { patienceMs: 500 });
    const register = () => new NatsApps(jetstream, { replicas: 1 });
    const record = { app: "shop", partitions: 1, secret: "5e", services: [] };
    await register().register(record);
    await admin.publish("hf.shop.log.0", "a record");
    await admin.delete("HF_apps");
    await expect(register().register(record)).rejects.toMatchObject({
      code: "PARTITION_HALTED",
      data: { reason: "foreign", stream: "HF_shop_0" },
    });
    await admin.deleteAll();
  });
});
