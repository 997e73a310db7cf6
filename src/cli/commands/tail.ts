// `holdfast tail`: what happens, as it happens, until it is stopped.
import { changeLine, telling } from "../change-line.ts";
import type { Invoked } from "../command.ts";
import { changeEvents } from "../event-source.ts";
import { exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";

export async function run({ options, configured, out }: Invoked): Promise<number> {
  const all = options["all"] === true;
  const lost = (why: string): void => out.say(`holdfast: ${why} Tries again.`);
  for await (const event of changeEvents(adminClient(configured), lost)) {
    if (!all && !telling.has(event.kind)) continue;
    if (out.json) out.value(event, true);
    else out.line(changeLine(event, out, "out"), "out");
  }
  return exit.done;
}
