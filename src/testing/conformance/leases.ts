// What all leases must do, whatever keeps them: one suite for all adapters. Time is the caller's, so
// that leases on a virtual clock pass it, too.
import type { Leases } from "../../ports/leases.ts";
import type { ConformanceExpect, ConformanceTest } from "./changelog.ts";

/** Several nodes of one app. A fresh one per test. */
export interface LeasesPlace {
  /** One more node. Its name is that of the holder. */
  connect(node: string): Promise<Leases>;
  /** Asks again and again, letting time pass, until the answer is true. */
  until(asked: () => Promise<boolean>): Promise<void>;
  dispose?(): Promise<void>;
}

export interface LeasesConformance {
  readonly test: ConformanceTest;
  readonly expect: ConformanceExpect;
  readonly open: () => LeasesPlace | Promise<LeasesPlace>;
}

interface Bench {
  readonly expect: ConformanceExpect;
  readonly place: LeasesPlace;
  readonly a: Leases;
  readonly b: Leases;
}

export function leasesConformance(suite: LeasesConformance): void {
  holding(suite);
  expiring(suite);
  marking(suite);
}

function scenario(
  suite: LeasesConformance,
  name: string,
  body: (bench: Bench) => Promise<void>,
): void {
  suite.test(`leases: ${name}`, async () => {
    const place = await suite.open();
    try {
      const [a, b] = [await place.connect("a"), await place.connect("b")];
      await body({ expect: suite.expect, place, a, b });
    } finally {
      await place.dispose?.();
    }
  });
}

function holding(suite: LeasesConformance): void {
  scenario(suite, "a name is held by the one who took it first", async ({ expect, a, b }) => {
    expect([...(await a.held())]).toEqual([]);
    expect(await a.take("3")).toBe(true);
    expect(await b.take("3")).toBe(false);
    expect(await b.take("4")).toBe(true);
    for (const each of [a, b]) {
      const held = [...(await each.held())].sort();
      expect(held).toEqual([
        ["3", "a"],
        ["4", "b"],
      ]);
    }
  });

  scenario(suite, "a node that comes back takes what it held", async ({ expect, place, a, b }) => {
    expect(await a.take("3")).toBe(true);
    const again = await place.connect("a");
    expect(await again.take("3")).toBe(true);
    expect(await again.renew("3")).toBe(true);
    expect(await b.take("3")).toBe(false);
  });

  scenario(suite, "of many who take at once, one does", async ({ expect, place, a, b }) => {
    const nodes = [a, b, await place.connect("c"), await place.connect("d")];
    for (const name of ["1", "2", "3", "4", "5"]) {
      const taken = await Promise.all(nodes.map((node) => node.take(name)));
      expect(taken.filter((each) => each).length).toBe(1);
    }
  });

  scenario(suite, "only the holder renews, as often as it likes", async ({ expect, a, b }) => {
    await a.take("3");
    for (let i = 0; i < 3; i++) expect(await a.renew("3")).toBe(true);
    expect(await b.renew("3")).toBe(false);
    expect(await b.renew("4")).toBe(false);
  });

  scenario(suite, "what is let go of is free at once", async ({ expect, a, b }) => {
    await a.take("3");
    await b.release("3");
    expect(await b.take("3")).toBe(false);
    await a.release("3");
    await a.release("3");
    expect(await a.renew("3")).toBe(false);
    expect([...(await a.held())]).toEqual([]);
    expect(await b.take("3")).toBe(true);
    expect([...(await a.held())]).toEqual([["3", "b"]]);
  });
}

function expiring(suite: LeasesConformance): void {
  scenario(suite, "what is not renewed is lost, and another takes it", async (bench) => {
    const { expect, place, a, b } = bench;
    expect(a.ttlMs > 0).toBe(true);
    await a.take("3");
    await place.until(() => b.take("3"));
    expect(await a.renew("3")).toBe(false);
    expect(await b.renew("3")).toBe(true);
    expect([...(await a.held())]).toEqual([["3", "b"]]);
  });

  scenario(suite, "what is lost is not among what is held", async ({ expect, place, a, b }) => {
    await a.take("3");
    await place.until(async () => (await b.held()).size === 0);
    expect(await a.renew("3")).toBe(false);
  });
}

function marking(suite: LeasesConformance): void {
  scenario(suite, "a mark is seen by all, one per partition", async ({ expect, a, b }) => {
    expect(await a.mark(5)).toBe(undefined);
    const mark = { epoch: 2, position: 17, chain: 2 ** 47 + 1 };
    await a.advance(5, mark);
    expect(await b.mark(5)).toEqual(mark);
    expect(await b.mark(6)).toBe(undefined);
  });

  scenario(suite, "a mark moves forward only, whoever moves it", async ({ expect, a, b }) => {
    const at = (epoch: number, position: number) => ({ epoch, position, chain: position * 7 });
    await a.advance(5, at(2, 17));
    await a.advance(5, at(2, 20));
    await b.advance(5, at(3, 25));
    await a.advance(5, at(2, 24));
    await a.advance(5, at(2, 30));
    expect(await b.mark(5)).toEqual(at(3, 25));
    await b.advance(5, at(3, 26));
    expect(await a.mark(5)).toEqual(at(3, 26));
  });

  scenario(suite, "a mark outlives the lease beside it", async ({ expect, place, a, b }) => {
    await a.take("3");
    await a.advance(3, { epoch: 1, position: 4, chain: 9 });
    await place.until(() => b.take("3"));
    expect(await b.mark(3)).toEqual({ epoch: 1, position: 4, chain: 9 });
  });
}
