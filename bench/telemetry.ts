// What telemetry costs: the histograms of one invocation alone, and the keyed cart with spans that a
// provider makes and drops at once (what an SDK makes of them comes on top), beside the same without, alternated in one run. For information: no target.
// Run: after a build npx tsx bench/telemetry.ts [--seconds N].
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { Engine } from "holdfast";
import { Latencies } from "../src/engine/latencies.ts";
import type { InvocationRow } from "../src/model/row.ts";
import { cart } from "./cart.ts";
import { median } from "./figure.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "4" } } });
const seconds = Number(values.seconds);
const concurrent = 256;

/** Spans of the API that record nothing, each with an id of its own. */
const dropping: api.TracerProvider = {
  getTracer: () =>
    ({
      startSpan: (_name: string, options: api.SpanOptions = {}, around = api.context.active()) => {
        const above = options.root === true ? undefined : api.trace.getSpanContext(around);
        const traceId = above?.traceId ?? randomBytes(16).toString("hex");
        const spanId = randomBytes(8).toString("hex");
        return api.trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 });
      },
    }) as unknown as api.Tracer,
};

function histogramNs(): number {
  const latencies = new Latencies(undefined, 0);
  const row = { service: "Cart", handler: "addTicket", attempt: 1, createdAt: 0, due: null };
  const times = 1_000_000;
  const once = (): number => {
    const since = process.hrtime.bigint();
    for (let i = 0; i < times; i++) {
      const attempt = { row: row as unknown as InvocationRow };
      latencies.began(attempt, performance.now() % 10, performance.now());
      latencies.ended(attempt, performance.now());
    }
    return Number(process.hrtime.bigint() - since) / times;
  };
  once();
  return median([once(), once(), once()]);
}

async function perSecond(opentelemetry: typeof api | false): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const engine = await Engine.open({ services: [cart], data, opentelemetry });
  let done = 0;
  const until = performance.now() + seconds * 1000;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      await engine.call(cart, `user-${Math.floor(Math.random() * 10_000)}`).addTicket("T");
      done++;
    }
  };
  await Promise.all(Array.from({ length: concurrent }, client));
  await engine.close();
  rmSync(data, { recursive: true, force: true });
  return done / seconds;
}

async function main(): Promise<void> {
  console.log(`histograms of one invocation   ${histogramNs().toFixed(0)} ns`);
  api.trace.setGlobalTracerProvider(dropping);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  await perSecond(false);
  const pairs: [number, number][] = [];
  for (let i = 0; i < 3; i++) pairs.push([await perSecond(false), await perSecond(api)]);
  const without = median(pairs.map(([one]) => one));
  const ratio = median(pairs.map(([one, other]) => other / one));
  console.log(`cart without spans             ${without.toFixed(0)} /s`);
  console.log(`with spans made and dropped    ${ratio.toFixed(2)} of it`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
