// The client of an engine elsewhere: the verbs of an engine, over HTTP. It has nothing of an engine
// and nothing of Node in it, and works wherever there is a fetch.
import { durationMs } from "../model/duration.ts";
import type { Target } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import type { CallRequest } from "../model/message.ts";
import type { Payload } from "../model/payload.ts";
import { type Called, methodsOf, requestOf } from "../sdk/calls.ts";
import { jsonSerde, type Serde } from "../sdk/serde.ts";
import type { Callable, CallOptions, Client, Invocation, SendOptions } from "../sdk/types.ts";
import { encodeJson } from "../sdk/values.ts";
import { bytesOfBase64 } from "../std/bytes.ts";
import { checkOk, payloadIn } from "./answer.ts";
import { type Ask, Transport, type TransportOptions } from "./transport.ts";

export type ConnectOptions = TransportOptions;

interface Waiting extends CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of an engine behind a url; or, on its machine, of the one that has a data directory open.
 * Nothing is asked until something is called.
 *
 * What changes nothing when it is repeated is tried again on failures in between: requests with an
 * idempotency key, starts of workflows, waiting for results.
 *
 * @example
 * const client = connect({ url: "http://127.0.0.1:8080" });
 * const beside = connect({ data: "./data" });
 * const reserved = await client.call(cart, "user-1").addTicket("TICKET-001");
 */
export function connect(options: ConnectOptions): Client & AsyncDisposable {
  return new HttpClient(new Transport(options));
}

class HttpClient implements Client, AsyncDisposable {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  readonly call: Client["call"] = ((target: Callable, ...to: []) =>
    methodsOf<Waiting, Promise<unknown>>(target, to, (called) =>
      this.#call(called),
    )) as Client["call"];

  readonly send: Client["send"] = ((target: Callable, ...to: []) =>
    methodsOf<SendOptions, Promise<Invocation<unknown>>>(target, to, (called) =>
      this.#send(called, target.kind === "workflow"),
    )) as Client["send"];

