// Several nodes and apps in one process: calls between partitions and apps, takeovers, hand-overs.
import { expect, test } from "vitest";
import { isHoldfastError, object, ref, service, workflow } from "../../src/index.ts";
import { HoldfastError } from "../../src/model/errors.ts";
import { TestCluster, type TestNode } from "../support/test-cluster.ts";

const taken = new Set<string>();
const ticketService = service("TicketService", {
  async reserve(ctx, ticket: string): Promise<boolean> {
    return ctx.run("reserve", () => {
      if (taken.has(ticket)) return false;
      taken.add(ticket);
      return true;
    });
  },
});
const remoteTickets = ref<typeof ticketService>("service", "TicketService");

const cart = object("Cart", {
  async addTicket(ctx, ticket: string): Promise<boolean> {
    const reserved = await ctx.call(remoteTickets).reserve(ticket);
    if (reserved) ctx.set("cart", [...((await ctx.get<string[]>("cart")) ?? []), ticket]);
    return reserved;
  },
  async tickets(ctx): Promise<string[]> {
    return (await ctx.get<string[]>("cart")) ?? [];
  },
});

test("apps call each other, and a client of its own calls any key through any node", async () => {
  taken.clear();
  const cluster = new TestCluster();
  const shop = await cluster.node({ app: "shop", services: [cart] });
  const tickets = await cluster.node({ app: "tickets", services: [ticketService], partitions: 2 });
  const client = await cluster.node({ app: "client", services: [] });
  await cluster.advance("3s");
  for (let i = 0; i < 8; i++) {
    const at = [shop, client, tickets][i % 3]?.engine ?? client.engine;
    const call = at.call(cart, `user-${i}`).addTicket(`TICKET-${i}`);
    await cluster.advance("1s");
    expect(await call).toBe(true);
  }
  const again = client.engine.call(cart, "user-1").addTicket("TICKET-0");
  await cluster.advance("1s");
  expect(await again).toBe(false);
  const list = client.engine.call(cart, "user-1").tickets();
  await cluster.advance("1s");
  expect(await list).toEqual(["TICKET-1"]);
  for (const node of [client, shop, tickets]) await node.engine.close();
});

test("a call to a service nobody hosts waits, and is served when its app appears", async () => {
  taken.clear();
  const cluster = new TestCluster();
  const shop = await cluster.node({ app: "shop", services: [cart] });
  const call = shop.engine.call(cart, "a").addTicket("T");
  let done = false;
  void call.then(() => (done = true));
  await cluster.advance("10s");
  expect(done).toBe(false);
  const tickets = await cluster.node({ app: "tickets", services: [ticketService] });
  await cluster.advance("5s");
  expect(await call).toBe(true);
  await shop.engine.close();
  await tickets.engine.close();
});

test("R27: state of a service that nobody hosts yet is not edited in the wrong app", async () => {
  const cluster = new TestCluster();
  const tickets = await cluster.node({ app: "tickets", services: [ticketService] });
  const edit = (): Promise<void> => tickets.engine.editState(cart, "a", { cart: ["T"] });
  await expect(edit()).rejects.toMatchObject({ code: "SERVICE_NOT_FOUND" });
  const shop = await cluster.node({ app: "shop", services: [cart] });
  const edited = edit();
  await cluster.advance("1s");
  await edited;
  const read = shop.engine.call(cart, "a").tickets();
  await cluster.advance("1s");
  expect(await read).toEqual(["T"]);
  await shop.engine.close();
  await tickets.engine.close();
});

test("R27: what waits for a service goes there, although its app came while nobody led here", async () => {
  taken.clear();
  const cluster = new TestCluster();
  const shop = await cluster.node({ app: "shop", services: [cart] });
  const sent = await shop.engine.send(cart, "a").addTicket("T");
  await cluster.advance("1s");
  shop.kill();
  const tickets = await cluster.node({ app: "tickets", services: [ticketService] });
  const next = await cluster.node({ app: "shop", services: [cart] });
  const result = next.engine.invocation<boolean>(sent.id).result();
  await cluster.advance("60s");
  expect(await result).toBe(true);
  await next.engine.close();
  await tickets.engine.close();
});

