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
  | "NATS_UNSUITABLE"
  | "MOVED_AWAY"
  | "MIGRATION_UNFINISHED"
  | "MIGRATION_NOT_DRAINED"
  | "MIGRATION_DIFFERS"
  | "CLUSTER_RUNNING"
  | "APP_NOT_FOUND"
  | "SUBSCRIPTION_SOURCE_MISSING"
  | "SUBSCRIPTION_SOURCE_CHANGED"
  | "SUBSCRIPTION_GAP"
  | "SUBSCRIPTION_POISON";

export const clusterErrorCodes: Readonly<Record<ClusterErrorCode, ErrorCodeEntry>> = {
  MOVED_AWAY: {
    status: 500,
    happened: "What was here has moved elsewhere.",
    why: "Two engines would go on with the same work, each by itself.",
    fix: "Use what the message names. Only if that was never started, docs/operations.md says how to go back.",
  },
  MIGRATION_UNFINISHED: {
    status: 500,
    happened: "A migration into this app has begun and has not ended.",
    why: "A part of what is to be served is not here yet.",
    fix: "Run the same `holdfast migrate` again: it goes on where it was.",
  },
  MIGRATION_NOT_DRAINED: {
    status: 409,
    happened: "Something is under way between what moves and what does not.",
    why: "Where it moves to, its answer would not be found.",
    fix: "Start what is to be moved, let it settle, stop it, and migrate then.",
  },
  MIGRATION_DIFFERS: {
    status: 500,
    happened: "What was written is not what was read, or not all of it.",
    why: "Nothing goes on from a move that is not proven whole.",
    fix: "Nothing of the source was changed. Report it with the message; the source can be used on.",
  },
  SUBSCRIPTION_SOURCE_MISSING: {
    status: 500,
    retryable: true,
    happened: "The stream of a subscription is not there.",
    why: "It was deleted, or has not been made yet. What was taken from it stays taken.",
    fix: "Make the stream, or remove the subscription. It goes on by itself once the stream is there.",
  },
  SUBSCRIPTION_SOURCE_CHANGED: {
    status: 500,
    happened: "The stream of a subscription is not the one that was read before.",
    why: "It was deleted and made anew, or an older store of it was restored: its numbers begin again.",
    fix: "Restore the stream, or give the subscription another `name`: it then begins anew.",
  },
  SUBSCRIPTION_GAP: {
    status: 500,
    happened: "Messages were removed from the stream of a subscription before they were read.",
    why: "Limits of the stream, or a purge, were faster than the subscription.",
    fix: 'Widen the limits of the stream. To go on behind the gap say `gaps: "skip"`.',
  },
  SUBSCRIPTION_POISON: {
    status: 500,
    happened: "A message of a subscription cannot be handed over.",
    why: "It is no JSON, has no key where one is to be, or is too large.",
    fix: 'Remove it from the stream, or say `poison: "park"`: then it is counted and passed over.',
  },
  APP_NOT_FOUND: {
    status: 404,
    happened: "There is no app of this name on this NATS.",
    why: "An app is there once a node of it has been started, or it was prepared.",
    fix: "Give another name: `holdfast cluster` lists the apps there are.",
  },
  CLUSTER_RUNNING: {
    status: 409,
    retryable: true,
    happened: "Nodes of the app are running.",
    why: "What they still decide would be left behind.",
    fix: "Stop all nodes of the app. One that died is forgotten when its lease is over.",
  },
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
