// `holdfast invoke`: calls a handler and prints what it returned.
import { type Invoked, textOption } from "../command.ts";
import { exit } from "../exit.ts";
import { ingressClient } from "../http-client.ts";
import { printResult } from "../result.ts";
import { inputOf, targetPath } from "../target.ts";

export async function run(invoked: Invoked): Promise<number> {
  const { args, configured, out } = invoked;
  const key = textOption(invoked, "idempotencyKey");
  const input = inputOf(args[1]);
  const response = await ingressClient(configured).ask(targetPath(args[0] as string), {
    method: "POST",
    ...(input === undefined ? {} : { body: input }),
    ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
  });
  await printResult(response, out);
  return exit.done;
}
