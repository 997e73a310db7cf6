import { expect, test } from "vitest";
import { ask, calls, Deciding, finish, invoke, kindsOf } from "../../../test/support/given.ts";
import type { Message } from "../../model/message.ts";
import type { Located } from "../decision.ts";

/** Two partitions of two apps; services named R… live in the second, all others in the first. */
function pair() {
  const shop = new Deciding(undefined, 1000, { place: "shop/0", secret: "one" });
  const tickets = new Deciding(undefined, 1000, { place: "tickets/0", secret: "two" });
  const located = (service: string): Located | undefined => {
    if (service.startsWith("N")) return { to: `?${service}`, app: undefined };
    return service.startsWith("R") ? { to: "tickets/0", app: "tickets" } : undefined;
  };
  shop.directory.locate = located;
  shop.directory.locateId = (id) => (remote.has(id) ? "tickets/0" : undefined);
  tickets.directory.locate = (service) =>
    located(service) === undefined ? { to: "shop/0", app: "shop" } : undefined;
  const remote = new Set<string>();
  const hosts = shop.directory.handler;
  shop.directory.handler = (service, handler) =>
    located(service) === undefined ? hosts(service, handler) : "no-service";
  return { shop, tickets, remote };
}

/** Carries what one has for the other, as the relay does. Answers how many were carried. */
function relay(from: Deciding, to: Deciding, at: string): number {
  const { outbox, meta } = from.tables;
  const rows = outbox.read(at, 0, 100);
  for (const { seq, message } of rows) {
    to.decide({ kind: "deliver", from: `${meta.place}/${meta.line}`, seq, message });
  }
  const last = rows.at(-1);
  if (last !== undefined) from.decide({ kind: "accepted", to: at, seq: last.seq });
  return rows.length;
}

test("R23, I7: a call to another partition is one invocation there, and its result comes back once", () => {
  const { shop, tickets } = pair();
  shop.decide(invoke("O/a/hold"));
  const { changes, effects } = shop.decide(ask(2, calls("Remote/plain")));
  expect(kindsOf(changes)).toEqual(["posted", "command"]);
  expect(effects).toEqual([{ kind: "posted", to: "tickets/0", seq: 1 }]);
  expect(shop.row(2).open.get(0)).toMatchObject({ kind: "call", n: -1 });
  expect(relay(shop, tickets, "tickets/0")).toBe(1);
  expect(tickets.row(2)).toMatchObject({ service: "Remote", status: "running" });
  tickets.decide(finish(2));
  relay(tickets, shop, "shop/0");
  expect(shop.row(2).open.size).toBe(0);
  expect(shop.tables.journals.read(2, 2)[1]).toMatchObject({ result: { value: '"done"' } });
  expect(relay(shop, tickets, "tickets/0") + relay(tickets, shop, "shop/0")).toBe(0);
});

test("R23: what was accepted already, or is not next, changes nothing", () => {
  const { shop, tickets } = pair();
  shop.decide(invoke("O/a/hold"));
  shop.decide(ask(2, calls("Remote/plain")));
  const [row] = shop.tables.outbox.read("tickets/0", 0, 1);
  const message = row?.message as Message;
  const from = "shop/0/line";
  expect(tickets.decide({ kind: "deliver", from, seq: 2, message }).changes).toEqual([]);
  expect(kindsOf(tickets.decide({ kind: "deliver", from, seq: 1, message }).changes)).toEqual([
    "delivered",
    "invoked",
    "started",
  ]);
  expect(tickets.decide({ kind: "deliver", from, seq: 1, message }).changes).toEqual([]);
});

test("DELIVERY_GAP: a destination cannot have accepted what was never posted", () => {
  const { shop } = pair();
  expect(() => shop.decide({ kind: "accepted", to: "tickets/0", seq: 3 })).toThrow(
    expect.objectContaining({ code: "DELIVERY_GAP" }),
  );
});

