// `holdfast serve` as a node of a cluster, and `holdfast cluster`: on a server of their own.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startNats, withNats } from "../support/nats-server.ts";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const index = new URL("../../dist/index.js", import.meta.url).href;

const app = `import { object } from ${JSON.stringify(index)};
export const counter = object("Counter", {
  async add(ctx, by) {
    ctx.set("n", ((await ctx.get("n")) ?? 0) + by);
    return ctx.get("n");
  },
});
`;

withNats("the command line and a cluster", () => {
  test("any node answers for any key, and the cluster is listed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    const servers = await startNats();
    writeFileSync(join(folder, "app.mjs"), app);
    const nats = ["--nats", servers.servers.join(",")];
    const node = (name: string) => {
      const given = ["--data", join(folder, name), "--port", "0", "--admin-port", "0"];
      const of = ["--app", "counters", "--partitions", "4"];
      const child = spawn(process.execPath, [cli, "serve", "app.mjs", ...given, ...nats, ...of], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      });
      const url = new Promise<string>((resolve, reject) => {
        let said = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => {
          said += text;
          const found = /ingress +(http:\S+)/.exec(said)?.[1];
          if (found !== undefined) resolve(found);
        });
        child.on("close", () => reject(new Error(said)));
      });
      return { child, url };
    };
    const nodes = [node("one"), node("two")];
    try {
      const urls = await Promise.all(nodes.map(({ url }) => url));
      const answers: unknown[] = [];
      for (let i = 0; i < 8; i++) {
        const url = `${urls[i % 2]}/Counter/k${i >> 1}/add`;
        const headers = { "content-type": "application/json" };
        const response = await fetch(url, { method: "POST", headers, body: "5" });
        answers.push(await response.json());
      }
      expect(answers).toEqual([5, 10, 5, 10, 5, 10, 5, 10]);
      const listed = await promisify(execFile)(process.execPath, [
        ...[cli, "cluster", "--json"],
        ...nats,
      ]);
      const { apps } = JSON.parse(listed.stdout) as {
        readonly apps: readonly { readonly app: string; readonly partitions: readonly object[] }[];
      };
      expect(apps.map((one) => one.app)).toEqual(["counters"]);
      expect(apps[0]?.partitions.map((status) => Object.keys(status).includes("epoch"))).toEqual(
        Array.from({ length: 4 }, () => true),
      );
    } finally {
      const ended = nodes.map(
        ({ child }) => new Promise<void>((resolve) => void child.on("close", () => resolve())),
      );
      for (const { child } of nodes) child.kill("SIGKILL");
      await Promise.all(ended);
      await servers.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 90_000);
});
