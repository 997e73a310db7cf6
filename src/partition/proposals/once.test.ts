import { expect, test } from "vitest";
import { ask, finish, type Given, given, invoke, kindsOf } from "../../../test/support/given.ts";
import { explicitId } from "../../model/ids.ts";
import { idOf } from "../../model/invocation-id.ts";
import { requestRetentionMs } from "./once.ts";

const once = explicitId("0000000000000000", "AAAAAAAAAAAAAAAAAAAAAA", undefined);

test("R26: a signal asked twice under one request id reaches its invocation once, with one answer", () => {
  const { leader, when } = given([invoke("O/a/hold"), ask(2, { kind: "signal", name: "go" })]);
  const id = idOf(leader.row(2));
  const signal: Given = { kind: "signal", id, name: "go", result: { value: '"x"' }, once };
  const first = when(signal);
  expect(kindsOf(first.changes)).toEqual(["notified", "invoked", "finished"]);
  expect(first.answer).toEqual({ kind: "done" });
  const again = when(signal);
  expect([again.changes, again.answer]).toEqual([[], { kind: "done" }]);
  // What is kept of it leaves by itself.
  const kept = leader.tables.byDerivedId(once);
  expect(kept).toMatchObject({ status: "completed", retention: requestRetentionMs });
});

test("R26: a restart asked twice is answered with the invocation it made", () => {
  const { leader, when } = given([invoke("Service/plain"), finish(2)]);
  const restart: Given = { kind: "restart", id: idOf(leader.row(2)), from: 0, unsafe: false, once };
  const { answer } = when(restart);
  expect(answer).toMatchObject({ kind: "invocation", attached: false });
  expect(leader.tables.byDerivedId(once)?.origin?.n).toBe(2);
  const again = when(restart);
  expect(again.changes).toEqual([]);
  expect(again.answer).toEqual(answer);
});

test("R26: an edit, made at once or waiting, is made once", () => {
  const edit: Given = {
    ...{ kind: "editState", service: "O", key: "a", clear: false },
    ...{ values: [["v", "1"]], version: undefined, once },
  };
  const free = given([]);
  expect(kindsOf(free.when(edit).changes)).toEqual(["stateEdited", "invoked", "finished"]);
  expect(free.when(edit)).toMatchObject({ changes: [], answer: { kind: "done" } });
  const held = given([invoke("O/a/hold")]);
  const { answer } = held.when(edit);
  expect(answer).toMatchObject({ kind: "invocation", result: null });
  expect(held.when(edit)).toMatchObject({ changes: [], answer });
  expect(held.leader.tables.object("O", "a").inbox).toHaveLength(1);
});

test("R26: what is resumed and paused again is not resumed by the same request", () => {
  const { leader, when } = given([invoke("Service/plain")]);
  const id = idOf(leader.row(2));
  when({ kind: "pause", id });
  const resume: Given = { kind: "resume", id, once };
  expect(kindsOf(when(resume).changes)).toEqual(["started", "invoked", "finished"]);
  when({ kind: "pause", id });
  expect(when(resume)).toMatchObject({ changes: [], answer: { kind: "done" } });
  expect(leader.row(2).status).toBe("paused");
});
