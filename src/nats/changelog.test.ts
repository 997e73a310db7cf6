import { afterAll, beforeAll, expect, test } from "vitest";
import { type NatsServers, startNats, withNats } from "../../test/support/nats-server.ts";
import { changelogConformance } from "../testing/conformance/changelog.ts";
import { type NatsChangelogOptions, openNatsChangelog } from "./changelog.ts";
import { openConnection } from "./client.ts";
import type { Connection } from "./connection.ts";
import { JetStream } from "./jetstream.ts";
import { createChangelog } from "./provision.ts";

withNats("a changelog in JetStream, one replica", () => {
  let nats: NatsServers;
  let connection: Connection;
  let partitions = 0;

  beforeAll(async () => {
    nats = await startNats();
    connection = await openConnection({ servers: nats.servers });
  });
  afterAll(async () => {
    await connection?.close();
    await nats?.dispose();
  });

  async function place(more: Partial<NatsChangelogOptions> = {}): Promise<NatsChangelogOptions> {
    const jetstream = new JetStream(connection);
    const partition = partitions++;
    const { created } = await createChangelog(jetstream, "shop", partition, { replicas: 1 });
    return { jetstream, app: "shop", partition, created, ...more };
  }

  changelogConformance({
    test,
    expect,
    supports: { reopen: true, crash: true, trim: true },
    open: async () => {
      const options = await place();
      return {
        open: () => openNatsChangelog(options),
        crash: () => Promise.resolve(),
      };
    },
  });
});
