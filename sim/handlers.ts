// The handlers under simulation: every program behind three doors, in every revision of the code.
import { object, service, workflow } from "../src/index.ts";
import type { Callable } from "../src/sdk/types.ts";
import { type AnyContext, Interpreter } from "./interpreter.ts";
import type { Ledger, Told } from "./ledger.ts";
import type { Door } from "./step.ts";
import { edited, type Input, list, type Revision, sink, type Targets } from "./targets.ts";

type Go = (ctx: AnyContext, input: Input) => Promise<Told>;

export function targetsOf(ledger: Ledger, revision: Revision): Targets {
  // Named after its text: other text is another revision.
  const go = (door: Door): Go =>
    new Function("go", `return async (ctx, input) => go(ctx, input, ${revision})`)(
      (ctx: AnyContext, input: Input, of: Revision) =>
        interpret(new Interpreter(targets, ledger, ctx, input, door), of),
    ) as Go;
  const plain = service("Plain", { go: go("service") });
  const keyed = object("Keyed", { go: go("object") });
  const flow = workflow("Flow", {
    run: go("workflow"),
    async settle(ctx, { name, by }: { name: string; by: string }): Promise<void> {
      ctx.promise(name).resolve(by);
    },
    async peek(ctx, name: string): Promise<unknown> {
      return ctx.promise(name).peek();
    },
  });
  const all = [plain, keyed, flow, list, sink, edited] as unknown as readonly Callable[];
  const targets = { plain, keyed, flow, edited, all } as unknown as Targets;
  return targets;
}

async function interpret(run: Interpreter, revision: Revision): Promise<Told> {
  const { touchy, program } = run.input;
  if (revision === 2 && touchy) await run.first({ ...program, kind: "run", name: "new" });
  await run.step(program);
  return { life: run.life, trace: run.trace };
}
