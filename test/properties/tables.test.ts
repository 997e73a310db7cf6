// Random proposals through decide and apply: what holds after each (a naive model of the promises),
// and O6: leader, materialiser and recovery from any prefix come to the same tables.

import { expect, test } from "vitest";
import { recordsOf } from "../../src/codec/record.ts";
import { Folder } from "../../src/engine/materialiser.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import { idOf } from "../../src/model/invocation-id.ts";
import type { CommandRequest } from "../../src/model/proposal.ts";
import { dueOf, type InvocationRow } from "../../src/model/row.ts";
import { apply } from "../../src/partition/apply.ts";
import { Tables } from "../../src/partition/tables/tables.ts";
import { Prng } from "../../src/std/prng.ts";
import { began, Deciding, type Given, targetOf } from "../support/given.ts";
import { dump, timersOf } from "../support/tables-dump.ts";

const targets = ["S/plain", "O/a/hold", "O/b/hold", "O/a/other", "O/a/read", "W/x/run", "W/x/read"];
const objects = [
  ["O", "a"],
  ["O", "b"],
  ["W", "x"],
] as const;
const promises = ["p", "q"];

class Driver {
  readonly leader: Deciding;
  readonly prng: Prng;
  #epoch = 1;

  constructor(leader: Deciding, prng: Prng) {
    this.leader = leader;
    this.prng = prng;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.prng.integer(list.length)] as T;
  }

  rows(): InvocationRow[] {
    const rows: InvocationRow[] = [];
    for (let n = 1; n <= this.leader.position; n++) {
      const row = this.leader.tables.invocation(n);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  step(): Given | undefined {
    const { leader, prng } = this;
    leader.time += prng.integer(200) === 0 ? 90_000_000 : prng.integer(40_000);
    leader.free = prng.integer(8) > 0;
    const rows = this.rows();
    const unfinished = rows.filter(({ status }) => status !== "completed");
    const some = unfinished.length > 0 && prng.integer(10) > 0 ? unfinished : rows;
    const row = some.length === 0 ? undefined : this.pick(some);
    const dice = prng.integer(1000);
    if (dice < 80 || row === undefined) return this.#invoke();
    if (dice < 760) return this.#attempt(row);
    if (dice < 880) return this.#timer();
    if (dice < 970) return this.#operate(row);
    return dice < 995 ? { kind: "sweep", countUpTo: leader.position - 40 } : this.#lead();
  }

  #invoke(): Given {
    const call = { target: targetOf(this.pick(targets)), input: '"i"' };
    const key = call.target.handler === "run" ? undefined : this.pick(["k", undefined, undefined]);
    const due = this.pick([undefined, undefined, this.leader.time + 60_000]);
    return { kind: "invoke", call: { ...call, idempotencyKey: key }, due };
  }

  #timer(): Given | undefined {
    const timer = this.leader.tables.timers.due(this.leader.time);
    return timer && { kind: "timerDue", timer };
  }

  #lead(): Given {
    this.#epoch++;
    return { kind: "lead", epoch: this.#epoch, nonce: "n", unclean: this.prng.integer(2) === 0 };
  }

  #attempt(row: InvocationRow): Given | undefined {
    const { n, attempt, status } = row;
    const { epoch } = this.leader.tables.meta;
    if (status === "ready") return { kind: "start", n };
    if (status !== "running") return undefined;
    if (row.epoch < epoch) return { kind: "start", n };
    const failure = { code: "X", message: "x", status: 500 };
    const open = [...row.open].find(
      ([, command]) => command.kind === "run" && command.due === undefined,
    );
    const dice = this.prng.integer(20);
    if (open !== undefined && dice < 8) {
      const [of, command] = open;
      const tries = command.kind === "run" ? (command.tries ?? 0) : 0;
      if (dice < 5) return { kind: "stepDone", n, of, tries, result: { value: "1" } };
      return { kind: "stepFailed", n, of, tries, failure, due: this.leader.time + 5000 };
    }
    if (dice < 3) return { kind: "finish", n, attempt, result: { value: '"r"' } };
    if (dice === 3) return { kind: "finish", n, attempt, result: { failure } };
    if (dice === 4) {
      const again = this.pick([
        { kind: "at", due: this.leader.time + 9000 },
        { kind: "pause" },
        { kind: "fail" },
      ] as const);
      return { kind: "fail", n, attempt, failure, again };
    }
    if (dice === 5) return row.open.size > 0 ? { kind: "suspend", n, attempt } : undefined;
    const stale = this.prng.integer(20) === 0 ? attempt - 1 : attempt;
    return {
      kind: "command",
      n,
      attempt: stale,
      revision: this.pick(["r1", "r1", "r2"]),
      command: this.#command(row),
    };
  }

  #command(row: InvocationRow): CommandRequest {
    const target = targetOf(this.pick([...targets, "Gone/plain"]));
    const idempotencyKey = target.handler === "run" ? undefined : this.pick(["k", undefined]);
    const call = { target, input: '"i"', idempotencyKey };
    const id = idOf(this.pick(this.rows()));
    const name = this.pick(promises);
    const keyless: CommandRequest[] = [
      { kind: "call", call, hash: "h" },
      { kind: "call", call, hash: "h" },
      { kind: "send", call, hash: "h", delay: this.pick([undefined, 30_000]) },
      { kind: "run", name: "step" },
      { kind: "sleep", ms: 20_000 },
      { kind: "awakeable" },
      { kind: "signal", name: "s" },
      { kind: "attach", id },
      { kind: "cancel", id },
      { kind: "signalSend", id, name: "s", result: { value: "1" }, hash: "h" },
    ];
    if (row.key === null) return this.pick(keyless);
    const keyed: CommandRequest[] = [
      { kind: "get", name: "v" },
      { kind: "stateKeys" },
      ...(row.service === "W"
        ? ([
            { kind: "promise", name },
            { kind: "promisePeek", name },
            { kind: "promiseComplete", name, result: { value: "1" }, hash: "h" },
          ] as const)
        : []),
      ...(row.mode === "shared"
        ? []
        : ([
            { kind: "set", name: this.pick(["v", "w"]), value: `${this.leader.position}` },
            { kind: "clear", name: "v" },
            { kind: "clearAll" },
          ] as const)),
    ];
    return this.pick([...keyless, ...keyed, ...keyed]);
  }

  #operate(row: InvocationRow): Given | undefined {
    const id = idOf(row);
    const { n } = row;
    return this.pick<() => Given | undefined>([
      () => ({ kind: "cancel", id }),
      () => ({ kind: "kill", id, withSends: this.prng.integer(2) === 0 }),
      () => ({ kind: "pause", id }),
      () => ({ kind: "resume", id }),
      () => ({ kind: "resume", id }),
      () => ({ kind: "purge", id }),
      () => ({ kind: "attach", id }),
      () => ({ kind: "probe", n }),
      () => ({ kind: "signal", id, name: "s", result: { value: "1" } }),
      () => ({ kind: "newRevision", n, revision: "r3" }),
      () => ({ kind: "restart", id, from: this.#from(row), unsafe: true }),
      () => ({
        kind: "editState",
        service: "O",
        key: "a",
        clear: false,
        values: [
          ["v", "0"],
          ["w", null],
        ],
      }),
    ])();
  }

  #from(row: InvocationRow): number {
    const folded = row.at <= this.leader.tables.cold.position();
    return folded ? this.prng.integer(row.entries + 1) : 0;
  }
}

