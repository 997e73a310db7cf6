// One life: opens the engine on the directory, goes on where the last life ended, and works until
// it is killed; or, when faults have stopped, finishes everything and says what is there.
import { Engine, isHoldfastError } from "holdfast";
import { Prng } from "../../../src/std/prng.ts";
import { clientsOf, finals, goOn, type Load, openIn, poison, results } from "./clients.ts";
import { Log, readLog } from "./log.ts";
import { attach, services } from "./services.ts";

/** Exit code of a process that was refused the directory. */
export const refusedCode = 17;

export interface LifeSetup {
  readonly directory: string;
  readonly log: string;
  readonly life: number;
  readonly seed: string;
  /** Work until killed; the same with a handler that kills; end everything; say what is there. */
  readonly mode: "load" | "poison" | "finish" | "read" | "second";
}

const setup = JSON.parse(process.argv[2] ?? "{}") as LifeSetup;

async function main(): Promise<void> {
  const { life, mode, directory, seed } = setup;
  const log = new Log(setup.log, life);
  attach(log, life);
  const engine = await openEngine(log, directory);
  if (mode === "second") return;
  log.write({ k: "life", mode });
  const random = new Prng(`${seed} life ${life}`);
  const load: Load = { engine, log, life, random, stopped: false };
  process.on("SIGTERM", () => {
    load.stopped = true;
    void end(load);
  });
  await engine.start();
  process.stdout.write("open\n");
  if (mode === "finish") await finish(load);
  else if (mode === "read") await finals(load);
  else await work(load);
  await end(load);
}

async function openEngine(log: Log, data: string): Promise<Engine> {
  const engine = await Engine.open({
    services,
    data,
    keep: 1_000_000,
    closeTimeout: "3s",
    suspendAfter: 300,
    onEvent(event) {
      if (event.kind === "started") {
        log.write({ k: "started", unclean: event.unclean, epoch: event.epoch });
      } else if (/unhandled|unjournaled|unawaited/.test(event.kind)) {
        log.write({ k: "event", what: JSON.stringify(event) });
      } else if (event.kind === "stopped" && event.failure !== undefined) {
        log.write({ k: "event", what: event.failure });
      }
    },
  });
  if (setup.mode !== "second") return engine;
  try {
    await engine.start();
  } catch (error) {
    process.exit(isHoldfastError(error, "DIRECTORY_LOCKED") ? refusedCode : 1);
  }
  process.exit(2);
}

async function work(load: Load): Promise<void> {
  const before = goOn(load, openIn(readLog(setup.log)), 0.6);
  if (setup.mode === "poison") void poison(load);
  await Promise.all([before, clientsOf(load)]);
}

/** No more faults: everything accepted ends. What is published meanwhile is settled too. */
async function finish(load: Load): Promise<void> {
  let done = false;
  const settling = (async () => {
    while (!done) {
      await goOn(load, openIn(readLog(setup.log)), 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await results(load, readLog(setup.log));
  done = true;
  await settling;
  // What those asked again just now sent, and delayed sends.
  await results(load, readLog(setup.log));
}

let ending: Promise<void> | undefined;

function end({ engine, log }: Load): Promise<void> {
  ending ??= engine.close().then(() => {
    log.write({ k: "closed" });
    process.exit(0);
  });
  return ending;
}

await main();
