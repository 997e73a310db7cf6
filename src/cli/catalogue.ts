// All commands: names, words, arguments, examples. Help, completion and docs/cli.md are made from
// this list and held against it; what a command does is in commands/.
import { directoryCommands } from "./catalogue-directory.ts";
import type { CommandSpec } from "./command.ts";
import type { SettingName } from "./settings.ts";

const serving: readonly SettingName[] = [
  "data",
  "host",
  "port",
  "adminHost",
  "adminPort",
  "hosts",
  "origins",
  "insecureBind",
  "tlsCert",
  "tlsKey",
  "tlsCa",
  "jwtKeys",
  "jwtAudience",
  "jwtIssuer",
  "drain",
  "concurrency",
  "suspendAfter",
  "keep",
  "allowRemoteData",
  "nats",
  "natsCreds",
  "natsSync",
  "app",
  "partitions",
  "replicas",
  "durability",
];
const asking: readonly SettingName[] = ["data", "adminPort", "adminUrl", "adminToken"];
const calling: readonly SettingName[] = ["data", "port", "url", "token"];

const id = ["<id>", "id of the invocation, inv_1…"] as const;
const filters = [
  ["--service <name>", "of this service"],
  ["--key <key>", "of this object key"],
  ["--handler <name>", "of this handler"],
  [
    "--status <list>",
    "scheduled, inboxed, ready, running, suspended, backing-off, paused, completed, unfinished",
  ],
  ["--since <duration>", "created within the last, such as 15m"],
] as const;

const engine: readonly CommandSpec[] = [
  {
    name: "serve",
    says: "Hosts the definitions that modules export, behind an ingress and an admin side",
    args: [["<module...>", "files that export services, objects or workflows"]],
    settings: serving,
    examples: [
      "holdfast serve app.ts",
      "holdfast serve cart.ts tickets.ts --data /var/lib/shop --port 8080",
      "holdfast serve app.ts --nats nats://a,nats://b,nats://c --app shop --replicas 3",
    ],
    load: () => import("./commands/serve.ts"),
  },
  {
    name: "dev",
    says: "Serves, reloads when code changes, prints a line per invocation, and has a live page",
    args: [["<module...>", "files that export services, objects or workflows"]],
    settings: serving,
    examples: ["holdfast dev app.ts"],
    load: () => import("./commands/dev.ts"),
  },
  {
    name: "cluster",
    says: "Lists the apps on one NATS, their partitions and who leads them; fails where nobody does",
    settings: ["nats", "natsCreds"],
    examples: ["holdfast cluster --nats nats://127.0.0.1:14222"],
    load: () => import("./commands/cluster.ts"),
  },
  {
    name: "config",
    says: "Shows the effective settings, and where each comes from",
    settings: [...serving, "url", "adminUrl"],
    examples: ["holdfast config", "HOLDFAST_PORT=9000 holdfast config --json"],
    load: () => import("./commands/config.ts"),
  },
];

const requests: readonly CommandSpec[] = [
  {
    name: "invoke",
    says: "Calls a handler and prints its result",
    args: [
      ["<target>", "Service/handler or Service/key/handler"],
      ["[input]", "JSON; - reads it from standard input"],
    ],
    options: [["--idempotency-key <key>", "the same key is the same invocation"]],
    settings: calling,
    examples: [
      "holdfast invoke Greeter/hello '\"Ada\"'",
      "echo '[1]' | holdfast invoke Cart/user-1/add -",
    ],
    load: () => import("./commands/invoke.ts"),
  },
  {
    name: "send",
    says: "Sends to a handler and prints the invocation's id, without waiting",
    args: [
      ["<target>", "Service/handler or Service/key/handler"],
      ["[input]", "JSON; - reads it from standard input"],
    ],
    options: [
      ["--delay <duration>", "start it later, such as 15m"],
      ["--idempotency-key <key>", "the same key is the same invocation"],
    ],
    settings: calling,
    examples: ["holdfast send Cart/user-1/expire '\"T-1\"' --delay 15m"],
    load: () => import("./commands/send.ts"),
  },
  {
    name: "attach",
    says: "Waits for the result of an invocation and prints it",
    args: [id],
    settings: calling,
    examples: ["holdfast attach inv_1…"],
    load: () => import("./commands/attach.ts"),
  },
];

