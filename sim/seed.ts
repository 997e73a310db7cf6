// One seed: a machine, clients, and everything that goes wrong; then the faults stop, everything
// accepted must end, and the oracles judge.
import { Client } from "./clients.ts";
import { Faults } from "./faults.ts";
import { finish } from "./finish.ts";
import { Simulation } from "./simulation.ts";

export interface Outcome {
  readonly seed: string;
  readonly violations: readonly string[];
  readonly reached: readonly string[];
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
}

export async function simulate(seed: string, onNote?: (text: string) => void): Promise<Outcome> {
  const simulation = new Simulation(seed);
  const { world } = simulation;
  world.onNote = onNote;
  await world.run(() => story(simulation));
  return {
    seed,
    violations: world.violations,
    reached: [...world.reached],
    hash: world.hash,
    events: world.events,
    virtualMs: world.now,
  };
}

async function story(simulation: Simulation): Promise<void> {
  const { world, profile } = simulation;
  await simulation.begin();
  const clients = Array.from(
    { length: profile.clients },
    (_, i) => new Client(simulation, `c${i}`),
  );
  const living = Promise.all(clients.map((client) => client.live()));
  const faults = new Faults(simulation);
  await Promise.race([faults.live(), Promise.all([living, world.sleep(profile.faultEveryMs)])]);
  await faults.stop();
  await finish(simulation);
}
