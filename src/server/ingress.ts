// The ingress: Restate's routes on an engine's door, answered as Restate answers them. What is
// refused on purpose is in guard.ts and headers.ts. Nothing here knows what kind of server asks.
import type { Door } from "../engine/door.ts";
import { failureOf, HoldfastError, isHoldfastError, TerminalError } from "../model/errors.ts";
import { idempotencyKeyBytesMax, keyBytesMax, payloadBytesMax } from "../model/limits.ts";
import type { CallRequest } from "../model/message.ts";
import type { DefinitionSpec, HandlerSpec } from "../sdk/definition.ts";
import { textOfUtf8, utf8Length } from "../std/bytes.ts";
import { delayOf } from "./delay.ts";
import { Guard, type GuardOptions, optionsResponse } from "./guard.ts";
import { checkVisible, type KeepHeader, keepHeaders, keptHeaders } from "./headers.ts";
import {
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  noHeaders,
} from "./http.ts";
import { nameOf } from "./name-ref.ts";
import { acceptedResponse, endedResponse } from "./outcome-response.ts";
import { inputOf, valueOf } from "./payload.ts";
import {
  type Doing,
  failureResponse,
  methodNotAllowed,
  refusalResponse,
  routeNotFound,
} from "./refusal.ts";
import { spanned } from "./request-span.ts";
import { type Addressed, addressOf, type NameRef, type Route, routeOf } from "./route.ts";

export interface IngressOptions extends GuardOptions {
  /** What stands before every route, such as "/api/holdfast". Default: nothing. */
  readonly prefix?: string | undefined;
  /**
   * Headers kept with invocations and shown to handlers, beside the usual ones: names, or
   * beginnings that end in a star. Credentials are never kept: `authorization`, `cookie`, `proxy-*`.
   */
  readonly headers?: readonly string[] | undefined;
  /** Largest body of a request. Default, and at most, what a payload may have: 4 MiB. */
  readonly bodyBytesMax?: number | undefined;
}

/** What an invocation is asked for, once all of the request is read and found well. */
interface Asked {
  readonly call: CallRequest;
  readonly spec: HandlerSpec;
  readonly send: boolean;
  readonly delay: number | undefined;
}

export class HttpIngress {
  readonly #door: Door;
  readonly #guard: Guard;
  readonly #prefix: string;
  readonly #keep: KeepHeader;
  readonly #bodyBytesMax: number;

  constructor(door: Door, options: IngressOptions = {}) {
    this.#door = door;
    this.#guard = new Guard(options);
    this.#prefix = checkedPrefix(options.prefix ?? "");
    this.#keep = keepHeaders(options.headers);
    this.#bodyBytesMax = Math.min(options.bodyBytesMax ?? payloadBytesMax, payloadBytesMax);
  }

  /** Answers one request; never rejects. */
  async answer(request: HttpRequest): Promise<HttpResponse> {
    let allowed = noHeaders;
    try {
      allowed = this.#guard.admit(request);
      if (request.method === "OPTIONS") return optionsResponse(request, allowed);
      const route = this.#routeOf(request);
      const refused = "refused" in route;
      const asked = this.#authenticate(request, refused ? undefined : route);
      if (asked !== undefined) await asked;
      if (refused) throw route.refused;
      return withHeaders(await this.#traced(request, route), allowed);
    } catch (error) {
      return withHeaders(this.#refusal(request, error, "read"), allowed);
    }
  }

  /** Who has no token learns of no route, but for those of handlers that are everybody's. */
  #authenticate(request: HttpRequest, route: Route | undefined): Promise<unknown> | undefined {
    const reach = this.#reachOf(route);
    if (reach === "public" || (reach !== "token" && !this.#guard.asks)) return undefined;
    return this.#guard.authenticate(request);
  }

  /** What the handler that is asked for says of who may; undefined where there is none. */
  #reachOf(route: Route | undefined): HandlerSpec["ingress"] {
    if (route === undefined || !("rest" in route)) return undefined;
    const definition = this.#door.definition(route.service);
    // Its name is the first of what follows, or stands behind a key.
    const name = route.rest[definition?.kind === "service" ? 0 : 1] ?? "";
    return definition?.handlers.get(name)?.ingress;
  }

  #traced(request: HttpRequest, route: Route): Promise<HttpResponse> {
    const { telemetry } = this.#door;
    if (telemetry === undefined || route.kind === "health") return this.#answered(request, route);
    const definition = "service" in route ? this.#door.definition(route.service) : undefined;
    const routed = { request, route, definition };
    return spanned(telemetry, routed, (within) => this.#answered(within, route));
  }

  async #answered(request: HttpRequest, route: Route): Promise<HttpResponse> {
    try {
      return await this.#route(request, route);
    } catch (error) {
      return this.#refusal(request, error, doingOf(route));
    }
  }

  #refusal({ url, signal }: HttpRequest, error: unknown, doing: Doing): HttpResponse {
    if (signal?.aborted === true) return nobodyLeft;
    if (!isHoldfastError(error)) {
      this.#door.report({ kind: "requestFailed", path: url.replace(/\?.*$/, ""), error });
    }
    return refusalResponse(error, doing);
  }

