// After the faults: everything that waits for somebody outside is given what it waits for, and
// everything accepted must end (O5). Then all that was acknowledged is asked for once more (O1), and
// what is stored is held against itself (O6).
import { formatAwakeableId } from "../src/model/ids.ts";
import { idOf } from "../src/model/invocation-id.ts";
import { type InvocationRow, openStatuses } from "../src/model/row.ts";
import { endings, usual } from "./clients.ts";
import { type Finals, judge } from "./judge.ts";
import type { Told } from "./ledger.ts";
import type { Life } from "./life.ts";
import type { Request } from "./request.ts";
import type { Simulation } from "./simulation.ts";
import { compareTables } from "./stored.ts";
import type { Serving, Story } from "./story.ts";
import { list, sink } from "./targets.ts";

const roundsMax = 60;
const roundMs = 70_000;

export async function finish(sim: Simulation): Promise<void> {
  const { world } = sim;
  let left: InvocationRow[] = [];
  for (let round = 0; round < roundsMax; round++) {
    if (round % 3 === 0) await other(sim, round % 6 === 0 ? 0 : 2);
    const found = await onLife(sim, unfinished);
    if (found !== undefined) left = found;
    world.say(() => `round ${round}: ${found?.map(described).join("; ")}`);
    if (found?.length === 0 && round > 0) break;
    for (const row of left) await onLife(sim, (life) => provide(life, row, usual));
    await world.sleep(roundMs);
  }
  for (const row of left) world.fail("O5", `not ended: ${described(row)}`);
  if (left.length > 0) return;
  const finals = await readAll(sim, (act) => onLife(sim, act));
  const life = await alive(sim);
  const tables = life.host.opened?.tables;
  await life.close();
  judge(sim, finals);
  if (tables !== undefined) compareTables(sim, tables);
}

async function alive(sim: Simulation): Promise<Life> {
  if (sim.life.dead || sim.life.failure !== undefined) {
    sim.life.die();
    await sim.begin();
  }
  return sim.life;
}

/** Other code, if what is left waits for it. */
async function other(sim: Simulation, revision: 0 | 2): Promise<void> {
  sim.revision = revision;
  (await alive(sim)).replace(revision);
}

/** What an action on a life gives; undefined when that life ended meanwhile. */
async function onLife<T>(sim: Simulation, act: (life: Life) => Promise<T>): Promise<T | undefined> {
  const life = await alive(sim);
  const acted = act(life).catch((error: { readonly code?: string; readonly stack?: string }) => {
    if (life.failure === undefined) sim.world.fail("O5", `${error.stack ?? error.code}`);
    return undefined;
  });
  return Promise.race([acted, life.ended.then(() => undefined)]);
}

/** As the cold table has it: what only memory knows has not ended yet. */
async function unfinished({ host }: Life): Promise<InvocationRow[]> {
  const partition = host.opened;
  if (partition === undefined) return [];
  await partition.fold();
  const { tables } = partition;
  const numbers = openStatuses.flatMap((status) => tables.cold.unfinished(status, 0, 100_000));
  return [...new Set(numbers)]
    .sort((a, b) => a - b)
    .flatMap((n) => {
      const row = tables.invocation(n);
      return row === undefined ? [] : [row];
    });
}

/** Whatever it waits for from outside. Refusals that may be are `passed`, and those the caller adds. */
export async function provide(
  { engine, targets }: Pick<Life, "engine" | "targets">,
  row: InvocationRow,
  more: ReadonlySet<string> = new Set(),
): Promise<void> {
  const id = idOf(row);
  const passing = (error: { readonly code?: string }): void => {
    if (!passed.has(error.code ?? "") && !more.has(error.code ?? "")) throw error;
  };
  if (row.status === "paused") await engine.resume(id).catch(passing);
  for (const [index, { kind, ...of }] of [...row.open]) {
    const { name } = of as { readonly name?: string };
    if (kind === "awakeable") {
      const { partitionKey, n, incarnation } = row;
      const address = { partitionKey, position: n, index, incarnation };
      await engine.awakeable(formatAwakeableId(address)).resolve("at last").catch(passing);
    } else if (kind === "signal") {
      await engine.signal(id, name as string, "at last").catch(passing);
    } else if (kind === "promise") {
      const settled = { name: name as string, by: "at last" };
      await engine
        .call(targets.flow, row.key as string)
        .settle(settled)
        .catch(passing);
    }
  }
}

const passed: ReadonlySet<string> = new Set([
  "INVOCATION_NOT_FOUND",
  "INVOCATION_NOT_RUNNING",
  "AWAKEABLE_NOT_FOUND",
  "PROMISE_ALREADY_COMPLETED",
]);

/** Reads what all lists and sinks hold, and asks once more for everything that was accepted. */
export async function readAll(
  sim: Story,
  on: (act: (life: Serving) => Promise<void>) => Promise<void>,
): Promise<Finals> {
  const { world, profile, requests } = sim;
  const lists = new Map<string, readonly string[]>();
  const taken = new Map<string, readonly string[]>();
  await on(async ({ engine }) => {
    for (let i = 0; i < profile.keys; i++) {
      const key = `${i}`;
      lists.set(key, await engine.call(list, key).read());
      const told = await engine.call(sink, key).read();
      taken.set(key, told.taken);
      if (told.early.length > 0) world.fail("I9", `early: ${told.early.join()}`);
    }
  });
  await on(async ({ engine, targets }) => {
    for (const [key, { value }] of sim.edits) {
      const read = await engine.call(targets.edited, key).read();
      if (value !== undefined && read !== value)
        world.fail("O1", `${key} edited ${value}: ${read}`);
    }
  });
  for (const request of requests) {
    const { id, accepted } = request;
    if (accepted && id !== undefined) await on((life) => again(sim, life, request, id));
  }
  return { lists, taken };
}

async function again(sim: Story, life: Serving, request: Request, id: string): Promise<void> {
  const { disturbed } = request;
  const answer = await life.engine
    .invocation<Told>(id)
    .result()
    .then(
      (value) => ({ value }),
      (error: { readonly code?: string }) => {
        const { code = "none" } = error;
        if (sim.usual.has(code)) throw error;
        return { code };
      },
    );
  if ("code" in answer && !endings.includes(answer.code) && !disturbed) {
    sim.world.fail("O1", `${request.op} ended with ${answer.code}`);
  }
  sim.answered(request, answer, disturbed);
}

export function described(row: InvocationRow): string {
  const { n, service, handler, key, status, lastFailure, pause, due } = row;
  const open = JSON.stringify([...row.open]);
  const why = JSON.stringify(pause ?? lastFailure);
  return `${n} ${service}/${key}/${handler} ${status} due ${due} open ${open} ${why}`;
}
