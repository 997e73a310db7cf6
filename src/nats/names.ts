// Names of streams and subjects. They are built from the app's checked name, our own numbers and hex
// only: what users write never becomes part of a subject.
import { checkApp } from "../model/place.ts";
import { hexOf, utf8 } from "../std/bytes.ts";

/** The stream of one partition's changelog, and the one subject it takes. */
export function changelogNames(app: string, partition: number): StreamNames {
  return {
    stream: `HF_${checkApp(app)}_${index(partition)}`,
    subject: `hf.${app}.log.${partition}`,
  };
}

export interface StreamNames {
  readonly stream: string;
  readonly subject: string;
}

/** Where the requests for one partition's leader go. */
export function requestSubject(app: string, partition: number): string {
  return `hf.${checkApp(app)}.ask.${index(partition)}`;
}

/** Leases of one app: one subject per name, which may be any text. */
export function leaseNames(app: string): StreamNames {
  return { stream: `HF_${checkApp(app)}_leases`, subject: `hf.${app}.lease` };
}

export function leaseSubject(app: string, name: string): string {
  return `hf.${checkApp(app)}.lease.${hexOf(utf8(name))}`;
}

/** Marks of one app: one subject per partition. */
export function markNames(app: string): StreamNames {
  return { stream: `HF_${checkApp(app)}_marks`, subject: `hf.${app}.mark` };
}

export function markSubject(app: string, partition: number): string {
  return `hf.${checkApp(app)}.mark.${index(partition)}`;
}

/** Copies of one app's tables, in chunks: one subject per copy. */
export function copyNames(app: string): StreamNames {
  return { stream: `HF_${checkApp(app)}_copies`, subject: `hf.${app}.copy` };
}

/** `name` is ours: hex, or the word for manifests. */
export function copySubject(app: string, partition: number, name: string): string {
  return `hf.${checkApp(app)}.copy.${index(partition)}.${name}`;
}

/** All apps of one NATS. No app's own names can be these. */
export const appsNames: StreamNames = { stream: "HF_apps", subject: "hf.apps" };

function index(partition: number): number {
  if (Number.isSafeInteger(partition) && partition >= 0) return partition;
  throw new RangeError(`not the number of a partition: ${partition}`);
}
