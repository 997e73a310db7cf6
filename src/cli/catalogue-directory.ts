// The part of the catalogue about data directories as such: verified, copied, mended. See
// catalogue.ts for the whole.
import type { CommandSpec } from "./command.ts";

export const directoryCommands: readonly CommandSpec[] = [
  {
    name: "doctor",
    says: "Verifies a data directory: every frame, and every row of the table against a fold of them",
    args: [["[directory]", "the data directory, which no engine may have open; or a backup"]],
    settings: ["data", "allowRemoteData"],
    examples: [
      "holdfast doctor data",
      "holdfast doctor data --json",
      "holdfast doctor backups/today",
    ],
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "backup",
    says: "Makes a verified backup: of a running engine while it works, or of a closed directory",
    args: [["<to>", "the folder to make; empty or absent"]],
    settings: ["data", "adminPort", "adminUrl", "adminToken", "allowRemoteData"],
    examples: [
      "holdfast backup backups/today",
      "holdfast backup backups/today --data /var/lib/shop",
      "holdfast backup backups/today --admin-url http://127.0.0.1:9070",
    ],
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "restore",
    says: "Makes a data directory of a backup, and verifies it before it counts as one",
    args: [
      ["<backup>", "the folder that backup made"],
      ["<directory>", "the data directory to make; empty or absent"],
    ],
    settings: ["allowRemoteData"],
    examples: ["holdfast restore backups/today data"],
    load: () => import("./commands/restore.ts"),
  },
  {
    name: "migrate",
    says: "Moves a data directory into a cluster, or an app back into a directory; compares both",
    args: [
      ["<way>", "to-cluster or to-directory"],
      ["[directory]", "the data directory; its engine, or all nodes of the app, must be stopped"],
    ],
    settings: [
      "data",
      "allowRemoteData",
      "nats",
      "natsCreds",
      "natsSync",
      "app",
      "partitions",
      "replicas",
      "durability",
    ],
    examples: [
      "holdfast migrate to-cluster data --nats nats://a,nats://b,nats://c --app shop --replicas 3",
      "holdfast migrate to-directory data --nats nats://a --app shop",
    ],
    load: () => import("./commands/migrate.ts"),
  },
  {
    name: "salvage",
    says: "Says what of a damaged data directory can be kept and what is lost; does it when told",
    args: [["<directory>", "the data directory; no engine may have it open"]],
    options: [
      ["--accept-loss", "do it: what is damaged is moved aside, nothing is deleted"],
      ["--from-table", "go on from the table, where it reaches further than the changelog"],
    ],
    examples: ["holdfast salvage data", "holdfast salvage data --accept-loss"],
    load: () => import("./commands/salvage.ts"),
  },
];
