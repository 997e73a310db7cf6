// Servers that have just been started, or have just chosen a leader, say for a while that a stream
// is not there, or a message: it is waited for. What stays so halts.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type NatsServers, startNats, withNats } from "../../test/support/nats-server.ts";
import { utf8 } from "../std/bytes.ts";
import { batchOf } from "../testing/conformance/changelog.ts";
import { openNatsChangelog } from "./changelog.ts";
import { openConnection } from "./client.ts";
import type { Connection } from "./connection.ts";
import { JetStream } from "./jetstream.ts";
import type { AskOptions, Outcome } from "./outcome.ts";
import { createChangelog } from "./provision.ts";

withNats("servers that have just been started", () => {
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

  const streamNotFound = { code: 404, err_code: 10059, description: "stream not found" };
  const noMessage = { code: 404, err_code: 10037, description: "no message found" };

  /** A connection some of whose answers are replaced, each of them a few times. */
  class Forgetful {
    readonly closing = false;
    readonly world = connection.world;
    readonly #left = new Map<string, { times: number; readonly error: object | "nobody" }>();

    /** The next answers to what is asked of such a subject. */
    forget(subject: string, times: number, error: object | "nobody" = streamNotFound): void {
      this.#left.set(subject, { times, error });
    }

    get forgotten(): number {
      return [...this.#left.values()].reduce((sum, { times }) => sum + times, 0);
    }

    async ask(subject: string, body: Uint8Array, options: AskOptions): Promise<Outcome> {
      const left = [...this.#left].find(([part]) => subject.includes(part))?.[1];
      if (left === undefined || left.times === 0) return connection.ask(subject, body, options);
      left.times--;
      if (left.error === "nobody") return { kind: "nobody" };
      const data = utf8(JSON.stringify({ error: left.error }));
      return { kind: "reply", reply: { data, status: 0, header: () => "" } };
    }
  }

  async function place(patienceMs: number) {
    const partition = partitions++;
    const clean = new JetStream(connection);
    const { created } = await createChangelog(clean, "young", partition, { replicas: 1 });
    const forgetful = new Forgetful();
    const options = { askMs: 500, patienceMs };
    const jetstream = new JetStream(forgetful as unknown as Connection, options);
    const log = await openNatsChangelog({ jetstream, app: "young", partition, created });
    for (let first = 1; first <= 5; first++) await log.append(batchOf(first));
    return {
      log,
      forgetful,
      open: () => openNatsChangelog({ jetstream, app: "young", partition, created }),
    };
  }

  test("a stream they do not know yet is no lost one, when it is opened", async () => {
    const { forgetful, open } = await place(10_000);
    forgetful.forget("STREAM.INFO", 2);
    forgetful.forget("STREAM.MSG.GET", 2);
    expect((await open()).range.last).toBe(5);
    expect(forgetful.forgotten).toBe(0);
  });

  test("a message that the leader does not have yet is no hole", async () => {
    const { forgetful, open } = await place(10_000);
    forgetful.forget("STREAM.MSG.GET", 6, noMessage);
    expect((await open()).range.last).toBe(5);
    expect(forgetful.forgotten).toBe(0);
  });

  test("an append that reached nobody is sent again, although the stream is said to be gone", async () => {
    const { log, forgetful, open } = await place(10_000);
    forgetful.forget("hf.", 3, "nobody");
    forgetful.forget("STREAM.INFO", 2);
    await log.append(batchOf(6));
    expect(forgetful.forgotten).toBe(0);
    expect((await open()).range.last).toBe(6);
  });

  test("what is said for long is believed", async () => {
    const { forgetful, open } = await place(300);
    forgetful.forget("STREAM.INFO", 100);
    const missing = { code: "PARTITION_HALTED", data: { reason: "missing" } };
    await expect(open()).rejects.toMatchObject(missing);
    forgetful.forget("STREAM.INFO", 0);
    forgetful.forget("STREAM.MSG.GET", 100);
    await expect(open()).rejects.toMatchObject(missing);
    forgetful.forget("STREAM.MSG.GET", 100, noMessage);
    const hole = { code: "PARTITION_HALTED", data: { reason: "hole" } };
    await expect(open()).rejects.toMatchObject(hole);
  });
});