test("R1: an answer to another life of the caller is dropped", () => {
  const { shop } = pair();
  shop.decide(invoke("O/a/hold"));
  shop.decide(ask(2, calls("Remote/plain")));
  const message = { kind: "completed", n: 2, of: 0, incarnation: "other", result: { value: "1" } };
  const decided = shop.decide({
    kind: "deliver",
    from: "tickets/0/l",
    seq: 1,
    message: message as Message,
  });
  expect(kindsOf(decided.changes)).toEqual(["delivered"]);
});

test("R13: a delivery that cannot be done is accepted, and its caller is answered", () => {
  const { shop, tickets } = pair();
  shop.decide(invoke("O/a/hold"));
  shop.decide(ask(2, calls("Remote/missing")));
  relay(shop, tickets, "tickets/0");
  relay(tickets, shop, "shop/0");
  expect(shop.tables.journals.read(2, 2)[1]).toMatchObject({
    result: { failure: { code: "HANDLER_NOT_FOUND" } },
  });
});

test("R12: a cycle of keys through another app fails at once and names the cycle", () => {
  const { shop, tickets } = pair();
  shop.decide(invoke("O/a/hold"));
  shop.decide(ask(2, calls("R/b/hold")));
  relay(shop, tickets, "tickets/0");
  tickets.decide(ask(2, calls("O/a/hold")));
  relay(tickets, shop, "shop/0");
  relay(shop, tickets, "tickets/0");
  expect(tickets.tables.journals.read(2, 2)[1]).toMatchObject({
    result: { failure: { code: "KEY_DEADLOCK", data: { cycle: ["O/a", "R/b", "O/a"] } } },
  });
});

test("R27: what is for a service nobody hosts waits, and gets its destination by a decision", () => {
  const { shop, tickets } = pair();
  shop.decide(invoke("O/a/hold"));
  shop.decide(ask(2, calls("New/plain")));
  shop.decide(ask(2, calls("New/plain")));
  expect(kindsOf(shop.decide({ kind: "route", service: "New" }).changes)).toEqual([]);
  shop.directory.locate = () => ({ to: "tickets/0", app: "tickets" });
  const { changes } = shop.decide({ kind: "route", service: "New" });
  expect(kindsOf(changes)).toEqual(["accepted", "posted", "accepted", "posted"]);
  expect(relay(shop, tickets, "tickets/0")).toBe(2);
  expect(tickets.row(2).service).toBe("New");
});

test("the id a sender chose leads to the invocation, also where that has an id of its own", () => {
  const { shop, tickets, remote } = pair();
  shop.decide(invoke("O/a/hold"));
  const ids = ["k", "k"].map((key) => {
    const { entry } = shop.decide(ask(2, calls("R/b/hold", key)));
    const command = entry?.command;
    return command?.kind === "call" ? (command.callee?.derivedId ?? "") : "";
  });
  for (const id of ids) remote.add(id);
  relay(shop, tickets, "tickets/0");
  expect(new Set(ids).size).toBe(2);
  shop.decide(ask(2, { kind: "cancel", id: ids[1] as string }));
  relay(shop, tickets, "tickets/0");
  expect(tickets.row(2).cancelled).toBe(true);
  const { answer } = tickets.decide({ kind: "attach", id: ids[0] as string });
  expect(answer).toMatchObject({ kind: "invocation", named: { n: 2 } });
});

test("attach, signal and awakeables reach another partition; a kill reaches its open calls", () => {
  const { shop, tickets, remote } = pair();
  shop.decide(invoke("O/a/hold"));
  const { entry } = shop.decide(ask(2, calls("Remote/plain")));
  const id = entry?.command.kind === "call" ? (entry.command.callee?.derivedId ?? "") : "";
  remote.add(id);
  shop.decide(ask(2, { kind: "attach", id }));
  const value = { value: "1" };
  shop.decide(ask(2, { kind: "signalSend", id, name: "go", result: value, hash: "h" }));
  relay(shop, tickets, "tickets/0");
  expect(tickets.row(2).buffered.get("go")).toBe(1);
  expect(tickets.row(2).waiters).toHaveLength(2);
  shop.decide({ kind: "kill", id: shop.idOf(2) });
  relay(shop, tickets, "tickets/0");
  expect(tickets.row(2)).toMatchObject({ status: "completed" });
  expect(relay(tickets, shop, "shop/0")).toBe(2);
});
