// What is known of the apps of one cluster, and the one rule of registering: a service name belongs
// to one app (R27).
import { hexOf } from "../std/bytes.ts";
import { HoldfastError } from "./errors.ts";
import { tagOf } from "./ids.ts";
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
  const like = others.find((each) => hexOf(tagOf(each.app)) === tag);
  if (like !== undefined) {
    throw new HoldfastError("NAME_INVALID", {
      message:
        `The app name ${app} cannot be told from ${like.app} in ids: two bytes there stand for it. ` +
        "Name it otherwise.",
      data: { app, like: like.app },
    });
  }
  for (const { name } of record.services) {
    const owner = others.find(({ services }) => services.some((each) => each.name === name));
    if (owner === undefined) continue;
    const data = { service: name, app, owner: owner.app };
    throw new HoldfastError("SERVICE_OWNED_ELSEWHERE", { data });
  }
  const before = records.find((each) => each.app === app);
  const services = new Map<string, AppService>();
  for (const each of before?.services ?? []) services.set(each.name, each);
  for (const { name, kind } of record.services) services.set(name, { name, kind });
  return [...others, { ...(before ?? record), services: [...services.values()] }];
}
