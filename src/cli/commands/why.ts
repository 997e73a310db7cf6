// `holdfast why`: the wait graph of an invocation, in words.
import type { Why } from "../../engine/why-words.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { adminClient, ingressClient } from "../http-client.ts";

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const path = `/invocations/${encodeURIComponent(args[0] as string)}/why`;
  const { why, lines } = await adminClient(configured).json<{ why: Why; lines: string[] }>(path);
  if (out.json) out.value(why);
  // What is to be typed names the ingress of this engine.
  const ingress = ingressClient(configured).url;
  if (!out.json) for (const line of lines) out.data(line.replace("http://127.0.0.1:8080", ingress));
  return exit.done;
}