/** What must hold whatever was decided, told by looking at all rows. */
function check(leader: Deciding, rows: readonly InvocationRow[]): void {
  const { tables } = leader;
  const holders = new Map<string, number[]>();
  for (const row of rows) {
    const { n, status, mode } = row;
    if (status === "completed") {
      expect([row.open.size, row.waiters.length, row.due]).toEqual([0, 0, null]);
      continue;
    }
    expect(tables.journals.read(n, row.entries).length).toBe(row.entries);
    const holds = status !== "scheduled" && status !== "inboxed";
    const begun = holds && mode === "exclusive";
    if (begun)
      holders.set(`${row.service}/${row.key}`, [
        ...(holders.get(`${row.service}/${row.key}`) ?? []),
        n,
      ]);
    expect(row.inboxedAt > 0).toBe(status === "inboxed");
    expect(row.due !== null).toBe(status === "scheduled" || status === "backing-off");
    for (const [of, open] of row.open) {
      if (open.kind !== "call" && open.kind !== "attach") continue;
      const callee = tables.invocation(open.n);
      // Nobody waits for what is over, but for an answer that is on its way.
      if (open.due !== undefined) continue;
      expect(callee?.status, `${n} waits for ${open.n}`).not.toBe("completed");
      expect(callee?.waiters).toContainEqual({ n, of });
    }
  }
  for (const [service, key] of objects) {
    const { lock, inbox } = tables.object(service, key);
    if (service === "W") continue;
    expect(holders.get(`${service}/${key}`) ?? [], "I6").toEqual(lock === 0 ? [] : [lock]);
    if (lock === 0) expect(inbox).toEqual([]);
    expect(inbox.map(({ at }) => at)).toEqual(inbox.map(({ at }) => at).sort((a, b) => a - b));
    for (const { n } of inbox) expect(tables.invocation(n)?.status).toBe("inboxed");
  }
}

