// Three NATS servers with JetStream on this machine, as a cluster: `make nats-up`, `make nats-down`.
// Ports, processes and data are their own, under .nats; servers of others are left alone. The same
// ports as compose.yaml publishes, so that programs find either.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openConnection } from "../src/nats/client.ts";
import { JetStream, Refusal } from "../src/nats/jetstream.ts";
import { durable } from "../src/nats/provision.ts";
import { isAtLeast } from "../src/nats/versions.ts";

const folder = resolve(process.env["HOLDFAST_NATS_DIR"] ?? ".nats");
const firstPort = Number(process.env["HOLDFAST_NATS_PORT"] ?? 14222);
const binary = process.env["NATS_SERVER_BIN"] ?? "nats-server";
const nodes = [0, 1, 2];
const pidsPath = join(folder, "pids.json");
const readyMsMax = 60_000;

const clientPort = (node: number): number => firstPort + node;
const routePort = (node: number): number => firstPort + 2000 + node;
const configPath = (node: number): string => join(folder, `n${node}.conf`);
const servers = nodes.map((node) => `nats://127.0.0.1:${clientPort(node)}`);

async function up(): Promise<void> {
  const version = versionOf();
  if (running().length === nodes.length) return ready(version);
  await down();
  for (const node of nodes) {
    if (await listens(clientPort(node))) {
      fail(
        `Port ${clientPort(node)} is taken by somebody else: end that, or name others with ` +
          "HOLDFAST_NATS_PORT=15222.",
      );
    }
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pids = nodes.map((node) => start(node, version));
  writeFileSync(pidsPath, `${JSON.stringify(pids)}\n`);
  await ready(version);
}

function start(node: number, version: string): number {
  const routes = nodes.map((each) => `"nats://127.0.0.1:${routePort(each)}"`).join(", ");
  // Writes are synchronised one by one where the server has it; before 2.10 it refuses to start.
  const sync = isAtLeast(version, [2, 10]) ? "sync_interval: always" : "";
  writeFileSync(
    configPath(node),
    `server_name: n${node}\nlisten: "127.0.0.1:${clientPort(node)}"\nmax_payload: 1MB\n` +
      `jetstream { store_dir: "${join(folder, `n${node}`)}"\n${sync} }\n` +
      `cluster { name: holdfast, listen: "127.0.0.1:${routePort(node)}", routes: [${routes}] }\n`,
    { mode: 0o600 },
  );
  const log = openSync(join(folder, `n${node}.log`), "a", 0o600);
  const child = spawn(binary, ["-c", configPath(node)], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  child.unref();
  return child.pid ?? fail(`${binary} cannot be started.`);
}

/** Waits until a stream of three replicas can be made: then the three are one. */
async function ready(version: string): Promise<void> {
  const until = Date.now() + readyMsMax;
  for (let last: unknown; ; await pause(200)) {
    if (running().length < nodes.length) fail(`A server has ended: see ${folder}/n*.log.`);
    if (Date.now() > until)
      fail(`The servers are not ready: ${String(last)}. See ${folder}/n*.log.`);
    try {
      await probe();
      break;
    } catch (error) {
      last = error;
    }
  }
  say(`nats-server ${version}, three nodes: ${servers.join(",")}`);
  if (isAtLeast(version, [2, 9, 21])) return;
  say("This version is too old to be trusted with three replicas: use one (replicas: 1).");
}

async function probe(): Promise<void> {
  const connection = await openConnection({ servers });
  try {
    const jetstream = new JetStream(connection, { patienceMs: 2000 });
    const name = "HF_ready";
    await jetstream.create(durable({ stream: name, subject: "hf.ready" }, 3)).catch((error) => {
      // Made by another start.
      if (!(error instanceof Refusal && error.number === 10058)) throw error;
    });
  } finally {
    await connection.close();
  }
}

async function down(): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const pid of running()) process.kill(pid, signal);
    for (const until = Date.now() + 10_000; running().length > 0 && Date.now() < until; ) {
      await pause(50);
    }
  }
  rmSync(pidsPath, { force: true });
}

/** Processes of ours that still run: a number may belong to somebody else by now. */
function running(): number[] {
  if (!existsSync(pidsPath)) return [];
  const pids = JSON.parse(readFileSync(pidsPath, "utf8")) as number[];
  return pids.filter((pid) => {
    try {
      const command = execFileSync("ps", ["-p", String(pid), "-o", "args="], { encoding: "utf8" });
      return command.includes(folder);
    } catch {
      return false;
    }
  });
}

function versionOf(): string {
  try {
    const printed = execFileSync(binary, ["--version"], { encoding: "utf8", stdio: "pipe" });
    return /v(\d[\w.-]*)/.exec(printed)?.[1] ?? fail(`${binary} --version says ${printed}`);
  } catch {
    return fail(
      "nats-server is not installed. On Debian and Ubuntu: apt-get install nats-server; elsewhere " +
        "see https://github.com/nats-io/nats-server/releases, and name it in NATS_SERVER_BIN. With " +
        "Docker: make docker-up.",
    );
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      settle(true);
    });
    socket.once("error", () => settle(false));
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

const command = process.argv[2];
if (command === "up") await up();
else if (command === "down") await down();
else fail("npx tsx scripts/nats.ts up|down");
