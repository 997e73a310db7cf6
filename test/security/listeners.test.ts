// What `holdfast serve` opens, and to whom: as the kernel lists it, with the certificates it asks for,
// and with what it was told in secret nowhere to be seen.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hexOf, utf8 } from "../../src/std/bytes.ts";
import { sha256 } from "../../src/std/sha256.ts";
import { CliFolder, type Started } from "../support/cli.ts";

const app = `
  import { service } from "holdfast";
  export const greeter = service("Greeter", {
    async greet(_ctx, name: string) { return "Hello, " + name; },
    async fails() { throw new Error("it failed"); },
  });
`;
let folder: CliFolder;
beforeEach(() => {
  folder = new CliFolder("listeners", { "app.ts": app });
});
afterEach(() => folder.remove());

async function served(...args: string[]): Promise<{ started: Started; urls: string[] }> {
  const ports = ["--port", "0", "--admin-port", "0", "--data", "data"];
  const started = folder.start("serve", "app.ts", ...ports, ...args);
  const urls: string[] = [];
  for (const what of [/(https?:\/\/\S+:\d+)[\s\S]*?(https?:\/\/\S+:\d+)/]) {
    const [, ingress = "", admin = ""] = await started.said(what);
    urls.push(ingress, admin);
  }
  return { started, urls };
}

/** Addresses on which a process listens, as the kernel writes them: hexadecimal, then the port. */
function listening(pid: number): string[] {
  const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const inodes = new Set(fds.map((to) => /^socket:\[(\d+)\]$/.exec(to)?.[1]));
  return ["tcp", "tcp6", "udp", "udp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === "0A" && inodes.has(inode))
      .map(([, address = ""]) => address.split(":")[0] as string),
  );
}

test.runIf(process.platform === "linux")(
  "check 1: with nothing said it listens on this machine alone",
  async () => {
    const { started } = await served();
    const addresses = listening(started.child.pid as number);
    expect(addresses.length).toBe(2);
    expect([...new Set(addresses)]).toEqual(["0100007F"]);
  },
);

test("check 2: elsewhere it starts neither side without credentials and encryption", async () => {
  for (const flag of ["--host", "--admin-host"]) {
    for (const address of ["0.0.0.0", "::"]) {
      const free = ["--port", "0", "--admin-port", "0", "--data", "data"];
      const { code, error } = await folder.run("serve", "app.ts", flag, address, ...free);
      expect([code, error.includes("BIND_REFUSED")]).toEqual([2, true]);
      expect(error).toMatch(/insecureBind|insecure-bind/);
    }
  }
});

