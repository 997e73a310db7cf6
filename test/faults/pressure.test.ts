// A real process with a heap of 512 MB under more than it can do at once, and what no handler should
// do: each limit answers with its status, keys that are well go on, and memory stays where it is. How
// long its event loop was held up is printed, never asserted. PRESSURE=n for the share of the full size,
// in percent.

import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inboxLengthMax, payloadBytesMax } from "../../src/model/limits.ts";
import { compileProgram, type Program } from "../support/program.ts";
import { EngineProcess } from "./directory/engine-process.ts";
import type { PressureOrder } from "./pressure/child.ts";

const percent = Number(process.env["PRESSURE"] ?? 2);
const queued = 1000 * percent;
const calls = 100 * percent;
const entries = 1000 * percent;
const heapMiB = 512;
const patienceMs = 60_000 + percent * 12_000;

let program: Program;
let folder: string;
let engine: EngineProcess<PressureOrder>;
let url: string;

beforeAll(async () => {
  program = await compileProgram(new URL("./pressure/child.ts", import.meta.url));
  folder = mkdtempSync(join(tmpdir(), "holdfast-pressure-"));
  const args = [join(folder, "data")];
  const execArgv = [`--max-old-space-size=${heapMiB}`];
  engine = new EngineProcess(program.path, { args, execArgv });
  url = (await engine.get({ do: "open" })) as string;
}, 30_000);
afterAll(async () => {
  await engine.kill();
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function told(what: string): Promise<void> {
  const numbers = await engine.get({ do: "numbers" });
  process.stdout.write(`pressure, ${what}: ${JSON.stringify(numbers)}\n`);
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

test(
  `a key with ${queued} invocations queued holds up no other, and takes them in order`,
  async () => {
    await engine.get({ do: "queue", count: queued });
    await told("queued");
    await engine.get({ do: "others", count: 500 });
    if (queued === inboxLengthMax) {
      const { code } = await engine.ask({ do: "done", count: 0 });
      expect(code).toBe("INBOX_FULL");
    }
    await engine.get({ do: "release" });
    let done: unknown;
    await eventually(async () => {
      const { value, code } = await engine.ask({ do: "done", count: 0 });
      if (code !== "INBOX_FULL") expect(code).toBeUndefined();
      done = value;
      return code === undefined;
    });
    expect(done).toBe(queued);
    await told("drained");
  },
  patienceMs,
);

test(
  `${calls} calls at a time are all answered`,
  async () => {
    expect(await engine.get({ do: "calls", count: calls })).toBe(calls);
    const asked = Array.from({ length: 300 }, (_, i) => posted("/Bear/echo", `${i}`));
    for (const [i, { status, text, again }] of (await Promise.all(asked)).entries()) {
      if (status === 200) expect(text).toBe(`${i}`);
      else expect([[429, 503].includes(status), again]).toEqual([true, expect.any(String)]);
    }
    await told("many calls");
  },
  patienceMs,
);

test(
  `a journal of ${entries} entries is written and ends`,
  async () => {
    expect(await engine.get({ do: "journal", count: entries })).toBeGreaterThanOrEqual(entries);
    await told("long journal");
  },
  patienceMs,
);

describe("what no handler and no client should do", () => {
  test("handlers that always throw or never end are seen as such, and others go on", async () => {
    const thrown = (await engine.get({ do: "throw", count: 50 })) as string[];
    const hanging = (await engine.get({ do: "hang", count: 50 })) as string[];
    await engine.get({ do: "others", count: 200 });
    for (const id of [thrown[0], hanging[0]]) {
      const output = await got(`/restate/output/${id}`);
      expect(output.status).toBe(470);
    }
    expect((await posted("/Bear/echo", '"well"')).text).toBe('"well"');
  }, 60_000);

  test("bodies of every size: within the limit they come back, above it 413, and nothing is kept", async () => {
    for (const [length, status] of [
      [2, 200],
      [3, 200],
      [payloadBytesMax - 1, 200],
      [payloadBytesMax, 200],
      [payloadBytesMax + 1, 413],
      [8 * payloadBytesMax, 413],
    ] as const) {
      const body = `"${"x".repeat(length - 2)}"`;
      for (const chunked of [false, true]) {
        const answer = await posted("/Bear/echo", body, { chunked });
        // Who goes on sending is cut off after a while, and may not see its answer.
        const refused = status === 413 && answer.status === cutOff;
        if (!refused) expect([length, chunked, answer.status]).toEqual([length, chunked, status]);
        if (status === 200) expect(answer.text === body).toBe(true);
      }
    }
    expect(await posted("/Bear/echo", "")).toMatchObject({ status: 200, text: "" });
    expect((await posted("/Bear/echo", "[".repeat(100_000))).status).toBe(400);
    await told("large bodies");
  }, 60_000);

  test("a state value of 10 MB is refused, and its key goes on", async () => {
    const { code } = await engine.ask({ do: "large", count: 10 * 1024 * 1024 });
    expect(code).toBe("PAYLOAD_TOO_LARGE");
    await engine.get({ do: "large", count: 100 });
  }, 60_000);

  test.each([
    ["of 4 KB", "k".repeat(4096), 400],
    ["with NUL", "a\u0000b", 400],
    ["from right to left", "\u202eabc\u05d0", 200],
    ["named __proto__", "__proto__", 200],
  ])("a key %s is refused or is a key like any other", async (_name, key, status) => {
    const answer = await posted(`/Hot/${encodeURIComponent(key)}/done`, "");
    expect([answer.status, status === 200 ? answer.text : ""]).toEqual([
      status,
      status === 200 ? "0" : "",
    ]);
  });

  test("a client that sends a byte at a time and one that does not read hold up nobody", async () => {
    const slow = posted("/Bear/echo", `"${"s".repeat(20)}"`, { everyMs: 40 });
    const unread = request(`${url}/Bear/echo`, { method: "POST", headers: json });
    // Of four megabytes of answer it takes none.
    unread.end(`"${"u".repeat(payloadBytesMax - 2)}"`);
    unread.on("error", () => {});
    for (let i = 0; i < 100; i++) expect((await posted("/Bear/echo", `${i}`)).text).toBe(`${i}`);
    expect((await slow).status).toBe(200);
    unread.destroy();
    await told("slow clients");
  }, 60_000);
});

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly again: string | undefined;
}

/** In place of a status: the connection ended first. */
const cutOff = 0;

const json = { "content-type": "application/json" };
const got = (path: string): Promise<Answered> => sent(path, "GET", "", {});

function posted(path: string, body: string, how: Sending = {}): Promise<Answered> {
  return sent(path, "POST", body, how);
}

interface Sending {
  /** Without a length. */
  readonly chunked?: boolean;
  /** One byte each time. */
  readonly everyMs?: number;
}

function sent(path: string, method: string, body: string, how: Sending): Promise<Answered> {
  const { chunked = false, everyMs } = how;
  const length = chunked ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  const headers = method === "GET" ? {} : { ...json, ...length };
  return new Promise((resolve, reject) => {
    const asking = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      const { statusCode: status = 0, headers: got } = response;
      response.on("end", () => resolve({ status, text, again: got["retry-after"] }));
    });
    let status: Answered | undefined;
    asking.on("response", ({ statusCode = 0 }) => {
      status = { status: statusCode, text: "", again: undefined };
    });
    // Who refuses a body need not read the rest of it; the socket hears of that after its request has.
    asking.on("socket", (socket) => socket.on("error", () => {}));
    asking.on("error", (error: NodeJS.ErrnoException) => {
      const cut = error.code === "EPIPE" || error.code === "ECONNRESET";
      if (status === undefined && !cut) reject(error);
      else resolve(status ?? { status: cutOff, text: "", again: undefined });
    });
    if (everyMs === undefined) return void asking.end(body);
    let at = 0;
    const timer = setInterval(() => {
      if (at < body.length) asking.write(body[at++]);
      else {
        clearInterval(timer);
        asking.end();
      }
    }, everyMs);
  });
}
