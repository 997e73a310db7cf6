// Changed code (T11): the text of a handler, and of it every mutant that inserts, deletes, swaps or
// renames a step or makes another kind of it. While its invocation waits at the end of its journal
// each must be noticed, at the command that changed; nothing is repeated, and the invocation goes on
// under code that matches.
import { expect, test } from "vitest";
import type { HoldfastError } from "../../src/index.ts";
import * as holdfast from "../../src/index.ts";
import {
  type ReplayFailure,
  replayTest,
  type StoredJournal,
  TestEngine,
} from "../../src/testing/index.ts";

/** Statements that each ask one command, with the same asked by another name, and another command. */
const steps = [
  ['await ctx.get("cart");', 'await ctx.get("basket");', "await ctx.stateKeys();"],
  ['await ctx.run("reserve", () => 1);', 'await ctx.run("keep", () => 1);', "await ctx.sleep(1);"],
  ['ctx.set("cart", [1]);', 'ctx.set("basket", [1]);', 'ctx.clear("cart");'],
  ["await ctx.call(stock).take(1);", "await ctx.call(stock).give(1);", "ctx.send(stock).take(1);"],
  ["await ctx.call(stock).take(2);", "await ctx.call(stock).take(3);", 'await ctx.get("take");'],
  ["await ctx.sleep(1000);", undefined, 'await ctx.run("sleep", () => 1);'],
  ['ctx.send(stock).give("a");', 'ctx.send(stock).give("b");', 'await ctx.call(stock).give("a");'],
  ["await ctx.promise('paid').peek();", "await ctx.promise('sent').peek();", "ctx.clearAll();"],
  ['ctx.clear("cart");', 'ctx.clear("basket");', 'ctx.set("cart", []);'],
  ["ctx.awakeable();", undefined, 'ctx.promise("paid").resolve(1);'],
  ['await ctx.run("mail", () => 2);', 'await ctx.run("letter", () => 2);', "ctx.awakeable();"],
  ['await ctx.signal("go");', 'await ctx.signal("start");', "await ctx.sleep(1e9);"],
] as const;
const original: readonly string[] = steps.map(([statement]) => statement);

interface Mutant {
  readonly name: string;
  /** The command at which it parts from the journal. */
  readonly entry: number;
  readonly statements: readonly string[];
}

function* mutants(): Generator<Mutant> {
  for (const [entry, [statement, renamed, other]] of steps.entries()) {
    const at = (...put: readonly string[]) => original.toSpliced(entry, 1, ...put);
    yield { name: `deletes ${statement}`, entry, statements: at() };
    const inserted = 'await ctx.run("inserted", () => 0);';
    yield { name: `inserts before ${statement}`, entry, statements: at(inserted, statement) };
    if (renamed !== undefined)
      yield { name: `renames ${statement}`, entry, statements: at(renamed) };
    yield { name: `makes another kind of ${statement}`, entry, statements: at(other) };
    const next = original[entry + 1];
    if (next === undefined) continue;
    const swapped = original.toSpliced(entry, 2, next, statement);
    yield { name: `swaps ${statement} and ${next}`, entry, statements: swapped };
  }
}

/** The services of a program whose handler has these statements. */
function program(statements: readonly string[]): holdfast.Callable[] {
  const text = `
    const stock = service("Stock", { async take() { return 1; }, async give() {} });
    const order = workflow("Order", {
      async run(ctx) {
        ${statements.join("\n        ")}
        return "done";
      },
    });
    return [order, stock];`;
  const made = new Function("service", "workflow", text) as (
    ...all: unknown[]
  ) => holdfast.Callable[];
  return made(holdfast.service, holdfast.workflow);
}

const waitsAt = async (): Promise<{ engine: TestEngine; id: string; journal: StoredJournal }> => {
  const services = program(original);
  const engine = await TestEngine.open({ services });
  const [order] = services as [holdfast.Callable<"workflow", { run(): Promise<string> }>];
  const { id } = await engine.send(order, "1").run();
  await engine.advance("2s");
  return { engine, id, journal: await engine.journal(id) };
};

const all = [...mutants()];

test("there are forty mutants and more, each another text", () => {
  expect(all.length).toBeGreaterThanOrEqual(40);
  expect(new Set(all.map(({ statements }) => statements.join())).size).toBe(all.length);
});

for (const { name, entry, statements } of all) {
  test(`a mutant that ${name} is noticed at command ${entry}, and nothing is lost`, async () => {
    const { engine, id, journal } = await waitsAt();
    const mutated = program(statements);

    const failed = await replayTest(journal, mutated).catch((error: HoldfastError) => error);
    expect(failed).toMatchObject({ code: "REPLAY_DIVERGED" });
    expect((failed as HoldfastError).data as ReplayFailure).toMatchObject({ entry });

    const effects = engine.effects.length;
    await engine.crash({ services: mutated });
    await engine.signal(id, "go");
    await engine.advance("1m");
    const paused = engine.events.filter((event) => event.kind === "attemptFailed");
    expect(paused).toMatchObject([{ id, code: "JOURNAL_MISMATCH", next: "pause" }]);
    expect(paused[0]?.message).toContain(`at command ${entry};`);

    await engine.crash({ services: program(original) });
    expect(await engine.invocation(id).result()).toBe("done");
    expect(engine.effects.length).toBe(effects);
    await engine.close();
  });
}
