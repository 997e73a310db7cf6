// Leaders whose place was taken while they stood still, at a count (T6): each learns it by its next
// append, which is refused, and nothing is acknowledged to it afterwards. Processes that stand still
// are among the faults of engines.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";
import { isHoldfastError } from "../../src/model/errors.ts";
import { openNatsChangelog } from "../../src/nats/changelog.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import { createChangelog } from "../../src/nats/provision.ts";
import { Prng } from "../../src/std/prng.ts";
import { batchOf } from "../../src/testing/conformance/changelog.ts";
import { faultsAsked, reportFaults } from "../support/nats-faults.ts";
import { type NatsServers, serverVersion, startNats, withNats } from "../support/nats-server.ts";

withNats("a leader whose place was taken", () => {
  let servers: NatsServers;
  let connection: Connection;

  beforeAll(async () => {
    servers = await startNats();
    connection = await openConnection({ servers: servers.servers });
  });
  afterAll(async () => {
    await connection?.close();
    await servers?.dispose();
  });

  const takeovers = 10 * faultsAsked({ small: 10, full: 100 });

  test(`I2: is refused by its next append and every one after it, ${takeovers} of ${takeovers} times`, async () => {
    const prng = new Prng("zombies");
    const jetstream = new JetStream(connection);
    const { created } = await createChangelog(jetstream, "zombies", 0, { replicas: 1 });
    const open = () => openNatsChangelog({ jetstream, app: "zombies", partition: 0, created });
    const acknowledged = new Map<number, number>();
    let leader = await open();
    const append = async (log: typeof leader, epoch: number): Promise<void> => {
      const first = log.range.last + 1;
      acknowledged.set(first, await log.append(batchOf(first, 1, epoch, 50 + prng.integer(500))));
    };
    let refused = 0;
    for (let epoch = 1; epoch <= takeovers; epoch++) {
      for (let i = 0; i <= prng.integer(3); i++) await append(leader, epoch);
      const zombie = leader;
      leader = await open();
      for (let i = 0; i <= prng.integer(3); i++) await append(leader, epoch + 1);
      // The first refusal is not forgotten: nothing after it can succeed.
      for (let i = 0; i <= prng.integer(2); i++) {
        const first = zombie.range.last + 1;
        const outcome = await zombie
          .append(batchOf(first, 1, epoch))
          .catch((error: unknown) => error);
        if (!isHoldfastError(outcome, "PARTITION_FENCED")) throw outcome;
      }
      refused++;
    }
    expect(refused).toBe(takeovers);
    const held = new Map<number, number>();
    for await (const { first, chain } of (await open()).read(1)) held.set(first, chain);
    expect(held).toEqual(acknowledged);
    reportFaults({ test: "zombies", server: serverVersion, takeovers, refused });
  }, 600_000);
});
