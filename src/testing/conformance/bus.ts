// What every bus must do, whatever carries it: one suite for all adapters. Time is the caller's, so
// that a bus on a virtual clock passes it, too.
import { busMessageBytesMax } from "../../model/limits.ts";
import type { Place } from "../../model/place.ts";
import type { Bus } from "../../ports/bus.ts";
import type { ConformanceExpect, ConformanceTest } from "./changelog.ts";

/** Several nodes on one bus. A fresh one per test. */
export interface BusPlace {
  /** One more node. */
  connect(): Promise<Bus>;
  /** Resolves with what the promise does, letting time pass where it is not the real one. */
  passing<T>(promise: Promise<T>): Promise<T>;
  /** Resolves when all nodes know what was served so far. */
  settled?(): Promise<void>;
  dispose?(): Promise<void>;
}

export interface BusConformance {
  readonly test: ConformanceTest;
  readonly expect: ConformanceExpect;
  readonly open: () => BusPlace | Promise<BusPlace>;
}

interface Bench {
  readonly expect: ConformanceExpect;
  readonly place: BusPlace;
  readonly a: Bus;
  readonly b: Bus;
}

const cart: Place = { app: "shop", partition: 7 };
const patient = { timeoutMs: 20_000 };

export function busConformance(suite: BusConformance): void {
  asking(suite);
  failing(suite);
  ending(suite);
}

function scenario(
  suite: BusConformance,
  name: string,
  body: (bench: Bench) => Promise<void>,
): void {
  suite.test(`bus: ${name}`, async () => {
    const place = await suite.open();
    try {
      const [a, b] = [await place.connect(), await place.connect()];
      await body({ expect: suite.expect, place, a, b });
      await a.close();
      await b.close();
    } finally {
      await place.dispose?.();
    }
  });
}

function asking(suite: BusConformance): void {
  scenario(suite, "a request is answered by another node, or this one", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, async (request) => Uint8Array.of(...request, 9));
    await place.settled?.();
    for (const from of [a, b]) {
      const reply = await place.passing(from.request(cart, Uint8Array.of(1, 2), patient));
      expect([...reply]).toEqual([1, 2, 9]);
    }
    expect((await place.passing(b.request(cart, new Uint8Array(0), patient))).length).toBe(1);
  });

  scenario(suite, "places are told apart by app and by number", async (bench) => {
    const { expect, place, a, b } = bench;
    const places = [cart, { app: "shop", partition: 70 }, { app: "shop-7", partition: 7 }];
    for (const [at, each] of places.entries()) a.serve(each, async () => Uint8Array.of(at));
    await place.settled?.();
    const asked = places.map((each) => b.request(each, new Uint8Array(1), patient));
    const replies = await place.passing(Promise.all(asked));
    expect(replies.map(([first]) => first)).toEqual([0, 1, 2]);
  });

  scenario(suite, "many requests at a time each get their own answer", async (bench) => {
    const { expect, place, a, b } = bench;
    const held: (() => void)[] = [];
    // Answered in the other order, once all are there.
    a.serve(cart, async ([first = 0]) => {
      await new Promise<void>((resolve) => {
        held.push(resolve);
        if (held.length === 20) for (const each of held.reverse()) each();
      });
      return Uint8Array.of(first + 100);
    });
    await place.settled?.();
    const asked = Array.from({ length: 20 }, (_, i) => b.request(cart, Uint8Array.of(i), patient));
    const replies = await place.passing(Promise.all(asked));
    expect(replies.map(([first]) => first)).toEqual(Array.from({ length: 20 }, (_, i) => i + 100));
  });

  scenario(suite, "the largest message passes both ways, byte for byte", async (bench) => {
    const { expect, place, a, b } = bench;
    const seen: number[] = [];
    a.serve(cart, async (request) => {
      seen.push(request.length);
      return request.map((byte) => byte ^ 0xff);
    });
    await place.settled?.();
    const sent = new Uint8Array(busMessageBytesMax).map((_, at) => at * 31 + (at >> 9));
    const reply = await place.passing(b.request(cart, sent, patient));
    expect(seen).toEqual([busMessageBytesMax]);
    expect(reply.length).toBe(sent.length);
    expect(reply.every((byte, at) => byte === ((sent[at] ?? 0) ^ 0xff))).toBe(true);
  });

  scenario(suite, "the bytes belong to the caller again once sent", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, async (request) => request);
    await place.settled?.();
    const bytes = Uint8Array.of(1, 2, 3);
    const asked = b.request(cart, bytes, patient);
    bytes.fill(0);
    expect([...(await place.passing(asked))]).toEqual([1, 2, 3]);
  });
}

