// Conformance of cold tables: what belongs to a key. Lock, inbox and state; promises; any text as
// the name of any of them.
import type { ObjectRow } from "../../model/row.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { asRead, invocationRow, objectRow, partitionKey, promiseRow } from "./cold-rows.ts";
import type { Suite } from "./cold-suite.ts";

export function objectTests({ on, expect }: Suite): void {
  on("lock, inbox and state of a key are read together", (table, write) => {
    const inbox = [
      { at: 5, n: 4 },
      { at: 9, n: 8 },
    ];
    const state = { cart: '["T-1"]', none: null, png: { base64: "AA==", contentType: "i/p" } };
    const row = objectRow("a", {
      ...{ at: 9, lock: 3, version: 6, stateBytes: 40, inbox, state },
      ...{ entered: inbox, names: Object.keys(state) },
    });
    write({ objects: [row, objectRow("b", { lock: 1 })] });
    expect(keyOf(table)).toEqual(asRead(row));
    expect(keyOf(table, "b")).toEqual(asRead(objectRow("b", { lock: 1 })));
    expect(table.object(partitionKey, "Car", "a")).toBeUndefined();
    expect(table.object("00000000000000a2", "Cart", "a")).toBeUndefined();
  });

  on("of state, only the names that changed are written or removed", (table, write) => {
    const first = { at: 1, version: 2, stateBytes: 6, state: { a: "1", b: "2" } };
    write({ objects: [objectRow("a", { ...first, names: ["a", "b"] })] });
    const second = { at: 5, version: 5, stateBytes: 7, state: { b: "2", c: "33" } };
    write({ objects: [objectRow("a", { ...second, names: ["a", "c", "never"] })] });
    expect(keyOf(table)).toEqual(asRead(objectRow("a", second)));
  });

  on("clearing all removes every name held, then writes what was set since", (table, write) => {
    const first = { at: 1, version: 2, stateBytes: 6, state: { a: "1", "": "2", "9": "3" } };
    write({ objects: [objectRow("a", { ...first, lock: 4, names: ["a", "", "9"] })] });
    const second = { at: 5, version: 4, stateBytes: 2, lock: 4, state: { b: "0" } };
    write({ objects: [objectRow("a", { ...second, allNames: true, names: ["b"] })] });
    expect(keyOf(table)).toEqual(asRead(objectRow("a", second)));
    const third = { at: 6, version: 5, lock: 4 };
    write({ objects: [objectRow("a", { ...third, allNames: true })] });
    expect(keyOf(table)).toEqual(asRead(objectRow("a", third)));
  });
}

export function objectHeadTests({ on, expect }: Suite): void {
  on("lock and version follow the last change, whatever part it was", (table, write) => {
    const state = { a: "1" };
    const steps = [
      { fields: { at: 1, lock: 7, version: 1, stateBytes: 2, state }, changed: { names: ["a"] } },
      { fields: { at: 2, lock: 0, version: 1, stateBytes: 2, state }, changed: {} },
      {
        fields: { at: 3, lock: 9, version: 1, stateBytes: 2, state, inbox: [{ at: 3, n: 3 }] },
        changed: { entered: [{ at: 3, n: 3 }] },
      },
      {
        fields: { at: 4, lock: 3, version: 2, stateBytes: 2, state },
        changed: { left: [3] },
      },
      { fields: { at: 5, lock: 3, version: 3 }, changed: { names: ["a"] } },
    ];
    for (const { fields, changed } of steps) {
      write({ objects: [objectRow("a", { ...fields, ...changed })] });
      expect(keyOf(table)).toEqual(asRead(objectRow("a", fields)));
    }
  });

  on("a key without lock, inbox and state is removed", (table, write) => {
    const inbox = [{ at: 5, n: 4 }];
    const held = objectRow("a", {
      ...{ lock: 3, inbox, state: { a: "1", b: "2" } },
      ...{ entered: inbox, names: ["a", "b"] },
    });
    write({ objects: [held, objectRow("ab", { lock: 1 })] });
    write({ objects: [objectRow("a", { at: 9, version: 8, names: ["a"], left: [5] })] });
    expect(keyOf(table)).toBeUndefined();
    expect(keyOf(table, "ab")?.lock).toBe(1);
  });
}

