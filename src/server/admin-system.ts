// Admin routes of the engine as a whole: whether it serves, which version, metrics, what changes, SQL,
// and the table of routes itself.
import { HoldfastError } from "../model/errors.ts";
import type { NamedRows } from "../model/sql-message.ts";
import type { BackupReport } from "../ports/backup.ts";
import { eventStream } from "./admin-events.ts";
import { Metrics } from "./admin-metrics.ts";
import { serviceOf } from "./admin-objects.ts";
import { openapiOf } from "./admin-openapi.ts";
import { type AdminEngine, type AdminRoute, type Asked, fieldInvalid } from "./admin-route.ts";
import { type HttpResponse, type HttpStream, jsonResponse } from "./http.ts";
import { ingressOpenapi } from "./ingress-openapi.ts";

export interface SystemOptions {
  readonly version: string;
  readonly monotonic: () => number;
  /** Answers SQL, beside this process; absent where it is not offered. */
  readonly sql?: ((path: string, query: string) => Promise<NamedRows>) | undefined;
  readonly memoryBytes?: (() => number) | undefined;
  /** Makes a backup and sends it; absent where it is not offered. */
  readonly backup?: (() => Promise<SentBackup>) | undefined;
  /** Where the ingress listens, for who asks. */
  readonly ingressUrl?: string | undefined;
}

/** A backup on its way: what it is, and the bytes of its table. */
export interface SentBackup {
  readonly report: Omit<BackupReport, "directory">;
  readonly table: AsyncIterable<Uint8Array>;
}

export function systemRoutes(
  engine: AdminEngine,
  options: SystemOptions,
  routes: () => readonly AdminRoute[],
): AdminRoute[] {
  const { inspect } = engine;
  const { version, sql, memoryBytes, ingressUrl, monotonic } = options;
  const metrics = new Metrics(inspect, monotonic);
  return [
    ...healthRoutes(engine),
    get("/version", "read", "Which version this is.", () =>
      jsonResponse(200, {
        version,
        min_admin_api_version: 2,
        max_admin_api_version: 4,
        ...(ingressUrl === undefined ? {} : { ingress_endpoint: `${ingressUrl}/` }),
      }),
    ),
    get("/openapi", "read", "This table, as OpenAPI 3.1.", () =>
      jsonResponse(200, openapiOf(routes(), version)),
    ),
    get("/openapi/ingress", "read", "The ingress of all handlers, as OpenAPI 3.1.", () =>
      jsonResponse(200, ingressOpenapi(inspect.services(), { version, url: ingressUrl })),
    ),
    get("/services/{service}/openapi", "read", "That of one service's handlers.", (asked) => {
      const services = [serviceOf(asked)];
      return jsonResponse(200, ingressOpenapi(services, { version, url: ingressUrl }));
    }),
    get("/metrics", "read", "Metrics as Prometheus reads them.", async () => ({
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      body: await metrics.text(memoryBytes?.()),
    })),
    get(
      "/events",
      "read",
      "What changes, as server-sent events; `last-event-id` goes on where it was.",
      (asked) => ({
        status: 200,
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
        stream: eventStream(
          inspect,
          asked.header("last-event-id") ?? asked.text("after"),
          asked.signal,
        ),
      }),
      { after: "positions to go on after, where that cannot be sent as a header" },
    ),
    {
      method: "POST",
      path: "/query",
      role: "read",
      says: "Read-only SQL over the documented views, of one partition at a time.",
      query: { partition: "number of the partition; default 0" },
      body: '`{"query": "SELECT id, status FROM sys_invocation"}`',
      answer: (asked) => query(asked, sql),
    },
    backupRoute(options),
  ];
}

function backupRoute({ backup }: SystemOptions): AdminRoute {
  return {
    method: "POST",
    path: "/backup",
    role: "admin",
    says:
      "Makes a backup while work goes on and answers its table, bytes; the header " +
      "`x-holdfast-backup` says position, size and SHA-256. `holdfast backup` asks it.",
    answer: () => sendBackup(backup),
  };
}

/** Nothing but whether it serves: the only routes that ask for no token. */
function healthRoutes({ inspect }: AdminEngine): AdminRoute[] {
  const live = (): HttpResponse => jsonResponse(200, { status: "ok" });
  const ready = async (): Promise<HttpResponse> => {
    const partitions = await inspect.partitions();
    const stopped = partitions.some(({ gauges }) => gauges.admissionStopped);
    return jsonResponse(stopped ? 503 : 200, { status: stopped ? "held back" : "ok" });
  };
  return [
    get("/health", "none", "200 when it serves and takes new work, else 503.", ready),
    get("/health/ready", "none", "The same.", ready),
    get("/health/live", "none", "200 as long as the process answers.", live),
  ];
}

function get(
  path: string,
  role: AdminRoute["role"],
  says: string,
  answer: AdminRoute["answer"],
  query: AdminRoute["query"] = {},
): AdminRoute {
  return { method: "GET", path, role, says, query, answer };
}

async function sendBackup(backup: SystemOptions["backup"]): Promise<HttpStream> {
  if (backup === undefined) throw new HoldfastError("BACKUP_UNAVAILABLE");
  const { report, table } = await backup();
  return {
    status: 200,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(report.bytes),
      "x-holdfast-backup": JSON.stringify(report),
    },
    stream: table,
  };
}

async function query(asked: Asked, sql: SystemOptions["sql"]): Promise<HttpResponse> {
  const text = (await asked.object()).get("query");
  if (typeof text !== "string") throw fieldInvalid("query", "it is no text");
  const { inspect } = asked.engine;
  await inspect.positions();
  const index = asked.whole("partition") ?? 0;
  const partition = (await inspect.partitions()).find((one) => one.index === index);
  if (partition?.tablePath === undefined || sql === undefined) {
    throw new HoldfastError("QUERY_UNAVAILABLE");
  }
  const rows = await sql(partition.tablePath, text);
  // Columns that are null are left out, as Restate does.
  const shown = rows.map(
    (row) => new Map(Object.entries(row).filter(([, value]) => value !== null)),
  );
  return jsonResponse(200, { rows: shown.map((row) => Object.fromEntries(row)) });
}
