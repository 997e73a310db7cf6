// What is known of the apps of one cluster, and the one rule of registering: a service name belongs
// to one app (R27).
import { unreachable } from "../std/assert.ts";
import { hexOf } from "../std/bytes.ts";
import { HoldfastError } from "./errors.ts";
import { noApp, tagOf } from "./ids.ts";
import type { Kind } from "./service-kind.ts";

export interface AppService {
  readonly name: string;
  readonly kind: Kind;
}

export interface AppRecord {
  readonly app: string;
  /** Fixed when the app is first registered. */
  readonly partitions: number;
  /** What ids computed from names are keyed with; of all partitions of the app. */
  readonly secret: string;
  /** A service name belongs to one app (R27). */
  readonly services: readonly AppService[];
  /** While it is being moved into: names the source, which alone may go on with it. */
  readonly moving?: string | undefined;
  /** Where it was moved to: nobody leads it any more. */
  readonly movedTo?: string | undefined;
}

/** What a move does to an app's record. */
export type AppMove =
  /** It is to be moved into: nobody has used it yet. Again by the same source changes nothing. */
  | { readonly kind: "begin"; readonly record: AppRecord & { readonly moving: string } }
  /** All of it is there. */
  | { readonly kind: "end"; readonly app: string; readonly moving: string }
  /** It leaves. */
  | { readonly kind: "leave"; readonly app: string; readonly movedTo: string };

/**
 * The records after a move's step.
 *
 * @throws HoldfastError `TARGET_NOT_EMPTY`, `MIGRATION_UNFINISHED`, `MOVED_AWAY`; `NAME_INVALID`.
 */
export function movedApp(records: readonly AppRecord[], move: AppMove): readonly AppRecord[] {
  const app = move.kind === "begin" ? move.record.app : move.app;
  const before = records.find((each) => each.app === app);
  const others = records.filter((each) => each.app !== app);
  if (before?.movedTo !== undefined && move.kind !== "leave") throw movedAway(app, before.movedTo);
  switch (move.kind) {
    case "begin": {
      const { moving } = move.record;
      if (before?.moving === moving) return records;
      if (before?.moving !== undefined) throw unfinished(app);
      if (before === undefined) return registered(records, move.record);
      if (before.services.length > 0) {
        throw new HoldfastError("TARGET_NOT_EMPTY", {
          happened: `The app ${app} hosts services already.`,
          fix: "Move to an app of another name.",
          data: { app },
        });
      }
      // Prepared, and never led: its secret has computed no id.
      return [...others, { ...before, secret: move.record.secret, moving }];
    }
    case "end": {
      if (before?.moving !== move.moving) throw unfinished(app);
      const { moving: _, ...ready } = before;
      return [...others, ready];
    }
    case "leave": {
      if (before === undefined) throw new HoldfastError("MIGRATION_DIFFERS", { data: { app } });
      if (before.moving !== undefined) throw unfinished(app);
      if (before.movedTo === move.movedTo) return records;
      if (before.movedTo !== undefined) throw movedAway(app, before.movedTo);
      // Its services may live in another app from now on.
      return [...others, { ...before, services: [], movedTo: move.movedTo }];
    }
    default:
      return unreachable(move);
  }
}

function movedAway(app: string, movedTo: string): HoldfastError {
  return new HoldfastError("MOVED_AWAY", {
    happened: `The app ${app} was moved to ${movedTo}.`,
    data: { app, movedTo },
  });
}

function unfinished(app: string): HoldfastError {
  return new HoldfastError("MIGRATION_UNFINISHED", {
    happened: `A migration into the app ${app} has begun and has not ended.`,
    data: { app },
  });
}

/**
 * The records with this app registered. Its partitions and secret stay those of the first time; its
 * services are added to, and a kind given anew replaces the one before.
 *
 * @throws HoldfastError `SERVICE_OWNED_ELSEWHERE`; `NAME_INVALID` for one that ids could not tell apart.
 */
export function registered(records: readonly AppRecord[], record: AppRecord): readonly AppRecord[] {
  const { app } = record;
  const others = records.filter((each) => each.app !== app);
  const tag = hexOf(tagOf(app));
  const names = [noApp, ...others.map((each) => each.app)];
  const like = names.find((each) => hexOf(tagOf(each)) === tag);
  if (like !== undefined) {
    throw new HoldfastError("NAME_INVALID", {
      message:
        `The app name ${app} cannot be told from ${like || "none"} in ids: two bytes there stand ` +
        "for it. Name it otherwise.",
      data: { app, like },
    });
  }
  const before = records.find((each) => each.app === app);
  if (before?.movedTo !== undefined) throw movedAway(app, before.movedTo);
  if (before?.moving !== undefined) throw unfinished(app);
  for (const { name } of record.services) {
    const owner = others.find(({ services }) => services.some((each) => each.name === name));
    if (owner === undefined) continue;
    const data = { service: name, app, owner: owner.app };
    throw new HoldfastError("SERVICE_OWNED_ELSEWHERE", { data });
  }
  const services = new Map<string, AppService>();
  for (const each of before?.services ?? []) services.set(each.name, each);
  for (const { name, kind } of record.services) services.set(name, { name, kind });
  return [...others, { ...(before ?? record), services: [...services.values()] }];
}
