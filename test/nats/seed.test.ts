// The seed's commands over NATS, as the processes they are: three apps and a client on a server of
// their own. The processor may be killed at any time: another goes on where it was.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";

const examples = fileURLToPath(new URL("../../examples/ticket-cart", import.meta.url));
const tsx = fileURLToPath(import.meta.resolve("tsx"));
const expected = readFileSync(join(examples, "expected.txt"), "utf8");

let folder: string;
let servers: NatsServers;
let started: Running[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-seed-"));
  servers = await startNats();
  started = [];
});

afterEach(async () => {
  await Promise.all(started.map((running) => running.stop("SIGKILL")));
  await servers.dispose();
  rmSync(folder, { recursive: true, force: true });
});

class Running {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #told: () => void = () => {};

  constructor(script: string, data: string) {
    this.#child = spawn(process.execPath, ["--import", tsx, join(examples, "nats", script)], {
      env: { ...process.env, NATS_URL: servers.servers.join(","), DATA: join(folder, data) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#told();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#told();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        resolve(code);
        this.#told();
      });
    });
    started.push(this);
  }

  /** Resolves when it has said this, on either of the two. */
  async said(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`${text}: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.ended;
  }
}

withNats("the seed's commands over NATS", () => {
  test("print the seed's output, each waiting for what is not there yet", async () => {
    const client = new Running("client.ts", "client");
    await client.said("make run-processor");
    expect(client.stderr).toContain("Nobody serves TicketService yet");
    const apps = ["service.ts", "ticket-service.ts", "processor.ts"].map(
      (script) => new Running(script, script),
    );
    expect(await client.ended).toBe(0);
    expect(client.stdout).toBe(expected);
    const codes = await Promise.all(apps.map((app) => app.stop("SIGTERM")));
    expect(codes).toEqual([0, 0, 0]);
  }, 90_000);

  test("and print it although the processor is killed between and within scenarios", async () => {
    for (const script of ["service.ts", "ticket-service.ts"]) new Running(script, script);
    let processor = new Running("processor.ts", "first");
    const client = new Running("client.ts", "client");
    await client.said("Scenario 2");
    await processor.stop("SIGKILL");
    processor = new Running("processor.ts", "second");
    await client.said("Scenario 3");
    await processor.stop("SIGKILL");
    new Running("processor.ts", "second");
    expect(await client.ended).toBe(0);
    expect(client.stdout).toBe(expected);
  }, 120_000);
});
