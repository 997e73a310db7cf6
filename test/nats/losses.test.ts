// What a server's store can lose without saying so (T5b): each loss is seen before anything is
// acknowledged on top of it, or has done no harm. The server is stopped, its files are changed, and it
// is started again.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isHoldfastError } from "../../src/model/errors.ts";
import { type NatsChangelog, openNatsChangelog } from "../../src/nats/changelog.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import type { Witness } from "../../src/nats/opening.ts";
import { createChangelog } from "../../src/nats/provision.ts";
import { Prng } from "../../src/std/prng.ts";
import { batchOf } from "../../src/testing/conformance/changelog.ts";
import { faultsAsked } from "../support/nats-faults.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

withNats("a store that has lost something", () => {
  let servers: NatsServers;
  let connection: Connection;
  let jetstream: JetStream;
  let created: string;

  beforeEach(async () => {
    servers = await startNats();
    connection = await openConnection({ servers: servers.servers, reconnectTimeWait: 20 });
    jetstream = new JetStream(connection, { askMs: 300, patienceMs: 2000 });
    created = (await createChangelog(jetstream, "shop", 0, { replicas: 1 })).created;
  });
  afterEach(async () => {
    await connection?.close();
    await servers?.dispose();
  });

  const open = (witnesses: readonly Witness[] = []): Promise<NatsChangelog> => {
    return openNatsChangelog({ jetstream, app: "shop", partition: 0, created, witnesses });
  };

  async function fill(batches: number): Promise<NatsChangelog> {
    const log = await open();
    for (let i = 0; i < batches; i++) await log.append(batchOf(log.range.last + 1, 1, 1, 200));
    return log;
  }

  /** Stops the server, changes its store, starts it again. */
  async function changing(change: (store: string) => void): Promise<void> {
    const [node] = servers.nodes;
    if (node === undefined) throw new Error("no server");
    await node.stop("SIGKILL");
    change(node.store);
    await node.start();
    await expect.poll(() => connection.connected, { timeout: 20_000 }).toBe(true);
  }

  const blocksOf = (store: string): string[] => {
    return readdirSync(store, { recursive: true, encoding: "utf8" })
      .filter((name) => /HF_shop_0.*[.]blk$/.test(name))
      .map((name) => join(store, name));
  };

  /** So that the server has to look at what is really there. */
  function dropIndex(store: string): void {
    for (const name of readdirSync(store, { recursive: true, encoding: "utf8" })) {
      if (/HF_shop_0.*([.]idx|[.]fss|index[.]db)$/.test(name)) rmSync(join(store, name));
    }
  }

  test("an older store in its place is refused, by who opens and by who still leads", async () => {
    const log = await fill(20);
    const old = `${servers.nodes[0]?.store}-old`;
    await changing((store) => cpSync(store, old, { recursive: true }));
    for (let i = 21; i <= 40; i++) await log.append(batchOf(i, 1, 1, 200));
    const { last, chain } = log.range;
    await changing((store) => {
      rmSync(store, { recursive: true });
      cpSync(old, store, { recursive: true });
    });
    const halt = { code: "PARTITION_HALTED", data: { reason: "rolled-back" } };
    await expect(log.append(batchOf(41))).rejects.toMatchObject(halt);
    const witness = { of: "the mark", position: last, chain };
    await expect(open([witness])).rejects.toMatchObject(halt);
    // Without anybody who remembers it cannot be seen: guarantees.md says so.
    expect((await open()).range.last).toBe(20);
    rmSync(old, { recursive: true });
  });

  test("a store that is killed and started again has lost nothing", async () => {
    const log = await fill(20);
    await changing(() => {});
    await log.append(batchOf(21));
    expect(
      (await open([{ of: "the mark", position: 21, chain: log.range.chain }])).range.last,
    ).toBe(21);
  });

  /** Whether all that was acknowledged is read back. Anything else must have been refused. */
  async function outcome(batches: number, witness: Witness): Promise<"whole" | "refused"> {
    try {
      const log = await open([witness]);
      let next = 1;
      for await (const batch of log.read(1)) if (batch.first === next) next++;
      if (next === batches + 1) return "whole";
      throw new Error(`read ${next - 1} of ${batches} and nobody said so`);
    } catch (error) {
      if (isHoldfastError(error, "PARTITION_HALTED")) return "refused";
      throw error;
    }
  }

  test("a tail that was cut off is refused", async () => {
    const log = await fill(50);
    const { last, chain } = log.range;
    await changing((store) => {
      const path = blocksOf(store).at(-1) ?? "";
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.subarray(0, bytes.length - 100));
      dropIndex(store);
    });
    expect(await outcome(50, { of: "the mark", position: last, chain })).toBe("refused");
  });

  const flips = faultsAsked({ small: 10, full: 300 });

  test(`${flips} flipped bits, each alone, are refused or do no harm`, async () => {
    const prng = new Prng("flips");
    const log = await fill(200);
    const witness = { of: "the mark", position: log.range.last, chain: log.range.chain };
    // Some make the server itself end at start: that is seen, too.
    const seen = { whole: 0, refused: 0, ended: 0 };
    const started = async (changed: Promise<void>): Promise<boolean> => {
      try {
        await changed;
        return true;
      } catch (error) {
        if (String(error).includes("nats-server ended")) return false;
        throw error;
      }
    };
    for (let i = 0; i < flips; i++) {
      let undo = (): void => {};
      const changed = changing((store) => {
        const aside = `${store}-whole`;
        cpSync(store, aside, { recursive: true });
        undo = () => {
          rmSync(store, { recursive: true });
          cpSync(aside, store, { recursive: true });
          rmSync(aside, { recursive: true });
        };
        const paths = blocksOf(store);
        const path = paths[prng.integer(paths.length)] ?? "";
        const bytes = readFileSync(path);
        const at = prng.integer(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.integer(8));
        writeFileSync(path, bytes);
        // Half of the time the server finds out by itself, half of the time it trusts its index.
        if (prng.integer(2) === 0) dropIndex(store);
      });
      seen[(await started(changed)) ? await outcome(200, witness) : "ended"]++;
      await changing(undo);
      expect(await outcome(200, witness)).toBe("whole");
    }
    expect(seen.refused + seen.ended).toBeGreaterThan(0);
  }, 1_800_000);
});
