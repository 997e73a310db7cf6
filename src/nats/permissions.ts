// What each role must be allowed on NATS, and nothing more: as data that a server's configuration
// takes. Names of streams are single tokens, so that they are listed one by one: a wildcard would
// open other apps' streams.
import { checkApp, checkPartitions } from "../model/place.ts";
import { appsNames, changelogNames, copyNames, leaseNames, markNames } from "./names.ts";

export interface NatsPermissions {
  readonly publish: { readonly allow: readonly string[] };
  readonly subscribe: { readonly allow: readonly string[] };
  /** Answers to what others ask, as many as the parts of the largest. */
  readonly allow_responses?: { readonly max: number; readonly expires: string };
}

export interface RolesOptions {
  readonly app: string;
  readonly partitions: number;
  /** Names of the streams that handlers are fed from. */
  readonly subscribed?: readonly string[] | undefined;
  /** Plain subjects that handlers are fed from. */
  readonly heard?: readonly string[] | undefined;
  /** Of each role: what comes back to it. Different ones, so that nobody reads another's. */
  readonly inboxPrefix: { readonly [role in Role]: string };
}

/** Runs the app; purges what copies cover; makes the app's streams, once. */
export type Role = "node" | "janitor" | "admin";

export function natsPermissions(options: RolesOptions): Readonly<Record<Role, NatsPermissions>> {
  const app = checkApp(options.app);
  const changelogs = Array.from(
    { length: checkPartitions(options.partitions) },
    (_, partition) => changelogNames(app, partition).stream,
  );
  const copies = copyNames(app).stream;
  const own = [...changelogs, leaseNames(app).stream, markNames(app).stream, copies];
  const all = [...own, appsNames.stream];
  const inbox = (role: Role): string => `${options.inboxPrefix[role]}.>`;
  return {
    node: {
      publish: {
        allow: [
          ...["log.*", "lease.*", "mark.*", "copy.*.*"].map((rest) => `hf.${app}.${rest}`),
          appsNames.subject,
          "hf.*.ask.*",
          ...all.flatMap((stream) => api(["STREAM.INFO", "STREAM.MSG.GET"], stream)),
          ...[...changelogs, copies].flatMap((stream) => api(["DIRECT.GET"], stream)),
          ...(options.subscribed ?? []).flatMap((stream) => {
            return api(["STREAM.INFO", "STREAM.MSG.GET"], stream);
          }),
          ...changelogs.flatMap((stream) => api(["STREAM.LEADER.STEPDOWN"], stream)),
        ],
      },
      subscribe: { allow: [`hf.${app}.ask.*`, ...(options.heard ?? []), inbox("node")] },
      allow_responses: { max: 64, expires: "10m" },
    },
    janitor: {
      publish: { allow: [...changelogs, copies].flatMap((each) => api(["STREAM.PURGE"], each)) },
      subscribe: { allow: [inbox("janitor")] },
    },
    admin: {
      publish: {
        allow: [
          appsNames.subject,
          ...all.flatMap((stream) => api(["STREAM.INFO", "STREAM.CREATE"], stream)),
          ...api(["STREAM.MSG.GET"], appsNames.stream),
        ],
      },
      subscribe: { allow: [inbox("admin")] },
    },
  };
}

function api(calls: readonly string[], stream: string): string[] {
  return calls.map((call) => `$JS.API.${call}.${stream}`);
}