export function inboxTests({ on, expect }: Suite): void {
  const inboxOf = (table: ColdRead) => table.object(partitionKey, "Cart", "a")?.inbox;

  on("an inbox is in order of arrival, and loses who left", (table, write) => {
    const all = [3, 20, 100, 1000].map((at) => ({ at, n: at - 1 }));
    const two = all.slice(0, 2);
    write({ objects: [objectRow("a", { at: 20, inbox: two, entered: two })] });
    write({ objects: [objectRow("a", { at: 1000, inbox: all, entered: all.slice(2) })] });
    expect(inboxOf(table)).toEqual(all);
    write({ objects: [objectRow("a", { at: 1001, lock: 2, inbox: all.slice(1), left: [3] })] });
    expect(inboxOf(table)).toEqual(all.slice(1));
    const rest = [all[1], all[3]].filter((entry) => entry !== undefined);
    write({ objects: [objectRow("a", { at: 1002, lock: 2, inbox: rest, left: [100] })] });
    expect(inboxOf(table)).toEqual(rest);
  });

  on("who came and left within one fold leaves no trace, but the lock does", (table, write) => {
    const row = objectRow("a", { at: 8, lock: 6, entered: [{ at: 7, n: 6 }], left: [7] });
    write({ objects: [row] });
    expect(table.object(partitionKey, "Cart", "a")).toEqual(asRead(row));
  });
}

export function besideTests({ on, expect }: Suite): void {
  on("those beside a run are kept with its key, and keep it", (table, write) => {
    const inbox = [{ at: 9, n: 8 }];
    const entered = [...inbox, { at: -4, n: 4 }, { at: -70, n: 70 }];
    const row = objectRow("a", { at: 9, lock: 2, inbox, entered, beside: [4, 70] });
    write({ objects: [row] });
    expect(sorted(keyOf(table)?.beside)).toEqual([4, 70]);
    expect(keyOf(table)?.inbox).toEqual(inbox);
    write({ objects: [objectRow("a", { at: 12, beside: [70], left: [9, -4] })] });
    expect(keyOf(table)).toEqual(asRead(objectRow("a", { at: 12, beside: [70] })));
    write({ objects: [objectRow("a", { at: 13, left: [-70] })] });
    expect(keyOf(table)).toBeUndefined();
  });
}

function sorted(numbers: Iterable<number> | undefined): number[] {
  return [...(numbers ?? [])].sort((a, b) => a - b);
}

export function promiseTests({ on, expect }: Suite): void {
  on("promises of a workflow key are put, listed and deleted", (table, write) => {
    const waiting = promiseRow("b", { waiters: [{ n: 4, of: 2 }] });
    const done = promiseRow("a", { result: { value: null }, at: 12 });
    write({
      promises: [
        [waiting, "put"],
        [promiseRow("a"), "put"],
        [promiseRow("c"), "put"],
      ],
    });
    write({
      promises: [
        [done, "put"],
        [promiseRow("c"), "delete"],
        [promiseRow("d"), "delete"],
      ],
    });
    const find = (name: string) => table.promise(partitionKey, "Signup", "user-1", name);
    expect(find("a")).toEqual(done);
    expect(find("b")).toEqual(waiting);
    expect(find("c")).toBeUndefined();
    expect(table.promiseNames(partitionKey, "Signup", "user-1").sort()).toEqual(["a", "b"]);
    expect(table.promiseNames(partitionKey, "Signup", "user")).toEqual([]);
  });
}

export function nameTests({ on, expect }: Suite): void {
  const broken = ["\u0000", "a\u0000b", "\u0001", '\u0001"', "\ud800", "x\udc00y"];
  const strange = ["", " ", "0", "é", "😀", "%'\"/", ...broken];

  on("any text is a key, a name, a value", (table, write) => {
    const state = Object.fromEntries(strange.map((name) => [name, JSON.stringify(name)]));
    write({
      invocations: strange.map((key, i) => [i + 1, invocationRow(i + 1, { key })]),
      objects: strange.map((key) => objectRow(key, { lock: 1, state, names: strange })),
      promises: strange.map((name) => [promiseRow(name, { at: 4 }), "put"]),
    });
    for (const [i, name] of strange.entries()) {
      expect(table.invocation(i + 1)?.key).toBe(name);
      const object = table.object(partitionKey, "Cart", name);
      expect(new Map(object?.state)).toEqual(new Map(Object.entries(state)));
      expect(table.promise(partitionKey, "Signup", "user-1", name)?.name).toBe(name);
    }
    const names = table.promiseNames(partitionKey, "Signup", "user-1");
    expect(names.sort()).toEqual([...strange].sort());
  });
}

function keyOf(table: ColdRead, key = "a"): ObjectRow | undefined {
  return table.object(partitionKey, "Cart", key);
}
