// Three servers, three replicas, and servers that die, freeze and come back (T5), while leaders append
// and others take over from them (T6). Everything acknowledged is there, in one order; a leader whose
// place was taken has nothing acknowledged after it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { isHoldfastError } from "../../src/model/errors.ts";
import { type NatsChangelog, openNatsChangelog } from "../../src/nats/changelog.ts";
import { Connection } from "../../src/nats/connection.ts";
import { JetStream, pause } from "../../src/nats/jetstream.ts";
import { changelogConfig, created as createdStream } from "../../src/nats/provision.ts";
import { Prng } from "../../src/std/prng.ts";
import { batchOf, changelogConformance } from "../../src/testing/conformance/changelog.ts";
import { faultsAsked, longFaults, reportFaults } from "../support/nats-faults.ts";
import { type NatsServers, serverVersion, startNats, withNats } from "../support/nats-server.ts";

withNats("three servers", () => {
  let servers: NatsServers;
  let connection: Connection;
  let jetstream: JetStream;

  beforeAll(async () => {
    if (!longFaults) return;
    servers = await startNats({ nodes: 3 });
    connection = await Connection.open({
      servers: servers.servers,
      reconnectTimeWait: 50,
      pingInterval: 1000,
      maxPingOut: 2,
      timeout: 2000,
    });
    jetstream = new JetStream(connection, { askMs: 1000, patienceMs: 60_000 });
  }, 60_000);
  afterAll(async () => {
    await connection?.close();
    await servers?.dispose();
  });

  async function placed(app: string, partition: number) {
    const config = changelogConfig(app, partition, { replicas: 3 });
    const { created } = await createdStream(jetstream, config);
    return { jetstream, app, partition, created };
  }

  let partitions = 0;
  changelogConformance({
    test: (name, body) => test.runIf(longFaults)(`three replicas, ${name}`, body, 60_000),
    expect,
    supports: { reopen: true, crash: true, trim: true },
    open: async () => {
      const options = await placed("suite", partitions++);
      return { open: () => openNatsChangelog(options), crash: () => Promise.resolve() };
    },
  });

  /** One partition under load: appends as fast as it can, and is taken over now and then. */
  class Load {
    readonly acknowledged = new Map<number, number>();
    readonly options: Awaited<ReturnType<typeof placed>>;
    fenced = 0;
    #stopped = false;
    #epoch = 0;
    #leader: Promise<unknown> = Promise.resolve();
    #log: NatsChangelog | undefined;

    constructor(options: Awaited<ReturnType<typeof placed>>) {
      this.options = options;
    }

    /** A new leader stands, while the old one knows nothing of it. */
    async takeOver(): Promise<void> {
      const log = await openNatsChangelog(this.options);
      const old = [this.#log, this.#leader] as const;
      this.#log = log;
      this.#leader = this.#lead(log, ++this.#epoch);
      await expect
        .poll(() => log.range.epoch === this.#epoch || this.#log !== log, patient)
        .toBe(true);
      await old[1];
    }

    async stop(): Promise<void> {
      this.#stopped = true;
      await this.#leader;
    }

    async #lead(log: NatsChangelog, epoch: number): Promise<void> {
      while (!this.#stopped) {
        const first = log.range.last + 1;
        try {
          const chain = await log.append(batchOf(first, 1, epoch, 300));
          if (this.acknowledged.has(first)) throw new Error(`${first} was acknowledged twice`);
          this.acknowledged.set(first, chain);
        } catch (error) {
          if (!isHoldfastError(error, "PARTITION_FENCED")) throw error;
          this.fenced++;
          return;
        }
        await pause(2);
      }
    }
  }

  const patient = { timeout: 60_000, interval: 20 };
  const faults = faultsAsked({ small: 6, full: 200 });

  test.runIf(longFaults)(
    `lose nothing that was acknowledged, in ${faults} faults`,
    async () => {
      const prng = new Prng(process.env["SEED"] ?? "servers");
      const loads = await Promise.all(
        [0, 1, 2].map(async (partition) => new Load(await placed("load", partition))),
      );
      await Promise.all(loads.map((load) => load.takeOver()));
      const writable: number[] = [];
      for (let fault = 0; fault < faults; fault++) {
        const began = performance.now();
        const nodes = [...servers.nodes].sort(() => prng.random() - 0.5);
        const kind = prng.integer(10);
        const hit = nodes.slice(0, kind < 6 ? 1 : kind < 8 ? 2 : kind < 9 ? 3 : 1);
        if (kind === 9 || kind < 2) {
          for (const node of hit) node.signal("SIGSTOP");
          await pause(prng.integer(6000));
          for (const node of hit) node.signal("SIGCONT");
        } else {
          await Promise.all(hit.map((node) => node.stop("SIGKILL")));
          await pause(prng.integer(hit.length > 1 ? 500 : 3000));
          await Promise.all(hit.map((node) => node.start()));
        }
        if (prng.integer(3) === 0) await loads[prng.integer(3)]?.takeOver();
        const before = loads.map((load) => load.acknowledged.size);
        await expect
          .poll(
            () => loads.every((load, at) => load.acknowledged.size > (before[at] ?? 0)),
            patient,
          )
          .toBe(true);
        writable.push(performance.now() - began);
      }
      await Promise.all(loads.map((load) => load.stop()));
      let count = 0;
      for (const load of loads) {
        const held = new Map<number, number>();
        const log = await openNatsChangelog(load.options);
        for await (const { first, chain } of log.read(1)) held.set(first, chain);
        for (const [position, chain] of load.acknowledged) {
          expect(held.get(position), `position ${position}`).toBe(chain);
        }
        count += load.acknowledged.size;
      }
      writable.sort((a, b) => a - b);
      reportFaults({
        test: "three servers",
        server: serverVersion,
        faults,
        acknowledged: count,
        lost: 0,
        fenced: loads.reduce((sum, load) => sum + load.fenced, 0),
        writableAgainMsP50: Math.round(writable[Math.floor(writable.length / 2)] ?? 0),
        writableAgainMsP99: Math.round(writable[Math.ceil(writable.length * 0.99) - 1] ?? 0),
      });
    },
    7_200_000,
  );
});
