// Three servers, three replicas, and servers that die, freeze and come back (T5), while leaders append
// and others take over from them (T6). Everything acknowledged is there, in one order; a leader whose
// place was taken has nothing acknowledged after it. Servers that are too old for replicas lose
// acknowledged messages when they are killed: there the loss must be seen.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isHoldfastError } from "../../src/model/errors.ts";
import { type NatsChangelog, openNatsChangelog } from "../../src/nats/changelog.ts";
import { openConnection } from "../../src/nats/client.ts";
import type { Connection } from "../../src/nats/connection.ts";
import { frameHeader } from "../../src/nats/frame.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import { changelogNames } from "../../src/nats/names.ts";
import { changelogConfig, created as createdStream } from "../../src/nats/provision.ts";
import { isAtLeast } from "../../src/nats/versions.ts";
import { Prng } from "../../src/std/prng.ts";
import { batchOf, changelogConformance } from "../../src/testing/conformance/changelog.ts";
import { faultsAsked, longFaults, reportFaults } from "../support/nats-faults.ts";
import { type NatsServers, serverVersion, startNats, withNats } from "../support/nats-server.ts";

let stepDowns = 0;

class Watched extends JetStream {
  override stepDown(stream: string): Promise<void> {
    stepDowns++;
    return super.stepDown(stream);
  }
}

withNats("three servers", () => {
  let servers: NatsServers;
  let connection: Connection;
  let jetstream: JetStream;

  beforeAll(async () => {
    if (!longFaults) return;
    servers = await startNats({ nodes: 3 });
    connection = await openConnection({
      servers: servers.servers,
      reconnectTimeWait: 50,
      pingInterval: 1000,
      maxPingOut: 2,
      timeout: 2000,
    });
    jetstream = new Watched(connection, { askMs: 1000, patienceMs: 20_000 });
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

  /** One who appends as fast as it can until it is stopped or fenced; it can be frozen meanwhile. */
  class Leader {
    readonly log: NatsChangelog;
    readonly ended: Promise<"stopped" | "fenced">;
    frozen = false;
    stopped = false;

    constructor(load: Load, log: NatsChangelog, epoch: number) {
      this.log = log;
      this.ended = this.#lead(load, epoch);
    }

    async #lead({ acknowledged }: Load, epoch: number): Promise<"stopped" | "fenced"> {
      for (; !this.stopped; await pause(2)) {
        if (this.frozen) continue;
        const first = this.log.range.last + 1;
        try {
          const chain = await this.log.append(batchOf(first, 1, epoch, 300));
          if (acknowledged.has(first)) throw new Error(`${first} was acknowledged twice`);
          acknowledged.set(first, chain);
        } catch (error) {
          if (isHoldfastError(error, "PARTITION_FENCED")) return "fenced";
          throw error;
        }
      }
      return "stopped";
    }
  }

  /** One partition and whoever leads it. */
  class Load {
    readonly acknowledged = new Map<number, number>();
    readonly options: Awaited<ReturnType<typeof placed>>;
    fenced = 0;
    #epoch = 0;
    #leader: Leader | undefined;

    constructor(options: Awaited<ReturnType<typeof placed>>) {
      this.options = options;
    }

    /** Another leads from now on; the old one stands still meanwhile, and then finds out. */
    async takeOver(): Promise<void> {
      const old = this.#leader;
      if (old !== undefined) old.frozen = true;
      const epoch = ++this.#epoch;
      for (;;) {
        const leader = new Leader(this, await openNatsChangelog(this.options), epoch);
        // What the old one had sent before it stood still may come first.
        let ended = false;
        void leader.ended.then(() => {
          ended = true;
        });
        while (leader.log.range.epoch !== epoch && !ended) await pause(10);
        if (ended) continue;
        this.#leader = leader;
        break;
      }
      if (old === undefined) return;
      old.frozen = false;
      expect(await old.ended).toBe("fenced");
      this.fenced++;
    }

    /** For whoever must find out why it stands still: what the stream says, and to one append more. */
    async diagnosis(): Promise<unknown> {
      const { stream, subject } = changelogNames("load", this.options.partition);
      const said = { ...this.#leader?.log.range, ended: String(await ended(this.#leader)) };
      const info = await jetstream.info(stream).catch(String);
      if (typeof info === "string" || info === undefined) return { said, info };
      const last = await jetstream.message(stream, { seq: info.state.last_seq }).catch(String);
      const headers = { "Nats-Expected-Last-Sequence": String(info.state.last_seq) };
      const probe = await jetstream.publish(subject, new Uint8Array(1), headers);
      const frame = typeof last === "object" ? last.header(frameHeader) : last;
      return { said, info, frame, probe };
    }

    /** Servers of before 2.9.21 lose acknowledged messages when they are killed: if it is seen. */
    async rolledBack(): Promise<boolean> {
      const said = await ended(this.#leader);
      if (!isHoldfastError(said, "PARTITION_HALTED")) return false;
      return (said.data as { readonly reason?: string }).reason === "rolled-back";
    }

    async stop(): Promise<void> {
      if (this.#leader === undefined) return;
      this.#leader.stopped = true;
      expect(await this.#leader.ended).toBe("stopped");
    }
  }

  /** Resolves when each partition has acknowledged something more. */
  async function writableAgain(loads: Load[], after: string): Promise<void> {
    const before = loads.map((load) => load.acknowledged.size);
    const stuck = (): Load[] => {
      return loads.filter((load, at) => load.acknowledged.size <= (before[at] ?? 0));
    };
    for (const until = performance.now() + writableMsMax; stuck().length > 0; await pause(20)) {
      for (const load of stuck()) if (await forgiven(load)) await replace(loads, load, before);
      if (performance.now() < until) continue;
      const why = await Promise.all(stuck().map((load) => load.diagnosis()));
      throw new Error(`${after}: not writable: ${JSON.stringify(why)}`);
    }
  }

  function ended(leader: Leader | undefined): Promise<unknown> {
    const gone = leader?.ended.catch((error: unknown) => error) ?? Promise.resolve("never led");
    return Promise.race([gone, pause(100).then(() => "appending")]);
  }

  let rollbacks = 0;
  let partition = 3;

  async function forgiven(load: Load): Promise<boolean> {
    return !isAtLeast(serverVersion ?? "", [2, 9, 21]) && (await load.rolledBack());
  }

  /** The loss was seen, and nothing was acknowledged after it: another partition goes on. */
  async function replace(loads: Load[], load: Load, before: number[]): Promise<void> {
    const at = loads.indexOf(load);
    rollbacks++;
    const fresh = new Load(await placed("load", partition++));
    loads[at] = fresh;
    before[at] = 0;
    await fresh.takeOver();
  }

  const writableMsMax = 60_000;
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
        await writableAgain(loads, `fault ${fault}, kind ${kind}`);
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
        stepDowns,
        rollbacksSeen: rollbacks,
        fenced: loads.reduce((sum, load) => sum + load.fenced, 0),
        writableAgainMsP50: Math.round(writable[Math.floor(writable.length / 2)] ?? 0),
        writableAgainMsP99: Math.round(writable[Math.ceil(writable.length * 0.99) - 1] ?? 0),
      });
    },
    7_200_000,
  );
});
