// Random programs of native promises: steps, sleeps, calls and state under all, race, any and
// allSettled. The process dies behind every commit in turn. Whatever a step's body saw when it
// was asked was durable, so every life after must come to the same (R2, R4): its trace is a prefix of
// the last one. Without races the result is that of the run that never died.
import { expect, test } from "vitest";
import { object, service, TerminalError } from "../../src/index.ts";
import { Prng } from "../../src/std/prng.ts";
import { configurations, TestEngine } from "../../src/testing/index.ts";
import { codeOf, later } from "../support/scenario.ts";

type Leaf = "step" | "sleep" | "call" | "get" | "set" | "tick" | "fails" | "send" | "console";
type Join = "seq" | "all" | "settled" | "race" | "any";
interface Node {
  readonly kind: Leaf | Join;
  readonly name: string;
  readonly ms: number;
  readonly children: readonly Node[];
}

const leaves: readonly Leaf[] = [
  "step",
  "step",
  "sleep",
  "call",
  "get",
  "set",
  "tick",
  "fails",
  "send",
];

function generate(prng: Prng, races: boolean): Node {
  let count = 0;
  // A failure under Promise.all is a race as well: what is left behind may not come to its end.
  const mine = races ? leaves : leaves.filter((leaf) => leaf !== "fails");
  const node = (depth: number): Node => {
    const joins: readonly Join[] = races
      ? ["seq", "all", "settled", "race", "any"]
      : ["seq", "all", "settled"];
    const join = depth < 3 && (depth === 0 || prng.integer(3) > 0);
    const kind = join
      ? depth === 0
        ? "seq"
        : joins[prng.integer(joins.length)]
      : mine[prng.integer(mine.length)];
    const width = join ? 2 + prng.integer(3) : 0;
    const name = `n${count++}`;
    const ms = prng.integer(3) * 10;
    const children = Array.from({ length: width }, () => node(depth + 1));
    return { kind: kind as Leaf | Join, name, ms, children };
  };
  return node(0);
}

/** What a body could see when it was asked: the step's key, and all its handler had learned. */
interface Seen {
  readonly key: string;
  readonly trace: string;
}

class Program {
  readonly root: Node;
  readonly seen: Seen[] = [];
  /** Where bodies wait: the clock of the engine under test. */
  engine: TestEngine | undefined;

  constructor(root: Node) {
    this.root = root;
  }

  readonly callee = service("Callee", {
    async after(ctx, input: { ms: number; name: string }): Promise<string> {
      if (input.ms > 0) await ctx.sleep(input.ms);
      return input.name;
    },
    async nothing(): Promise<void> {},
  });

  readonly handlers = object("Program", {
    go: async (ctx): Promise<readonly string[]> => {
      const trace: string[] = [];
      const learn = (promise: Promise<string>): Promise<string> => learned(trace, promise);
      const exec = async ({ kind, name, ms, children }: Node): Promise<string> => {
        const all = (): Promise<string>[] => children.map(exec);
        switch (kind) {
          case "step": {
            const before = trace.join();
            return learn(
              ctx.run(name, async ({ idempotencyKey }) => {
                this.seen.push({ key: idempotencyKey, trace: before });
                if (ms > 0) await this.#wait(ms);
                return name;
              }),
            );
          }
          case "fails":
            return learn(
              ctx.run(name, () => {
                throw new TerminalError(name);
              }),
            );
          case "sleep":
            return learn(ctx.sleep(ms).then(() => `slept ${name}`));
          case "call":
            return learn(ctx.call(this.callee).after({ ms, name }));
          case "get":
            return learn(ctx.get<string>("v").then(String));
          case "set":
            ctx.set("v", name);
            return name;
          case "send":
            ctx.send(this.callee, { delay: ms }).nothing();
            return name;
          case "seq": {
            for (const child of children) await exec(child).catch(() => "");
            return name;
          }
          case "all":
            return (await Promise.all(all())).join("+");
          case "settled":
            return (await Promise.allSettled(all())).map(({ status }) => status).join("+");
          case "race":
            return Promise.race(all());
          case "any":
            return Promise.any(all()).catch(() => `none of ${name}`);
          default:
            for (let i = 0; i < ms; i++) await undefined;
            return name;
        }
      };
      await exec(this.root);
      await ctx.sleep("1m");
      trace.push("end");
      return trace;
    },
  });

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.engine?.clock.after(ms, resolve));
  }
}

/** Notes in the trace what a promise came to, and hands it on. */
async function learned(trace: string[], promise: Promise<string>): Promise<string> {
  try {
    const value = await promise;
    trace.push(value);
    return value;
  } catch (error) {
    trace.push(`failed ${(error as Error).message}`);
    throw error;
  }
}

async function finished(engine: TestEngine, program: Program, key: string): Promise<string[]> {
  const call = later(engine.call(program.handlers, key, { idempotencyKey: "once" }).go());
  await engine.advance("2m");
  const failed = engine.events.filter(
    ({ kind }) => kind === "attemptFailed" || kind === "unjournaledAwait",
  );
  expect(failed).toEqual([]);
  return (await call) as string[];
}

const chosen = [configurations[0], configurations[configurations.length - 1]] as const;

for (const configuration of chosen) {
  for (const races of [true, false]) {
    for (let seed = 1; seed <= 8; seed++) {
      const name = `${races ? "with" : "without"} races, seed ${seed} (${configuration?.name})`;
      test(`a program repeats whatever commit the process dies behind: ${name}`, async () => {
        const program = new Program(generate(new Prng(`program ${seed} ${races}`), races));
        const services = [program.callee, program.handlers];
        const engine = await TestEngine.open({ services, ...configuration });
        program.engine = engine;
        const undisturbed = await finished(engine, program, "undisturbed");
        for (let frozen = 0; frozen < 40; frozen++) {
          program.seen.length = 0;
          const key = `k${frozen}`;
          engine.freezeAfter(engine.commits + frozen);
          const dying = later(engine.call(program.handlers, key, { idempotencyKey: "once" }).go());
          await engine.advance(frozen % 2 === 0 ? "1s" : "70s");
          await engine.crash();
          const code = await codeOf(dying);
          // Once more in the middle of what it went on with.
          await engine.advance(15);
          if (frozen % 3 === 0) await engine.crash();
          const trace = await finished(engine, program, key);
          const whole = trace.join();
          for (const { key: step, trace: then } of program.seen) {
            expect(whole.startsWith(then), `${step} saw ${then}; then came ${whole}`).toBe(true);
          }
          expect(trace[trace.length - 1]).toBe("end");
          if (!races) expect([...trace].sort()).toEqual([...undisturbed].sort());
          if (code !== "ENGINE_FAILED") break;
        }
        await engine.close();
      });
    }
  }
}
