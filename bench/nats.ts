// The keyed cart on a cluster of one node over NATS, beside bare appends of as many messages of as
// many bytes to as many streams, on the same servers in the same run. It starts servers of its own:
// one for one replica, three for three where they are new enough. Run: make bench-nats.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "holdfast";
import { nats } from "holdfast/nats";
import { openConnection } from "../src/nats/client.ts";
import { JetStream, type StreamInfo } from "../src/nats/jetstream.ts";
import { changelogNames } from "../src/nats/names.ts";
import { changelogConfig, created } from "../src/nats/provision.ts";
import { isAtLeast } from "../src/nats/versions.ts";
import { serverVersion, startNats } from "../test/support/nats-server.ts";
import { cart } from "./cart.ts";
import { atLeast, atMost, type Figure, known, median } from "./figure.ts";

const partitions = 8;
const concurrent = 512;
const keys = 10_000;
const seconds = Number(process.env["SECONDS_EACH"] ?? 10);
const oneByOne = 500;

async function measure(replicas: 1 | 3): Promise<Figure[]> {
  const servers = await startNats({ nodes: replicas });
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-nats-"));
  const connection = await openConnection({ servers: servers.servers });
  const jetstream = new JetStream(connection, { patienceMs: 60_000 });
  const cluster = nats({ servers: servers.servers, app: "bench", partitions, replicas });
  const engine = await Engine.open({ services: [cart], cluster, data: folder, onEvent: () => {} });
  try {
    await engine.start();
    const [before, began] = [await held(jetstream), performance.now()];
    let carts = 0;
    const until = began + seconds * 1000;
    const load = async (): Promise<void> => {
      for (; performance.now() < until; carts++) {
        await engine.call(cart, `key-${Math.floor(Math.random() * keys)}`).addTicket("ticket-1");
      }
    };
    await Promise.all(Array.from({ length: concurrent }, load));
    const engineMs = performance.now() - began;
    const after = await held(jetstream);
    const messages = after.messages - before.messages;
    const bytes = Math.round((after.bytes - before.bytes) / messages);
    const bareMs = await bare(jetstream, replicas, messages, bytes);
    const name = `nats.r${replicas}`;
    const figures = [
      atLeast(0.5, { name: `${name}.ratio`, unit: "ratio", value: bareMs / engineMs }),
      known({ name: `${name}.perSecond`, unit: "/s", value: (carts / engineMs) * 1000 }),
    ];
    if (replicas > 1) return figures;
    return [...figures, await latency(jetstream, engine)];
  } finally {
    await engine.close();
    await connection.close();
    await servers.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What all changelogs hold together. */
async function held(
  jetstream: JetStream,
): Promise<Pick<StreamInfo["state"], "messages" | "bytes">> {
  const sum = { messages: 0, bytes: 0 };
  for (let partition = 0; partition < partitions; partition++) {
    const info = await jetstream.info(changelogNames("bench", partition).stream);
    sum.messages += info?.state.messages ?? 0;
    sum.bytes += info?.state.bytes ?? 0;
  }
  return sum;
}

/** As many appends of as many bytes, one after the other in each stream, with the same fence. */
async function bare(
  jetstream: JetStream,
  replicas: number,
  messages: number,
  bytes: number,
): Promise<number> {
  const each = Math.ceil(messages / partitions);
  const body = new Uint8Array(bytes);
  const names = Array.from({ length: partitions }, (_, at) => changelogNames("bare", at));
  for (let at = 0; at < partitions; at++) {
    await created(jetstream, changelogConfig("bare", at, { replicas }));
  }
  const began = performance.now();
  const fill = async ({ subject }: { readonly subject: string }): Promise<void> => {
    for (let at = 0; at < each; at++) {
      const headers = { "Nats-Expected-Last-Sequence": String(at) };
      const ack = await jetstream.publish(subject, body, headers);
      if (ack.kind !== "ack") throw new Error(`a bare append failed: ${JSON.stringify(ack)}`);
    }
  };
  await Promise.all(names.map(fill));
  return performance.now() - began;
}

/** One at a time: a send is one commit. How much longer than a bare append of some such bytes. */
async function latency(jetstream: JetStream, engine: Engine): Promise<Figure> {
  const spans = { engine: [] as number[], bare: [] as number[] };
  const { subject } = changelogNames("bare", 0);
  const body = new Uint8Array(300);
  for (let at = 0; at < oneByOne; at++) {
    const began = performance.now();
    await engine.send(cart, "latency", { delay: "1h" }).expireTicket("ticket-1");
    spans.engine.push(performance.now() - began);
    const bareBegan = performance.now();
    await jetstream.publish(subject, body, {});
    spans.bare.push(performance.now() - bareBegan);
  }
  const value = median(spans.engine) / median(spans.bare);
  return atMost(1.3, { name: "nats.latency.ratio", unit: "ratio", value });
}

const figures = await measure(1);
if (isAtLeast(serverVersion ?? "", [2, 9, 21])) figures.push(...(await measure(3)));
process.stdout.write(`${JSON.stringify(figures)}\n`);
