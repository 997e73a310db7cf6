// Requests over HTTP/1.1, one after the other on each of many connections, as cheaply as we can make
// them: the load shares the machine with what is measured.
import { connect, type Socket } from "node:net";

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Path and JSON body of the next request. */
  next(): { readonly path: string; readonly body: string };
}

export interface Loaded {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function load(run: Load): Promise<Loaded> {
  const started = performance.now();
  const until = started + run.seconds * 1000;
  const took: number[] = [];
  const one = async (): Promise<void> => {
    const connection = await Connection.open(run.port);
    while (performance.now() < until) {
      const { path, body } = run.next();
      const began = performance.now();
      const status = await connection.post(path, body);
      if (status !== 200) throw new Error(`${path} is answered with ${status}`);
      took.push(performance.now() - began);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: run.connections }, one));
  const seconds = (performance.now() - started) / 1000;
  const sorted = Float64Array.from(took).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { perSecond: took.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

class Connection {
  readonly #socket: Socket;
  #buffer = "";
  #answered: (status: number) => void = () => {};
  #failed: (error: Error) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      this.#buffer += part;
      this.#read();
    });
    const ended = (error?: Error): void => this.#failed(error ?? new Error("connection closed"));
    socket.on("error", ended).on("close", () => ended());
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new Connection(socket)));
      socket.once("error", reject);
    });
  }

  post(path: string, body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
    });
  }

  /** A whole answer ends where its length says, or with its last chunk. */
  #read(): void {
    const head = this.#buffer.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = /content-length: *(\d+)/i.exec(this.#buffer.slice(0, head))?.[1];
    if (length === undefined) {
      if (!this.#buffer.endsWith("0\r\n\r\n") || this.#buffer.length === head + 4) return;
    } else if (this.#buffer.length < head + 4 + Number(length)) return;
    const status = Number(this.#buffer.slice(9, 12));
    this.#buffer = "";
    this.#answered(status);
  }

  close(): void {
    this.#failed = () => {};
    this.#socket.destroy();
  }
}
