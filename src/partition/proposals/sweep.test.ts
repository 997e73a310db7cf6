import { expect, test } from "vitest";
import { folding } from "../../../test/support/folding.ts";
import { ask, type Deciding, finish, given, invoke, kindsOf } from "../../../test/support/given.ts";
import { idOf } from "../../model/invocation-id.ts";
import type { CommandRequest } from "../../model/proposal.ts";

const day = 86_400_000;
const go: CommandRequest = { kind: "promise", name: "go" };
const peek: CommandRequest = { kind: "promisePeek", name: "go" };
const resolve: CommandRequest = {
  ...{ kind: "promiseComplete", name: "go" },
  ...{ result: { value: "1" }, hash: "h" },
};

/** Promises of the key W/x as they are kept. */
function held(leader: Deciding, name = "go") {
  return leader.tables.promise("W", "x", name);
}

test("R17: a sweep is one logged record; what has expired is absent before it", () => {
  const { leader, when, row } = folding();
  when(invoke("S/plain", { idempotencyKey: "k" }));
  when(finish(2));
  const { derivedId: id } = leader.row(2);
  leader.time += day + 1;
  expect(when({ kind: "attach", id: id as string }).answer).toMatchObject({
    error: { code: "INVOCATION_NOT_FOUND" },
  });
  expect(when({ kind: "sweep" }).changes).toEqual([
    { kind: "swept", count: Number.MIN_SAFE_INTEGER, time: leader.time },
  ]);
  expect(row(2)).toBe(undefined);
});

test("R17: a sweep that finds nothing to let go of logs nothing", () => {
  const { leader, when } = folding();
  when(invoke("S/plain", { idempotencyKey: "k" }));
  when(finish(2));
  leader.time += day - 1;
  expect(when({ kind: "sweep" }).changes).toEqual([]);
  leader.time += 2;
  expect(kindsOf(when({ kind: "sweep" }).changes)).toEqual(["swept"]);
  leader.time += day;
  expect(when({ kind: "sweep" }).changes).toEqual([]);
});

test("R17: a run leaves with promises and state, but not before its shared handlers ended", () => {
  const { leader, when, row } = folding();
  when(invoke("W/x/run"));
  when(ask(2, { kind: "set", name: "v", value: "7" }));
  const shared = leader.position + 1;
  when(invoke("W/x/read"));
  when(ask(shared, resolve));
  when(finish(2));
  leader.time += day + 1;
  expect(when({ kind: "sweep" }).changes).toEqual([]);
  expect(leader.tables.object("W", "x").state.get("v")).toBe("7");
  expect(when(ask(shared, peek)).entry?.command).toMatchObject({ answer: { value: "1" } });
  // One that came after the time was over keeps nothing.
  when(invoke("W/x/read"));
  when(finish(shared));
  expect(when({ kind: "sweep" }).changes).toEqual([{ kind: "purged", n: 2 }]);
  expect(row(2)).toBe(undefined);
  expect(leader.tables.object("W", "x").state.size).toBe(0);
  expect(held(leader)).toBe(undefined);
});

test("R17: a purged run is absent at once; what shared handlers need leaves after them", () => {
  const { leader, when } = folding();
  when(invoke("W/x/run"));
  const id = leader.row(2).derivedId as string;
  const shared = leader.position + 1;
  when(invoke("W/x/read"));
  when(ask(shared, resolve));
  when(finish(2));
  expect(kindsOf(when({ kind: "purge", id }).changes)).toEqual(["expired"]);
  expect(when({ kind: "attach", id }).answer).toMatchObject({
    error: { code: "INVOCATION_NOT_FOUND" },
  });
  expect(when({ kind: "sweep" }).changes).toEqual([]);
  expect(held(leader)?.result).toEqual({ value: "1" });
  when(finish(shared));
  expect(when({ kind: "sweep" }).changes).toEqual([{ kind: "purged", n: 2 }]);
  expect(held(leader)).toBe(undefined);
});

test("R17: what a shared handler waits for outlives the run, unsettled, into the next one", () => {
  const { leader, when } = folding();
  when(invoke("W/x/run"));
  when(ask(2, { kind: "promiseComplete", name: "other", result: { value: "1" }, hash: "h" }));
  const shared = leader.position + 1;
  when(invoke("W/x/read"));
  when(ask(shared, go));
  when(finish(2));
  leader.time += day + 1;
  const second = leader.position + 1;
  expect(kindsOf(when(invoke("W/x/run")).changes)).toEqual(["purged", "invoked", "started"]);
  expect(held(leader, "other")).toBe(undefined);
  expect(held(leader)).toMatchObject({ result: null, waiters: [{ n: shared, of: 0 }] });
  expect(kindsOf(when(ask(second, resolve)).changes)).toContain("promiseCompleted");
  expect(leader.row(shared).open.size).toBe(0);
});

test("R17: a promise without a run leaves a day after its first change", () => {
  const { leader, when } = folding();
  when(invoke("W/x/read"));
  when(ask(2, resolve));
  when(finish(2));
  expect(held(leader)?.expiry).toBe(leader.time + day);
  leader.time += day - 1;
  expect(when({ kind: "sweep" }).changes).toEqual([]);
  leader.time += 1;
  const later = leader.position + 1;
  when(invoke("W/x/read"));
  expect(when(ask(later, peek)).entry?.command).toMatchObject({ answer: null });
  when(ask(later, resolve));
  expect(held(leader)?.expiry).toBe(leader.time + day);
  leader.time += day;
  expect(when({ kind: "sweep" }).changes).toEqual([
    { kind: "promiseLeft", service: "W", key: "x", name: "go" },
  ]);
  expect(held(leader)).toBe(undefined);
});

test("R17: a promise made before its run stays as long as the run", () => {
  const { leader, when } = folding();
  when(invoke("W/x/read"));
  when(ask(2, resolve));
  when(finish(2));
  const run = leader.position + 1;
  when(invoke("W/x/run"));
  leader.time += day + 1;
  expect(when(ask(run, peek)).entry?.command).toMatchObject({ answer: { value: "1" } });
  expect(when({ kind: "sweep" }).changes).toContainEqual({
    ...{ kind: "promiseKept", service: "W", key: "x", name: "go" },
    expiry: null,
  });
  expect(when({ kind: "sweep" }).changes).toEqual([]);
  expect(held(leader)?.result).toEqual({ value: "1" });
});

test("R17: a promise that somebody still waits for does not leave", () => {
  const { leader, when } = folding();
  when(invoke("W/x/read"));
  when(ask(2, go));
  leader.time += day;
  const kept = { kind: "promiseKept", service: "W", key: "x", name: "go" };
  expect(when({ kind: "sweep" }).changes).toEqual([{ ...kept, expiry: leader.time + day }]);
  when({ kind: "kill", id: idOf(leader.row(2)) });
  leader.time += day;
  expect(kindsOf(when({ kind: "sweep" }).changes)).toContain("promiseLeft");
});

test("R17: what a table has not folded yet leaves like what it has", () => {
  const { leader, when } = given([invoke("W/x/read"), ask(2, resolve), finish(2)]);
  leader.time += day;
  expect(when(invoke("W/x/read")).changes.length).toBeGreaterThan(0);
  expect(when(ask(leader.position, peek)).entry?.command).toMatchObject({ answer: null });
  expect(held(leader)).toBe(undefined);
});