function armed(rows: readonly InvocationRow[]): string[] {
  const timers: [number, number, number][] = [];
  for (const row of rows) {
    if (row.due !== null) timers.push([row.due, row.n, -1]);
    for (const [of, open] of row.open) {
      const due = dueOf(open);
      if (due !== undefined) timers.push([due, row.n, of]);
    }
  }
  timers.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return timers.map((timer) => timer.join(":"));
}

const options = { keepRows: 1000, timerHorizonMs: 5000, timerPageMax: 3, track: false };

function applied(leader: Deciding, cold: MemoryColdTable, from: number, to: number): Tables {
  const tables = new Tables(cold, options);
  if (to < from) return tables;
  recordsOf(leader.batch(from, to - from + 1).bytes, from).forEach(({ time, changes }, i) => {
    for (const change of changes) apply(tables, change, { position: from + i, time });
  });
  return tables;
}

for (let seed = 1; seed <= 24; seed++) {
  test(`O6: leader, fold and recovery agree, seed ${seed}`, () => {
    const prng = new Prng(`tables ${seed}`);
    const cold = new MemoryColdTable();
    const leader = new Deciding(cold, seed % 2 === 0 ? 0 : 1000);
    const driver = new Driver(leader, prng);
    let folder = new Folder(cold, { keepRows: seed % 3 === 0 ? 1000 : 0 });
    let taken = 0;
    for (let i = 0; i < 600; i++) {
      const proposal = driver.step();
      if (proposal === undefined) continue;
      const before = leader.position;
      const { changes, answer } = leader.decide(proposal);
      if (answer?.kind === "refused") expect(changes).toEqual([]);
      expect(leader.position).toBe(before + (changes.length > 0 ? 1 : 0));
      if (i % 5 === 0) check(leader, driver.rows());
      const count = leader.position - taken;
      if (count > 0 && prng.integer(10) === 0) {
        folder.take(leader.batch(taken + 1, count));
        taken = leader.position;
        if (prng.integer(2) === 0) {
          folder.write();
          leader.tables.forget(folder.folded);
        }
        if (prng.integer(20) === 0) {
          folder = new Folder(cold, { keepRows: 0 });
          taken = folder.folded;
        }
      }
    }
    const last = leader.position;
    const names = { last, objects, promises };
    const rows = driver.rows();
    check(leader, rows);
    const expected = dump(leader.tables, names);
    const recovered = applied(leader, cold, cold.position() + 1, last);
    expect(dump(recovered, names)).toEqual(expected);
    expect(timersOf(recovered)).toEqual(armed(rows));
    const fresh = applied(leader, new MemoryColdTable(), 1, last);
    expect(dump(fresh, names)).toEqual(expected);
    if (last > taken) folder.take(leader.batch(taken + 1, last - taken));
    folder.write();
    const rest = new Tables(cold, options);
    expect(dump(rest, names)).toEqual(expected);
    expect(timersOf(rest)).toEqual(armed(rows));
    expect(leader.time).toBeGreaterThan(began);
  });
}
