// An engine's ingress behind a port, or inside somebody else's Node server.
import type { Door } from "../engine/door.ts";
import { HttpIngress, type IngressOptions } from "./ingress.ts";
import { hostsOf, type Listener, type ListenOptions, listen } from "./listener.ts";
import { type NodeHandler, nodeHandlerOf } from "./node-http.ts";

/** What is served: an `Engine`. */
export interface Served {
  /** @internal */
  readonly door: Door;
}

export interface ServeOptions extends IngressOptions, ListenOptions {}

/**
 * Serves an engine's ingress: Restate's routes, on http://127.0.0.1:8080 by default. The engine
 * stays the caller's: close the server first, then the engine.
 *
 * @throws HoldfastError `BIND_REFUSED` off loopback without tokens and TLS; `BIND_FAILED`.
 * @example
 * const server = await serve(engine, { port: 8080 });
 */
export function serve(engine: Served, options: ServeOptions = {}): Promise<Listener> {
  const { host = "127.0.0.1", tokens, jwt } = options;
  const hosts = options.hosts ?? hostsOf(host);
  const ingress = new HttpIngress(engine.door, { ...options, hosts });
  const handler = nodeHandlerOf((request) => ingress.answer(request));
  const authenticated = jwt !== undefined || (tokens !== undefined && tokens.length > 0);
  return listen(handler, { ...options, authenticated });
}

/**
 * The ingress as a handler for Node's own server, Express or Fastify.
 *
 * @example
 * app.use("/api/holdfast", nodeHandler(engine));
 */
export function nodeHandler(engine: Served, options: IngressOptions = {}): NodeHandler {
  const ingress = new HttpIngress(engine.door, options);
  return nodeHandlerOf((request) => ingress.answer(request));
}