  /** The route; or why there is none, to be said to who may know. */
  #routeOf(request: HttpRequest): Route | { readonly refused: unknown } {
    try {
      return routeOf(this.#pathOf(request));
    } catch (refused) {
      return { refused };
    }
  }

  #pathOf({ url }: HttpRequest): string {
    const end = url.indexOf("?");
    const path = end < 0 ? url : url.slice(0, end);
    if (!path.startsWith(`${this.#prefix}/`)) throw routeNotFound();
    return path.slice(this.#prefix.length);
  }

  #route(request: HttpRequest, route: Route): Promise<HttpResponse> | HttpResponse {
    switch (route.kind) {
      case "invoke":
      case "call":
      case "send":
        return this.#invoke(request, route);
      case "attach":
      case "output":
        return this.#outcome(request, route.kind, route.of);
      case "lookup":
        return this.#lookup(request, route.of);
      case "awakeable":
        return this.#awakeable(request, route);
      case "cancel":
        return this.#cancel(request, route.id);
      case "signal":
        return this.#signal(request, route);
      case "health":
        checkMethod(request, "GET");
        return jsonResponse(200, { services: this.#door.services() });
    }
  }

  // ---- calls and sends

  async #invoke(
    request: HttpRequest,
    route: Extract<Route, { kind: "invoke" | "call" | "send" }>,
  ): Promise<HttpResponse> {
    const { call, spec, send, delay } = await this.#asked(request, route);
    if (send) return acceptedResponse(await this.#door.send(call, delay));
    return endedResponse(await this.#door.call(call, { signal: request.signal }), spec);
  }

  /** In Restate's order: what is asked of nobody is 404 whatever its method. */
  async #asked(
    request: HttpRequest,
    { service, rest, kind }: Extract<Route, { kind: "invoke" | "call" | "send" }>,
  ): Promise<Asked> {
    const definition = this.#definition(service);
    const { key, handler, send } = addressOf(definition.kind, rest, kind);
    const spec = specOf(definition, handler);
    checkKey(service, key);
    const idempotencyKey = idempotencyKeyOf(request, spec);
    checkMethod(request, "GET, POST");
    const input = inputOf(spec, request.header("content-type"), await this.#body(request));
    const delay = delayOf(request.url, send);
    const headers = keptHeaders(request, this.#keep);
    const call = { target: { service, key, handler }, input, headers, idempotencyKey };
    return { call, spec, send, delay };
  }

  #definition(service: string): DefinitionSpec {
    const definition = this.#door.definition(service);
    if (definition !== undefined) return definition;
    throw new HoldfastError("SERVICE_NOT_FOUND", {
      message: `service '${service}' not found, make sure to register the service before calling it.`,
    });
  }

  #body(request: HttpRequest): Promise<Uint8Array> {
    if (request.method === "GET") return Promise.resolve(nothing);
    const encoding = request.header("content-encoding");
    if (encoding !== undefined && encoding !== "identity") {
      throw new HoldfastError("CONTENT_TYPE_INVALID", {
        status: 415,
        message: "The body is compressed, and is not unpacked here. Send it as it is.",
      });
    }
    return request.body(this.#bodyBytesMax);
  }

  // ---- results

  async #outcome(
    request: HttpRequest,
    verb: "attach" | "output",
    of: NameRef,
  ): Promise<HttpResponse> {
    checkMethod(request, of.kind === "body" ? "POST" : "GET");
    const id = await this.#idOf(request, of);
    if (verb === "output") return endedResponse(await this.#door.output(id), undefined);
    try {
      return endedResponse(await this.#door.attach(id, { signal: request.signal }), undefined);
    } catch (error) {
      if (!isHoldfastError(error, "INVOCATION_NOT_FOUND")) throw error;
      return failureResponse(failureOf(error), { "x-restate-id": id }, "not found");
    }
  }

  async #lookup(request: HttpRequest, of: NameRef): Promise<HttpResponse> {
    checkMethod(request, "POST");
    return jsonResponse(200, { invocationId: await this.#idOf(request, of) });
  }

  async #idOf(request: HttpRequest, of: NameRef): Promise<string> {
    const named = of.kind === "body" ? nameOf(await this.#body(request)) : of;
    switch (named.kind) {
      case "id":
        return named.id;
      case "workflow":
        return this.#door.idOf({ service: named.service, key: named.key, handler: "run" });
      case "idempotent":
        return this.#door.idOf(named, named.idempotencyKey);
    }
  }

  // ---- what reaches an invocation from outside

  /** Fire and forget: an awakeable that nobody awaits any more is no error. */
  async #awakeable(
    request: HttpRequest,
    { id, how }: Extract<Route, { kind: "awakeable" }>,
  ): Promise<HttpResponse> {
    checkMethod(request, "POST");
    const body = await this.#body(request);
    const result =
      how === "resolve"
        ? { value: valueOf(request.header("content-type"), body) }
        : { failure: failureOf(new TerminalError(textOfUtf8(body))) };
    await this.#door.completeAwakeable(id, result).catch((error: unknown) => {
      if (!isHoldfastError(error, "AWAKEABLE_NOT_FOUND")) throw error;
    });
    return { status: 202, headers: {}, body: null };
  }

  async #cancel(request: HttpRequest, id: string): Promise<HttpResponse> {
    checkMethod(request, "POST");
    await this.#door.operate("cancel", id);
    return { status: 202, headers: {}, body: null };
  }

