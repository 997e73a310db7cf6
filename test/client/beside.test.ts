// A client beside an engine: through the socket that guards its data directory.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { Engine, type HoldfastError } from "../../src/index.ts";
import { CliFolder } from "../support/cli.ts";
import { approval, counter, greeter } from "../support/services.ts";

let folder: string;
let data: string;
let engine: Engine;
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hf-"));
  data = join(folder, "data");
  asked = [];
  const services = [counter, greeter, approval((id) => asked.push(id))];
  engine = await (await Engine.open({ services, data })).start();
});
afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

test("calls, sends and failures go through it, without a port and without a token", async () => {
  await using client = connect({ data });
  expect(await client.call(counter, "k").add(2)).toBe(2);
  const sent = await client.send(greeter).greet("Ada");
  expect(await sent.result()).toBe("Hello, Ada");
  expect(await engine.invocation(sent.id).result()).toBe("Hello, Ada");
  const refused = client.call(greeter).refuse({ code: "NO" });
  await expect(refused).rejects.toMatchObject({ code: "NO", status: 418 });
});

test("a hundred calls at a time are answered each with its own", async () => {
  await using client = connect({ data });
  const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
  const said = await Promise.all(names.map((name) => client.call(greeter).greet(name)));
  expect(said).toEqual(names.map((name) => `Hello, ${name}`));
});

test("directory and socket are their owner's alone", () => {
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, "lock.sock")).mode & 0o777).toBe(0o600);
});

test("a second process is told of it, and by this it works", async () => {
  const program = join(folder, "second.mjs");
  const index = new URL("../../dist/index.js", import.meta.url).href;
  writeFileSync(
    program,
    `import { Engine } from ${JSON.stringify(index)};
     const engine = await Engine.open({ services: [], data: ${JSON.stringify(data)} });
     await engine.start().catch((error) => console.log(JSON.stringify([error.code, error.message])));`,
  );
  const told = await new Promise<string>((resolve, reject) =>
    execFile(process.execPath, [program], (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    ),
  );
  const [code, message] = JSON.parse(told) as [string, string];
  expect(code).toBe("DIRECTORY_LOCKED");
  expect(message).toContain(`connect({ data: ${JSON.stringify(data)} }) of "holdfast/client"`);
});

test("who waits when the engine ends is told so, and nobody is there afterwards", async () => {
  await using client = connect({ data, retry: { attempts: 1 } });
  const waiting = client.call(greeter).sleep("60s");
  const told = waiting.catch((error: HoldfastError) => error.code);
  await client.call(greeter).greet("Ada");
  await engine.close();
  expect(await told).toMatch(/^(ENGINE_CLOSED|SERVER_UNREACHABLE)$/);
  const after = client.call(greeter).greet("Ada");
  await expect(after).rejects.toMatchObject({ code: "SERVER_UNREACHABLE", data: { url: data } });
});

test("what is no request is cut off, and does the others no harm", async () => {
  const answers = ["\0\0\0\0", "GET", `GET / HTTP/1.1\r\n${"x".repeat(100_000)}`, "?"].map(
    (text) =>
      new Promise<string>((resolve) => {
        const socket = connectSocket(join(data, "lock.sock"), () => socket.end(text));
        let answer = "";
        socket.on("data", (part) => (answer += String(part)));
        socket.on("error", () => {}).on("close", () => resolve(answer));
      }),
  );
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^(HTTP\/1.1 4\d\d |$)/);
  await using client = connect({ data });
  expect(await client.call(greeter).greet("Ada")).toBe("Hello, Ada");
});

test("commands need no port either: ls, why, invoke, state, sql and backup of an engine without one", async () => {
  await engine.call(counter, "k").add(3);
  const cli = new CliFolder("beside");
  const run = async (...args: string[]): Promise<string> => {
    const { out, error, code } = await cli.run(...args, "--data", data);
    expect([args[0], code, error.includes("No engine")]).toEqual([args[0], 0, false]);
    return out;
  };
  expect(await run("ls")).toContain("Counter/k/add");
  expect((await run("invoke", "Counter/k/add", "4")).trim()).toBe("7");
  expect(await run("state", "Counter/k")).toContain("7");
  expect(await run("sql", "SELECT count(*) AS n FROM sys_invocation")).toContain("2");
  await run("backup", join(folder, "backup"));
  expect(statSync(join(folder, "backup")).isDirectory()).toBe(true);
  const { id } = await engine.send(greeter).sleep("60s");
  expect(await run("why", id)).toContain("sleeps; it wakes");
  cli.remove();
});

test("a directory with too long a path says what to do instead", () => {
  expect(() => connect({ data: join(folder, "x".repeat(120)) })).toThrow(/connect\(\{ url \}\)/);
});

test("it is the same with the package as it is built", async () => {
  await engine.close();
  const at = (face: string): string =>
    JSON.stringify(new URL(`../../dist/${face}index.js`, import.meta.url).href);
  const program = join(folder, "built.mjs");
  writeFileSync(
    program,
    `import { Engine, service } from ${at("")};
     import { connect } from ${at("client/")};
     const greeter = service("Greeter", { async greet(_ctx, name) { return "Hello, " + name; } });
     const data = ${JSON.stringify(data)};
     const engine = await (await Engine.open({ services: [greeter], data })).start();
     console.log(await connect({ data }).call(greeter).greet("Ada"));
     process.stdin.resume().once("end", () => engine.close());`,
  );
  const child = execFile(process.execPath, [program]);
  const said = await new Promise<string>((resolve) => child.stdout?.once("data", resolve));
  expect(said.trim()).toBe("Hello, Ada");
  const cli = new CliFolder("built");
  const counted = await cli.run("sql", "SELECT count(*) AS n FROM sys_invocation", "--data", data);
  expect([counted.code, counted.out.includes("1")]).toEqual([0, true]);
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdin?.end();
  await ended;
  cli.remove();
});
