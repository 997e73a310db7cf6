// `holdfast serve`: hosts modules until it is told to end. On start it says where data lives and what
// is promised, as it is.

import { eventLine } from "../../engine/event-line.ts";
import type { EngineEvent } from "../../engine/events.ts";
import { durationMs } from "../../model/duration.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { AppLoader } from "../load-app.ts";
import { Serving } from "../serving.ts";
import { untilSignal } from "../until-signal.ts";
import { version } from "../version.ts";

/** What closing may take beyond the deadline of running steps: the last flush and fold. */
export const closeMarginMs = 10_000;

type Started = Extract<EngineEvent, { kind: "started" }>;

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const settings = configured.values;
  const { services, subscriptions } = await new AppLoader(args).load();
  let started: Started | undefined;
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === "started") started = event;
    const line = eventLine(event);
    if (line !== undefined) out.say(line);
  };
  const onFatal = (error: unknown): void => {
    out.say(`holdfast: stopped: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(exit.failed);
  };
  const serving = await Serving.start({ services, subscriptions, settings, onEvent, onFatal });
  for (const line of servingLines(serving, services, started, settings.app)) out.say(line);
  const deadlineMs = durationMs(settings.drain) + closeMarginMs;
  return untilSignal(() => serving.close(), deadlineMs, out);
}

/** Where it is, and what is promised. */
export function* servingLines(
  serving: Serving,
  services: readonly { readonly name: string }[],
  started: Started | undefined,
  cluster: string,
): Generator<string> {
  yield `holdfast ${version()} serves ${services.map(({ name }) => name).join(", ")}`;
  if (started !== undefined) {
    const { durability, position, replayed, unclean } = started;
    const before = unclean ? "did not close" : "closed in order";
    const records = `${replayed} of ${position} records read again`;
    const recovered =
      position === 0 ? "nothing to recover" : `the process before ${before}, ${records}`;
    yield `  data      ${durability}`;
    if (cluster === "") {
      yield `  owner     this process alone (pid ${process.pid}), as long as it runs`;
      yield `  recovery  ${recovered}; after a crash a step's body may run again, its result is kept once`;
    }
  }
  if (cluster !== "") {
    yield `  cluster   a node of the app ${cluster}: who leads which partition says \`holdfast cluster\``;
  }
  yield `  ingress   ${serving.ingressUrl}`;
  yield `  admin     ${serving.adminUrl}, token in ${serving.tokenPath}`;
}
