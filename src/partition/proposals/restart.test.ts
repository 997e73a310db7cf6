import { expect, test } from "vitest";
import { folding } from "../../../test/support/folding.ts";
import { ask, calls, finish, type Given, invoke, kindsOf } from "../../../test/support/given.ts";
import { idOf } from "../../model/invocation-id.ts";
import { recordResultsMax } from "../../model/limits.ts";
import type { CommandRequest } from "../../model/proposal.ts";

const go: CommandRequest = { kind: "promise", name: "go" };
const complete: CommandRequest = {
  ...{ kind: "promiseComplete", name: "go" },
  ...{ result: { value: '"went"' }, hash: "h" },
};

type World = ReturnType<typeof folding>;

function kill({ when, leader }: World, n: number): void {
  when({ kind: "kill", id: idOf(leader.row(n)) });
}

/** Restarts this one with so many entries of its journal; the number of the new one. */
function restarted({ leader, when }: World, n: number, from: number, unsafe = false): number {
  const again = leader.position + 1;
  const restart: Given = { kind: "restart", id: idOf(leader.row(n)), from, unsafe };
  expect(kindsOf(when(restart).changes)).toContain("journalCopied");
  return again;
}

const signalTo = (world: World, n: number, value: string): void => {
  const id = idOf(world.leader.row(n));
  world.when({ kind: "signal", id, name: "s", result: { value } });
};

test("a restart waits again for the promise that its entries wait for, or has its value", () => {
  const world = folding();
  const { leader, when } = world;
  when(invoke("W/x/read"));
  when(ask(2, go));
  kill(world, 2);
  const first = restarted(world, 2, 1);
  expect(leader.row(first).open.get(0)).toEqual({ kind: "promise", name: "go" });
  const other = leader.position + 1;
  when(invoke("W/x/read"));
  expect(kindsOf(when(ask(other, complete)).changes)).toContain("notified");
  expect(leader.row(first).open.size).toBe(0);
  when(finish(first));
  const second = restarted(world, first, 1);
  expect(leader.row(second).open.size).toBe(0);
  expect(leader.tables.journals.read(second, 2)[1]).toMatchObject({ result: { value: '"went"' } });
});

test("a restart keeps the signals that none of its entries has taken", () => {
  const world = folding();
  const { leader, when } = world;
  when(invoke("S/plain"));
  for (const value of ["1", "2", "3"]) signalTo(world, 2, value);
  when(ask(2, { kind: "signal", name: "s" }));
  kill(world, 2);
  const all = restarted(world, 2, 4);
  expect([...leader.row(all).buffered]).toEqual([["s", 2]]);
  when(ask(all, { kind: "signal", name: "s" }));
  when(ask(all, { kind: "signal", name: "s" }));
  when(ask(all, { kind: "signal", name: "s" }));
  expect([...leader.row(all).open.keys()]).toEqual([3]);
  kill(world, all);
  // The last of those it keeps waits for the one that comes next.
  const waits = restarted(world, all, 7);
  expect([...leader.row(waits).open]).toEqual([[3, { kind: "signal", name: "s" }]]);
  signalTo(world, waits, "4");
  expect(leader.row(waits).open.size).toBe(0);
});

test("a signal that came while it was waited for is not kept for another", () => {
  const world = folding();
  const { leader, when } = world;
  when(invoke("S/plain"));
  when(ask(2, { kind: "signal", name: "s" }));
  signalTo(world, 2, "1");
  kill(world, 2);
  const again = restarted(world, 2, 2);
  expect([leader.row(again).open.size, leader.row(again).buffered.size]).toEqual([0, 0]);
});

test("a restart has the answer of a call that ended, and waits for one that goes on", () => {
  const world = folding();
  const { leader, when } = world;
  when(invoke("S/plain"));
  const done = leader.position + 1;
  when(ask(2, calls("S/plain")));
  const open = leader.position + 1;
  when(ask(2, calls("O/a/hold")));
  when({ kind: "cancel", id: idOf(leader.row(2)) });
  when(finish(2));
  when(finish(done));
  const again = restarted(world, 2, 2);
  expect([...leader.row(again).open]).toEqual([[1, { kind: "call", n: open }]]);
  expect(leader.row(open).waiters).toContainEqual({ n: again, of: 1 });
  when(finish(open));
  expect(leader.row(again).open.size).toBe(0);
});

test("a call whose invocation has left by then is answered with that", () => {
  const world = folding();
  const { leader, when } = world;
  when(invoke("S/plain"));
  const callee = leader.position + 1;
  when(ask(2, calls("S/plain")));
  when(finish(callee));
  when(finish(2));
  when({ kind: "purge", id: idOf(leader.row(callee)) });
  const again = restarted(world, 2, 1);
  expect(leader.tables.journals.read(again, 2)[1]).toMatchObject({
    result: { failure: { code: "INVOCATION_NOT_FOUND" } },
  });
});

test("R18: what one record could not hold is not kept", () => {
  const { leader, when } = folding();
  when(invoke("O/a/hold"));
  const value = JSON.stringify("x".repeat(recordResultsMax / 4));
  for (let i = 0; i < 5; i++) when(ask(2, { kind: "set", name: `v${i}`, value }));
  when(finish(2));
  const restart = { kind: "restart", id: idOf(leader.row(2)), unsafe: false } as const;
  expect(when({ ...restart, from: 5 }).answer).toMatchObject({
    error: { code: "RESTART_UNSAFE", message: expect.stringMatching(/entries to keep are \d+/) },
  });
  expect(when({ ...restart, from: 2 }).answer).toMatchObject({ kind: "invocation" });
});
