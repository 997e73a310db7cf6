import { expect, test } from "vitest";
import { commands } from "../../test/support/changes.ts";
import type { Command, CommandEntry } from "../model/entry.ts";
import type { CommandRequest } from "../model/proposal.ts";
import { difference, wordsOf } from "./mismatch.ts";

const entryOf = (command: Command): CommandEntry => ({ kind: "command", index: 4, command, at: 0 });

/** What a handler asks so that this command is logged. */
function requestOf(command: Command): CommandRequest {
  switch (command.kind) {
    case "call":
    case "send":
      return {
        kind: command.kind,
        call: { target: command.target, input: "1" },
        hash: command.hash,
      };
    case "sleep":
      return { kind: "sleep", ms: 1 };
    case "output":
      throw new Error("nobody asks for an output");
    case "promiseComplete":
    case "awakeableComplete":
    case "signalSend":
      return { ...command, result: { value: "1" } };
    default:
      return command;
  }
}

const asked = Object.values(commands)
  .flat()
  .filter(({ kind }) => kind !== "output");

test("whatever command is asked again as it was, there is no difference", () => {
  for (const command of asked) {
    expect(difference(entryOf(command), requestOf(command), true), command.kind).toBe(undefined);
  }
});

test("another kind of command is a difference, told with its number and both in words", () => {
  for (const command of asked) {
    const other: CommandRequest =
      command.kind === "run" ? { kind: "signal", name: "charge" } : { kind: "run", name: "charge" };
    expect(difference(entryOf(command), other, true)).toEqual({
      ...{ index: 4, expected: wordsOf(command) },
      actual: command.kind === "run" ? 'signal "charge"' : 'run "charge"',
    });
  }
});

test("another name, target, id or input is a difference; a delay and a value of state are none", () => {
  const target = { service: "Cart", key: "a", handler: "add" };
  const callee = null;
  const hash = "0123456789abcdef";
  const call = { kind: "call", target, hash, callee } as const;
  const calls = (to: object, of = hash): CommandRequest => {
    return { kind: "call", call: { target: { ...target, ...to }, input: "1" }, hash: of };
  };
  expect(difference(entryOf(call), calls({ key: "b" }), true)).toEqual({
    index: 4,
    expected: "call Cart/a/add (input 01234567)",
    actual: "call Cart/b/add (input 01234567)",
  });
  expect(difference(entryOf(call), calls({}, "ffff"), true)).toMatchObject({ index: 4 });
  // A serde whose bytes do not repeat says so.
  expect(difference(entryOf(call), calls({}, "ffff"), false)).toBe(undefined);
  const set = { kind: "set", name: "v", value: "1" } as const;
  expect(difference(entryOf(set), { ...set, value: "2" }, true)).toBe(undefined);
  expect(difference(entryOf(set), { ...set, name: "w" }, true)).toMatchObject({
    actual: 'set "w"',
  });
  const sleep = { kind: "sleep", due: 5 } as const;
  expect(difference(entryOf(sleep), { kind: "sleep", ms: 99 }, true)).toBe(undefined);
  const signal = { kind: "signalSend", id: "inv_5", name: "go", hash } as const;
  const sends: CommandRequest = { ...signal, id: "inv_6", result: { value: null } };
  expect(difference(entryOf(signal), sends, true)).toMatchObject({
    ...{ expected: 'signalSend "go to inv_5"', actual: 'signalSend "go to inv_6"' },
  });
});

test("commands without a name are told by their kind", () => {
  const bare = [{ kind: "awakeable" }, { kind: "clearAll" }, { kind: "output" }] as const;
  expect(bare.map((command) => wordsOf(command))).toEqual(["awakeable", "clearAll", "output"]);
  expect(wordsOf({ kind: "stateKeys" })).toBe("stateKeys");
  expect(wordsOf({ kind: "sleep", ms: 5 })).toBe("sleep");
});
