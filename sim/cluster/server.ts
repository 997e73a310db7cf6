// NATS as the nodes see it: subjects, who listens to them, and JetStream's interface over plain
// requests. One server stands for the whole cluster; what its members disagree about is in each stream.

import type { StreamConfig } from "../../src/nats/jetstream.ts";
import type { SendOptions } from "../../src/nats/link.ts";
import { textOfUtf8, utf8 } from "../../src/std/bytes.ts";
import type { Owner, World } from "../world.ts";
import { type Server, SimLink, type Subscription } from "./link.ts";
import { Stream } from "./stream.ts";
import { errors, type Stored, type Told, type Ways } from "./told.ts";

const empty = new Uint8Array(0);

export class NatsModel implements Server {
  readonly version: string;
  readonly streams: Map<string, Stream> = new Map();
  readonly links: Set<SimLink> = new Set();
  onStream: ((stream: Stream) => void) | undefined;
  /** Told of each request for the leader of a partition. */
  onAsked: ((subject: string, body: Uint8Array) => void) | undefined;
  readonly #world: World;
  readonly #ways: Ways;
  /** By subject; `a.b` for `a.b.*`, with a dot behind it. */
  readonly #listeners = new Map<string, Set<Subscription>>();
  readonly #ghosts = new Map<string, number>();

  constructor(world: World, version: string, replicas: number) {
    this.#world = world;
    this.version = version;
    const old = version.startsWith("2.9.");
    this.#ways = { subjectRace: old && replicas > 1, judgesEarly: version.startsWith("2.15") };
  }

  connect(owner: Owner, name: string): SimLink {
    const link = new SimLink(this.#world, this, owner, name);
    this.links.add(link);
    return link;
  }

  // ---- who listens

  subscribed(subscription: Subscription): void {
    const key = keyOf(subscription.subject);
    const found = this.#listeners.get(key) ?? new Set();
    found.add(subscription);
    this.#listeners.set(key, found);
  }

  unsubscribed(subscription: Subscription, lingersMs: number): void {
    const key = keyOf(subscription.subject);
    this.#listeners.get(key)?.delete(subscription);
    if (lingersMs === 0) return;
    this.#ghosts.set(key, Math.max(this.#ghosts.get(key) ?? 0, this.#world.now + lingersMs));
  }

  arrived(link: SimLink, subject: string, body: Uint8Array, options: SendOptions): void {
    this.#world.say(() => `${link.name} to ${subject}`);
    const { reply, headers = {} } = options;
    const answer = (told: Told): void => this.#answer(reply, told);
    if (subject.startsWith("$JS.API.DIRECT.GET.")) {
      return this.#direct(subject.slice(19), body, reply);
    }
    if (subject.startsWith("$JS.API.")) return this.#api(subject.slice(8), body, answer);
    for (const stream of this.streams.values()) {
      if (stream.takes(subject)) {
        return stream.publish({ subject, headers, data: body, writer: link.name }, answer);
      }
    }
    if (subject.includes(".ask.")) this.onAsked?.(subject, body);
    if (!this.#deliver(subject, body, reply, headers)) answer("nobody");
  }

  /** False when nobody listens there. */
  #deliver(
    subject: string,
    data: Uint8Array,
    reply: string | undefined,
    headers: Readonly<Record<string, string>>,
    status = 0,
  ): boolean {
    const wild = subject.slice(0, subject.lastIndexOf(".") + 1);
    const listeners = this.#listeners.get(subject) ?? this.#listeners.get(wild);
    const header = (name: string): string => headers[name] ?? "";
    for (const each of listeners ?? []) each.told({ subject, data, reply, status, header });
    if (listeners !== undefined && listeners.size > 0) return true;
    const ghost = (this.#ghosts.get(subject) ?? 0) > this.#world.now;
    if (ghost) this.#world.sometimes("a request goes to who is gone");
    return ghost;
  }

  #answer(reply: string | undefined, told: Told): void {
    if (reply === undefined || told === undefined) return;
    if (told === "nobody") return void this.#deliver(reply, empty, undefined, {}, 503);
    this.#deliver(reply, utf8(JSON.stringify(told)), undefined, {});
  }

  // ---- JetStream

  #api(path: string, body: Uint8Array, answer: (told: Told) => void): void {
    const name = path.slice(path.lastIndexOf(".") + 1);
    const call = path.slice(0, -name.length - 1);
    const request = (body.length === 0 ? {} : JSON.parse(textOfUtf8(body))) as Request;
    if (call === "STREAM.CREATE") return answer(this.#create(request as unknown as StreamConfig));
    const stream = this.streams.get(name);
    if (stream === undefined) return answer(errors.noStream);
    switch (call) {
      case "STREAM.INFO":
        return answer(stream.info(request.subjects_filter));
      case "STREAM.MSG.GET":
        return answer(encoded(stream.message(request)));
      case "STREAM.PURGE":
        if (request.seq !== undefined) stream.purge(request.seq);
        else stream.purgeSubject(request.filter ?? "");
        return answer({ success: true });
      case "STREAM.LEADER.STEPDOWN":
        return answer({ success: true });
      default:
        throw new Error(`no call ${call} in this model`);
    }
  }

  #create(config: StreamConfig): object {
    const there = this.streams.get(config.name);
    if (there !== undefined) {
      const same = JSON.stringify(there.config) === JSON.stringify(config);
      return same ? (there.info(undefined) as object) : errors.inUse;
    }
    const stream = this.make(config);
    return stream.info(undefined) as object;
  }

  /** A stream made now, whatever was there before under its name. */
  make(config: StreamConfig): Stream {
    const stream = new Stream(this.#world, this.#ways, config);
    this.streams.set(config.name, stream);
    this.onStream?.(stream);
    return stream;
  }

  #direct(name: string, body: Uint8Array, reply: string | undefined): void {
    if (reply === undefined) return;
    const stream = this.streams.get(name);
    const { seq = 0 } = JSON.parse(textOfUtf8(body)) as Request;
    if (stream === undefined) return this.#answer(reply, "nobody");
    const found = stream.direct(seq);
    if (found === undefined) {
      if (seq !== stream.stalled) this.#deliver(reply, empty, undefined, {}, 404);
      return;
    }
    const headers = {
      ...found.headers,
      "Nats-Sequence": `${found.seq}`,
      "Nats-Subject": found.subject,
    };
    this.#deliver(reply, found.data, undefined, headers);
  }
}

interface Request {
  readonly seq?: number;
  readonly last_by_subj?: string;
  readonly filter?: string;
  readonly subjects_filter?: string;
}

function keyOf(subject: string): string {
  return subject.endsWith(".*") ? subject.slice(0, -1) : subject;
}

function encoded(found: Stored | Told): Told {
  if (typeof found !== "object" || !("seq" in found) || !("data" in found)) return found;
  const { subject, seq, headers, data } = found as Stored;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return {
    message: {
      subject,
      seq,
      hdrs: Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`).toString("base64"),
      data: Buffer.from(data).toString("base64"),
    },
  };
}
