// The part of the error table about several nodes: leaders, apps, NATS, and changelogs that are not
// what they were. See error-codes.ts for the whole.

import type { ErrorCodeEntry } from "./error-code-entry.ts";

export type ClusterErrorCode =
  | "LEADER_UNREACHABLE"
  | "REQUEST_UNANSWERED"
  | "PARTITIONS_INVALID"
  | "SERVICE_OWNED_ELSEWHERE"
  | "DELIVERY_GAP"
  | "PARTITION_FENCED"
  | "PARTITION_HALTED"
  | "NATS_UNAVAILABLE"
  | "NATS_UNSUITABLE";

export const clusterErrorCodes: Readonly<Record<ClusterErrorCode, ErrorCodeEntry>> = {
  LEADER_UNREACHABLE: {
    status: 503,
    retryable: true,
    happened: "No node leads the partition just now.",
    why: "A node may have died, and another takes over within seconds. Nothing was accepted.",
    fix: "Send the request again. If it lasts, start a node of that app.",
  },
  REQUEST_UNANSWERED: {
    status: 503,
    happened: "The leader of the partition did not answer in time.",
    why: "The outcome is unknown: the request may have been accepted, or not.",
    fix: "Repeat it only with an idempotency key, or look the invocation up first.",
  },
  PARTITIONS_INVALID: {
    status: 500,
    happened: "The number of partitions cannot be used.",
    why: "It is a whole number, and fixed when an app is first registered.",
    fix: "Give the number the app was registered with, or another app name.",
  },
  SERVICE_OWNED_ELSEWHERE: {
    status: 500,
    happened: "A service of this name belongs to another app on the same NATS.",
    why: "Calls find a service by its name alone, so that it can have one home only.",
    fix: "Rename the service, or remove it from the other app.",
  },
  DELIVERY_GAP: {
    status: 500,
    happened: "A message from another partition came out of its turn.",
    why: "Messages between partitions are numbered; a gap means that one was lost at its sender.",
    fix: "Keep both changelogs as they are, and report it with the message.",
  },
  PARTITION_FENCED: {
    status: 503,
    retryable: true,
    happened: "Another node has taken over the partition.",
    why: "Only the newest leader may append; what this one had not made durable never happened.",
    fix: "Nothing: requests go to the new leader.",
  },
  PARTITION_HALTED: {
    status: 503,
    happened: "The partition's changelog is not what it was.",
    why: "Records that were acknowledged are missing or differ; going on would lose them silently.",
    fix: "Keep everything as it is and follow docs/cluster.md for the reason named here.",
  },
  NATS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    happened: "NATS cannot be reached, or JetStream is not enabled there.",
    why: "A cluster keeps everything in JetStream.",
    fix: "Start it (`make nats-up` or `make docker-up`), or name other servers.",
  },
  NATS_UNSUITABLE: {
    status: 500,
    happened: "The NATS server, or a stream there, is not fit for what was asked.",
    why: "Older versions lose or reorder what they acknowledged; see docs/cluster.md.",
    fix: "Upgrade the server, or change the setting named here.",
  },
};
