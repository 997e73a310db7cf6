// Serves whoever comes through the socket of a data directory: the ingress and the admin side of the
// engine that has it open. Wiring only; loaded when the first one comes.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { BackupSender } from "./backup-sender.ts";
import { Door } from "./engine/door.ts";
import type { EngineHost } from "./engine/engine-host.ts";
import { Ingress } from "./engine/ingress.ts";
import { Inspection } from "./engine/inspection.ts";
import { SqlProcess } from "./local/sql-process.ts";
import type { OnVisitor } from "./platform.ts";
import { Admin } from "./server/admin.ts";
import { visitorServer } from "./server/visitors.ts";

/** `data`: the directory through whose socket they come. */
export function visitorsOf(host: EngineHost, data: string): OnVisitor {
  const door = new Door(host);
  const typed = new Ingress(host);
  const inspect = new Inspection({
    partitions: () => host.inspectors(),
    registry: host.registry,
  });
  const engine: ConstructorParameters<typeof Admin>[0] = {
    door,
    inspect,
    restart: (id, { from = 0, unsafe = false }) => typed.restart(id, from, unsafe),
    editState: (target, key, values, options) => typed.editState(target, key, values, options),
  };
  const { backup } = host;
  const backups = backup && new BackupSender({ backup: (to) => backup.call(host, to) }, data);
  const sql = new SqlProcess({ entry: sqlEntry() });
  const admin = new Admin(engine, {
    version: version(),
    tokens: [],
    everybody: "admin",
    randomBytes: (length) => randomBytes(length),
    secret: randomBytes(32),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    memoryBytes: () => process.memoryUsage.rss(),
    sql: (path, query) => sql.ask(path, query),
    backup: backups && (() => backups.send()),
  });
  return visitorServer(door, admin);
}

/** Built, this is in dist/lib: one folder deeper than its source. */
function fromSource(path: string): URL {
  return new URL(import.meta.url.endsWith(".ts") ? path : `../${path}`, import.meta.url);
}

function version(): string {
  const text = readFileSync(fromSource("../package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

function sqlEntry(): URL {
  const compiled = fromSource("./sql-worker.js");
  return existsSync(compiled) ? compiled : fromSource("./sql-worker.ts");
}
