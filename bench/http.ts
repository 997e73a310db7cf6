// The ingress beside Restate's, both over HTTP with the same requests, alternated in one run: the keyed
// cart and a greeter on 64 and on 512 connections, and what one cart takes on one connection. A table
// as it goes, or with --json one array at the end.
// Run: make bench-http, or after a build npx tsx bench/http.ts [--json] [--seconds N] [--rounds N].
import { parseArgs } from "node:util";
import { atLeast, atMost, type Figure, known, median } from "./figure.ts";
import { type Load, type Loaded, load } from "./http-load.ts";
import { type Served, serveHoldfast, serveRestate } from "./http-servers.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const warmUpSeconds = Math.min(3, seconds);
const keys = 10_000;

const carts: Load["next"] = () => ({
  path: `/Cart/user-${Math.floor(Math.random() * keys)}/addTicket`,
  body: `"TICKET-${Math.floor(Math.random() * 1000)}"`,
});
const greetings: Load["next"] = () => ({ path: "/Greeter/greet", body: '"Ada"' });

interface Pair {
  readonly holdfast: Loaded;
  readonly restate: Loaded;
}

/** Rounds of Restate's server and ours after it. */
async function alternate(
  servers: { readonly holdfast: Served; readonly restate: Served },
  run: Pick<Load, "connections" | "next">,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = -1; round < rounds; round++) {
    const of = { ...run, seconds: round < 0 ? warmUpSeconds : seconds };
    const restate = await load({ ...of, port: servers.restate.port });
    const holdfast = await load({ ...of, port: servers.holdfast.port });
    if (round >= 0) pairs.push({ holdfast, restate });
  }
  return pairs;
}

const ratioOf = (pairs: readonly Pair[]): number =>
  median(pairs.map(({ holdfast, restate }) => holdfast.perSecond / restate.perSecond));
const rate = (pairs: readonly Pair[], of: keyof Pair): number =>
  median(pairs.map((pair) => pair[of].perSecond));
const p50 = (pairs: readonly Pair[], of: keyof Pair): number =>
  median(pairs.map((pair) => pair[of].p50Ms));

const figures: Figure[] = [];

function tell(figure: Figure): void {
  figures.push(figure);
  if (values.json) return;
  const { name, value, unit, target, holds } = figure;
  const shown = value.toFixed(unit === "ratio" || unit === "ms" ? 2 : 0);
  const verdict = target === null ? "" : `target ${target}   ${holds ? "holds" : "falls short"}`;
  console.log(`${name.padEnd(32)} ${shown.padStart(9)} ${unit.padEnd(6)} ${verdict}`);
}

async function main(): Promise<void> {
  const restate = await serveRestate();
  const holdfast = await serveHoldfast().catch(async (error: unknown) => {
    await restate.stop();
    throw error;
  });
  const servers = { holdfast, restate };
  try {
    for (const connections of [64, 512]) {
      const suffix = connections === 64 ? "" : `.${connections}`;
      const cart = await alternate(servers, { connections, next: carts });
      const value = ratioOf(cart);
      tell(atLeast(8, { name: `http.cart.vsRestate${suffix}`, unit: "ratio", value }));
      for (const of of ["holdfast", "restate"] as const) {
        const name = `http.cart.${of}PerSecond${suffix}`;
        tell(known({ name, unit: "/s", value: rate(cart, of) }));
      }
    }
    const greeter = await alternate(servers, { connections: 64, next: greetings });
    tell(atLeast(8, { name: "http.greeter.vsRestate", unit: "ratio", value: ratioOf(greeter) }));
    const single = await alternate(servers, { connections: 1, next: carts });
    const value = p50(single, "holdfast") / p50(single, "restate");
    tell(atMost(1 / 3, { name: "http.single.vsRestate", unit: "ratio", value }));
    for (const of of ["holdfast", "restate"] as const) {
      tell(known({ name: `http.single.${of}P50`, unit: "ms", value: p50(single, of) }));
    }
  } finally {
    await Promise.all([holdfast.stop(), restate.stop()]);
  }
  if (values.json) console.log(JSON.stringify(figures));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
