// Requests over fetch: repeated where that changes nothing, given up when the caller says so. What
// they ask and what their answers mean is client.ts.
import { socketFetch } from "#socket";
import { durationMs } from "../model/duration.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Duration } from "../sdk/types.ts";
import { backoffMs } from "../std/backoff.ts";

export interface RetryOptions {
  /** Tries in all, the first included. Default 6; 1 is none more. */
  readonly attempts?: number | undefined;
  /** Delay before the second try; it doubles, and jitter may halve it. Default 250 ms. */
  readonly delay?: Duration | undefined;
  /** Longest delay between tries. Default 3 seconds. */
  readonly maxDelay?: Duration | undefined;
}

export type TransportOptions = OptionsByUrl | OptionsByData;

export interface OptionsByUrl extends CommonOptions {
  /** Where the ingress answers, such as "http://127.0.0.1:8080" or "https://app.example/api/holdfast". */
  readonly url: string;
  readonly data?: undefined;
}

/** On Node, and on the machine where the engine runs. */
export interface OptionsByData extends CommonOptions {
  /**
   * The data directory of the engine: it is reached through the socket that guards it, without a
   * port and without a token. Who may read the directory's files may do this.
   */
  readonly data: string;
  readonly url?: undefined;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface CommonOptions {
  /** Sent as `authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Headers of every request, or what gives them. */
  readonly headers?: HeadersOption | undefined;
  /** How requests that change nothing when they are repeated are tried again. */
  readonly retry?: RetryOptions | undefined;
  /** In place of the global one. */
  readonly fetch?: Fetch | undefined;
}

type HeadersNow = Readonly<Record<string, string>>;
export type HeadersOption = HeadersNow | (() => HeadersNow | Promise<HeadersNow>);

export interface Ask {
  readonly method: "GET" | "POST";
  /** From the first slash. */
  readonly path: string;
  readonly headers?: HeadersNow | undefined;
  readonly body?: string | Uint8Array | null | undefined;
  /** Repeating it changes nothing. */
  readonly safe: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A try that has waited this long was no refusal: tries are counted anew after it. */
const patienceMs = 30_000;

export class Transport {
  readonly #options: TransportOptions;
  readonly #url: string;
  readonly #fetch: Fetch | undefined;
  /** As the user has named it. */
  readonly #named: string;
  readonly #attempts: number;
  readonly #firstMs: number;
  readonly #maxMs: number;
  /** Those under way. */
  readonly #open = new Set<AbortController>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { url, data } = options;
    this.#url = data === undefined ? checkedUrl(url) : "http://localhost";
    this.#fetch = options.fetch ?? (data === undefined ? undefined : socketFetch(data));
    this.#named = data ?? this.#url;
    const { attempts = 6, delay = 250, maxDelay = 3000 } = options.retry ?? {};
    if (!(attempts >= 1)) throw new TypeError(`retry.attempts is ${attempts}: give 1 or more.`);
    this.#attempts = attempts;
    this.#firstMs = durationMs(delay);
    this.#maxMs = durationMs(maxDelay);
  }

  /**
   * The answer, whatever its status.
   *
   * @throws HoldfastError `SERVER_UNREACHABLE`, `ENGINE_CLOSED`; what the caller's signal says.
   */
  async ask(ask: Ask): Promise<Response> {
    const giveUp = this.#begin(ask.signal);
    try {
      return await this.#tries(ask, giveUp.signal);
    } finally {
      this.#open.delete(giveUp.controller);
      giveUp.release();
    }
  }

  async #tries(ask: Ask, signal: AbortSignal): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const began = Date.now();
      const got = await this.#once(ask, signal);
      if (Date.now() - began > patienceMs) attempt = 1;
      const last = !ask.safe || attempt >= this.#attempts;
      if (got instanceof Response && (last || !isPassing(got))) return got;
      if (!(got instanceof Response) && last) throw got;
      const backoff = { firstMs: this.#firstMs, maxMs: this.#maxMs };
      const ms = retryAfterMs(got) ?? backoffMs(attempt, backoff, Math.random());
      await sleep(ms, signal);
    }
  }

  async #once(ask: Ask, signal: AbortSignal): Promise<Response | HoldfastError> {
    const { method, path, body } = ask;
    const { headers = {}, token } = this.#options;
    const fetch = this.#fetch ?? globalThis.fetch;
    const always = typeof headers === "function" ? await headers() : headers;
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const init = { method, body: body ?? null, signal };
    try {
      const headers = { ...always, ...bearer, ...ask.headers };
      const response = await fetch(this.#url + path, { ...init, headers });
      signal.throwIfAborted();
      return response;
    } catch (cause) {
      signal.throwIfAborted();
      return new HoldfastError("SERVER_UNREACHABLE", { data: { url: this.#named }, cause });
    }
  }

  #begin(signal: AbortSignal | undefined): GiveUp {
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    const controller = new AbortController();
    this.#open.add(controller);
    const abort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const release = (): void => signal?.removeEventListener("abort", abort);
    return { controller, signal: controller.signal, release };
  }

  close(): void {
    this.#closed = true;
    for (const controller of this.#open) controller.abort(closedError());
  }
}

interface GiveUp {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  release(): void;
}

function closedError(): HoldfastError {
  return new HoldfastError("ENGINE_CLOSED", { message: "This client is closed." });
}

/** Something in between, or a server that is busy: not an answer to what was asked. */
function isPassing({ status, headers }: Response): boolean {
  if (headers.get("x-restate-error-source") === "invocation") return false;
  return [408, 425, 429, 502, 503, 504].includes(status);
}

function retryAfterMs(got: Response | HoldfastError): number | undefined {
  if (!(got instanceof Response)) return undefined;
  const after = got.headers.get("retry-after");
  if (after === null) return undefined;
  const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - Date.now();
  return ms >= 0 && ms <= 60_000 ? ms : undefined;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}

function checkedUrl(url: string | undefined): string {
  if (typeof url === "string" && /^https?:\/\/[^/?#]+(?:\/[^?#]*)?$/i.test(url)) {
    return url.replace(/\/+$/, "");
  }
  throw new TypeError(`connect({ url }): ${JSON.stringify(url)} is no http or https address.`);
}
