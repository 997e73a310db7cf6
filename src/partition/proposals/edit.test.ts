import { expect, test } from "vitest";
import { ask, finish, type Given, given, invoke, kindsOf } from "../../../test/support/given.ts";
import { idOf } from "../../model/invocation-id.ts";
import { recordResultsMax } from "../../model/limits.ts";

const edit = (value: string, version?: number): Given => ({
  ...{ kind: "editState", service: "O", key: "a", clear: false },
  ...{ values: [["v", value]], version },
});
const conflict = { error: { code: "STATE_CONFLICT" } };

test("R21: an edit of a free key is made at once, at its version", () => {
  const { leader, when } = given([invoke("O/a/hold"), finish(2)]);
  expect(kindsOf(when(edit("1")).changes)).toEqual(["stateEdited"]);
  expect(when(edit("2", 0)).answer).toMatchObject(conflict);
  expect(when(edit("3", 1)).answer).toEqual({ kind: "done" });
  expect(leader.tables.object("O", "a").state.get("v")).toBe("3");
});

test("R21: an edit of a held key waits in its inbox, in order of arrival", () => {
  const { leader, when } = given([invoke("O/a/hold")]);
  const first = leader.position + 1;
  const asked = when(edit("1"));
  expect(kindsOf(asked.changes)).toEqual(["invoked", "inboxed"]);
  expect(asked.answer).toMatchObject({ kind: "invocation", result: null });
  const call = leader.position + 1;
  when(invoke("O/a/other"));
  const second = leader.position + 1;
  when(edit("2"));
  expect(leader.tables.object("O", "a").inbox.map(({ n }) => n)).toEqual([first, call, second]);
  expect(kindsOf(when(finish(2)).changes)).toEqual(["finished", "ready"]);
  expect(leader.tables.object("O", "a").lock).toBe(first);
  const made = when({ kind: "start", n: first });
  expect(kindsOf(made.changes)).toEqual(["stateEdited", "finished", "started"]);
  expect(made.effects).toContainEqual({
    ...{ kind: "completed", n: first, result: { value: null }, at: leader.position },
  });
  expect(leader.row(call).status).toBe("running");
  expect(when(ask(call, { kind: "get", name: "v" })).entry?.command).toMatchObject({ answer: "1" });
  when(finish(call));
  when({ kind: "start", n: second });
  const { lock, state } = leader.tables.object("O", "a");
  expect([lock, state.get("v")]).toEqual([0, "2"]);
});

test("R21: a version is compared when the edit has its turn", () => {
  const { leader, when } = given([invoke("O/a/hold")]);
  const early = leader.position + 1;
  when(edit("1", 0));
  const late = leader.position + 1;
  when(edit("2", 1));
  when(ask(2, { kind: "set", name: "v", value: "0" }));
  when(finish(2));
  when({ kind: "start", n: early });
  expect(leader.row(early).result).toMatchObject({ failure: { code: "STATE_CONFLICT" } });
  when({ kind: "start", n: late });
  expect(leader.row(late).result).toEqual({ value: null });
  expect(leader.tables.object("O", "a").state.get("v")).toBe("2");
});

test("R21: a waiting edit needs no handler of its own, and can be cancelled", () => {
  const { leader, when } = given([invoke("O/a/hold")]);
  const n = leader.position + 1;
  when(edit("1"));
  const other = leader.position + 1;
  when(edit("2"));
  when({ kind: "cancel", id: idOf(leader.row(n)) });
  expect(leader.row(n).result).toMatchObject({ failure: { code: "CANCELLED" } });
  leader.hosted = false;
  when(finish(2));
  when({ kind: "start", n: other });
  expect(leader.tables.object("O", "a").state.get("v")).toBe("2");
});

test("R18: an edit too large to wait in a record is refused at the door", () => {
  const { leader, when } = given([invoke("O/a/hold")]);
  const large = JSON.stringify('"'.repeat(recordResultsMax / 8));
  expect(when(edit(large)).answer).toMatchObject({ error: { code: "STATE_TOO_LARGE" } });
  expect(leader.tables.object("O", "a").inbox).toEqual([]);
});
