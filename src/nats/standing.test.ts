// Servers that have just been started, or have just chosen a leader, say for a while that a stream
// is not there, or a message: it is waited for. What stays so halts.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type NatsServers, startNats, withNats } from "../../test/support/nats-server.ts";
import { type NodeTable, natsStorage } from "../nats-storage.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import { batchOf } from "../testing/conformance/changelog.ts";
import { NatsApps } from "./apps.ts";
import { openNatsChangelog } from "./changelog.ts";
import { openConnection } from "./client.ts";
import type { Connection } from "./connection.ts";
import { NatsCopies } from "./copies.ts";
import { chainAfter } from "./frame.ts";
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

  /** As a server answers that has read its store and not yet what the others say of it. */
  const bornElsewhere = {
    created: "2020-01-01T00:00:00Z",
    config: { retention: "limits", storage: "file", discard: "new" },
    state: { messages: 5, first_seq: 1, last_seq: 5 },
  };
  const streamNotFound = { code: 404, err_code: 10059, description: "stream not found" };
  const noMessage = { code: 404, err_code: 10037, description: "no message found" };

  type Said = object | "nobody" | "silence";

  /** A connection some of whose answers are replaced, each of them a few times. */
  class Forgetful {
    readonly closing = false;
    readonly connected = true;
    readonly asked: string[] = [];
    /** How many times faster than ours its clock is. */
    hurry = 1;
    readonly world = {
      ...connection.world,
      clock: {
        monotonic: () => connection.world.clock.monotonic() * this.hurry,
        after: (ms: number, then: () => void) =>
          connection.world.clock.after(ms / this.hurry, then),
      },
    };
    readonly #left = new Map<string, { times: number; readonly error: Said }>();

    /** The next answers to what is asked of such a subject. */
    forget(subject: string, times: number, error: Said = streamNotFound): void {
      this.#left.set(subject, { times, error });
    }

    get forgotten(): number {
      return [...this.#left.values()].reduce((sum, { times }) => sum + times, 0);
    }

    /** The message that is never answered for. */
    silentAbout = 0;

    async ask(subject: string, body: Uint8Array, options: AskOptions): Promise<Outcome> {
      this.asked.push(subject);
      const about =
        subject.includes("MSG.GET") && textOfUtf8(body) === `{"seq":${this.silentAbout}}`;
      if (about) return { kind: "unknown", why: "no answer" };
      const left = [...this.#left].find(([part]) => subject.includes(part))?.[1];
      if (left === undefined || left.times === 0) return connection.ask(subject, body, options);
      left.times--;
      if (left.error === "nobody") return { kind: "nobody" };
      if (left.error === "silence") return { kind: "unknown", why: "no answer" };
      const answer = "created" in left.error ? left.error : { error: left.error };
      const data = utf8(JSON.stringify(answer));
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
      at: { jetstream, app: "young", partition, created },
      open: () => openNatsChangelog({ jetstream, app: "young", partition, created }),
    };
  }

  /** Storage of a node whose table stands there. */
  function storageOf(
    at: { jetstream: JetStream; app: string; partition: number; created: string },
    place: { position: number; chain: number } | undefined,
    other: { readonly table?: object; readonly copies?: object } = {},
  ) {
    const table = {
      place: () => place,
      create: () => {},
      discard: () => {},
      restore: () => Promise.resolve(false),
      open: () => ({ cold: {}, materialiser: {}, close: () => {} }),
      ...other.table,
    };
    return natsStorage({
      ...at,
      promise: "for tests",
      table: table as unknown as NodeTable,
      copies: (other.copies ?? new NatsCopies(at)) as NatsCopies,
      leases: { mark: () => Promise.resolve(undefined) },
      made: () => Promise.resolve(at.created),
      inTurn: () => Promise.resolve(),
    });
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

  test("a register that is older than it was is waited for", async () => {
    const forgetful = new Forgetful();
    const jetstream = new JetStream(forgetful as unknown as Connection);
    const register = new NatsApps(jetstream, { replicas: 1 });
    const record = { app: "older", partitions: 1, secret: "5e", services: [] };
    await register.register(record);
    forgetful.forget("STREAM.MSG.GET.HF_apps", 2, noMessage);
    expect(await register.made("older")).toHaveProperty("HF_older_0");
    expect(forgetful.forgotten).toBe(0);
    // Streams that hold something are its own, then, and not those of an app that was lost.
    const { created } = (await jetstream.info("HF_older_0")) ?? { created: "" };
    const log = await openNatsChangelog({ jetstream, app: "older", partition: 0, created });
    await log.append(batchOf(1));
    forgetful.forget("STREAM.MSG.GET.HF_apps", 1, noMessage);
    expect(await register.register(record)).toEqual(record);
  });

  test("a changelog that ends before what is remembered is believed to once it stays so", async () => {
    const { log, at } = await place(10_000);
    const sixth = batchOf(6);
    const chain = chainAfter(log.range.chain, sixth);
    const opening = storageOf(at, { position: 6, chain }).open({ onFatal: () => {} });
    await log.append(sixth);
    expect((await opening).changelog.range.last).toBe(6);
    const ahead = storageOf(await place(300).then(({ at }) => at), { position: 6, chain });
    await expect(ahead.open({ onFatal: () => {} })).rejects.toMatchObject({
      code: "PARTITION_HALTED",
      data: { reason: "rolled-back" },
    });
  });

  test("a stream with another birthday is the same one, if only it has the right one soon", async () => {
    const { log, forgetful, open } = await place(10_000);
    forgetful.forget("STREAM.INFO", 3, bornElsewhere);
    expect((await open()).range.last).toBe(5);
    forgetful.forget("hf.", 2, "nobody");
    forgetful.forget("STREAM.INFO", 2, bornElsewhere);
    await log.append(batchOf(6));
    expect(forgetful.forgotten).toBe(0);
  });

  test("a leader that answers no append is asked to let another lead, and asked again", async () => {
    const { log, forgetful } = await place(10_000);
    forgetful.hurry = 1000;
    forgetful.forget("hf.", 40, "silence");
    await log.append(batchOf(6));
    expect(forgetful.asked.filter((subject) => subject.includes("STEPDOWN"))).not.toHaveLength(0);
  });

  test("R15: copies that were replaced while a bad one was read are looked for again", async () => {
    const { log, at } = await place(10_000);
    await log.trim(3);
    const chain = log.chainAt(5) ?? 0;
    const named = (name: string) => ({ name, position: 5, chain, sha256: name });
    const lists = [
      [named("bad"), named("gone")],
      [named("new"), named("bad")],
    ];
    const restored: string[] = [];
    const table = {
      restore: (_: unknown, sha256: string) => {
        restored.push(sha256);
        return Promise.resolve(sha256 === "new");
      },
    };
    const copies = { newest: () => Promise.resolve(lists.shift() ?? []), chunksOf: () => [] };
    await storageOf(at, undefined, { table, copies }).open({ onFatal: () => {} });
    expect(restored).toEqual(["bad", "gone", "new"]);
  });

  test("a leader that answers for nothing is no damaged message; one that answers for others has one", async () => {
    const { forgetful, open } = await place(300);
    forgetful.forget("STREAM.MSG.GET", 1000, "silence");
    await expect(open()).rejects.toMatchObject({ code: "NATS_UNAVAILABLE" });
    forgetful.forget("STREAM.MSG.GET", 0);
    forgetful.silentAbout = 5;
    const stalled = { code: "PARTITION_HALTED", data: { reason: "stalled" } };
    await expect(open()).rejects.toMatchObject(stalled);
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
