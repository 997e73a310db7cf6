// What the apps of the ticket cart share when each runs as a process of its own over NATS: where NATS
// is, and waiting, aloud, for what is not there yet. Words go to the standard error, results do not.
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { type ClusterView, Engine, type EngineOptions, isHoldfastError } from "holdfast";
import { nats } from "holdfast/nats";

/** Where `make nats-up` and `make docker-up` have them, unless NATS_URL says otherwise. */
const local = [14222, 14223, 14224].map((port) => `nats://127.0.0.1:${port}`);
const servers = process.env["NATS_URL"]?.split(",") ?? local;

const say = (line: string): void => console.error(line);

/** Opens an app's engine; waits for NATS. An app without services is a client of the others. */
async function open(app: string, services: EngineOptions["services"]): Promise<Engine> {
  const data = join(process.env["DATA"] ?? join(".nats", "nodes"), app);
  let replicas = servers.length >= 3 ? 3 : 1;
  for (let said = false; ; ) {
    const cluster = nats({ servers, app, partitions: 4, replicas });
    const engine = await Engine.open({ services, data, cluster });
    try {
      return await engine.start();
    } catch (error) {
      await engine.close();
      if (replicas > 1 && isHoldfastError(error, "NATS_UNSUITABLE")) {
        say(`${error.message} For this example one copy of everything will do.`);
        replicas = 1;
        continue;
      }
      if (!isHoldfastError(error, "NATS_UNAVAILABLE")) throw error;
      if (!said) {
        say(`NATS does not answer at ${servers.join(", ")}: start it with \`make nats-up\``);
        say("(or `make docker-up`). Waiting for it …");
      }
      said = true;
      await after(1000);
    }
  }
}

/** Runs an app until it is told to end: then it hands its partitions over. */
export async function serve(app: string, services: EngineOptions["services"]): Promise<void> {
  const engine = await open(app, services);
  const names = services.map(({ name }) => name).join(", ");
  console.log(`${app}: serving ${names}. Ctrl-C ends it.`);
  const end = (): void => void engine.close().then(() => process.exit());
  process.once("SIGINT", end).once("SIGTERM", end);
}

/** A client, once each of these services has a leader for every key. */
export async function connect(needed: Readonly<Record<string, string>>): Promise<Engine> {
  const engine = await open("client", []);
  const said = new Set<string>();
  while (true) {
    const view = await engine.cluster();
    const missing = Object.keys(needed).filter((service) => !served(view, service));
    if (missing.length === 0) return engine;
    for (const service of missing.filter((name) => !said.has(name))) {
      say(`Nobody serves ${service} yet: start it with \`${needed[service]}\`. Waiting for it …`);
      said.add(service);
    }
    await after(500);
  }
}

function served({ apps }: ClusterView, service: string): boolean {
  const app = apps.find(({ services }) => services.some(({ name }) => name === service));
  return app !== undefined && !app.partitions.includes(undefined);
}
