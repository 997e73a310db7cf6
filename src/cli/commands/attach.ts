// `holdfast attach`: waits for the result of an invocation and prints it.
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { ingressClient } from "../http-client.ts";
import { printResult } from "../result.ts";

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const path = `/restate/invocation/${encodeURIComponent(args[0] as string)}/attach`;
  await printResult(await ingressClient(configured).ask(path), out);
  return exit.done;
}
