// The register of apps in JetStream: all of them in one message, changed by compare-and-set on the
// stream's last sequence, which holds on every server. With each app stand its streams and when each
// was made: after the first registration none is ever made again, since an empty stream in the place
// of a lost one would look like a beginning.
import { type AppMove, type AppRecord, movedApp, registered } from "../model/app-record.ts";
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Apps } from "../ports/apps.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import type { JetStream } from "./jetstream.ts";
import { appsNames } from "./names.ts";
import { unavailable } from "./outcome.ts";
import { created, durable, type ProvisionOptions, provision } from "./provision.ts";

/** When each stream of an app was made. */
export type Made = Readonly<Record<string, string>>;

interface Register {
  readonly records: readonly AppRecord[];
  readonly made: Readonly<Record<string, Made>>;
}

const nothing: Register = { records: [], made: {} };
/** Registers kept, for whoever wants to see what changed. */
const historyMax = 32;

export class NatsApps implements Apps {
  readonly #jetstream: JetStream;
  readonly #options: ProvisionOptions;
  #ready: Promise<unknown> | undefined;

  constructor(jetstream: JetStream, options: ProvisionOptions) {
    this.#jetstream = jetstream;
    this.#options = options;
  }

  register(record: AppRecord): Promise<AppRecord> {
    return this.#claim(record.app, (records) => registered(records, record));
  }

  move(step: AppMove): Promise<AppRecord> {
    const app = step.kind === "begin" ? step.record.app : step.app;
    return this.#claim(app, (records) => movedApp(records, step));
  }

  async #claim(
    app: string,
    change: (records: readonly AppRecord[]) => readonly AppRecord[],
  ): Promise<AppRecord> {
    const claimed = await this.#change(({ records, made }) => ({ records: change(records), made }));
    const stands = claimed.records.find((each) => each.app === app) as AppRecord;
    if (claimed.made[app] !== undefined) return stands;
    const streams = await this.#provisioned(stands);
    await this.#change(({ records, made }) => ({ records, made: { [app]: streams, ...made } }));
    return stands;
  }

  async all(): Promise<readonly AppRecord[]> {
    return (await this.#read()).register.records;
  }

  /**
   * When the streams of an app were made; undefined when that stays unknown for long: a leader that
   * has just been chosen may answer with an older register.
   */
  async made(app: string): Promise<Made | undefined> {
    for (const over = this.#jetstream.patience(); ; await this.#jetstream.pause(200)) {
      const made = (await this.#read()).register.made[app];
      if (made !== undefined || over()) return made;
    }
  }

  async #provisioned({ app, partitions }: AppRecord): Promise<Made> {
    try {
      return await provision(this.#jetstream, app, partitions, this.#options);
    } catch (error) {
      if (!isHoldfastError(error, "PARTITION_HALTED")) throw error;
      // Another node was faster, and its first leader too; or what was read here was older.
      const made = await this.made(app);
      if (made === undefined) throw error;
      return made;
    }
  }

  async #change(change: (register: Register) => Register): Promise<Register> {
    for (const over = this.#jetstream.patience(); ; ) {
      const { register, sequence } = await this.#read();
      const next = change(register);
      const text = JSON.stringify(next);
      if (text === JSON.stringify(register)) return register;
      const ack = await this.#jetstream.publish(appsNames.subject, utf8(text), {
        "Nats-Expected-Stream": appsNames.stream,
        "Nats-Expected-Last-Sequence": String(sequence),
      });
      if (ack.kind === "ack" && ack.seq === sequence + 1) return next;
      if (over()) throw unavailable("The register of apps cannot be changed.");
      await this.#jetstream.pause(20);
    }
  }

  async #read(): Promise<{ readonly register: Register; readonly sequence: number }> {
    await (this.#ready ??= this.#prepare());
    const { stream, subject } = appsNames;
    const message = await this.#jetstream.message(stream, { last_by_subj: subject });
    if (message === undefined) return { register: nothing, sequence: 0 };
    try {
      const register = JSON.parse(textOfUtf8(message.data)) as Register;
      return { register, sequence: message.sequence };
    } catch (cause) {
      throw new HoldfastError("NATS_UNSUITABLE", {
        happened: `The newest message of stream ${stream} is no register of apps.`,
        fix: "Remove the message that something else has put there.",
        cause,
      });
    }
  }

  async #prepare(): Promise<void> {
    if ((await this.#jetstream.info(appsNames.stream)) !== undefined) return;
    const { replicas } = this.#options;
    await created(this.#jetstream, { ...durable(appsNames, replicas), max_msgs: historyMax });
  }
}
