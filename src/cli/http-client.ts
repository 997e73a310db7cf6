// Asks a running engine over HTTP: its admin side and its ingress. What it answers becomes data or
// an error with an exit code; nothing is retried, because a person or a script is there to decide.
import { socketFetch } from "#socket";
import type { Fetch } from "../client/transport.ts";
import { adminPrefix } from "../server/visitors.ts";
import { readAdminToken } from "./admin-token.ts";
import type { Configured } from "./config.ts";
import { CliError, type ExitCode, exit } from "./exit.ts";

export interface AskOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export class HttpClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #what: string;
  readonly #socket: Socket | undefined;

  /** `socket`: tried first; where nobody is behind it, nothing was sent, and the url is asked. */
  constructor(what: string, url: string, token: string | undefined, socket?: Socket) {
    this.#what = what;
    this.#socket = socket;
    this.url = url.replace(/\/+$/, "");
    this.#token = token;
  }

  /** @throws CliError. */
  async ask(path: string, options: AskOptions = {}): Promise<Response> {
    const { method = "GET", body, headers = {}, signal } = options;
    const response = await this.#fetch(path, {
      method,
      redirect: "error",
      ...(signal === undefined ? {} : { signal }),
      headers: {
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw await this.#refused(response);
    return response;
  }

  async json<T>(path: string, options: AskOptions = {}): Promise<T> {
    const text = await (await this.ask(path, options)).text();
    try {
      return (text === "" ? undefined : JSON.parse(text)) as T;
    } catch {
      throw new CliError(`${this.url} answered what is no JSON: is it an engine's ${this.#what}?`);
    }
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const answered = await this.#beside(path, init);
    if (answered !== undefined) return answered;
    try {
      return await fetch(`${this.url}${path}`, init);
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      const { cause } = error as { readonly cause?: { readonly code?: string; message?: string } };
      const why = cause?.code ?? cause?.message ?? String(error);
      const beside = this.#socket === undefined ? "" : ", and none has the data directory open";
      throw new CliError(
        `No engine answers at ${this.url} (${why})${beside}. Start one with holdfast serve, or name its ` +
          `${this.#what} with ${this.#what === "ingress" ? "--url" : "--admin-url"}.`,
        exit.unreachable,
      );
    }
  }

  async #beside(path: string, init: RequestInit): Promise<Response | undefined> {
    const socket = this.#socket;
    if (socket === undefined) return undefined;
    try {
      return await socket.fetch(`http://localhost${socket.prefix}${path}`, init);
    } catch (error) {
      const { code = "" } = error as { readonly code?: string };
      if (nobodyThere.has(code)) return undefined;
      throw error;
    }
  }

  async #refused(response: Response): Promise<CliError> {
    const { status } = response;
    const text = (await response.text()).slice(0, 4096);
    let message = text;
    try {
      const { message: told } = JSON.parse(text) as { readonly message?: unknown };
      if (typeof told === "string") message = told;
    } catch {
      // Told as it came.
    }
    const code = response.headers.get("x-holdfast-code");
    const named = code === null ? `${status}` : code;
    return new CliError(`${named}: ${message}`, exitOf(response, status));
  }
}

function exitOf({ headers }: Response, status: number): ExitCode {
  if (headers.get("x-restate-error-source") === "invocation") return exit.invocationFailed;
  if (status === 401) return exit.unreachable;
  return status === 404 ? exit.notFound : exit.failed;
}

/** The way through the socket that guards a data directory. */
interface Socket {
  readonly fetch: Fetch;
  readonly prefix: string;
}

/** The socket is not there, or was left behind by a process that died, or is not ours to use. */
const nobodyThere: ReadonlySet<string> = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR", "EACCES"]);

/** Through the socket of the data directory, unless a url, a port or a token is named. */
export function adminClient({ values, origins }: Configured): HttpClient {
  const { adminUrl, adminPort, adminToken, data } = values;
  const url = adminUrl === "" ? `http://127.0.0.1:${adminPort}` : adminUrl;
  const token = adminToken === "" ? readAdminToken(data) : adminToken;
  const named = adminUrl !== "" || adminToken !== "" || origins.get("adminPort") !== "default";
  return new HttpClient("admin side", url, token, named ? undefined : socketOf(data, adminPrefix));
}

/** The same for the ingress. */
export function ingressClient({ values, origins }: Configured): HttpClient {
  const { url, port, token, data } = values;
  const at = url === "" ? `http://127.0.0.1:${port}` : url;
  const named = url !== "" || token !== "" || origins.get("port") !== "default";
  const socket = named ? undefined : socketOf(data, "");
  return new HttpClient("ingress", at, token === "" ? undefined : token, socket);
}

function socketOf(data: string, prefix: string): Socket | undefined {
  try {
    return { fetch: socketFetch(data), prefix };
  } catch {
    // No socket can be in a directory with such a path.
    return undefined;
  }
}
