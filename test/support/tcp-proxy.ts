// A link that can be cut, for tests: a TCP proxy in this process.
import { createConnection, createServer, type Server, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Ends all connections; new ones are taken at once. */
  cut(): void;
  /** Ends them when so many more bytes have passed towards the server, in the midst of a message. */
  cutAfter(bytes: number): void;
  /** From now on bytes are swallowed in these directions, while connections stay. */
  swallow(towards: "server" | "client" | "both" | "none"): void;
  /** While refused, new connections end at once. */
  refuse(refused: boolean): void;
  dispose(): Promise<void>;
}

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let left = Number.POSITIVE_INFINITY;
  let swallowed: "server" | "client" | "both" | "none" = "none";
  let refused = false;
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    pairs.clear();
  };
  const server: Server = createServer((client) => {
    if (refused) return void client.destroy();
    const upstream = createConnection({ port: targetPort, host: "127.0.0.1" });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    client.on("data", (data) => {
      if (swallowed === "server" || swallowed === "both") return;
      upstream.write(data.subarray(0, left));
      left -= data.length;
      if (left > 0) return;
      left = Number.POSITIVE_INFINITY;
      // What was let through arrives before the end.
      upstream.end(() => cut());
    });
    upstream.on("data", (data) => {
      if (swallowed !== "client" && swallowed !== "both") client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address !== "object") throw new Error("no address");
  return {
    port: address.port,
    cut,
    cutAfter: (bytes) => {
      left = bytes;
    },
    swallow: (towards) => {
      swallowed = towards;
    },
    refuse: (now) => {
      refused = now;
    },
    dispose: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
