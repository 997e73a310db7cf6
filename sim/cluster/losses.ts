// What makes a changelog what it was not: each in the way servers and operators have been seen to.
import { copyNames, copySubject } from "../../src/nats/names.ts";
import type { LossKind } from "./profile.ts";
import type { ClusterSimulation } from "./simulation.ts";
import type { Stream } from "./stream.ts";
import type { Truth } from "./truth.ts";

/** Behind which position nothing may be trusted; undefined where nothing was done. */
export function inflict(
  sim: ClusterSimulation,
  kind: LossKind,
  stream: Stream,
  truth: Truth,
): number | undefined {
  const { nats, world } = sim;
  const held = stream.last - stream.first;
  switch (kind) {
    case "rollback": {
      const to = stream.last - 1 - world.random.integer(Math.min(held, world.pick([2, 8, 100])));
      const behind = positionBehind(stream, to);
      stream.rollBack(to);
      return behind;
    }
    case "hole": {
      if (held < 3) return undefined;
      const seq = stream.first + 1 + world.random.integer(held - 1);
      const behind = positionBehind(stream, seq - 1);
      stream.lose(seq);
      return behind;
    }
    case "stream deleted":
      nats.streams.delete(stream.name);
      return 0;
    case "stream recreated":
      nats.make(stream.config).onStored = undefined;
      return 0;
    case "purged ahead": {
      stream.purge(stream.last);
      const { app, partition } = truth.place;
      const manifests = copySubject(app, partition, "manifest");
      nats.streams.get(copyNames(app).stream)?.purgeSubject(manifests);
      // Nobody has a table any more.
      for (const machine of sim.machines) {
        if (machine.app !== truth.place.app) continue;
        sim.lifeOf(machine)?.die();
        machine.tables.get(truth.place.partition)?.discard();
      }
      return 0;
    }
    case "read stalls":
      stream.stalled = stream.last;
      return truth.last;
  }
}

/** Position of the last record in messages up to this one. */
function positionBehind(stream: Stream, seq: number): number {
  for (let at = seq; at >= stream.first; at--) {
    const frame = (stream.at(at)?.headers["Holdfast"] ?? "").split(" ");
    const [, , , , first, count, , , part, parts] = frame;
    if (part === parts) return Number(first) + Number(count) - 1;
  }
  return 0;
}
