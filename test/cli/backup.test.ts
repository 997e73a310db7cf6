// `holdfast backup` and `restore` as they are run: against an engine that serves, and without one.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSender } from "../../src/backup-sender.ts";
import { Engine } from "../../src/index.ts";
import { adminOf, askerOf } from "../support/admin.ts";
import { CliFolder, type Started } from "../support/cli.ts";
import { codeOf } from "../support/scenario.ts";

const app = `import { object } from "holdfast";
export const list = object("List", {
  async append(ctx, value) {
    const values = [...((await ctx.get("values")) ?? []), value];
    ctx.set("values", values);
    return values;
  },
});
`;

let folder: CliFolder;
let serving: Started;
let ports: readonly string[];
beforeAll(async () => {
  folder = new CliFolder("backup", { "app.mjs": app });
  serving = folder.start("serve", "app.mjs", "--port", "0", "--admin-port", "0");
  const [, port = ""] = await serving.said(/ingress +http:\/\/127\.0\.0\.1:(\d+)/);
  const [, admin = ""] = await serving.said(/admin +http:\/\/127\.0\.0\.1:(\d+)/);
  ports = ["--port", port, "--admin-port", admin];
});
afterAll(() => folder.remove());

function invoke(value: string, at: readonly string[] = ports.slice(0, 2)): Promise<unknown> {
  return folder
    .run("invoke", "List/k/append", JSON.stringify(value), ...at)
    .then(({ out }) => JSON.parse(out) as unknown);
}

test("a running engine is backed up over its admin side, and restored beside it", async () => {
  await invoke("one");
  const made = await folder.run("backup", "first", "--json", ...ports.slice(2));
  expect(made).toMatchObject({ code: 0 });
  expect(made.error).toBe("");
  const report = JSON.parse(made.out) as { position: number; sha256: string };
  await invoke("two");
  expect(statSync(join(folder.path, "first", "table.sqlite")).mode & 0o777).toBe(0o600);
  // Nothing of it stays with the engine.
  expect(readdirSync(join(folder.path, "data"))).not.toContain("backup.sending");

  expect(await folder.run("doctor", "first")).toMatchObject({ code: 0 });
  const restored = await folder.run("restore", "first", "restored", "--json");
  expect(restored).toMatchObject({ code: 0 });
  expect(JSON.parse(restored.out)).toMatchObject({
    ...report,
    backup: join(folder.path, "first"),
    directory: "restored",
  });
  expect(await folder.run("restore", "first", "restored")).toMatchObject({ code: 2 });
  expect(await folder.run("doctor", "restored")).toMatchObject({ code: 0 });

  const flags = ["--data", "restored", "--port", "0", "--admin-port", "0"];
  const again = folder.start("serve", "app.mjs", ...flags);
  const [, port = ""] = await again.said(/ingress +http:\/\/127\.0\.0\.1:(\d+)/);
  expect(await invoke("three", ["--port", port])).toEqual(["one", "three"]);
  // A token of its own: who could ask the one may not ask the other.
  const token = (data: string): string =>
    readFileSync(join(folder.path, data, "admin-token"), "utf8");
  expect(token("restored")).not.toBe(token("data"));
  again.child.kill("SIGTERM");
  expect(await again.ended).toMatchObject({ code: 0 });
  expect(await folder.run("backup", "second", "--data", "restored")).toMatchObject({ code: 0 });
}, 60_000);

test("without an engine that answers, and with a damaged backup, it says what is the matter", async () => {
  const locked = await folder.run("backup", "third", "--admin-port", "1");
  expect(locked).toMatchObject({ code: 6 });
  expect(existsSync(join(folder.path, "third", "backup.json"))).toBe(false);
  await folder.run("backup", "fourth", ...ports.slice(2));
  const table = join(folder.path, "fourth", "table.sqlite");
  const bytes = readFileSync(table);
  bytes[5000]! ^= 4;
  writeFileSync(table, bytes);
  const checked = await folder.run("doctor", "fourth", "--json");
  expect(checked).toMatchObject({ code: 3 });
  expect(checked.out).toContain("BACKUP_DAMAGED");
  const refused = await folder.run("restore", "fourth", "nowhere");
  expect(refused).toMatchObject({ code: 3 });
  expect(refused.error).toContain("BACKUP_DAMAGED");
  expect(existsSync(join(folder.path, "nowhere"))).toBe(false);
}, 60_000);

test("backups are sent one at a time, to admins, and end with whoever reads them", async () => {
  const data = join(folder.path, "sender");
  await using engine = await Engine.open({ services: [], data });
  await engine.start();
  const sender = new BackupSender(engine, data);
  const first = await sender.send();
  expect(await codeOf(sender.send())).toBe("BACKUP_UNDER_WAY");
  await first.table[Symbol.asyncIterator]().return?.();
  let bytes = 0;
  const second = await sender.send();
  for await (const chunk of second.table) bytes += chunk.length;
  expect(bytes).toBe(second.report.bytes);
  expect(existsSync(join(data, "backup.sending"))).toBe(false);
  const ask = askerOf(adminOf(engine));
  expect((await ask("POST", "/backup", { as: "operate" })).status).toBe(403);
  const offered = await ask("POST", "/backup");
  expect(offered.headers["x-holdfast-code"]).toBe("BACKUP_UNAVAILABLE");
});
