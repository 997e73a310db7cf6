// The ingress and the admin side for connections that somebody else has accepted, such as through the
// socket that guards a data directory. Who could connect may do everything: there are no tokens.
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Door } from "../engine/door.ts";
import type { Admin } from "./admin.ts";
import type { HttpRequest } from "./http.ts";
import { HttpIngress } from "./ingress.ts";
import { nodeHandlerOf } from "./node-http.ts";

/** What stands before the admin side's routes: no service has such a name. */
export const adminPrefix = "/@admin";

/** One that neither asks nor is answered for so long is sent away. */
const idleMsMax = 65_000;

/** Serves one connection after the other. */
export function visitorServer(door: Door, admin: Admin): (connection: Socket) => void {
  const ingress = new HttpIngress(door);
  const handler = nodeHandlerOf((request) => {
    if (!request.url.startsWith(`${adminPrefix}/`)) return ingress.answer(request);
    return admin.answer(at(request, request.url.slice(adminPrefix.length)));
  });
  const server = createServer({ keepAliveTimeout: idleMsMax, insecureHTTPParser: false }, handler);
  return (connection) => {
    server.emit("connection", connection);
    // What was read of it already comes first.
    process.nextTick(() => connection.resume());
  };
}

function at(request: HttpRequest, url: string): HttpRequest {
  return {
    url,
    method: request.method,
    signal: request.signal,
    header: (name) => request.header(name),
    headers: () => request.headers(),
    body: (bytesMax) => request.body(bytesMax),
  };
}
