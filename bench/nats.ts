// The keyed cart on a cluster of one node over NATS, beside bare group commits of as many bytes by as
// many at a time on the same servers, and beside the same engine with a changelog in memory: all three
// alternate in one run. Then one commit at a time, and what a cart costs in 24 partitions rather than
// in one. It starts servers of its own: one for one replica, three for three where they are new
// enough. Run: make bench-nats.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, memory } from "holdfast";
import { nats } from "holdfast/nats";
import { openConnection } from "../src/nats/client.ts";
import { JetStream } from "../src/nats/jetstream.ts";
import { changelogNames } from "../src/nats/names.ts";
import { isAtLeast } from "../src/nats/versions.ts";
import { serverVersion, startNats } from "../test/support/nats-server.ts";
import { cart } from "./cart.ts";
import { atLeast, atMost, type Figure, known, median } from "./figure.ts";
import { BareGroup } from "./nats-bare.ts";

const partitions = 8;
const concurrent = 512;
const keys = 10_000;
const rounds = 3;
const seconds = Number(process.env["SECONDS_EACH"] ?? 4);
const warmUpSeconds = 2;
const oneByOne = 1000;
/** The first of them are slower on both sides: nothing is compiled yet. */
const oneByOneLeftOut = 300;

interface Cluster extends AsyncDisposable {
  readonly engine: Engine;
  readonly jetstream: JetStream;
}

/** Servers, and an engine that leads all partitions on them. */
async function cluster(replicas: 1 | 3, partitions: number): Promise<Cluster> {
  const servers = await startNats({ nodes: replicas });
  const data = mkdtempSync(join(tmpdir(), "holdfast-bench-nats-"));
  const connection = await openConnection({ servers: servers.servers });
  const over = nats({ servers: servers.servers, app: "bench", partitions, replicas });
  const engine = await Engine.open({ services: [cart], cluster: over, data, onEvent: () => {} });
  await engine.start();
  return {
    engine,
    jetstream: new JetStream(connection, { patienceMs: 60_000 }),
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      await connection.close();
      await servers.dispose();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

interface Load {
  readonly perSecond: number;
  /** CPU of this process, all threads, in microseconds. */
  readonly cpuEach: number;
  readonly count: number;
}

async function load(one: () => Promise<unknown>, seconds: number): Promise<Load> {
  const [cpu, began] = [process.cpuUsage(), performance.now()];
  const until = began + seconds * 1000;
  let count = 0;
  const worker = async (): Promise<void> => {
    for (; performance.now() < until; count++) await one();
  };
  await Promise.all(Array.from({ length: concurrent }, worker));
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = (count / (performance.now() - began)) * 1000;
  return { perSecond, cpuEach: (user + system) / count, count };
}

function below(bound: number): number {
  return Math.floor(Math.random() * bound);
}

function carts(engine: Engine): () => Promise<unknown> {
  return () => engine.call(cart, `key-${below(keys)}`).addTicket("ticket-1");
}

async function measure(replicas: 1 | 3): Promise<Figure[]> {
  await using over = await cluster(replicas, partitions);
  await using inMemory = await Engine.open({ services: [cart], data: memory() });
  const { jetstream, engine } = over;
  const before = await bytesHeld(jetstream);
  const { count } = await load(carts(engine), warmUpSeconds);
  const bytesEach = Math.round(((await bytesHeld(jetstream)) - before) / count / 2);
  await load(carts(inMemory), warmUpSeconds);
  const groups = await Promise.all(
    Array.from({ length: partitions }, (_, at) => BareGroup.open(jetstream, at, replicas)),
  );
  const bare = async (): Promise<void> => {
    const group = groups[below(partitions)] as BareGroup;
    await group.commit(bytesEach);
    await group.commit(bytesEach);
  };
  const taken = { nats: [] as Load[], memory: [] as Load[], bare: [] as Load[] };
  for (let round = 0; round < rounds; round++) {
    taken.nats.push(await load(carts(engine), seconds));
    taken.memory.push(await load(carts(inMemory), seconds));
    taken.bare.push(await load(bare, seconds));
  }
  const rate = (loads: Load[]): number => median(loads.map(({ perSecond }) => perSecond));
  const cpuMs = (loads: Load[]): number => median(loads.map(({ cpuEach }) => cpuEach)) / 1000;
  const name = `nats.r${replicas}`;
  return [
    atLeast(0.5, {
      name: `${name}.ratio`,
      unit: "ratio",
      value: rate(taken.nats) / rate(taken.bare),
    }),
    known({ name: `${name}.perSecond`, unit: "/s", value: rate(taken.nats) }),
    known({ name: `${name}.barePerSecond`, unit: "/s", value: rate(taken.bare) }),
    known({ name: `${name}.memoryPerSecond`, unit: "/s", value: rate(taken.memory) }),
    known({ name: `${name}.cpuMs`, unit: "ms", value: cpuMs(taken.nats) }),
    known({ name: `${name}.memoryCpuMs`, unit: "ms", value: cpuMs(taken.memory) }),
    await latency(over, groups[0] as BareGroup, replicas),
  ];
}

/** What all changelogs hold together. */
async function bytesHeld(jetstream: JetStream): Promise<number> {
  let bytes = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const info = await jetstream.info(changelogNames("bench", partition).stream);
    bytes += info?.state.bytes ?? 0;
  }
  return bytes;
}

/** One at a time: a send is one commit. How much longer than a bare append of as many bytes. */
async function latency(
  { engine, jetstream }: Cluster,
  group: BareGroup,
  replicas: number,
): Promise<Figure> {
  const spans = { engine: [] as number[], bare: [] as number[] };
  const span = async (of: number[], one: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await one();
    of.push(performance.now() - began);
  };
  const send = (): Promise<unknown> => {
    return engine.send(cart, "latency", { delay: "1h" }).expireTicket("ticket-1");
  };
  const before = await bytesHeld(jetstream);
  for (let at = 0; at < 10; at++) await send();
  const bytes = Math.round(((await bytesHeld(jetstream)) - before) / 10);
  for (let at = 0; at < oneByOne; at++) {
    await span(spans.engine, send);
    await span(spans.bare, () => group.append(bytes));
  }
  const p50 = (of: number[]): number => median(of.slice(oneByOneLeftOut));
  const name = replicas === 1 ? "nats.latency.ratio" : `nats.r${replicas}.latency.ratio`;
  return atMost(1.3, { name, unit: "ratio", value: p50(spans.engine) / p50(spans.bare) });
}

/** CPU of a cart in 24 partitions over that of one in one partition. */
async function flatness(): Promise<Figure> {
  await using one = await cluster(1, 1);
  await using many = await cluster(1, 24);
  const cost = { one: [] as number[], many: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const each = round === 0 ? warmUpSeconds : seconds;
    const [a, b] = [await load(carts(one.engine), each), await load(carts(many.engine), each)];
    if (round === 0) continue;
    cost.one.push(a.cpuEach);
    cost.many.push(b.cpuEach);
  }
  const value = median(cost.many) / median(cost.one);
  return atMost(1.2, { name: "nats.partitions.ratio", unit: "ratio", value });
}

const figures = await measure(1);
if (isAtLeast(serverVersion ?? "", [2, 9, 21])) figures.push(...(await measure(3)));
figures.push(await flatness());
process.stdout.write(`${JSON.stringify(figures)}\n`);
