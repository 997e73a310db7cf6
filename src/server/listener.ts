// A handler behind a port of Node's HTTP server, with limits on everything a stranger could make
// large or slow. It opens on loopback addresses, elsewhere only with credentials and encryption or
// when told so, and it ends by letting what is under way finish.
//
// HTTP/1.1 only. Not by way of a framework: routing is by kind of service, which no router knows,
// and the objects of the web (Request, Response, streams) cost more than the request does.
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { durationMs } from "../model/duration.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Duration } from "../sdk/types.ts";
import type { NodeHandler } from "./node-http.ts";

export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  /** Authorities, as PEM: only clients with a certificate of one of them are let in (mTLS). */
  readonly ca?: string | undefined;
}

export interface ListenOptions {
  /** Default 8080; 0 is any that is free. */
  readonly port?: number | undefined;
  /** Address listened on. Default "127.0.0.1". */
  readonly host?: string | undefined;
  /** Certificate and key as PEM: the server then speaks HTTPS. */
  readonly tls?: TlsOptions | undefined;
  /** Listen off loopback although others could invoke: something in front keeps them out. */
  readonly insecureBind?: boolean | undefined;
  /** Connections at a time, in all and of one address. Default 10,000 and 2,000. */
  readonly connectionsMax?: number | undefined;
  readonly connectionsPerAddressMax?: number | undefined;
  /** A request must have arrived within this; waiting for its answer is free. Default "30s". */
  readonly requestTimeout?: Duration | undefined;
  /** How long `close()` lets answers under way finish. Default "10s". */
  readonly drainTimeout?: Duration | undefined;
}

/** A server that listens. */
export interface Listener extends AsyncDisposable {
  /** Such as "http://127.0.0.1:8080". */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those under way finish, then cuts them off. Twice is once. */
  close(): Promise<void>;
}

/** Its headers sooner. */
const headersTimeoutMs = 10_000;
/** Longer than what load balancers keep idle, so that it is they who close. */
const keepAliveTimeoutMs = 65_000;
const checkIntervalMs = 1000;
const headerBytesMax = 16 * 1024;

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/**
 * Names a listener on this address answers to, unless it is told others: those that nobody else can
 * point at it.
 */
export function hostsOf(host: string): string[] | undefined {
  if (!loopback.test(host)) return undefined;
  return ["localhost", "127.0.0.1", "[::1]", host];
}

/** @throws HoldfastError `BIND_REFUSED`, `BIND_FAILED`. */
export async function listen(
  handler: NodeHandler,
  options: ListenOptions & { readonly authenticated: boolean },
): Promise<Listener> {
  const { host = "127.0.0.1", port = 8080, tls, insecureBind = false } = options;
  const guarded = tls !== undefined && (options.authenticated || tls.ca !== undefined);
  if (!loopback.test(host) && !guarded && !insecureBind) {
    throw new HoldfastError("BIND_REFUSED", { data: { host } });
  }
  const serving = new Serving(handler, options);
  await serving.listen(port, host);
  return serving;
}

class Serving implements Listener {
  readonly #server: HttpServer;
  readonly #scheme: string;
  readonly #drainMs: number;
  readonly #perAddressMax: number;
  readonly #perAddress = new Map<string, number>();
  #host = "";
  readonly #underWay = new Set<ServerResponse>();
  #idle: () => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(handler: NodeHandler, options: ListenOptions) {
    const { tls, connectionsMax = 10_000, connectionsPerAddressMax = 2000 } = options;
    const requestTimeout = durationMs(options.requestTimeout ?? "30s");
    const limits = {
      headersTimeout: Math.min(headersTimeoutMs, requestTimeout),
      requestTimeout,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(checkIntervalMs, requestTimeout),
      maxHeaderSize: headerBytesMax,
      insecureHTTPParser: false,
      noDelay: true,
    };
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server =
      tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...secured(tls) });
    this.#server.maxConnections = connectionsMax;
    this.#perAddressMax = connectionsPerAddressMax;
    this.#drainMs = durationMs(options.drainTimeout ?? "10s");
    this.#server.on("connection", (socket) => this.#connected(socket));
    this.#server.on("request", this.#counted(handler));
    // Who asks whether to send a body is told to, unless it is one we would not take.
    this.#server.on("checkContinue", (request, response) => {
      if (isWellFormed(request)) response.writeContinue();
      this.#server.emit("request", request, response);
    });
  }

  #connected(socket: IncomingMessage["socket"]): void {
    const address = socket.remoteAddress;
    if (address === undefined) return;
    const open = (this.#perAddress.get(address) ?? 0) + 1;
    if (open > this.#perAddressMax) return void socket.destroy();
    this.#perAddress.set(address, open);
    socket.once("close", () => {
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(address);
      else this.#perAddress.set(address, left);
    });
  }

  #counted(handler: NodeHandler): NodeHandler {
    return (request, response) => {
      this.#underWay.add(response);
      response.once("close", () => {
        this.#underWay.delete(response);
        if (this.#underWay.size === 0) this.#idle();
      });
      if (this.#closing !== undefined) response.setHeader("connection", "close");
      if (isWellFormed(request)) return handler(request, response);
      response.writeHead(400, { connection: "close", "content-type": "application/json" });
      const message = "the request names its host twice, or with its path";
      response.end(JSON.stringify({ code: 400, message, source: "ingress" }));
    };
  }

  listen(port: number, host: string): Promise<void> {
    this.#host = host.includes(":") ? `[${host}]` : host;
    return new Promise((resolve, reject) => {
      const refused = (cause: Error): void => {
        const happened = `${this.#host}:${port} cannot be listened on: ${cause.message}.`;
        reject(new HoldfastError("BIND_FAILED", { happened, cause, data: { host, port } }));
      };
      this.#server.once("error", refused);
      this.#server.listen({ port, host }, () => {
        this.#server.off("error", refused);
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get url(): string {
    return `${this.#scheme}://${this.#host}:${this.port}`;
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const response of this.#underWay) {
      if (!response.headersSent) response.setHeader("connection", "close");
    }
    if (this.#underWay.size > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, this.#drainMs);
        this.#idle = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function secured({ cert, key, ca }: TlsOptions): object {
  const asks = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion: "TLSv1.2", ...asks };
}

/** One host, and a path: what names a host elsewhere could be meant for somebody else. */
function isWellFormed({ url = "", rawHeaders }: IncomingMessage): boolean {
  if (!url.startsWith("/") && url !== "*") return false;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() === "host") hosts++;
  }
  return hosts === 1;
}