function certificates(): void {
  const run = (line: string): void =>
    void execFileSync("openssl", line.split(" "), { cwd: folder.path, stdio: "pipe" });
  const key = "-newkey rsa:2048 -nodes -subj";
  run(`req -x509 -days 2 ${key} /CN=authority -keyout ca.key -out ca.pem`);
  run(`req -x509 -days 2 ${key} /CN=stranger -keyout stranger.key -out stranger.pem`);
  folder.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  for (const name of ["server", "client"]) {
    run(`req ${key} /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    const by = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names";
    run(`x509 -req -days 2 -in ${name}.csr ${by} -out ${name}.pem`);
  }
}

/** The status, or how the connection failed. */
function ask(url: string, as?: string, headers: Record<string, string> = {}): Promise<unknown> {
  const read = (name: string): Buffer => readFileSync(join(folder.path, name));
  const own = as === undefined ? {} : { cert: read(`${as}.pem`), key: read(`${as}.key`) };
  const options = { ca: read("ca.pem"), ...own, headers, agent: false as const };
  return new Promise((resolve) => {
    const asked = request(url, options, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode));
    });
    asked.on("error", () => resolve("refused"));
    asked.end();
  });
}

test("with a certificate both sides speak HTTPS, and with authorities only to whom they know", async () => {
  certificates();
  const tls = ["--tls-cert", "server.pem", "--tls-key", "server.key"];
  const { started, urls } = await served(...tls, "--tls-ca", "ca.pem");
  expect(urls.map((url) => url.split(":")[0])).toEqual(["https", "https"]);
  const paths = ["/Greeter/greet", "/health"].map((path, i) => `${urls[i]}${path}`);
  for (const path of paths) {
    expect(await ask(path)).toBe("refused");
    expect(await ask(path, "stranger")).toBe("refused");
    expect(await ask(path, "client")).toBe(200);
  }
  // Who has a certificate has no role by it.
  expect(await ask(`${urls[1]}/invocations`, "client")).toBe(401);
  expect(await fetch((urls[0] ?? "").replace("https", "http")).catch(() => "refused")).toBe(
    "refused",
  );
  started.child.kill("SIGTERM");
  await started.ended;
  const half = await folder.run("serve", "app.ts", "--tls-cert", "server.pem");
  expect([half.code, half.error.includes("tlsKey")]).toEqual([1, true]);
});

const found = (text: string, among: readonly (string | undefined)[]): unknown[] =>
  among.filter((canary) => text.includes(canary as string));

function onDisk(path: string): string {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

test("check 17: what it was told in secret is in no output, file, metric or list of processes", async () => {
  const canaries = Array.from({ length: 20 }, (_, i) => `canary-${i}-8d41f7`);
  const [token = "", wrong, cookie, body, query, userinfo, admin = "", key, basic, idem] = canaries;
  folder.set("HOLDFAST_TOKENS", `${token}-as-a-token`);
  folder.set("HOLDFAST_ADMIN_TOKENS", `read:${hexOf(sha256(utf8(`${admin}-as-a-token`)))}`);
  const { started, urls } = await served();
  const [ingress, side] = urls as [string, string];
  const headers = {
    authorization: `Bearer ${token}-as-a-token`,
    cookie: `s=${cookie}`,
    "x-api-key": key as string,
    "proxy-authorization": `Basic ${basic}`,
    "content-type": "application/json",
  };
  const post = (path: string, more: object = {}): Promise<Response> =>
    fetch(`${ingress}${path}`, {
      method: "POST",
      body: `"${body}"`,
      headers: { ...headers, ...more },
    });
  const answers = [
    await post(`/Greeter/fails/send?x=${query}`, { "idempotency-key": idem }),
    await post("/Greeter/greet", { authorization: `Bearer ${wrong}-as-a-token` }),
    await post(`/Nobody/${canaries[10]}`),
    await fetch(`${side}/invocations`, { headers: { authorization: `Bearer ${wrong}` } }),
    await fetch(`${side}/nothing/${canaries[11]}`, {
      headers: { authorization: `Bearer ${admin}-as-a-token` },
    }),
    await fetch(`${side}/metrics`, { headers: { authorization: `Bearer ${admin}-as-a-token` } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([202, 401, 404, 401, 404, 200]);
  const said: string[] = [];
  for (const answer of answers) said.push(await answer.text());
  const bad = `nats://me:${userinfo}@127.0.0.1:1`;
  const refused = await folder.run("serve", "app.ts", "--data", "d2", "--nats", bad);
  const configured = await folder.run("config", "--json", "--nats", bad);
  said.push(refused.error, refused.out, configured.out, configured.error);
  if (process.platform === "linux") {
    said.push(readFileSync(`/proc/${started.child.pid}/cmdline`, "utf8"));
  }
  started.child.kill("SIGTERM");
  const ended = await started.ended;
  said.push(ended.error, ended.out);
  // Input and names are kept; credentials are not.
  const kept = new Set([body, idem, query]);
  const disk = onDisk(join(folder.path, "data"));
  expect(
    found(
      said.join("\n"),
      canaries.filter((one) => one !== canaries[10] && one !== canaries[11]),
    ),
  ).toEqual([]);
  expect(
    found(
      disk,
      canaries.filter((one) => !kept.has(one)),
    ),
  ).toEqual([]);
  expect(found(disk, [body])).toEqual([body]);
});
