// Kills the agent in the middle of its run, as kill -9 does, and starts it again. What it had done
// is not done again: each effect stands in the log once.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { data } from "../support.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

function start(env: Record<string, string>): void {
  const { signal, stdout } = spawnSync(process.execPath, [...process.execArgv, main], {
    encoding: "utf8",
    env: { ...process.env, DATA: data, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  console.log(stdout + (signal === null ? "" : `ended by ${signal}`));
}

console.log("Started, and killed before the third effect:");
start({ CRASH: "3" });
console.log("\nStarted again:");
start({});
