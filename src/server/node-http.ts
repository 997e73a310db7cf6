// What Node's HTTP server hands over, as a request to the ingress or to any `fetch`, and the answer
// written back. Bodies are read only when they are asked for; a body that is too large is let run
// out for a moment, so that its sender sees the answer, and then cut off.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GiveUp } from "../engine/door.ts";
import { concatBytes, utf8 } from "../std/bytes.ts";
import { bodyTooLarge, type Fetch } from "./fetch.ts";
import type { HttpRequest, HttpResponse, HttpStream } from "./http.ts";

/** What Node's server, Express and Fastify call for a request. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

type Answer = (request: HttpRequest) => Promise<HttpResponse | HttpStream>;

/** Time to take in what is still being sent after a request was answered. */
const lingerMs = 500;

export function nodeHandlerOf(answer: Answer): NodeHandler {
  return (incoming, outgoing) => {
    answer(new NodeRequest(incoming, outgoing)).then(
      (response) => {
        if ("stream" in response) void stream(outgoing, response).catch(() => outgoing.destroy());
        else write(incoming, outgoing, response);
      },
      // `answer` rejects for nobody; what is left is a broken invariant of ours.
      () => outgoing.destroy(),
    );
  };
}

/** A class, not closures: there is one of these for every request. */
class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly signal: Gone;
  readonly #incoming: IncomingMessage;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.method = incoming.method ?? "GET";
    this.url = incoming.url ?? "/";
    this.signal = new Gone(outgoing);
  }

  header(name: string): string | undefined {
    return valueOf(this.#incoming.headers[name]);
  }

  headers(): [string, string][] {
    const all: [string, string][] = [];
    const { headers } = this.#incoming;
    for (const name in headers) all.push([name, valueOf(headers[name]) ?? ""]);
    return all;
  }

  body(bytesMax: number): Promise<Uint8Array> {
    return bytesOf(this.#incoming, bytesMax);
  }
}

function valueOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Raised when the client has gone before it was answered; heard by one. */
class Gone implements GiveUp {
  aborted = false;
  #then: (() => void) | undefined;

  constructor(outgoing: ServerResponse) {
    outgoing.once("close", () => {
      if (outgoing.writableEnded) return;
      this.aborted = true;
      this.#then?.();
    });
  }

  get reason(): unknown {
    return new Error("the client has gone");
  }

  addEventListener(_type: "abort", then: () => void): void {
    this.#then = then;
  }

  removeEventListener(): void {
    this.#then = undefined;
  }
}

function write(incoming: IncomingMessage, outgoing: ServerResponse, response: HttpResponse): void {
  const { status, headers, body } = response;
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, {
    ...headers,
    "content-length": body === null ? 0 : Buffer.byteLength(body),
  });
  linger(incoming, outgoing);
  if (body === null) outgoing.end();
  else outgoing.end(body);
}

async function stream(outgoing: ServerResponse, response: HttpStream): Promise<void> {
  const { stream: pieces } = response;
  // Nobody is left to read: what is behind it is told that it is over.
  if (outgoing.destroyed) return void (await pieces[Symbol.asyncIterator]().return?.());
  outgoing.writeHead(response.status, response.headers);
  for await (const piece of pieces) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece)) await drained(outgoing);
  }
  outgoing.end();
}

function linger(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.complete) return;
  outgoing.once("finish", () => {
    const cut = setTimeout(() => incoming.socket.destroy(), lingerMs);
    const clear = (): void => clearTimeout(cut);
    incoming.once("end", clear).once("close", clear);
    incoming.resume();
  });
}

function bytesOf(incoming: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parsed = (incoming as { readonly body?: unknown }).body;
  if (parsed !== undefined && incoming.readableEnded) {
    return Promise.resolve(unparsed(parsed, incoming.headers["content-type"]));
  }
  return new Promise((resolve, reject) => {
    const declared = Number(incoming.headers["content-length"] ?? 0);
    if (declared > bytesMax) return reject(bodyTooLarge(bytesMax));
    const parts: Uint8Array[] = [];
    let length = 0;
    const onData = (part: Uint8Array): void => {
      length += part.length;
      if (length > bytesMax) {
        incoming.off("data", onData);
        incoming.pause();
        return reject(bodyTooLarge(bytesMax));
      }
      parts.push(part);
    };
    incoming.on("data", onData);
    incoming.once("end", () => resolve(parts.length === 1 ? parts[0]! : concatBytes(...parts)));
    incoming.once("error", reject);
  });
}

/** A framework has read the body already: what it made of it becomes bytes again. */
function unparsed(body: unknown, contentType = ""): Uint8Array {
  if (body instanceof Uint8Array) return body;
  // A parser of JSON gives the text within the quotes, any other the text as it came.
  if (typeof body === "string" && !/^application\/(?:.*\+)?json/i.test(contentType))
    return utf8(body);
  return utf8(JSON.stringify(body));
}

/** Any `fetch` as a handler for Node: its body is streamed, at the pace of who reads it. */
export function nodeHandlerOfFetch(fetch: Fetch, scheme: "http" | "https" = "http"): NodeHandler {
  return (incoming, outgoing) => {
    void answerByFetch(fetch, scheme, incoming, outgoing).catch(() => outgoing.destroy());
  };
}

function goneSignal(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  new Gone(outgoing).addEventListener("abort", () => gone.abort());
  return gone.signal;
}

async function answerByFetch(
  fetch: Fetch,
  scheme: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const response = await fetch(webRequest(scheme, incoming, outgoing));
  if (outgoing.destroyed) return;
  outgoing.writeHead(response.status, [...response.headers].flat());
  linger(incoming, outgoing);
  if (response.body === null) return void outgoing.end();
  const reader = response.body.getReader();
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return void outgoing.end();
    if (!outgoing.write(value)) await drained(outgoing);
  }
}

function webRequest(scheme: string, incoming: IncomingMessage, outgoing: ServerResponse): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) pairs.push([name, valueOf(value) as string]);
  }
  const bodyless = method === "GET" || method === "HEAD" || !hasBody(incoming);
  return new Request(`${scheme}://${headers.host ?? "localhost"}${url}`, {
    method,
    headers: pairs,
    signal: goneSignal(outgoing),
    ...(bodyless ? undefined : { body: streamOf(incoming), duplex: "half" as const }),
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function streamOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      incoming.pause();
      incoming.on("data", (part: Uint8Array) => {
        controller.enqueue(part);
        incoming.pause();
      });
      incoming.once("end", () => controller.close());
      incoming.once("error", (error) => controller.error(error));
    },
    pull: () => void incoming.resume(),
    cancel: () => void incoming.pause(),
  });
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.once("drain", done).once("close", done);
  });
}
