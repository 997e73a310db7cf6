// What slow clients cost the others: 5,000 connections from five addresses that send one byte of a request
// every ten seconds, beside the keyed cart on 64 connections; alternated with the same without them, in one
// run. Target: less than 5 % of the throughput, and p99 less than doubled. For information: the same with
// each connecting anew as soon as it is cut off, which is a flood of connections (500 a second).
// Run: after a build npx tsx bench/http-hostile.ts [--json] [--seconds N] [--rounds N] [--slow N].
import { fork } from "node:child_process";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { atLeast, atMost, type Figure, known, median } from "./figure.ts";
import { type Load, load } from "./http-load.ts";
import { serveHoldfast } from "./http-servers.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    // Less than the ten seconds after which they are cut off.
    seconds: { type: "string", default: "7" },
    rounds: { type: "string", default: "3" },
    slow: { type: "string", default: "5000" },
    again: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const slow = Number(values.slow);
const addresses = 5;
const byteMs = 10_000;
const text = "POST /Cart/user-1/addTicket HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";

const carts: Load["next"] = () => ({
  path: `/Cart/user-${Math.floor(Math.random() * 10_000)}/addTicket`,
  body: `"TICKET-${Math.floor(Math.random() * 1000)}"`,
});

interface Counts {
  open: number;
  cut: number;
}

/** The other process: keeps so many slow connections open, and tells how it fares when it is asked. */
function beSlow(port: number): void {
  const counts: Counts = { open: 0, cut: 0 };
  const one = (i: number): void => {
    const localAddress = `127.0.0.${2 + (i % addresses)}`;
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    let sent = 0;
    const send = (): void => void socket.write(text[sent++] ?? "x");
    const each = setInterval(send, byteMs);
    socket.on("connect", () => {
      counts.open++;
      send();
    });
    socket.on("error", () => {}).resume();
    socket.on("close", () => {
      clearInterval(each);
      counts.cut++;
      if (values.again) setTimeout(() => one(i), 100);
    });
  };
  for (let i = 0; i < slow; i++) setTimeout(() => one(i), i / 5);
  process.on("message", () => {
    process.send?.(counts);
    counts.open = 0;
    counts.cut = 0;
  });
}

interface Hostile {
  counts(): Promise<Counts>;
  stop(): void;
}

async function hostile(port: number, again: boolean): Promise<Hostile> {
  const args = ["--slow", String(slow), ...(again ? ["--again"] : [])];
  const child = fork(fileURLToPath(import.meta.url), args, {
    env: { ...process.env, SLOW_PORT: String(port) },
    execArgv: ["--import", "tsx"],
  });
  const counts = (): Promise<Counts> =>
    new Promise((resolve) => {
      child.once("message", (told) => resolve(told as Counts));
      child.send("counts");
    });
  // All of them are there after two seconds, and the first are cut off after ten.
  await new Promise((resolve) => setTimeout(resolve, again ? 13_000 : 2500));
  return { counts, stop: () => void child.kill("SIGKILL") };
}

interface Pair {
  readonly share: number;
  readonly p99: number;
  readonly counts: Counts;
}

async function pairs(port: number, again: boolean): Promise<Pair[]> {
  const run = { port, connections: 64, next: carts, seconds };
  const found: Pair[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const quiet = await load(run);
    const others = await hostile(port, again);
    const beside = await load(run);
    const counts = await others.counts();
    others.stop();
    if (counts.open < slow) throw new Error(`only ${counts.open} connections were opened`);
    const [share, p99] = [beside.perSecond / quiet.perSecond, beside.p99Ms / quiet.p99Ms];
    found.push({ share, p99, counts });
    // Those that are left are gone by then.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return found;
}

async function main(): Promise<void> {
  const server = await serveHoldfast();
  const figures: Figure[] = [];
  try {
    await load({ port: server.port, connections: 64, next: carts, seconds: Math.min(3, seconds) });
    const slowOnes = await pairs(server.port, false);
    const of = (all: readonly Pair[], what: (pair: Pair) => number): number =>
      median(all.map(what));
    figures.push(
      atLeast(0.95, {
        name: "http.slow.vsQuiet",
        unit: "ratio",
        value: of(slowOnes, (p) => p.share),
      }),
      atMost(2, { name: "http.slow.p99VsQuiet", unit: "ratio", value: of(slowOnes, (p) => p.p99) }),
    );
    const anew = await pairs(server.port, true);
    figures.push(
      known({ name: "http.flood.vsQuiet", unit: "ratio", value: of(anew, (p) => p.share) }),
      known({
        name: "http.flood.cutOff",
        unit: "/s",
        value: of(anew, (p) => p.counts.cut) / (13 + seconds),
      }),
    );
  } finally {
    await server.stop();
  }
  if (values.json) return console.log(JSON.stringify(figures));
  for (const { name, value, unit, target, holds } of figures) {
    const verdict = target === null ? "" : `target ${target}   ${holds ? "holds" : "falls short"}`;
    console.log(`${name.padEnd(24)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(6)} ${verdict}`);
  }
}

const port = process.env["SLOW_PORT"];
if (port !== undefined) beSlow(Number(port));
else {
  main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