test("when a node dies, another takes its partitions over and nothing acknowledged is lost", async () => {
  taken.clear();
  const cluster = new TestCluster();
  const tickets = await cluster.node({ app: "tickets", services: [ticketService] });
  const first = await cluster.node({ app: "shop", services: [cart] });
  const second = await cluster.node({ app: "shop", services: [cart] });
  await cluster.advance("10s");
  const led = (node: typeof first) => node.events.filter(({ kind }) => kind === "leading").length;
  expect(led(first)).toBeGreaterThanOrEqual(2);
  expect(led(second)).toBeGreaterThanOrEqual(2);
  const keys = Array.from({ length: 12 }, (_, i) => `user-${i}`);
  const calls = keys.map((key) => second.engine.call(cart, key).addTicket(`${key}-1`));
  await cluster.advance("2s");
  expect(await Promise.all(calls)).toEqual(keys.map(() => true));
  first.kill();
  const more = keys.map((key) => second.engine.call(cart, key).addTicket(`${key}-2`));
  await cluster.advance("40s");
  expect(await Promise.all(more)).toEqual(keys.map(() => true));
  const lists = keys.map((key) => second.engine.call(cart, key).tickets());
  await cluster.advance("2s");
  expect(await Promise.all(lists)).toEqual(keys.map((key) => [`${key}-1`, `${key}-2`]));
  await second.engine.close();
  await tickets.engine.close();
});

test("I2, R22: a leader that was cut off is fenced, and answers nobody from what it believes", async () => {
  taken.clear();
  const cluster = new TestCluster();
  const tickets = await cluster.node({ app: "tickets", services: [ticketService] });
  const first = await cluster.node({ app: "shop", services: [cart], partitions: 1 });
  const before = first.engine.call(cart, "a").addTicket("T1");
  await cluster.advance("3s");
  expect(await before).toBe(true);
  first.cut();
  const stale = first.engine.call(cart, "a").tickets();
  stale.catch(() => {});
  const second = await cluster.node({ app: "shop", services: [cart], partitions: 1 });
  await cluster.advance("40s");
  const after = second.engine.call(cart, "a").addTicket("T2");
  await cluster.advance("5s");
  expect(await after).toBe(true);
  first.mend();
  await cluster.advance("5s");
  const error = await stale.then(
    (value) => value,
    (failed: unknown) => failed,
  );
  expect(isHoldfastError(error)).toBe(true);
  expect(first.events).toContainEqual(expect.objectContaining({ kind: "left", partition: 0 }));
  await second.engine.close();
  await tickets.engine.close();
});

test("ids work anywhere: handles of sends, attach, cancel, signals and awakeables across apps", async () => {
  const waiter = object("Waiter", {
    async wait(ctx): Promise<string> {
      const { id, promise } = ctx.awakeable<string>();
      ctx.set("awakeable", id);
      return promise;
    },
    async hold(ctx): Promise<string> {
      return ctx.signal<string>("go");
    },
    async awakeable(ctx): Promise<string | null> {
      return (await ctx.get<string>("awakeable")) ?? null;
    },
  });
  const remote = ref<typeof waiter>("object", "Waiter");
  const driver = service("Driver", {
    async begin(ctx, key: string): Promise<string> {
      return ctx.send(remote, key).hold().id;
    },
    async attached(ctx, id: string): Promise<string> {
      return ctx.attach<string>(id);
    },
    async cancelling(ctx, key: string): Promise<string> {
      const call = ctx.send(remote, key).hold();
      await ctx.sleep("1s");
      await call.cancel();
      try {
        await call.result();
        return "done";
      } catch (error) {
        return isHoldfastError(error) ? error.code : "other";
      }
    },
  });
  const cluster = new TestCluster();
  const a = await cluster.node({ app: "a", services: [driver] });
  const b = await cluster.node({ app: "b", services: [waiter] });
  await cluster.advance("3s");
  const begun = a.engine.call(driver).begin("k");
  await cluster.advance("1s");
  const id = await begun;
  const attached = a.engine.call(driver).attached(id);
  const outside = a.engine.invocation<string>(id).result();
  await cluster.advance("1s");
  const signal = a.engine.signal(id, "go", "now");
  await cluster.advance("20s");
  await signal;
  expect(await attached).toBe("now");
  expect(await outside).toBe("now");
  const cancelled = a.engine.call(driver).cancelling("k2");
  await cluster.advance("5s");
  expect(await cancelled).toBe("CANCELLED");
  const waiting = b.engine.call(waiter, "k3").wait();
  await cluster.advance("1s");
  await a.engine.close();
  await b.engine.close();
  await expect(waiting).rejects.toBeDefined();
});

test("a workflow runs once, whichever node is asked", async () => {
  let runs = 0;
  const signup = workflow("Signup", {
    async run(ctx, name: string): Promise<string> {
      await ctx.run("count", () => ++runs);
      return `welcome ${name}`;
    },
  });
  const cluster = new TestCluster();
  const one = await cluster.node({ app: "signup", services: [signup] });
  const two = await cluster.node({ app: "signup", services: [signup] });
  await cluster.advance("10s");
  const calls = [one, two, one].map(({ engine }) =>
    engine
      .call(signup, "ann")
      .run("Ann")
      .catch((error: unknown) => error),
  );
  await cluster.advance("5s");
  const results = await Promise.all(calls);
  expect(results.filter((result) => result === "welcome Ann")).toHaveLength(1);
  expect(results.filter((r) => isHoldfastError(r, "WORKFLOW_ALREADY_STARTED"))).toHaveLength(2);
  const attached = two.engine.workflow(signup, "ann").result();
  await cluster.advance("20s");
  expect(await attached).toBe("welcome Ann");
  expect(runs).toBe(1);
  await one.engine.close();
  await two.engine.close();
});

