// Who may import whom: the floors of ARCHITECTURE.md as rules. Imports go down only, and imports of
// types count like any other, because a reader cannot tell them apart. A room that is not in the
// table is refused: a new folder under src/ gets its floor here first.

/** Rooms of floors 1 to 5, each with the rooms it may import beside itself. */
const rooms = {
  std: [],
  model: ["std"],
  ports: ["std", "model"],
  codec: ["std", "model", "ports"],
  partition: ["std", "model", "ports"],
  replay: ["std", "model", "ports"],
  sdk: ["std", "model", "ports", "replay"],
  // docs/decisions/0001: attempts of this process are plain calls, so the engine knows the SDK.
  engine: ["std", "model", "ports", "codec", "partition", "replay", "sdk"],
  local: ["std", "model", "ports", "codec", "partition", "replay"],
  file: ["std", "model", "ports", "codec"],
  sqlite: ["std", "model", "ports", "codec"],
  nats: ["std", "model", "ports", "codec"],
  otel: ["std", "model", "ports"],
  // Floor 5: what speaks a protocol.
  server: ["std", "model", "ports", "sdk", "engine", "journal"],
  client: ["std", "model", "sdk"],
  // Rules over syntax: they know nothing else.
  eslint: [],
  // Stored journals against code.
  journal: ["std", "model", "ports", "codec", "replay", "sdk"],
};
/** Floor 7 beside index.ts, and floor 6. */
const faces = ["testing", "cli"];
const wiring =
  "^src/(open|hosts|archive|replay-here|file-storage|nats-storage|nats-table|nats-node|nats-cluster|table-folding|materialiser-worker|sql-worker|salvage|doctor|backup|migrate|visitors|backup-sender|platform|platform-node|platform-browser)[.]ts$";
const face = "^src/index[.]ts$";
const tests = "[.]test[.]ts$";

const sqliteDriver = "^src/sqlite/driver[.]ts$";
const natsClient = "^src/nats/client[.]ts$";

/** Foreign things with a room of their own: nobody else imports them. */
const foreign = {
  // file-storage.ts: it places the table among the files, which file/ and sqlite/ each know half of.
  // journal/source-line.ts: it shows the user's line of code.
  fs: "^src/(file/disk[.]ts|(archive|migrate|visitors|backup-sender|visitors|file-storage|nats-table|nats-cluster|table-folding)[.]ts|sqlite/|cli/|journal/source-line[.]ts)",
  child_process: "^src/(local/(materialiser|sql)-process[.]ts|cli/commands/dev[.]ts)$",
  zlib: "^src/file/",
  net: "^src/(file/lock|server/visitors)[.]ts$",
  http: "^src/(server/(listener|node-http|visitors)|client/socket-node)[.]ts$",
  https: "^src/server/listener[.]ts$",
  readline: "^src/cli/",
  os: "^src/cli/",
  worker_threads: "^src/(local/materialiser-thread|materialiser-worker)[.]ts$",
  async_hooks: "^src/(platform-node|testing/outside)[.]ts$",
  module: "^src/(sqlite/driver|cli/load-app)[.]ts$",
  sqlite: sqliteDriver,
};
/** Node's own small change: adapters and Node's wiring may have it, the rest runs anywhere. */
const plain = "^(crypto|path|url|timers|util)(/|$)";
const nodeRooms =
  "^src/(file/|sqlite/|nats/|local/|cli/|server/(listener|node-http|visitors)[.]ts|client/socket-node[.]ts|testing/outside[.]ts|journal/source-line[.]ts|(archive|file-storage|nats-table|nats-cluster|table-folding|materialiser-worker|sql-worker|salvage|doctor|backup|migrate|visitors|backup-sender|platform-node)[.]ts)";

const floorRules = Object.entries(rooms).map(([room, below]) => ({
  name: `floor-of-${room}`,
  comment:
    `src/${room}/ may import itself${below.length > 0 ? ` and ${below.join(", ")}` : " only"}. ` +
    "Pass what it needs in from above (a port, an argument), or move the file to the floor it is on.",
  severity: "error",
  from: { path: `^src/${room}/`, pathNot: tests },
  to: { path: "^src/", pathNot: `^src/(${[room, ...below].join("|")})/` },
}));

