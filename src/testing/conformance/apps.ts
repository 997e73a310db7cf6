// What every register of apps must do, whatever keeps it: one suite for all adapters.
import type { AppRecord, Apps } from "../../ports/apps.ts";
import type { ConformanceExpect, ConformanceTest } from "./changelog.ts";

/** One cluster. A fresh one per test. */
export interface AppsPlace {
  connect(): Promise<Apps>;
  dispose?(): Promise<void>;
}

export interface AppsConformance {
  readonly test: ConformanceTest;
  readonly expect: ConformanceExpect;
  readonly open: () => AppsPlace | Promise<AppsPlace>;
}

type Bench = { readonly expect: ConformanceExpect; readonly a: Apps; readonly b: Apps };

function appOf(app: string, ...names: readonly string[]): AppRecord {
  const services = names.map((name) => ({ name, kind: "object" as const }));
  return { app, partitions: 24, secret: "5e", services };
}

export function appsConformance(suite: AppsConformance): void {
  scenario(suite, "there is none at first", async ({ expect, a }) => {
    expect(await a.all()).toEqual([]);
  });

  scenario(suite, "a registered app is seen by all", async ({ expect, a, b }) => {
    expect(await a.register(appOf("shop", "Cart"))).toEqual(appOf("shop", "Cart"));
    await b.register(appOf("tickets", "Ticket"));
    const names = (await a.all()).map(({ app }) => app);
    expect(names.sort()).toEqual(["shop", "tickets"]);
  });

  scenario(suite, "partitions and secret stay those of the first time", async (bench) => {
    const { expect, a, b } = bench;
    await a.register(appOf("shop", "Cart"));
    const again = await b.register({ ...appOf("shop", "Cart"), partitions: 5, secret: "07" });
    expect(again).toEqual(appOf("shop", "Cart"));
    expect(await a.all()).toEqual([appOf("shop", "Cart")]);
  });

  scenario(suite, "what an app hosts is added to", async ({ expect, a, b }) => {
    await a.register(appOf("shop", "Cart"));
    expect(await b.register(appOf("shop", "Order"))).toEqual(appOf("shop", "Cart", "Order"));
    expect(await a.register(appOf("shop"))).toEqual(appOf("shop", "Cart", "Order"));
  });

  scenario(suite, "R27: a service name belongs to one app", async ({ expect, a, b }) => {
    await a.register(appOf("shop", "Cart"));
    const data = await b.register(appOf("other", "Order", "Cart")).then(
      () => undefined,
      (error: { readonly code: unknown; readonly data: unknown }) => [error.code, error.data],
    );
    expect(data).toEqual([
      "SERVICE_OWNED_ELSEWHERE",
      { service: "Cart", app: "other", owner: "shop" },
    ]);
    expect(await b.all()).toEqual([appOf("shop", "Cart")]);
  });

  movedScenarios(suite);

  scenario(suite, "of two who claim a name at once, one gets it", async ({ expect, a, b }) => {
    const claims = [a.register(appOf("shop", "Cart")), b.register(appOf("other", "Cart"))];
    const outcomes = await Promise.allSettled(claims);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await a.all()).length).toBe(1);
  });

  scenario(suite, "who registers at once loses nothing of it", async ({ expect, a, b }) => {
    const asked = Array.from({ length: 8 }, (_, i) => {
      return (i % 2 === 0 ? a : b).register(appOf("shop", `Service${i}`));
    });
    await Promise.all(asked);
    const [shop] = await a.all();
    expect(shop?.services.map(({ name }) => name).sort()).toEqual(
      Array.from({ length: 8 }, (_, i) => `Service${i}`),
    );
  });
}

function movedScenarios(suite: AppsConformance): void {
  scenario(
    suite,
    "an app that is moved into is nobody's until all of it is there",
    async (bench) => {
      const { expect, a, b } = bench;
      const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
        promise.then(
          () => undefined,
          (error: { readonly code: unknown }) => error.code,
        );
      const begin = (moving: string) =>
        ({ kind: "begin", record: { ...appOf("shop"), moving } }) as const;
      // Prepared, and never used: what moves in brings its own secret.
      await a.register({ ...appOf("shop"), secret: "07" });
      expect(await a.move(begin("one"))).toEqual({ ...appOf("shop"), moving: "one" });
      expect(await b.move(begin("one"))).toEqual({ ...appOf("shop"), moving: "one" });
      expect(await codeOf(b.move(begin("two")))).toBe("MIGRATION_UNFINISHED");
      expect(await codeOf(b.register(appOf("shop", "Cart")))).toBe("MIGRATION_UNFINISHED");
      expect(await a.move({ kind: "end", app: "shop", moving: "one" })).toEqual(appOf("shop"));
      await b.register(appOf("shop", "Cart"));
      expect(await codeOf(a.move(begin("one")))).toBe("TARGET_NOT_EMPTY");
      await a.move({ kind: "leave", app: "shop", movedTo: "there" });
      expect(await codeOf(b.register(appOf("shop", "Cart")))).toBe("MOVED_AWAY");
      expect(await codeOf(b.move(begin("one")))).toBe("MOVED_AWAY");
      // Its services are free for another app.
      await b.register(appOf("other", "Cart"));
    },
  );
}

function scenario(
  suite: AppsConformance,
  name: string,
  body: (bench: Bench) => Promise<void>,
): void {
  suite.test(`apps: ${name}`, async () => {
    const place = await suite.open();
    try {
      await body({ expect: suite.expect, a: await place.connect(), b: await place.connect() });
    } finally {
      await place.dispose?.();
    }
  });
}
