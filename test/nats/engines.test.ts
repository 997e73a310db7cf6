// Whole engines over NATS under fault (T5): processes that lead and ask are killed, stand still for longer
// than their leases, and end in order; servers are killed and stand still. Clients write down what they
// asked and were told, handlers what they did; the oracles O1 to O5 judge that log.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isAtLeast } from "../../src/nats/versions.ts";
import { Prng } from "../../src/std/prng.ts";
import { judge } from "../faults/kill/checker.ts";
import { readLog } from "../faults/kill/log.ts";
import { faultsAsked, longFaults, reportFaults } from "../support/nats-faults.ts";
import { type NatsServers, serverVersion, startNats, withNats } from "../support/nats-server.ts";
import { compileProgram, type Program } from "../support/program.ts";
import type { NodeSetup } from "./engines/child.ts";

const leaseMs = 2000;
const nodes = 3;
/** The longest that everything may take to end once faults have stopped (O5). */
const finishMsMax = 120_000;
/** Replicas need a newer server. */
const replicas = isAtLeast(serverVersion ?? "", [2, 9, 21]) ? 3 : 1;

withNats("engines over NATS", () => {
  let program: Program;
  let servers: NatsServers;
  let folder: string;

  beforeAll(async () => {
    if (!longFaults) return;
    program = await compileProgram(new URL("./engines/child.ts", import.meta.url));
    folder = mkdtempSync(join(tmpdir(), "holdfast-engines-"));
    servers = await startNats({ nodes: replicas });
  }, 60_000);
  afterAll(async () => {
    program?.remove();
    await servers?.dispose();
    if (folder !== undefined && process.env["KEEP"] === undefined)
      rmSync(folder, { recursive: true });
  });

  const seed = process.env["SEED"] ?? "engines";
  const faults = faultsAsked({ small: 6, full: 200 });
  let lives = 0;

  class Node {
    readonly life = ++lives;
    readonly child: ChildProcess;
    readonly opened: Promise<unknown>;
    readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;

    constructor(at: number, mode: NodeSetup["mode"]) {
      const setup: NodeSetup = {
        servers: servers.servers,
        ...{ replicas, leaseMs, partitions: 6, life: this.life, seed, mode },
        directory: join(folder, `node${at}`),
        log: log(),
      };
      const args = ["--enable-source-maps", program.path, JSON.stringify(setup)];
      this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
      let stderr = "";
      this.child.stderr?.on("data", (chunk: Buffer) => {
        stderr = (stderr + chunk.toString()).slice(-4000);
      });
      this.opened = once(this.child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
      this.ended = once(this.child, "close").then(([code]) => ({ code, stderr }));
    }

    /** It has said that it serves, or has ended. */
    async up(): Promise<void> {
      await Promise.race([this.opened, this.ended]);
    }

    async end(signal: NodeJS.Signals): Promise<void> {
      this.child.kill("SIGCONT");
      this.child.kill(signal);
      await this.ended;
    }
  }

  const log = (): string => join(folder, "log.jsonl");

  /** Standing still for longer than its leases: others lead what it believes to lead. */
  async function standStill(node: Node, ms: number): Promise<void> {
    node.child.kill("SIGSTOP");
    appendFileSync(log(), `${JSON.stringify({ k: "zombie", of: node.life, life: 0 })}\n`);
    await pause(ms);
    node.child.kill("SIGCONT");
  }

  test.runIf(longFaults)(
    `keep what they acknowledged, do it once and end it, in ${faults} faults`,
    async () => {
      const prng = new Prng(seed);
      appendFileSync(log(), "");
      const running = Array.from({ length: nodes }, (_, at) => new Node(at, "load"));
      await Promise.all(running.map((node) => node.up()));
      const counts = { killed: 0, zombies: 0, terminated: 0, serversKilled: 0, serversFrozen: 0 };
      for (let fault = 0; fault < faults; fault++) {
        await pause(300 + prng.integer(1500));
        const at = prng.integer(nodes);
        const node = running[at] as Node;
        const server = servers.nodes[prng.integer(servers.nodes.length)];
        const kind = prng.integer(10);
        if (kind < 4 || kind === 6) {
          const orderly = kind === 6;
          await node.end(orderly ? "SIGTERM" : "SIGKILL");
          counts[orderly ? "terminated" : "killed"]++;
          await pause(prng.integer(1000));
          running[at] = new Node(at, "load");
          await running[at]?.up();
        } else if (kind < 6) {
          await standStill(node, leaseMs + prng.integer(2 * leaseMs));
          counts.zombies++;
        } else if (kind < 9) {
          await server?.stop("SIGKILL");
          await pause(prng.integer(1000));
          await server?.start();
          counts.serversKilled++;
        } else {
          server?.signal("SIGSTOP");
          await pause(prng.integer(3000));
          server?.signal("SIGCONT");
          counts.serversFrozen++;
        }
      }
      await Promise.all(running.map((node) => node.end("SIGTERM")));
      const last = new Node(0, "finish");
      const late = pause(finishMsMax, "late" as const, { ref: false });
      const ended = await Promise.race([last.ended, late]);
      if (ended === "late") await last.end("SIGKILL");
      expect(ended, `O5, see ${log()}`).toMatchObject({ code: 0 });
      const verdict = judge(readLog(log()), { cluster: true });
      const shown = { ...counts, ...verdict.counts };
      reportFaults({ test: "engines", server: serverVersion, replicas, faults, ...shown });
      process.stdout.write(`engines over NATS: ${JSON.stringify(shown)}\n`);
      expect(verdict.violations.slice(0, 20)).toEqual([]);
    },
    7_200_000,
  );
});
