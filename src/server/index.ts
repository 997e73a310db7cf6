// The face of holdfast/server: re-exports only.

export type { Fetch } from "./fetch.ts";
export type { IngressOptions } from "./ingress.ts";
export type { Listener, ListenOptions } from "./listener.ts";
export type { NodeHandler } from "./node-http.ts";
export type { Served, ServeOptions } from "./serve.ts";
export { nodeHandler, serve } from "./serve.ts";
