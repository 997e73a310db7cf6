// Private nats-server processes for tests: own free ports on loopback, own empty store, ended by
// their handle. Where there is no binary the tests say so in one line and are skipped, or fail when
// REQUIRE says that they must run.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";

const binary = process.env["NATS_SERVER_BIN"] ?? "nats-server";

/** The version of the server there is, undefined where there is none. */
export const serverVersion: string | undefined = versionOf(binary);

function versionOf(path: string): string | undefined {
  try {
    const printed = execFileSync(path, ["--version"], { encoding: "utf8", stdio: "pipe" });
    return /v(\d+[.]\d+[.]\d+)/.exec(printed)?.[1];
  } catch {
    return undefined;
  }
}

/** A suite that needs a server. */
export function withNats(name: string, body: () => void): void {
  if (serverVersion !== undefined) return void describe(name, body);
  if (/\bnats\b/.test(process.env["REQUIRE"] ?? "")) {
    return test(`${name}: nats-server is required and was not found`, () => {
      throw new Error("REQUIRE=nats: install nats-server, or name it in NATS_SERVER_BIN");
    });
  }
  process.stderr.write(`NOT RUN: ${name}: there is no nats-server (see NATS_SERVER_BIN).\n`);
  describe.skip(name, body);
}

export interface NatsNode {
  readonly url: string;
  readonly store: string;
  /** Answers once the process takes connections. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Ends the process, if it runs, and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface NatsServers {
  readonly nodes: readonly NatsNode[];
  readonly servers: string[];
  /** Ends all of them and removes their stores. */
  dispose(): Promise<void>;
}

export interface NatsServersOptions {
  /** One or three. Default one. */
  readonly nodes?: number;
  /** More lines of configuration. */
  readonly config?: string;
  /** Writes are synchronised one by one, where the server can (2.10 and later). */
  readonly syncAlways?: boolean;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export async function startNats(options: NatsServersOptions = {}): Promise<NatsServers> {
  const { nodes: count = 1 } = options;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-nats-"));
  const ports = await freePorts(2 * count);
  const routes = ports.slice(count);
  const nodes = ports.slice(0, count).map((port, at) => {
    const cluster = count === 1 ? "" : clusterBlock(routes[at] ?? 0, routes);
    return nodeOf(folder, `n${at}`, port, cluster, options);
  });
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop("SIGKILL")));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { nodes, servers: nodes.map(({ url }) => url), dispose };
}

function nodeOf(
  folder: string,
  name: string,
  port: number,
  cluster: string,
  { config = "", syncAlways = false }: NatsServersOptions,
): NatsNode {
  const store = join(folder, name);
  mkdirSync(store, { recursive: true });
  const path = join(folder, `${name}.conf`);
  const sync = syncAlways ? "sync_interval: always" : "";
  writeFileSync(
    path,
    `server_name: ${name}\nlisten: "127.0.0.1:${port}"\nmax_payload: 1MB\n` +
      `jetstream { store_dir: "${store}"\n${sync} }\n${cluster}\n${config}\n`,
  );
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();
  return {
    url: `nats://127.0.0.1:${port}`,
    store,
    start: async () => {
      const process = spawn(binary, ["-c", path], { stdio: ["ignore", "ignore", "pipe"] });
      let printed = "";
      process.stderr?.on("data", (data: Buffer) => {
        printed = (printed + data.toString()).slice(-4000);
      });
      running.add(process);
      child = process;
      ended = new Promise((resolve) => {
        process.once("exit", () => {
          running.delete(process);
          if (child === process) child = undefined;
          resolve();
        });
      });
      await untilListening(port, () => {
        if (child !== process) throw new Error(`nats-server ended: ${printed}`);
      });
    },
    signal: (signal) => void child?.kill(signal),
    stop: async (signal = "SIGTERM") => {
      child?.kill("SIGCONT");
      child?.kill(signal);
      await ended;
    },
  };
}

function clusterBlock(port: number, routes: readonly number[]): string {
  const urls = routes.map((each) => `"nats://127.0.0.1:${each}"`).join(", ");
  return `cluster { name: test, listen: "127.0.0.1:${port}", routes: [${urls}] }`;
}

/** Ports nobody listens on now, all taken at once so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const startMsMax = 20_000;

async function untilListening(port: number, alive: () => void): Promise<void> {
  const { createConnection } = await import("node:net");
  for (const until = Date.now() + startMsMax; ; ) {
    alive();
    const connected = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ port, host: "127.0.0.1" });
      // The server speaks first: what it says is that it is ready.
      socket.once("data", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
    if (connected) return;
    if (Date.now() > until) throw new Error(`nats-server does not listen on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
