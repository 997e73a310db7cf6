// A bus inside one process: nodes that are objects, joined by a wire that can be cut. For tests and
// simulation of several nodes. Time comes from a clock, and every delivery has a turn of its own,
// so that it runs on a virtual one.
import { HoldfastError } from "../model/errors.ts";
import { busMessageBytesMax } from "../model/limits.ts";
import { type Place, placeText } from "../model/place.ts";
import type { Bus, Served } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";

type Answer = (request: Uint8Array) => Promise<Uint8Array>;

interface Server {
  readonly node: MemoryBus;
  readonly answer: Answer;
}

/** What joins the nodes. */
export class MemoryWire {
  readonly #clock: Clock;
  readonly #servers = new Map<string, Set<Server>>();
  readonly #cut = new Set<MemoryBus>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  connect(): MemoryBus {
    return new MemoryBus(this, this.#clock);
  }

  /** From now on nothing reaches this node or leaves it; neither side is told. */
  cut(node: Bus): void {
    this.#cut.add(node as MemoryBus);
  }

  mend(node: Bus): void {
    this.#cut.delete(node as MemoryBus);
  }

  serve(place: Place, server: Server): () => void {
    const name = placeText(place);
    const servers = this.#servers.get(name) ?? new Set();
    this.#servers.set(name, servers.add(server));
    return () => servers.delete(server);
  }

  /** Brings a request to all who serve the place, and their answers back. False: nobody does. */
  carry(
    from: MemoryBus,
    place: Place,
    request: Uint8Array,
    told: (b: Uint8Array) => void,
  ): boolean {
    if (this.#cut.has(from)) return true;
    const sent = request.slice();
    const servers = [...(this.#servers.get(placeText(place)) ?? [])];
    for (const { node, answer } of servers) {
      this.#clock.nextTurn(() => {
        if (this.#cut.has(node) || node.closed) return;
        answer(sent.slice()).then(
          (reply) => this.#back(node, from, checked(reply).slice(), told),
          () => undefined,
        );
      });
    }
    return servers.length > 0;
  }

  #back(node: MemoryBus, to: MemoryBus, reply: Uint8Array, told: (b: Uint8Array) => void): void {
    if (this.#cut.has(node) || node.closed) return;
    this.#clock.nextTurn(() => {
      if (!this.#cut.has(to)) told(reply);
    });
  }
}

export class MemoryBus implements Bus {
  readonly #wire: MemoryWire;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  readonly #serving = new Set<Served>();
  closed = false;

  constructor(wire: MemoryWire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
  }

  serve(place: Place, answer: Answer): Served {
    const stop = this.#wire.serve(place, { node: this, answer });
    const served = {
      stop: (): void => {
        stop();
        this.#serving.delete(served);
      },
    };
    this.#serving.add(served);
    return served;
  }

  request(
    place: Place,
    request: Uint8Array,
    { timeoutMs }: { readonly timeoutMs: number },
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const data = { place: placeText(place) };
      checked(request);
      let timer: Timer | undefined;
      const end = (): void => {
        timer?.cancel();
        this.#waiting.delete(unanswered);
      };
      const unanswered = (): void => {
        end();
        reject(new HoldfastError("REQUEST_UNANSWERED", { data }));
      };
      const told = (reply: Uint8Array): void => {
        end();
        resolve(reply);
      };
      if (this.closed || !this.#wire.carry(this, place, request, told)) {
        return reject(new HoldfastError("LEADER_UNREACHABLE", { data }));
      }
      this.#waiting.add(unanswered);
      timer = this.#clock.after(timeoutMs, unanswered);
    });
  }

  close(): Promise<void> {
    this.closed = true;
    for (const served of this.#serving) served.stop();
    for (const unanswered of this.#waiting) unanswered();
    return Promise.resolve();
  }
}

/** @throws HoldfastError `PAYLOAD_TOO_LARGE`. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= busMessageBytesMax) return bytes;
  const data = { bytes: bytes.length, limit: busMessageBytesMax };
  throw new HoldfastError("PAYLOAD_TOO_LARGE", { data });
}
