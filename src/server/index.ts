// The face of holdfast/server: re-exports only.

export type { Fetch } from "./fetch.ts";
export type { IngressOptions } from "./ingress.ts";
export type { JwtOptions, PublicKey } from "./jwt.ts";
export type { Listener, ListenOptions, TlsOptions } from "./listener.ts";
export type { NodeHandler } from "./node-http.ts";
export type { Served, ServeOptions } from "./serve.ts";
export { nodeHandler, serve } from "./serve.ts";