const foreignRules = Object.entries(foreign).map(([name, path]) => ({
  name: `one-room-for-node-${name}`,
  comment: `node:${name} is imported in ${path} and nowhere else. Ask that room for what you need.`,
  severity: "error",
  from: { path: "^src/", pathNot: [path, tests] },
  to: { dependencyTypes: ["core"], path: `^${name}(/|$)` },
}));

module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: "wiring-imports-no-face",
      comment: "Floor 6 wires floors 1 to 5. What the face adds belongs to the face.",
      severity: "error",
      from: { path: wiring },
      to: { path: `${face}|^src/(${faces.join("|")})/` },
    },
    {
      name: "faces-are-strangers",
      comment: "index.ts and testing/ are two faces of one package: each stands on floors 1 to 6.",
      severity: "error",
      from: { path: face },
      to: { path: `^src/(${faces.join("|")})/` },
    },
    {
      name: "testing-stands-on-floors-1-to-6",
      comment: "index.ts and testing/ are two faces of one package: each stands on floors 1 to 6.",
      severity: "error",
      from: { path: "^src/testing/", pathNot: tests },
      to: { path: [face, "^src/cli/"] },
    },
    {
      name: "cli-stands-on-floors-1-to-6",
      comment: "The command is a face of its own. What it needs of another lies below both.",
      severity: "error",
      from: { path: "^src/cli/", pathNot: tests },
      to: { path: [face, "^src/testing/"] },
    },
    {
      name: "every-room-has-a-floor",
      comment: "This folder or file is on no floor. Give it one in .dependency-cruiser.cjs.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          `^src/(${Object.keys(rooms).join("|")}|${faces.join("|")})/`,
          wiring,
          face,
          tests,
        ],
      },
      to: {},
    },
    {
      name: "file-knows-no-invocations",
      comment:
        "file/ knows bytes, positions and epochs. Of the vocabulary it takes errors and limits.",
      severity: "error",
      from: { path: "^src/file/", pathNot: tests },
      to: { path: "^src/(codec|model/(?!errors[.]ts|error-code|limits[.]ts))" },
    },
    {
      name: "source-imports-no-tests",
      comment: "What is published does not lean on tests, benchmarks or examples.",
      severity: "error",
      from: { path: "^src/", pathNot: tests },
      to: { path: ["^(test|bench|examples|scripts|sim)/", tests] },
    },
    {
      name: "examples-use-the-face",
      comment: 'Examples show what users can do: import from "holdfast".',
      severity: "error",
      from: { path: "^examples/" },
      to: { path: "^src/", pathNot: [face, "^src/testing/index[.]ts$"] },
    },
    ...foreignRules,
    {
      name: "node-in-adapters-only",
      comment: "The engine runs where Node is not: what it takes from Node comes through a port.",
      severity: "error",
      from: { path: "^src/", pathNot: [nodeRooms, tests] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "node-module-without-room",
      comment: "Give this module of Node a room in .dependency-cruiser.cjs, or do without it.",
      severity: "error",
      from: { path: "^src/", pathNot: tests },
      to: {
        dependencyTypes: ["core"],
        pathNot: [plain, `^(${Object.keys(foreign).join("|")})(/|$)`],
      },
    },
    {
      name: "one-room-per-package",
      comment:
        "The SQLite library belongs to sqlite/driver.ts, the NATS client to nats/client.ts, " +
        "commander to cli/main.ts, jose to server/jwt.ts; no other package is imported in src/.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [sqliteDriver, natsClient, "^src/(cli/main|server/jwt)[.]ts$", tests],
      },
      to: {
        dependencyTypes: ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "unknown"],
      },
    },
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or need a third one below them.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "This import leads nowhere.",
      severity: "error",
      // What a benchmark installs for itself is not here.
      from: { pathNot: "^bench/http-restate-service[.]mjs$" },
      // Not in every Node: the driver looks before it asks.
      to: { couldNotResolve: true, pathNot: "^(node:)?sqlite$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|tools|bench/[.]cache)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".js", ".cjs", ".d.ts", ".json"],
    },
  },
};