/** The next answers that come back to a node are lost; `then` is told of each. */
function loseAnswers({ bus }: TestNode, times: number, then: () => void = () => {}): void {
  const { request } = bus;
  let left = times;
  bus.request = async (...asked) => {
    const reply = await request.apply(bus, asked);
    if (left-- <= 0) return reply;
    then();
    throw new HoldfastError("REQUEST_UNANSWERED");
  };
}

const desk = object(
  "Desk",
  { state: { total: 0 } },
  {
    async two(ctx): Promise<string[]> {
      return [await ctx.signal<string>("go"), await ctx.signal<string>("go")];
    },
    async add(ctx): Promise<number> {
      const total = (await ctx.get("total")) + 1;
      ctx.set("total", total);
      return total;
    },
    async total(ctx): Promise<number> {
      return ctx.get("total");
    },
  },
);

test.each(["the same leader", "the next leader"])(
  "R26: what was asked and lost its answer is not done twice when %s is asked again",
  async (who) => {
    const cluster = new TestCluster();
    const first = await cluster.node({ app: "desk", services: [desk], partitions: 1 });
    const second = await cluster.node({ app: "desk", services: [desk], partitions: 1 });
    const client = await cluster.node({ app: "client", services: [] });
    await cluster.advance("3s");
    const nodes = [first, second];
    /** Asks, the answer is lost, and the leader with it where another is to be asked. */
    const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
      const dies = who === "the next leader" ? nodes.shift() : undefined;
      if (dies !== undefined) nodes.push(await cluster.node({ app: "desk", services: [desk] }));
      loseAnswers(client, 1, () => dies?.kill());
      const answer = ask();
      await cluster.advance("50s");
      return answer;
    };
    const sent = client.engine.send(desk, "a").two();
    await cluster.advance("1s");
    const { id } = await sent;
    await asked(() => client.engine.signal(id, "go", "one"));
    await asked(() => client.engine.signal(id, "go", "two"));
    const two = client.engine.invocation<string[]>(id).result();
    await cluster.advance("20s");
    expect(await two).toEqual(["one", "two"]);
    const added = client.engine.send(desk, "b").add();
    await cluster.advance("1s");
    await asked(async () => client.engine.restart((await added).id));
    await asked(() => client.engine.editState(desk, "c", { total: 5 }));
    const totals = ["b", "c"].map((key) => client.engine.call(desk, key).total());
    await cluster.advance("20s");
    expect(await Promise.all(totals)).toEqual([2, 5]);
    for (const node of [client, ...nodes]) await node.engine.close();
  },
);

test("R11, R27: what older code does not know waits for a leader that has it, wherever it is asked", async () => {
  const added = object("Added", {
    async count(ctx): Promise<number> {
      const count = ((await ctx.get<number>("count")) ?? 0) + 1;
      ctx.set("count", count);
      return count;
    },
  });
  const remote = ref<typeof added>("object", "Added");
  const caller = service("Caller", {
    async count(ctx, key: string): Promise<number> {
      ctx.send(remote, key).count();
      return (await ctx.call(remote, key).count()) * 10;
    },
  });
  const other = service("Other", {
    count: (ctx, key: string): Promise<number> => ctx.call(remote, key).count(),
  });
  const cluster = new TestCluster();
  const older = await cluster.node({ app: "app", services: [caller] });
  const newer = await cluster.node({ app: "app", services: [caller, added] });
  const another = await cluster.node({ app: "other", services: [other] });
  await cluster.advance("10s");
  const keys = Array.from({ length: 8 }, (_, i) => `key-${i}`);
  const calls = keys.flatMap((key) => [
    newer.engine.call(added, `door-${key}`).count(),
    newer.engine.call(caller).count(key),
    // Whoever asks at the older node hears nothing more when that is closed; its call goes on.
    older.engine
      .send(caller)
      .count(`old-${key}`)
      .then(({ id }) => newer.engine.invocation<number>(id).result()),
    another.engine.call(other).count(`other-${key}`),
  ]);
  const settled = Promise.allSettled(calls);
  let waiting = calls.length;
  for (const call of calls) void call.then(() => waiting--);
  await cluster.advance("15s");
  // What falls to the newer node's partitions has been served by now.
  expect(waiting).toBeGreaterThan(0);
  expect(waiting).toBeLessThan(calls.length);
  await older.engine.close();
  await cluster.advance("60s");
  expect(await settled).toEqual(
    keys.flatMap(() => [1, 20, 20, 1].map((value) => ({ status: "fulfilled", value }))),
  );
  for (const { engine } of [newer, another]) await engine.close();
});
