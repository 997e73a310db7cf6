// Random programs of handlers: trees of steps that a handler interprets. They are plain data, given
// as input, so that the same handler is every program, and a replay has the same tree.
import type { Profile } from "./profile.ts";
import { joinKinds, type Step } from "./step.ts";
import type { World } from "./world.ts";

const depthMax = 3;

export function programOf(world: World, profile: Pick<Profile, "steps" | "keys">): Step {
  let count = 0;
  // What throws once and not again decides by the attempt: nothing may come of it but an attempt,
  // and nothing may be under way beside it.
  const leaf = (mayThrow: boolean): Step => {
    const kind = world.pick(profile.steps);
    return step(kind === "throws" && !mayThrow ? "tick" : kind, []);
  };
  const step = (kind: Step["kind"], children: readonly Step[]): Step => ({
    kind,
    name: `n${count++}`,
    ms: world.pick([0, 1, 5, 20, 100, 2000, 60_000]),
    times: world.random.integer(4),
    key: `${world.random.integer(profile.keys)}`,
    children,
  });
  const node = (depth: number, first = false): Step => {
    if (depth > 0 && (depth >= depthMax || world.chance(0.5))) {
      const one = leaf(depth === 1 && first);
      // What is called or spawned is a program of its own, one step deep.
      return one.kind === "call" || one.kind === "spawn" ? { ...one, children: [leaf(true)] } : one;
    }
    const kind = depth === 0 ? "seq" : world.pick(joinKinds);
    const width = 1 + world.random.integer(depth === 0 ? 5 : 3);
    return step(
      kind,
      Array.from({ length: width }, (_, i) => node(depth + 1, i === 0)),
    );
  };
  return node(0);
}
