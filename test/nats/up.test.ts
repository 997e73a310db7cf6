// `make nats-up` and `make nats-down`, on ports and in a folder of the test.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openConnection } from "../../src/nats/client.ts";
import { JetStream } from "../../src/nats/jetstream.ts";
import { withNats } from "../support/nats-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function run(command: string, env: Readonly<Record<string, string>>) {
  const script = [join(root, "node_modules/tsx/dist/cli.mjs"), join(root, "scripts/nats.ts")];
  return spawnSync(process.execPath, [...script, command], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

/** The first of the ports that three servers and their routes would have, all of them free. */
async function freeBase(): Promise<number> {
  for (let base = 20_000 + (process.pid % 400) * 10; ; base += 10) {
    const ports = [0, 1, 2, 2000, 2001, 2002].map((each) => base + each);
    const free = await Promise.all(ports.map(isFree));
    if (free.every((each) => each)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

withNats("three servers on this machine", () => {
  test("are started once, are one cluster, keep what they hold, and are ended", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-nats-up-"));
    const base = await freeBase();
    const env = { HOLDFAST_NATS_DIR: join(folder, "nats"), HOLDFAST_NATS_PORT: String(base) };
    const servers = [0, 1, 2].map((node) => `nats://127.0.0.1:${base + node}`);
    try {
      for (const again of [false, true]) {
        const { stdout, stderr } = run("up", env);
        expect(`${stdout}${stderr}`, String(again)).toContain(servers.join(","));
      }
      const connection = await openConnection({ servers: servers.slice(2) });
      const info = await new JetStream(connection).info("HF_ready");
      expect(info?.config.num_replicas).toBe(3);
      await connection.close();
    } finally {
      expect(run("down", env).status).toBe(0);
      await expect(openConnection({ servers })).rejects.toMatchObject({
        code: "NATS_UNAVAILABLE",
      });
      expect(existsSync(join(env.HOLDFAST_NATS_DIR, "n0"))).toBe(true);
      rmSync(folder, { recursive: true, force: true });
    }
  }, 90_000);

  test("where a port or the server is missing, it is said what to do", () => {
    const missing = run("up", { NATS_SERVER_BIN: "/nowhere/nats-server" });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain("apt-get install nats-server");
    expect(missing.stderr).toContain("make docker-up");
  });
});
