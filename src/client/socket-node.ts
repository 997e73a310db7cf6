// A fetch through the socket that guards a data directory, to the engine that has it open. Of Node's
// modules nothing is loaded before it is used.
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Fetch } from "./transport.ts";

/** Longer paths do not fit the kernel's address: an engine makes no socket there. */
const socketPathBytesMax = 100;

/** @throws TypeError for a directory whose path is too long. */
export function socketFetch(data: string): Fetch {
  const path = socketPath(data);
  return async (url, init) => {
    const { request, Agent } = await import("node:http");
    const agent = (agents.get(path) ??
      new Agent({ keepAlive: true, maxSockets: 256 })) as InstanceType<typeof Agent>;
    agents.set(path, agent);
    const { pathname, search, host } = new URL(url);
    const { method = "GET", body, signal } = init;
    const headers = { host, ...(init.headers as Readonly<Record<string, string>> | undefined) };
    const options = { agent, socketPath: path, path: pathname + search, method, headers };
    return new Promise((resolve, reject) => {
      const asked = request(options, (answer) => resolve(responseOf(answer, asked)));
      asked.on("error", reject);
      if (signal?.aborted === true) asked.destroy(signal.reason as Error);
      signal?.addEventListener("abort", () => asked.destroy(signal.reason as Error), {
        once: true,
      });
      asked.end((body as string | Uint8Array | null | undefined) ?? undefined);
    });
  };
}

const agents = new Map<string, object>();

function socketPath(data: string): string {
  const { resolve, join } = process.getBuiltinModule("node:path");
  const path = join(resolve(data), "lock.sock");
  if (process.platform !== "win32" && Buffer.byteLength(path) <= socketPathBytesMax) return path;
  throw new TypeError(
    `connect({ data: ${JSON.stringify(data)} }): there is no socket in a directory with so long a ` +
      "path, or on Windows. Serve the engine on a port and name that: connect({ url }).",
  );
}

function responseOf(answer: IncomingMessage, asked: ClientRequest): Response {
  const { statusCode = 500, headersDistinct } = answer;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const empty = statusCode === 204 || statusCode === 304;
  if (empty) answer.resume();
  return new Response(empty ? null : bodyOf(answer, asked), { status: statusCode, headers });
}

function bodyOf(answer: IncomingMessage, asked: ClientRequest): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      answer.on("data", (part: Uint8Array) => {
        controller.enqueue(new Uint8Array(part));
        if ((controller.desiredSize ?? 0) <= 0) answer.pause();
      });
      answer.once("end", () => controller.close());
      answer.once("error", (error) => controller.error(error));
    },
    pull: () => void answer.resume(),
    cancel: () => void asked.destroy(),
  });
}
