// A node of a cluster under fault, with its clients: what the outside knows of it is in the log that
// all of them share. Or the one that comes when faults have stopped, and finishes everything.
import { Engine } from "holdfast";
import { nats } from "holdfast/nats";
import { Prng } from "../../../src/std/prng.ts";
import {
  clientsOf,
  finals,
  goOn,
  type Load,
  openIn,
  results,
  users,
} from "../../faults/kill/clients.ts";
import { Log, readLog } from "../../faults/kill/log.ts";
import { attach, cart, services } from "../../faults/kill/services.ts";

export interface NodeSetup {
  readonly servers: readonly string[];
  readonly replicas: 1 | 3;
  readonly leaseMs: number;
  readonly partitions: number;
  readonly directory: string;
  readonly log: string;
  readonly life: number;
  readonly seed: string;
  readonly mode: "load" | "finish";
}

const setup = JSON.parse(process.argv[2] ?? "{}") as NodeSetup;
const { servers, replicas, leaseMs, partitions, directory, life, seed, mode } = setup;
const log = new Log(setup.log, life);
attach(log, life);
const engine = await Engine.open({
  services,
  cluster: nats({ servers, app: "shop", partitions, replicas, leaseMs }),
  data: directory,
  closeTimeout: "2s",
  suspendAfter: 300,
  onEvent: (event) => {
    if (/unhandled|unjournaled|unawaited|deliveryHalted/.test(event.kind)) {
      log.write({ k: "event", what: JSON.stringify(event) });
    } else if (event.kind === "left" && /PARTITION_HALTED|is not what it was/.test(event.why)) {
      log.write({ k: "event", what: JSON.stringify(event) });
    }
  },
});
await engine.start();
log.write({ k: "life", mode });
const load: Load = { engine, log, life, random: new Prng(`${seed} ${life}`), stopped: false };
process.on("SIGTERM", () => {
  load.stopped = true;
  void engine.close().then(() => process.exit(0));
});
process.stdout.write("open\n");
const open = openIn(readLog(setup.log));
if (mode === "load") {
  await Promise.all([goOn(load, open, 0.3), clientsOf(load)]);
} else {
  await finish();
  await engine.close();
  process.exit(0);
}

async function finish(): Promise<void> {
  let done = false;
  const settling = (async () => {
    while (!done) {
      await goOn(load, openIn(readLog(setup.log)), 1);
      await pause(50);
    }
  })();
  await pause(300);
  await results(load, readLog(setup.log));
  done = true;
  await settling;
  await results(load, readLog(setup.log));
  // Delayed sends that free what carts hold.
  for (;;) {
    const held = await Promise.all(users.map((user) => engine.call(cart, user).read()));
    if (held.flat().length === 0) break;
    await pause(100);
  }
  await pause(500);
  await finals(load);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