  async #call(called: Called<Waiting>): Promise<unknown> {
    const { target, options, spec } = called;
    const safe = options?.idempotencyKey !== undefined;
    const request = await requestOf(called);
    const signal = options?.signal;
    const ask = { ...askOf(request, spec?.serde, ""), safe, signal };
    return this.#value(ask, target, spec?.serde);
  }

  async #send(called: Called<SendOptions>, workflow: boolean): Promise<Invocation<unknown>> {
    const { target, options, spec } = called;
    const run = workflow && target.handler === "run";
    const safe = run || options?.idempotencyKey !== undefined;
    const request = await requestOf(called);
    const verb = `/send${delayOf(options?.delay)}`;
    const response = await this.#transport.ask({ ...askOf(request, spec?.serde, verb), safe });
    await checkOk(response, target);
    const { invocationId } = (await response.json()) as { readonly invocationId: string };
    return this.#invocation(invocationId, target, spec?.serde);
  }

  /** @throws what the invocation ended with. */
  async #value(ask: Ask, target: Target | undefined, serde: Serde | undefined): Promise<unknown> {
    const response = await this.#transport.ask(ask);
    return (serde ?? jsonSerde).decode(await payloadIn(response, target));
  }

  invocation<O = unknown>(id: string): Invocation<O> {
    return this.#invocation(id, undefined, undefined) as Invocation<O>;
  }

  #invocation(
    id: string,
    target: Target | undefined,
    serde: Serde | undefined,
  ): Invocation<unknown> {
    return {
      id,
      result: () => this.#value(reading(`/restate/invocation/${id}/attach`), target, serde),
      cancel: () => this.#cancel(id),
    };
  }

  /** Its id is the server's to say: known once its result was there or it was cancelled. */
  readonly workflow: Client["workflow"] = ((workflow: Callable<"workflow">, key: string) => {
    const service = workflow.name;
    const target = { service, key, handler: "run" };
    checkPathSegment(key);
    let id: string | undefined;
    const known = async (): Promise<string> => (id ??= await this.#runId(service, key));
    const path = `/restate/workflow/${service}/${encodeURIComponent(key)}/attach`;
    return {
      get id() {
        if (id !== undefined) return id;
        throw new TypeError(
          "The id of this run is not known yet: await result() or cancel() first.",
        );
      },
      result: async () => {
        const response = await this.#transport.ask(reading(path));
        id = response.headers.get("x-restate-id") ?? id;
        return jsonSerde.decode(await payloadIn(response, target));
      },
      cancel: async () => this.#cancel(await known()),
    };
  }) as Client["workflow"];

  async #runId(service: string, key: string): Promise<string> {
    const of = { target: "workflow", workflowName: service, workflowKey: key };
    const response = await this.#transport.ask({
      method: "POST",
      path: "/restate/lookup",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(of),
      safe: true,
    });
    await checkOk(response, undefined);
    return ((await response.json()) as { readonly invocationId: string }).invocationId;
  }

  #cancel(id: string): Promise<void> {
    return this.#tell(`/restate/invocation/${id}/cancel`, null, true);
  }

  awakeable(id: string): ReturnType<Client["awakeable"]> {
    const path = `/restate/awakeables/${encodeURIComponent(id)}`;
    return {
      resolve: async (value) => {
        await this.#tell(`${path}/resolve`, encodeJson(value, "The value of an awakeable"), true);
      },
      reject: async (reason) => {
        const headers = { "content-type": "text/plain; charset=utf-8" };
        const ask = { path: `${path}/reject`, headers, body: reason, safe: true };
        await checkOk(await this.#transport.ask({ method: "POST", ...ask }), undefined);
      },
    };
  }

  async signal(id: string, name: string, value?: unknown): Promise<void> {
    const path = `/restate/invocation/${id}/signal/${encodeURIComponent(name)}`;
    // Each arrival is a value of its own: never repeated.
    await this.#tell(path, encodeJson(value, "The value of a signal"), false);
  }

  async #tell(path: string, payload: Payload, safe: boolean): Promise<void> {
    const body = bodyOf(payload, undefined);
    const response = await this.#transport.ask({ method: "POST", path, ...body, safe });
    await checkOk(response, undefined);
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

type Posted = Pick<Ask, "method" | "path" | "headers" | "body">;

function askOf(request: CallRequest, serde: Serde | undefined, verb: string): Posted {
  const { target, idempotencyKey } = request;
  const { service, key, handler } = target;
  if (key !== null) checkPathSegment(key);
  const of = key === null ? "" : `${encodeURIComponent(key)}/`;
  const { headers, body } = bodyOf(request.input, serde);
  return {
    method: "POST",
    path: `/${service}/${of}${handler}${verb}`,
    headers: {
      ...request.headers,
      ...headers,
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": checkedText(idempotencyKey) }),
    },
    body,
  };
}

function bodyOf(payload: Payload, serde: Serde | undefined): Pick<Ask, "headers" | "body"> {
  if (payload === null) return { body: null };
  if (typeof payload === "string") {
    const type = serde?.contentType ?? "application/json";
    return { headers: { "content-type": type }, body: payload };
  }
  return { headers: { "content-type": payload.contentType }, body: bytesOfBase64(payload.base64) };
}

function reading(path: string): Ask {
  return { method: "GET", path, safe: true };
}

function delayOf(delay: SendOptions["delay"]): string {
  if (delay === undefined) return "";
  const ms = delay instanceof Date ? Math.max(0, delay.getTime() - Date.now()) : durationMs(delay);
  if (Number.isFinite(ms)) return `?delay=${ms}ms`;
  throw new HoldfastError("DURATION_INVALID", { message: "The delay is an invalid Date." });
}

/** A path has no other way to write these two: every URL is rid of them before it is sent. */
function checkPathSegment(key: string): void {
  if (key !== "." && key !== "..") return;
  throw new HoldfastError("KEY_INVALID", {
    message: `The key "${key}" cannot be sent over HTTP, where it means a place in a path.`,
  });
}

function checkedText(idempotencyKey: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(idempotencyKey)) return idempotencyKey;
  throw new HoldfastError("IDEMPOTENCY_KEY_INVALID", {
    message: "Over HTTP an idempotency key is a header: give visible ASCII characters.",
  });
}