  async #signal(
    request: HttpRequest,
    { id, name }: Extract<Route, { kind: "signal" }>,
  ): Promise<HttpResponse> {
    checkMethod(request, "POST");
    const value = valueOf(request.header("content-type"), await this.#body(request));
    await this.#door.signal(id, name, { value });
    return { status: 202, headers: {}, body: null };
  }
}

const nothing = new Uint8Array(0);

/** For a client that has gone: nobody reads it, but whoever keeps a log. */
const nobodyLeft: HttpResponse = { status: 499, headers: {}, body: null };

function withHeaders(response: HttpResponse, more: HttpHeaders): HttpResponse {
  if (more === noHeaders) return response;
  return { ...response, headers: { ...response.headers, ...more } };
}

function doingOf({ kind }: Route): Doing {
  if (kind === "invoke" || kind === "call" || kind === "send") return "invoke";
  return kind === "awakeable" || kind === "cancel" || kind === "signal" ? "complete" : "read";
}

function checkMethod({ method }: HttpRequest, allow: string): void {
  if (!allow.split(", ").includes(method)) throw methodNotAllowed(allow);
}

function specOf(definition: DefinitionSpec, handler: string): HandlerSpec {
  const spec = definition.handlers.get(handler);
  if (spec === undefined) {
    throw new HoldfastError("HANDLER_NOT_FOUND", {
      message:
        `the service '${definition.name}' exists, but the handler '${handler}' was not found, ` +
        "check that the handler exists in the latest registered service version.",
    });
  }
  if (spec.ingress === "private") {
    throw new HoldfastError("HANDLER_PRIVATE", { message: "the invoked service is not public" });
  }
  return spec;
}

function checkKey(service: string, key: Addressed["key"]): void {
  if (key === null) return;
  const bytes = utf8Length(key);
  if (bytes > 0 && bytes <= keyBytesMax && !/[\x00-\x1f\x7f]/.test(key)) return;
  throw new HoldfastError("KEY_INVALID", {
    message: `A key of ${service} is text of 1 to ${keyBytesMax} bytes without control characters.`,
    data: { service, bytes },
  });
}

function idempotencyKeyOf(request: HttpRequest, { mode }: HandlerSpec): string | undefined {
  const key = request.header("idempotency-key");
  if (key === undefined) return undefined;
  if (mode === "workflow") throw new HoldfastError("IDEMPOTENCY_KEY_NOT_ALLOWED");
  checkVisible("idempotency-key", key);
  if (key.length > 0 && key.length <= idempotencyKeyBytesMax) return key;
  throw new HoldfastError("IDEMPOTENCY_KEY_INVALID", {
    data: { bytes: key.length, limit: idempotencyKeyBytesMax },
  });
}

function checkedPrefix(prefix: string): string {
  if (prefix === "" || /^(?:\/[^/?#\s]+)+$/.test(prefix)) return prefix;
  throw new TypeError(`prefix: "${prefix}" is no path such as "/api/holdfast".`);
}
