// The oracles that need the end of the story: lists are one history seen from many sides (O3), what
// was sent arrived once (O4).
import type { ListOp } from "./request.ts";
import type { Story } from "./story.ts";

export interface Finals {
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly taken: ReadonlyMap<string, readonly string[]>;
}

export function judge(sim: Story, finals: Finals): void {
  for (const [key, all] of finals.lists) {
    lists(sim, key, all);
    for (const value of twice(all)) {
      if (!restarted(sim, value)) sim.world.fail("O4", `list ${key} holds ${value} twice`);
    }
  }
  appends(sim, finals);
  sends(sim, finals);
}

/** Every list seen is a beginning of the last one, in the order of real time. */
function lists({ world, lists }: Story, key: string, all: readonly string[]): void {
  for (const { op, append, atLeast, seen } of lists.filter((each: ListOp) => each.key === key)) {
    if (seen.some((value, i) => value !== all[i])) world.fail("O3", `${op} saw another history`);
    if (append && seen.at(-1) !== op) world.fail("O3", `${op} is not last`);
    const least = atLeast + (append ? 1 : 0);
    if (seen.length < least) world.fail("O3", `${op} saw ${seen.length} of ${least} values`);
  }
}

/** What a handler was told of an append is where it says. */
function appends({ world, record }: Story, { lists }: Finals): void {
  for (const trace of record.traces.values()) {
    for (const each of trace) {
      if (!each.startsWith("appended|")) continue;
      const [, key, length, ...value] = each.split("|");
      const there = lists.get(key as string)?.[Number(length) - 1];
      if (there !== value.join("|")) world.fail("O3", `${each}, and there is ${there}`);
    }
  }
}

function twice(values: readonly string[]): string[] {
  return values.filter((value, i) => values.indexOf(value) !== i);
}

/** What a restarted program did, it may do again. */
function restarted({ requests }: Story, value: string): boolean {
  return requests.some(({ op, restarted }) => restarted && value.startsWith(`${op} `));
}

function sends(sim: Story, finals: Finals): void {
  const { world, record, taken, requests } = sim;
  const arrived = new Map<string, number>();
  for (const ids of finals.taken.values()) {
    for (const id of ids) arrived.set(id, (arrived.get(id) ?? 0) + 1);
  }
  for (const [id, times] of arrived) {
    if (times > 1 && !restarted(sim, id)) world.fail("O4", `${id} arrived ${times} times`);
  }
  for (const id of taken.keys()) if (!arrived.has(id)) world.fail("O4", `${id} never arrived`);
  // A handler that answered has sent all that its trace says.
  const answered = new Set<string>();
  for (const { answer } of requests)
    if (answer?.startsWith("{")) answered.add(JSON.parse(answer).life);
  for (const [life, trace] of record.traces) {
    if (!answered.has(life)) continue;
    for (const each of trace) {
      if (each.startsWith("sent ") && !arrived.has(each.slice(5)))
        world.fail("O4", `${each}: never arrived`);
    }
  }
}