function failing(suite: BusConformance): void {
  scenario(suite, "where nobody serves, the request reached nobody", async (bench) => {
    const { expect, place, b } = bench;
    expect(await codeOf(place, b.request(cart, new Uint8Array(1), patient))).toBe(
      "LEADER_UNREACHABLE",
    );
  });

  scenario(suite, "an answer that does not come is an unknown outcome", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, () => new Promise(() => {}));
    await place.settled?.();
    const asked = b.request(cart, new Uint8Array(1), { timeoutMs: 200 });
    expect(await codeOf(place, asked)).toBe("REQUEST_UNANSWERED");
  });

  scenario(suite, "what an answer rejects with is not sent", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, () => Promise.reject(new Error("secret")));
    await place.settled?.();
    const asked = b.request(cart, new Uint8Array(1), { timeoutMs: 200 });
    expect(await codeOf(place, asked)).toBe("REQUEST_UNANSWERED");
  });

  scenario(suite, "of two who serve, one that stays silent is no harm", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, () => new Promise(() => {}));
    b.serve(cart, async () => Uint8Array.of(5));
    await place.settled?.();
    const reply = await place.passing(b.request(cart, new Uint8Array(1), patient));
    expect([...reply]).toEqual([5]);
  });

  scenario(suite, "a message over the limit is refused where it is sent", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, async () => new Uint8Array(1));
    const asked = b.request(cart, new Uint8Array(busMessageBytesMax + 1), patient);
    expect(await codeOf(place, asked)).toBe("PAYLOAD_TOO_LARGE");
  });
}

function ending(suite: BusConformance): void {
  scenario(suite, "who stops serving is reached no more", async (bench) => {
    const { expect, place, a, b } = bench;
    const served = a.serve(cart, async () => Uint8Array.of(1));
    await place.passing(a.request(cart, new Uint8Array(1), patient));
    served.stop();
    served.stop();
    expect(await codeOf(place, a.request(cart, new Uint8Array(1), patient))).toBe(
      "LEADER_UNREACHABLE",
    );
    a.serve(cart, async () => Uint8Array.of(2));
    await place.settled?.();
    const reply = await place.passing(b.request(cart, new Uint8Array(1), patient));
    expect([...reply]).toEqual([2]);
  });

  scenario(suite, "closing ends what waits, with its outcome unknown", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, () => new Promise(() => {}));
    await place.settled?.();
    const asked = codeOf(place, b.request(cart, new Uint8Array(1), patient));
    await Promise.all([b.close(), b.close()]);
    expect(await asked).toBe("REQUEST_UNANSWERED");
    expect(await codeOf(place, b.request(cart, new Uint8Array(1), patient))).toBe(
      "LEADER_UNREACHABLE",
    );
  });

  scenario(suite, "a node that is closed serves no more", async (bench) => {
    const { expect, place, a, b } = bench;
    a.serve(cart, async () => Uint8Array.of(1));
    await place.passing(a.request(cart, new Uint8Array(1), patient));
    await a.close();
    expect(await codeOf(place, b.request(cart, new Uint8Array(1), patient))).toBe(
      "LEADER_UNREACHABLE",
    );
  });
}

async function codeOf(place: BusPlace, asked: Promise<unknown>): Promise<unknown> {
  try {
    await place.passing(asked);
    return undefined;
  } catch (error) {
    return typeof error === "object" && error !== null && "code" in error ? error.code : error;
  }
}