const looking: readonly CommandSpec[] = [
  {
    name: "ls",
    says: "Lists invocations, newest first",
    options: [
      ...filters,
      ["--limit <n>", "rows, up to 1000; default 50"],
      ["--cursor <text>", "go on after a page"],
      ["--count", "count them only"],
    ],
    settings: asking,
    examples: ["holdfast ls --status unfinished", "holdfast ls --service Cart --since 1h --json"],
    load: () => import("./commands/ls.ts"),
  },
  {
    name: "get",
    says: "Shows one invocation with its journal",
    args: [id],
    options: [["--no-journal", "without its journal"]],
    settings: asking,
    examples: ["holdfast get inv_1…", "holdfast get inv_1… --json"],
    load: () => import("./commands/get.ts"),
  },
  {
    name: "why",
    says: "Says why an invocation does not go on, down to the cause, and what would move it",
    args: [id],
    settings: asking,
    examples: ["holdfast why inv_1…"],
    load: () => import("./commands/why.ts"),
  },
  {
    name: "services",
    says: "Lists what is hosted: services, handlers, schemas",
    settings: asking,
    examples: ["holdfast services"],
    load: () => import("./commands/services.ts"),
  },
  {
    name: "state",
    says: "Reads the state of an object, or edits it in its turn at the key",
    args: [
      ["<object>", "Service, Service/key"],
      ["[change...]", "name=JSON sets, name= removes"],
    ],
    options: [
      ["--if-version <n>", "only if the state still has this version"],
      ["--clear", "remove all names first"],
    ],
    settings: asking,
    examples: [
      "holdfast state Cart/user-1",
      "holdfast state Cart/user-1 tickets='[]' note= --if-version 7",
    ],
    load: () => import("./commands/state.ts"),
  },
  {
    name: "tail",
    says: "Prints what happens, one line per change, until it is stopped",
    options: [["--all", "every journal entry too, not only beginnings and ends"]],
    settings: asking,
    examples: ["holdfast tail", "holdfast tail --json | grep failed"],
    load: () => import("./commands/tail.ts"),
  },
  {
    name: "sql",
    says: "Asks the table in SQL, read-only; docs/tables.md has the views",
    args: [["[query]", "one SELECT"]],
    options: [
      [
        "--index <what>",
        "make an index, with no engine running: service, created, idempotency-key",
      ],
      ["--drop-index <what>", "take it away"],
    ],
    settings: asking,
    examples: ["holdfast sql 'SELECT status, count(*) AS n FROM sys_invocation GROUP BY 1'"],
    load: () => import("./commands/sql.ts"),
  },
];

function steering(
  name: string,
  says: string,
  more: { readonly options?: CommandSpec["options"]; readonly examples?: readonly string[] } = {},
): CommandSpec {
  return {
    name,
    says,
    args: [["[id...]", "ids of invocations; or a filter"]],
    options: [...filters, ["--yes", "do not ask, with a filter"], ...(more.options ?? [])],
    settings: asking,
    examples: [
      `holdfast ${name} inv_1…`,
      `holdfast ${name} --service Cart --status unfinished --yes`,
      ...(more.examples ?? []),
    ],
    load: () => import("./commands/steer.ts").then(({ runOf }) => ({ run: runOf(name) })),
  };
}

const steers: readonly CommandSpec[] = [
  steering("cancel", "Asks invocations to clean up and end"),
  steering("kill", "Ends invocations at once, and the calls that only they wait for", {
    options: [["--with-sends", "also their delayed sends (by id)"]],
  }),
  steering("pause", "Holds invocations where they are"),
  steering("resume", "Lets paused invocations go on, and those that back off try again now"),
  steering("purge", "Forgets completed invocations"),
  {
    name: "restart",
    says: "Runs a completed invocation again, as a new one, and prints its id",
    args: [id],
    options: [
      ["--from <n>", "keep the first n entries of its journal"],
      ["--unsafe", "although an awakeable before that is still waited for"],
    ],
    settings: asking,
    examples: ["holdfast restart inv_1…", "holdfast restart inv_1… --from 4"],
    load: () => import("./commands/restart.ts"),
  },
];

const replays: readonly CommandSpec[] = [
  {
    name: "check",
    says: "Replays what is under way, in a directory or a running engine, against other code; runs no step",
    args: [["<module...>", "files that export services, objects or workflows"]],
    options: [["--sample <n>", "replay every n-th only"]],
    settings: ["data", "adminUrl", "adminToken"],
    examples: [
      "holdfast check app.ts",
      "holdfast check app.ts --data backup --sample 10",
      "holdfast check app.ts --admin-url https://shop.internal:9070",
    ],
    load: () => import("./commands/check.ts"),
  },
  {
    name: "export",
    says: "Prints an invocation with its journal, for replays and tests",
    args: [id],
    options: [["--redact <file>", "its default export (value, where) is written for each value"]],
    settings: ["data", "adminUrl", "adminToken"],
    examples: ["holdfast export inv_1… > run.json"],
    load: () => import("./commands/export.ts"),
  },
  {
    name: "replay",
    says: "Replays an exported journal against code, and shows it beside the lines that asked",
    args: [
      ["<file>", "what export printed"],
      ["<module...>", "files that export services, objects or workflows"],
    ],
    examples: [
      "holdfast replay run.json app.ts",
      "node --inspect-brk node_modules/.bin/holdfast replay run.json app.ts",
    ],
    load: () => import("./commands/replay.ts"),
  },
];

const shell: readonly CommandSpec[] = [
  {
    name: "completion",
    says: "Prints a script that completes commands and flags in a shell",
    args: [["<shell>", "bash, zsh or fish"]],
    examples: [
      "holdfast completion bash >> ~/.bashrc",
      "holdfast completion fish > ~/.config/fish/completions/holdfast.fish",
    ],
    load: () => import("./commands/completion.ts"),
  },
];

export const commands: readonly CommandSpec[] = [
  ...engine,
  ...directoryCommands,
  ...requests,
  ...looking,
  ...steers,
  ...replays,
  ...shell,
];
