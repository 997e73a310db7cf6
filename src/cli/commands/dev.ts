// `holdfast dev`: serves as `serve` does, reloads when code changes while running invocations go on,
// and prints a line for each invocation that ends or is in trouble. The engine runs in a process
// below this one, so that it may be killed at any moment and come back: that is what it is for.
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import type { EngineEvent } from "../../engine/events.ts";
import { durationMs } from "../../model/duration.ts";
import type { Callable } from "../../sdk/types.ts";
import { changeLine, telling } from "../change-line.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { liveRoutes } from "../live-page.ts";
import { AppLoader } from "../load-app.ts";
import type { Output } from "../output.ts";
import { Serving } from "../serving.ts";
import { Shadow } from "../shadow.ts";
import { untilSignal } from "../until-signal.ts";
import { watchFiles } from "../watch-files.ts";
import { closeMarginMs, servingLines } from "./serve.ts";

const childMark = "HOLDFAST_DEV_CHILD";
/** A process that ends so soon after its start, so often, would only do it again. */
const soonMs = 2000;
const soonMax = 5;

export function run(invoked: Invoked): Promise<number> {
  return process.env[childMark] === undefined ? supervise(invoked.out) : serveHere(invoked);
}

/** Starts the engine's process, and starts it again when it was killed. */
function supervise(out: Output): Promise<number> {
  let child: ChildProcess;
  let soon = 0;
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGTERM", forward).on("SIGINT", forward);
  return new Promise((done) => {
    const start = (): void => {
      const begun = performance.now();
      child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        stdio: "inherit",
        env: { ...process.env, [childMark]: "1" },
      });
      child.once("exit", (code, signal) => {
        if (signal === null) return done(code ?? exit.failed);
        soon = performance.now() - begun < soonMs ? soon + 1 : 0;
        if (soon >= soonMax) {
          out.say(
            `holdfast: the process ended ${soonMax} times right after its start (${signal}).`,
          );
          return done(exit.failed);
        }
        out.say(`holdfast: the process was ended by ${signal}. It comes back and goes on.`);
        start();
      });
    };
    start();
  });
}

async function serveHere({ args, configured, out }: Invoked): Promise<number> {
  const settings = configured.values;
  const loader = new AppLoader(args);
  const { services } = await loader.load();
  let code: readonly Callable[] = services;
  let started: Extract<EngineEvent, { kind: "started" }> | undefined;
  const serving = await Serving.start({
    services,
    settings,
    dev: true,
    routes: (auth) => liveRoutes(auth),
    onEvent: (event) => {
      if (event.kind === "started") started = event;
      // What became of an attempt is told by its line.
      if (event.kind === "unjournaledAwait" || event.kind === "unhandledRejection") {
        out.say(`holdfast: ${event.kind} in ${event.target} (${event.id})`);
      }
    },
    onFatal: (error) => {
      out.say(`holdfast: stopped: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(exit.failed);
    },
  });
  for (const line of servingLines(serving, services, started, settings.app)) out.say(line);
  out.say(`  live      ${serving.adminUrl}/live/login?code=${serving.admin.auth.link("admin")}`);
  const { data } = settings;
  const shadow = new Shadow({ data, services: () => code, say: (line) => out.say(line) });
  await serving.engine.inspect.watch((event) => {
    const ended = event.kind === "succeeded" || event.kind === "failed";
    if (ended && event.id !== undefined && settings.app === "") shadow.ended(event.id);
    if (!telling.has(event.kind) || event.kind === "created") return;
    if (out.json) out.value(event, true);
    else out.line(changeLine(event, out, "out"), "out");
  });
  const stop = watchFiles(resolve("."), (file) => {
    void reload(loader, serving, out, file).then((now) => {
      if (now !== undefined) code = now;
    });
  });
  const deadlineMs = durationMs(settings.drain) + closeMarginMs;
  const close = async (): Promise<void> => {
    stop();
    await serving.close();
  };
  return untilSignal(close, deadlineMs, out);
}

/** New attempts run the new code; what does not load leaves the old in place. */
async function reload(
  loader: AppLoader,
  serving: Serving,
  out: Output,
  file: string,
): Promise<readonly Callable[] | undefined> {
  try {
    const { services } = await loader.load();
    await serving.replace(services);
    out.say(`holdfast: ${file} changed: reloaded ${services.map(({ name }) => name).join(", ")}`);
    return services;
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    out.say(`holdfast: ${file} changed and does not load; the code before goes on.\n${why}`);
    return undefined;
  }
}
