// After the faults: everything accepted must end and every outbox be empty (O5); then all that was
// acknowledged is asked for once more (O1), and what nodes hold is held against what the streams hold
// (O6).
import { partitionOfKey } from "../../src/model/place.ts";
import { type InvocationRow, openStatuses } from "../../src/model/row.ts";
import { partitionKeyOf } from "../../src/model/target.ts";
import { Tables } from "../../src/partition/tables/tables.ts";
import { described, provide, readAll } from "../finish.ts";
import { judge } from "../judge.ts";
import { list } from "../targets.ts";
import { compareWithTruth } from "./compare.ts";
import type { ClusterFaults } from "./faults.ts";
import type { NodeLife } from "./node.ts";
import type { AppPlan } from "./profile.ts";
import type { ClusterSimulation } from "./simulation.ts";
import { producerOf, type Truth } from "./truth.ts";

const roundsMax = 150;
const roundMs = 30_000;
/** Longer than a node asks for a leader that does not answer. */
const quietMs = 50_000;

export async function finishCluster(sim: ClusterSimulation, faults: ClusterFaults): Promise<void> {
  const { world } = sim;
  faults.stop();
  await ended(sim);
  // What was asked before is asked again for a while, where nobody answered.
  await world.sleep(quietMs);
  const left = await ended(sim);
  for (const each of left) world.fail("O5", `not ended: ${each}`);
  if (left.length > 0) return;
  if (!lossy(sim)) {
    const finals = await readAll(sim, (act) => onNode(sim, act));
    judge(sim, finals);
    for (const truth of sim.truths.values()) lines(sim, truth);
  }
  for (const truth of sim.truths.values()) await serves(sim, truth);
  sim.end();
  const { open } = sim;
  for (const life of open) await Promise.race([life.close(), life.ended]);
  compareWithTruth(sim);
}

/** One changelog is not what it was: what hangs on it does not end. */
function lossy(sim: ClusterSimulation): boolean {
  return [...sim.truths.values()].some(({ loss }) => loss !== undefined);
}

/** What has not ended, in words. */
async function ended(sim: ClusterSimulation): Promise<string[]> {
  const { world } = sim;
  let left: string[] = [];
  for (let round = 0; round < roundsMax; round++) {
    if (round % 3 === 0) otherCode(sim, round % 6 === 0 ? 0 : 2);
    const rows = [...sim.truths.values()].flatMap((truth) =>
      unfinished(truth).map((row) => ({ truth, row })),
    );
    left = [
      ...rows.map(({ truth, row }) => `${truth.text} ${described(row)}`),
      ...[...sim.truths.values()].flatMap(waiting),
    ];
    world.say(() => `round ${round}: ${left.join("; ")}`);
    if (left.length === 0 && round > 0) return [];
    if (world.violations.length > 0) return left;
    if (lossy(sim) && round > 4) return [];
    for (const { truth, row } of rows) {
      if (truth.loss === undefined) await onNode(sim, (life) => provide(life, row));
    }
    await world.sleep(roundMs);
  }
  return left;
}

/** What befell one partition is nothing to the others: each still answers. */
async function serves(sim: ClusterSimulation, truth: Truth): Promise<void> {
  if (truth.loss !== undefined) return;
  const { app, partition } = truth.place;
  const { services, partitions } = sim.profile.apps.find((each) => each.app === app) as AppPlan;
  const service = services.includes("List") ? "List" : "Edited";
  const keys = Array.from({ length: 100 }, (_, i) => `probe${i}`);
  const key = keys.find((each) => {
    return partitionOfKey(partitionKeyOf(service, each), partitions) === partition;
  }) as string;
  await onNode(sim, ({ engine, targets }) =>
    service === "List" ? engine.call(list, key).read() : engine.call(targets.edited, key).read(),
  );
}

function otherCode(sim: ClusterSimulation, revision: 0 | 2): void {
  sim.revision = revision;
  for (const life of sim.open) life.replace(revision);
}

function unfinished(truth: Truth): InvocationRow[] {
  const table = truth.fold();
  const tables = new Tables(table, {
    keepRows: 0,
    timerHorizonMs: 0,
    timerPageMax: 1,
    track: false,
  });
  const numbers = openStatuses.flatMap((status) => table.unfinished(status, 0, 100_000));
  return [...new Set(numbers)].sort((a, b) => a - b).flatMap((n) => tables.invocation(n) ?? []);
}

/** Messages that their destination has not taken, or not said so. */
function waiting(truth: Truth): string[] {
  return truth
    .fold()
    .lines()
    .filter(({ name, sent, accepted }) => name.startsWith(">") && accepted < sent)
    .map(({ name, sent, accepted }) => `${truth.text} ${name}: ${accepted} of ${sent}`);
}

/** What was posted was delivered, all of it, on one line. */
function lines(sim: ClusterSimulation, truth: Truth): void {
  const { world } = sim;
  for (const [from, seq] of truth.delivered) {
    const posted = sim.truths.get(producerOf(from))?.posted.get(truth.text) ?? 0;
    if (posted !== seq) world.fail("I7", `${truth.text} has ${seq} of ${posted} from ${from}`);
  }
  for (const [to, seq] of truth.posted) {
    if (to.startsWith("?")) continue;
    const there = sim.truths.get(to);
    const came = [...(there?.delivered ?? [])].filter(([from]) => producerOf(from) === truth.text);
    if (came.length !== 1 || came[0]?.[1] !== seq) {
      world.fail("I7", `${truth.text} posted ${seq} to ${to}, where came ${JSON.stringify(came)}`);
    }
    world.sometimes("messages pass between partitions");
  }
}

/** What an action on some node gives; undefined when that node ended, or could not, again and again. */
async function onNode<T>(
  sim: ClusterSimulation,
  act: (life: NodeLife) => Promise<T>,
): Promise<T | undefined> {
  for (let tries = 0; ; tries++) {
    const life = await sim.serving();
    const acted = life.reached().then(() => act(life));
    const outcome = await Promise.race([
      acted.then(
        (value) => ({ value }),
        (error: { readonly code?: string; readonly stack?: string }) => ({ error }),
      ),
      life.ended.then(() => ({ error: { code: "unknown" } })),
    ]);
    if ("value" in outcome) return outcome.value;
    const { error } = outcome;
    const { code = "" } = error;
    if (!sim.usual.has(code) || tries > 5) {
      sim.world.fail("O5", `${"stack" in error ? error.stack : code}`);
      return undefined;
    }
    await sim.world.sleep(1000);
  }
}
