// One seed: a machine or a cluster, clients, and everything that goes wrong; then the faults stop,
// everything accepted must end, and the oracles judge.

import { Client } from "./clients.ts";
import { ClusterFaults } from "./cluster/faults.ts";
import { finishCluster } from "./cluster/finish.ts";
import { clusterSeed } from "./cluster/seeds.ts";
import { ClusterSimulation } from "./cluster/simulation.ts";
import { Faults } from "./faults.ts";
import { finish } from "./finish.ts";
import { never } from "./inode.ts";
import { Simulation } from "./simulation.ts";
import type { Story } from "./story.ts";

export interface Outcome {
  readonly seed: string;
  readonly violations: readonly string[];
  readonly reached: readonly string[];
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
}

export async function simulate(seed: string, onNote?: (text: string) => void): Promise<Outcome> {
  const cluster = seed.startsWith(clusterSeed);
  const simulation = cluster ? new ClusterSimulation(seed) : new Simulation(seed);
  const { world } = simulation;
  world.onNote = onNote;
  await world.run(() =>
    simulation instanceof ClusterSimulation ? clusterStory(simulation) : story(simulation),
  );
  return {
    seed,
    violations: world.violations,
    reached: [...world.reached],
    hash: world.hash,
    events: world.events,
    virtualMs: world.now,
  };
}

function clientsOf(simulation: Story): Promise<unknown> {
  const clients = Array.from(
    { length: simulation.profile.clients },
    (_, i) => new Client(simulation, `c${i}`),
  );
  return Promise.all(clients.map((client) => client.live()));
}

async function story(simulation: Simulation): Promise<void> {
  const { world, profile } = simulation;
  await simulation.begin();
  const living = clientsOf(simulation);
  const faults = new Faults(simulation);
  await Promise.race([faults.live(), Promise.all([living, world.sleep(profile.faultEveryMs)])]);
  await faults.stop();
  await finish(simulation);
}

async function clusterStory(simulation: ClusterSimulation): Promise<void> {
  const { world, profile } = simulation;
  const living = clientsOf(simulation);
  const faults = new ClusterFaults(simulation);
  // Some of it befalls a cluster that begins.
  if (world.chance(0.7)) await simulation.serving();
  const idle = Promise.all([living, world.sleep(profile.faultEveryMs)]);
  // Timers, leases and messages under way meet faults, too, when nobody asks for anything more.
  await Promise.race([faults.live(), world.chance(0.5) ? never() : idle]);
  await finishCluster(simulation, faults);
}
