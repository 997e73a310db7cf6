// Clients and their engine in one process whose disk fails. Each line that it notes is in the file
// where the shim notes its faults: their order there is the order in which they happened.
import { appendFileSync } from "node:fs";
import { Engine, isHoldfastError } from "holdfast";
import { list } from "./services.ts";

const [, , data = "", appends = "", clients = ""] = process.argv;
const log = process.env["SHIM_LOG"] as string;
const note = (...words: (string | number)[]): void => appendFileSync(log, `${words.join(" ")}\n`);
const codeOf = (error: unknown): string => (isHoldfastError(error) ? error.code : String(error));

/** As docs/cli.md has them for `holdfast serve`. */
const stoppedCode = 70;
const refusedCode = 71;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function client(engine: Engine, key: number): Promise<void> {
  const of = engine.call(list, `${key}`);
  for (let item = 0; item < Number(appends); ) {
    note("ask", key, item);
    try {
      await of.append({ item, stepped: item % 5 === 4 });
      note("ack", key, item);
      item++;
    } catch (error) {
      note("error", key, item, codeOf(error));
      if (isHoldfastError(error, "DISK_FULL")) await pause(20);
      else item++;
    }
    if (item % 4 === 0) {
      const read = await of.read().then(
        (items) => `${items.length}`,
        (error) => codeOf(error),
      );
      note("read", key, read);
    }
  }
}

async function main(): Promise<number> {
  let stopped = false;
  const engine = await Engine.open({
    services: [list],
    data,
    keep: 0,
    closeTimeout: 2000,
    onFatal: (error) => {
      stopped = true;
      note("fatal", codeOf(error));
    },
  }).catch((error: unknown) => void note("refused", codeOf(error)));
  if (engine === undefined) return refusedCode;
  await Promise.all(Array.from({ length: Number(clients) }, (_, key) => client(engine, key)));
  await engine.close().catch((error: unknown) => note("close", codeOf(error)));
  note("closed");
  return stopped ? stoppedCode : 0;
}

process.exitCode = await main();
