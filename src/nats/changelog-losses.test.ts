// What only a changelog on a server can suffer: another leader, batches cut in the midst, and a
// stream that is not what it was. Every loss is injected by an administrator's hand.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Admin } from "../../test/support/nats-admin.ts";
import { type NatsServers, startNats, withNats } from "../../test/support/nats-server.ts";
import type { Batch, StoredBatch } from "../ports/changelog.ts";
import { batchOf } from "../testing/conformance/changelog.ts";
import { type NatsChangelog, type NatsChangelogOptions, openNatsChangelog } from "./changelog.ts";
import { openConnection } from "./client.ts";
import type { Connection } from "./connection.ts";
import { JetStream } from "./jetstream.ts";
import { changelogNames } from "./names.ts";
import { changelogConfig, createChangelog } from "./provision.ts";

withNats("a changelog in JetStream", () => {
  let nats: NatsServers;
  let connection: Connection;
  let admin: Admin;
  let partitions = 0;

  beforeAll(async () => {
    nats = await startNats();
    connection = await openConnection({ servers: nats.servers });
    admin = new Admin(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await nats?.dispose();
  });

  interface Place {
    readonly stream: string;
    readonly subject: string;
    readonly partition: number;
    readonly options: NatsChangelogOptions;
    open(more?: Partial<NatsChangelogOptions>): Promise<NatsChangelog>;
  }

  async function place(config: object = {}): Promise<Place> {
    const jetstream = new JetStream(connection, { askMs: 500, patienceMs: 1000 });
    const partition = partitions++;
    const names = changelogNames("shop", partition);
    const made = { ...changelogConfig("shop", partition, { replicas: 1 }), deny_delete: false };
    const { created } = await jetstream.create({ ...made, ...config });
    const options = { jetstream, app: "shop", partition, created };
    return {
      ...names,
      partition,
      options,
      open: (more = {}) => openNatsChangelog({ ...options, ...more }),
    };
  }

  async function filled(at: Place, batches = 10): Promise<NatsChangelog> {
    const log = await at.open();
    for (let i = 0; i < batches; i++) await log.append(batchOf(log.range.last + 1, 2));
    return log;
  }

  async function all(log: NatsChangelog, from = 1): Promise<StoredBatch[]> {
    const held: StoredBatch[] = [];
    for await (const batch of log.read(from)) held.push(batch);
    return held;
  }

  const halt = (reason: string): object => {
    return { code: "PARTITION_HALTED", data: { reason } };
  };

  describe("the fence", () => {
    test("I2: whoever appends first leads, and the other never appends again", async () => {
      const at = await place();
      await (await filled(at, 1)).close();
      const [a, b] = [await at.open(), await at.open()];
      await a.append(batchOf(3, 1, 2));
      await expect(b.append(batchOf(3, 1, 3))).rejects.toMatchObject({ code: "PARTITION_FENCED" });
      await expect(b.append(batchOf(3, 1, 3))).rejects.toMatchObject({ code: "PARTITION_FENCED" });
      await a.append(batchOf(4, 1, 2));
      expect(a.range.last).toBe(4);
      expect((await all(await at.open())).map(({ epoch }) => epoch)).toEqual([1, 2, 2]);
    });

    test("of six who stand at once, one leads, every time", async () => {
      const at = await place();
      for (let round = 0; round < 20; round++) {
        const candidates = await Promise.all(Array.from({ length: 6 }, () => at.open()));
        const position = (candidates[0]?.range.last ?? 0) + 1;
        const outcomes = await Promise.allSettled(
          candidates.map((each, i) => each.append(batchOf(position, 1, round + 1, 10 + i))),
        );
        expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      }
      expect((await at.open()).range.last).toBe(20);
    });

    test("one whose place was taken and trimmed away is fenced, too", async () => {
      const at = await place();
      const old = await filled(at, 1);
      const log = await at.open();
      for (let i = 3; i < 10; i++) await log.append(batchOf(i, 1, 2));
      await log.trim(8);
      await expect(old.append(batchOf(3, 1, 1))).rejects.toMatchObject({
        code: "PARTITION_FENCED",
      });
    });
  });

  test("who opens it and writes nothing leaves no seal: its leader may be writing still", async () => {
    const at = await place();
    const leader = await at.open();
    await leader.append(batchOf(1));
    await (await at.open()).close();
    await leader.append(batchOf(2));
    const next = await at.open();
    expect(next.range).toMatchObject({ last: 2, clean: false });
    await leader.close();
    expect((await at.open()).range.clean).toBe(true);
  });

  describe("a batch in several messages", () => {
    const large = (first: number, epoch = 1): Batch => batchOf(first, 3, epoch, 1000);

    test("comes back as one, from any position of it", async () => {
      const at = await place();
      const log = await at.open({ partBytes: 100 });
      const written: StoredBatch[] = [];
      for (const batch of [batchOf(1), large(2), large(5), batchOf(8)]) {
        written.push({ ...batch, chain: await log.append(batch) });
      }
      expect((await admin.info(at.stream)).state.last_seq).toBe(22);
      for (const opened of [log, await at.open()]) {
        expect(await all(opened)).toEqual(written);
        expect(await all(opened, 6)).toEqual(written.slice(2));
        expect(await all(opened, 8)).toEqual(written.slice(3));
      }
      await log.trim(6);
      expect(log.range.first).toBe(5);
      expect(log.chainAt(4)).toBe(written[1]?.chain);
      expect(await all(await at.open())).toEqual(written.slice(2));
    });

    test("R18: one that was never finished is void, and a newer leader goes on", async () => {
      const at = await place();
      const log = await at.open({ partBytes: 100 });
      await log.append(batchOf(1));
      const dead = await at.open({ partBytes: 100 });
      await admin.cutAfter(at, () => dead.append(large(2)), 4);
      const next = await at.open();
      expect(next.range).toMatchObject({ last: 1, clean: false });
      await next.append(batchOf(2, 1, 2));
      await next.append(batchOf(3, 5, 2));
      expect((await all(await at.open())).map(({ first }) => first)).toEqual([1, 2, 3]);
      expect((await all(await at.open(), 4)).map(({ first }) => first)).toEqual([3]);
      const chain = next.chainAt(7) ?? 0;
      await at.open({ witnesses: [{ of: "the mark", position: 7, chain }] });
    });

    test("I2: the epoch of a batch that was never finished is used up", async () => {
      const at = await place();
      const log = await at.open({ partBytes: 100 });
      await log.append(batchOf(1));
      const dead = await at.open({ partBytes: 100 });
      await admin.cutAfter(at, () => dead.append(large(2, 2)), 4);
      const next = await at.open();
      expect(next.range).toMatchObject({ last: 1, epoch: 2 });
      await expect(next.append(batchOf(2, 1, 1))).rejects.toThrow("I2");
      await next.append(batchOf(2, 1, 3));
      expect((await at.open()).range).toMatchObject({ last: 2, epoch: 3 });
    });

    test("R18: anything else behind an unfinished batch is damage", async () => {
      const at = await place();
      const log = await at.open({ partBytes: 100 });
      await log.append(batchOf(1));
      await admin.cutAfter(at, () => log.append(large(2)), 4);
      const next = await at.open();
      await next.append(batchOf(2, 1, 1));
      await expect(all(await at.open())).rejects.toMatchObject(halt("hole"));
    });
  });

  describe("an unknown outcome", () => {
    test("of an append that was stored is found to be one", async () => {
      const at = await place();
      const log = await filled(at, 2);
      const lost = admin.loseAnswers(at.options.jetstream, 2);
      expect(await log.append(batchOf(5))).toBe(log.range.chain);
      expect(lost()).toBe(2);
      expect((await all(await at.open())).map(({ first }) => first)).toEqual([1, 3, 5]);
    });

    test("is no hole while a server is behind: what it lacks it may have a moment later", async () => {
      const at = await place();
      const log = await filled(at, 2);
      admin.loseAnswers(at.options.jetstream, 1);
      admin.forget(at.options.jetstream, 2);
      await log.append(batchOf(5));
      admin.forget(at.options.jetstream, 2);
      expect((await at.open()).range.last).toBe(5);
    });

    test("of an append that another took the place of is a fence", async () => {
      const at = await place();
      const log = await filled(at, 2);
      await (await at.open()).append(batchOf(5, 1, 2));
      admin.loseAnswers(at.options.jetstream, 1);
      await expect(log.append(batchOf(5))).rejects.toMatchObject({ code: "PARTITION_FENCED" });
    });

    test("R16: a full stream is a wait, and appends go on when there is room", async () => {
      const at = await place({ max_bytes: 4000 });
      const log = await at.open();
      const told: boolean[] = [];
      log.onFull = (full) => told.push(full);
      await log.append(batchOf(1, 1, 1, 3000));
      const waiting = log.append(batchOf(2, 1, 1, 3000));
      await expect.poll(() => told).toEqual([true]);
      await admin.update(at.stream, { max_bytes: 40_000 });
      await waiting;
      expect(told).toEqual([true, false]);
      expect(log.range.last).toBe(2);
    });
  });

  describe("a stream that is not what it was halts its partition", () => {
    test("one that is gone", async () => {
      const at = await place();
      const log = await filled(at);
      await admin.delete(at.stream);
      await expect(log.append(batchOf(21))).rejects.toMatchObject(halt("missing"));
      await expect(at.open()).rejects.toMatchObject(halt("missing"));
    });

    test("one that was deleted and made anew", async () => {
      const at = await place();
      const log = await filled(at);
      await admin.delete(at.stream);
      await createChangelog(at.options.jetstream, "shop", at.partition, { replicas: 1 });
      await expect(at.open()).rejects.toMatchObject(halt("recreated"));
      await expect(log.append(batchOf(21))).rejects.toMatchObject(halt("recreated"));
    });

    test("one with a message missing, wherever it is", async () => {
      for (const sequence of [2, 5, 10]) {
        const at = await place();
        await filled(at);
        await admin.deleteMessage(at.stream, sequence);
        await expect(at.open(), String(sequence)).rejects.toMatchObject(halt("hole"));
      }
    });

    test("one with a message missing while it is read", async () => {
      const at = await place();
      const log = await filled(at);
      await admin.deleteMessage(at.stream, 5);
      await expect(all(log)).rejects.toMatchObject(halt("hole"));
      await expect(log.verify()).rejects.toMatchObject(halt("hole"));
    });

    test("one that was purged altogether, and one that was purged ahead", async () => {
      const at = await place();
      const log = await filled(at);
      const { last, chain } = log.range;
      await admin.purge(at.stream, 6);
      const witnesses = [{ of: "the mark", position: last, chain }];
      // It can be read from there: whether a copy reaches so far is its storage's to know.
      expect((await at.open({ witnesses })).range.first).toBe(11);
      await admin.purge(at.stream);
      await expect(at.open()).rejects.toMatchObject(halt("hole"));
    });

    test("R24: one that ends before what a witness remembers", async () => {
      const at = await place();
      const { range } = await filled(at);
      const witness = { of: "the table", position: range.last + 1, chain: 7 };
      await expect(at.open({ witnesses: [witness] })).rejects.toMatchObject({
        code: "PARTITION_HALTED",
        data: { reason: "rolled-back", witness: "the table" },
      });
    });

    test("R24: one with another history than a witness remembers", async () => {
      const at = await place();
      const log = await filled(at);
      for (const position of [2, 10, 20]) {
        const chain = log.chainAt(position) ?? 0;
        await at.open({ witnesses: [{ of: "the mark", position, chain }] });
        const other = [{ of: "the mark", position, chain: chain + 1 }];
        await expect(at.open({ witnesses: other })).rejects.toMatchObject(halt("diverged"));
      }
    });

    test("one that holds what we did not write", async () => {
      const at = await place();
      const log = await filled(at);
      await admin.publish(at.subject, "hello");
      await expect(at.open()).rejects.toMatchObject(halt("foreign"));
      await expect(log.append(batchOf(21))).rejects.toMatchObject({ code: "PARTITION_FENCED" });
    });

    test("one whose bytes differ from what their chain says", async () => {
      const at = await place();
      const log = await filled(at);
      const other = await place();
      await admin.copyWithFlip(at, other, 5);
      const options = { ...at.options, created: other.options.created };
      const flipped = await openNatsChangelog({ ...options, partition: other.partition })
        .then(
          (opened) => all(opened),
          (error: unknown) => Promise.reject(error),
        )
        .catch((error: unknown) => error);
      expect(flipped).toMatchObject({ code: "PARTITION_HALTED" });
      expect(log.range.last).toBe(20);
    });

    test("one whose configuration would lose records", async () => {
      for (const config of [{ max_age: 3_600_000_000_000 }, { discard: "old" }]) {
        const at = await place(config);
        await expect(at.open()).rejects.toMatchObject({ code: "NATS_UNSUITABLE" });
      }
    });
  });

  test("reading over many batches needs no more than a window of them", async () => {
    const at = await place();
    const log = await at.open();
    for (let i = 1; i <= 300; i++) await log.append(batchOf(i, 1, 1, 200));
    const opened = await at.open();
    expect((await all(opened, 150)).map(({ first }) => first)).toEqual(
      Array.from({ length: 151 }, (_, i) => 150 + i),
    );
    await opened.verify();
  });

  test("a server that is not there is said to be so, without the password", async () => {
    const servers = "nats://someone:secret@127.0.0.1:9";
    const error = await openConnection({ servers }).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "NATS_UNAVAILABLE" });
    expect(String(error)).not.toContain("secret");
  });
});
