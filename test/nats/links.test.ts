// A link between a leader and its server that is cut, goes silent or loses one direction (T5): each
// append's outcome is found out, and what was acknowledged is there once, in its place.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openNatsChangelog } from "../../src/nats/changelog.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import { createChangelog } from "../../src/nats/provision.ts";
import { Prng } from "../../src/std/prng.ts";
import { batchOf } from "../../src/testing/conformance/changelog.ts";
import { faultsAsked } from "../support/nats-faults.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";

withNats("a link to NATS", () => {
  let servers: NatsServers;
  let proxy: TcpProxy;
  let near: Connection;
  let far: Connection;

  beforeAll(async () => {
    servers = await startNats();
    const [node] = servers.nodes;
    proxy = await tcpProxy(Number(new URL(node?.url ?? "").port));
    near = await openConnection({ servers: servers.servers });
    far = await openConnection({
      servers: `nats://127.0.0.1:${proxy.port}`,
      reconnectTimeWait: 20,
      reconnectJitter: 5,
      pingInterval: 200,
      maxPingOut: 2,
      timeout: 1000,
    });
  });
  afterAll(async () => {
    await far?.close();
    await near?.close();
    await proxy?.dispose();
    await servers?.dispose();
  });

  const faults = faultsAsked({ small: 12, full: 200 });

  test(`loses and doubles nothing in ${faults} faults`, async () => {
    const prng = new Prng("links");
    const clean = new JetStream(near);
    const { created } = await createChangelog(clean, "links", 0, { replicas: 1 });
    const place = { app: "links", partition: 0, created };
    const jetstream = new JetStream(far, { askMs: 150, patienceMs: 10_000 });
    const log = await openNatsChangelog({ ...place, jetstream, partBytes: 1000 });
    const chains: number[] = [];
    const append = async (): Promise<void> => {
      const first = log.range.last + 1;
      chains.push(await log.append(batchOf(first, 1, 1, 100 + prng.integer(4000))));
    };
    for (let fault = 0; fault < faults; fault++) {
      await append();
      const kind = prng.integer(4);
      if (kind === 0) proxy.cut();
      else if (kind === 1) proxy.cutAfter(prng.integer(3000));
      else proxy.swallow((["server", "client", "both"] as const)[prng.integer(3)] ?? "both");
      const appended = append();
      if (kind > 1) {
        await Promise.race([appended, new Promise((resolve) => setTimeout(resolve, 300))]);
        proxy.swallow("none");
        if (kind === 3) proxy.cut();
      }
      await appended;
    }
    const opened = await openNatsChangelog({ ...place, jetstream: clean });
    const held: number[] = [];
    for await (const { chain } of opened.read(1)) held.push(chain);
    expect(held).toEqual(chains);
  }, 300_000);

  test("a changelog can be closed while NATS is away, and its outcome is then unknown", async () => {
    const clean = new JetStream(near);
    const { created } = await createChangelog(clean, "links", 1, { replicas: 1 });
    const jetstream = new JetStream(far, { askMs: 100, patienceMs: 300 });
    const place = { app: "links", partition: 1, created };
    const log = await openNatsChangelog({ ...place, jetstream, closeMs: 300 });
    await log.append(batchOf(1));
    proxy.refuse(true);
    proxy.cut();
    const outcome = log.append(batchOf(2)).catch((error: unknown) => error);
    await log.close();
    expect(await outcome).toMatchObject({ code: "CHANGELOG_FAILED" });
    proxy.refuse(false);
    const opened = await openNatsChangelog({ ...place, jetstream: clean });
    expect(opened.range).toMatchObject({ last: 1, clean: false });
  });
});
