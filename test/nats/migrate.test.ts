// A directory moves onto a real server and back, by the command; engines on both sides go on with it.
import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine } from "../../src/index.ts";
import { nats, prepareNats } from "../../src/nats-cluster.ts";
import { awakeables, begin, expected, gate, notes, order, services } from "../migrate/services.ts";
import { CliFolder } from "../support/cli.ts";
import { type NatsServers, startNats, withNats } from "../support/nats-server.ts";
import { codeOf } from "../support/scenario.ts";

withNats("moving onto NATS and back", () => {
  let folder: CliFolder;
  let servers: NatsServers;
  beforeAll(async () => {
    folder = new CliFolder("migrate");
    servers = await startNats();
  });
  afterAll(async () => {
    await servers?.dispose();
    folder?.remove();
  });

  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

  async function embedded(
    name: string,
  ): Promise<{ data: string; ids: ReadonlyMap<string, string> }> {
    awakeables.clear();
    const data = join(folder.path, name);
    await using engine = await Engine.open({ services, data, closeTimeout: 0, onEvent: () => {} });
    const { ids } = await begin(engine, settle);
    return { data, ids };
  }

  function node(app: string, name: string): Promise<Engine> {
    const cluster = nats({ servers: servers.servers, app, leaseMs: 2000 });
    const data = join(folder.path, name);
    return Engine.open({ services, cluster, data, closeTimeout: 0, onEvent: () => {} });
  }

  async function answer(engine: Engine, which: (name: string) => boolean): Promise<void> {
    for (const [name, id] of [...awakeables]) {
      if (!which(name)) continue;
      awakeables.delete(name);
      const said = name === "long" ? 7 : name.startsWith("order") ? "sent" : "yes";
      await engine.awakeable(id).resolve(said);
    }
  }

  test("there, with nodes that go on; and back, with an engine that ends it", async () => {
    const { ids } = await embedded("data");
    const flags = ["--nats", servers.servers.join(","), "--app", "shop", "--partitions", "6"];
    const there = await folder.run("migrate", "to-cluster", "data", "--json", ...flags);
    expect(there.error).toBe("");
    const moved = JSON.parse(there.out) as { content: { invocations: { count: number } } };
    expect(moved.content.invocations.count).toBeGreaterThan(25);

    const [one, two] = [await node("shop", "one"), await node("shop", "two")];
    await one.start();
    await two.start();
    // Who waits at a node that hands a partition over is told to ask again: it is waited for.
    for (let led = 0; led < 2; ) {
      const { apps } = await one.cluster();
      led = new Set(apps.flatMap(({ partitions }) => partitions.map((each) => each?.node))).size;
      if (apps[0]?.partitions.includes(undefined)) led = 0;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await answer(two, (name) => name === "held" || name === "long" || name === "called by b");
    for (const name of ["held", "long", "call", "large", "once", "note 5"]) {
      const result = await one.invocation(ids.get(name) as string).result();
      expect([name, result]).toEqual([name, expected.get(name)]);
    }
    await one.call(order, "o1").pay("card");
    expect(await two.invocation(ids.get("watch") as string).result()).toBe("card");
    const running = await folder.run("migrate", "to-directory", "back", ...flags);
    expect(running).toMatchObject({ code: 2 });
    expect(running.error).toContain("CLUSTER_RUNNING");
    await one.close();
    await two.close();

    const back = await folder.run("migrate", "to-directory", "back", ...flags);
    expect(back.error).toContain("the same on both sides");
    expect(back).toMatchObject({ code: 0 });
    expect(await folder.run("doctor", "back")).toMatchObject({ code: 0 });
    expect(await codeOf(node("shop", "one").then((engine) => engine.start()))).toBe("MOVED_AWAY");
    const data = join(folder.path, "back");
    await using engine = await Engine.open({ services, data, closeTimeout: 0, onEvent: () => {} });
    while (awakeables.size > 0 || (await engine.call(gate, "a").passed()).length < 3) {
      await answer(engine, () => true);
      await settle();
    }
    for (const name of ["held", "second", "third", "once open", "order", "large"]) {
      const result = await engine.invocation(ids.get(name) as string).result();
      expect([name, result]).toEqual([name, expected.get(name)]);
    }
    expect(await engine.call(notes, "once", { idempotencyKey: "k" }).note("again")).toBe(1);
  }, 240_000);

  test("killed while it moves, it is refused to nodes and goes on with the same command", async () => {
    await embedded("killed");
    const url = servers.servers.join(",");
    await prepareNats({ servers: url, app: "killed", partitions: 6 });
    const main = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
    const args = ["migrate", "to-cluster", "killed", "--nats", url, "--app", "killed"];
    let refused = 0;
    for (let ms = 800; ; ms += 400) {
      const child = spawn(process.execPath, [main, ...args], { cwd: folder.path });
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      const timer = setTimeout(() => child.kill("SIGKILL"), ms);
      const code = await ended;
      clearTimeout(timer);
      if (code !== null) {
        expect(code).toBe(0);
        break;
      }
      if (!existsSync(join(folder.path, "killed", "moved.json"))) continue;
      const started = await codeOf(node("killed", "n").then((engine) => engine.start()));
      if (started === "MIGRATION_UNFINISHED") refused++;
      else if (started !== 'resolved: {"door":{}}') throw new Error(started);
      else break;
    }
    expect(refused).toBeGreaterThan(0);
    rmSync(join(folder.path, "killed"), { recursive: true, force: true });
  }, 240_000);
});
