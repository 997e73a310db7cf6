// One stream of JetStream as its leader and its replicas have it: an order of messages, conditions
// that are checked when a message is stored, and everything an answer may not say: stored without an
// acknowledgement, acknowledged and lost by a leader change, read from a replica that is behind.

import { frameHeader } from "../../src/nats/frame.ts";
import type { StreamConfig } from "../../src/nats/jetstream.ts";
import type { World } from "../world.ts";
import { errors, type Sent, type Stored, type Told, type Ways } from "./told.ts";

interface Proposed {
  readonly sent: Sent;
  readonly judged: boolean;
  fate: "whole" | "mute" | "lost";
  answer(told: Told): void;
}

const messageOverhead = 22;
const nanosecondsPerMs = 1_000_000;

export class Stream {
  readonly name: string;
  readonly created: string;
  config: StreamConfig;
  readonly #world: World;
  readonly #ways: Ways;
  readonly #messages = new Map<number, Stored>();
  readonly #newest = new Map<string, number>();
  /** What each subject's newest message has replaced. */
  readonly #replaced = new Map<string, Stored>();
  readonly #proposed: Proposed[] = [];
  /** What replicas that are behind may still hold after messages were lost. */
  readonly ghosts: Map<number, Stored> = new Map();
  /** Frames of appends that have been judged. */
  readonly #frames = new Set<string>();
  #first = 1;
  #last = 0;
  #bytes = 0;
  #leaderlessUntil = 0;
  #silent = false;
  #behindUntil = 0;
  #behind = 0;
  #orderFree = 0;
  /** How long it takes until a message is stored. */
  commitMs: readonly [number, number] = [0.1, 1];
  /** How often an acknowledgement does not leave, an answer is that of a duplicate, a read is late. */
  muteChance = 0;
  duplicateChance = 0;
  staleChance = 0;
  /** A sequence that reads of do not come back from. */
  stalled: number | undefined;
  onStored: ((message: Stored) => void) | undefined;

  constructor(world: World, ways: Ways, config: StreamConfig) {
    this.#world = world;
    this.#ways = ways;
    this.config = config;
    this.name = config.name;
    this.created = `2026-01-01T00:00:00.${world.now.toFixed(6)}Z`;
  }

  get last(): number {
    return this.#last;
  }

  get first(): number {
    return this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  at(seq: number): Stored | undefined {
    return this.#messages.get(seq);
  }

  newestOf(subject: string): Stored | undefined {
    return this.#messages.get(this.#newest.get(subject) ?? 0);
  }

  takes(subject: string): boolean {
    const [pattern = ""] = this.config.subjects;
    if (pattern === subject) return true;
    const wild = pattern.endsWith(".*") || pattern.endsWith(".>");
    return wild && subject.startsWith(pattern.slice(0, -1));
  }

  // ---- appends

  publish(sent: Sent, answer: (told: Told) => void): void {
    const world = this.#world;
    const away = this.#away();
    if (away !== undefined) return answer(away === "silent" ? undefined : "nobody");
    const stream = sent.headers["Nats-Expected-Stream"];
    if (stream !== undefined && stream !== this.name) return answer(errors.otherStream);
    const expected = sent.headers["Nats-Expected-Last-Sequence"];
    if (expected !== undefined && world.chance(this.duplicateChance)) {
      world.sometimes("an append is answered as a duplicate");
      return answer({ stream: this.name, seq: Number(expected) + 1, duplicate: true });
    }
    if (this.#ways.judgesEarly && this.#proposed.length > 0) {
      const ahead = this.#last + this.#proposed.length;
      if (expected !== undefined && Number(expected) !== ahead) {
        world.sometimes("an append is refused while one before it is under way");
        return answer(world.chance(0.5) ? errors.underWay : errors.wrongLast(ahead));
      }
    }
    const judged = this.#ways.subjectRace && sent.headers[lastOfSubject] !== "0";
    const refused = judged ? this.#refusal(sent) : undefined;
    if (refused !== undefined) return answer(refused);
    const proposed: Proposed = { sent, judged, fate: "whole", answer };
    this.#proposed.push(proposed);
    this.#orderFree = Math.max(this.#orderFree, world.now + world.between(...this.commitMs));
    world.at(this.#orderFree - world.now, () => this.#apply(proposed));
  }

  #apply(proposed: Proposed): void {
    this.#proposed.splice(this.#proposed.indexOf(proposed), 1);
    const world = this.#world;
    const { sent, judged, fate, answer } = proposed;
    if (fate === "lost") return;
    // Whoever stores has applied all that was stored before.
    this.#behindUntil = 0;
    const refused = this.#refusal(sent, judged) ?? this.#noRoom(sent);
    const frame = sent.headers[frameHeader];
    if (frame !== undefined) this.#look(frame, sent, refused);
    if (refused !== undefined) return fate === "mute" ? undefined : answer(refused);
    const seq = this.#store(sent);
    if (fate === "mute" || world.chance(this.muteChance)) {
      return world.sometimes("a message is stored and not acknowledged");
    }
    answer({ stream: this.name, seq });
  }

  #refusal({ subject, headers }: Sent, judged = false): object | undefined {
    this.#expire();
    const last = headers["Nats-Expected-Last-Sequence"];
    if (last !== undefined && Number(last) !== this.#last) return errors.wrongLast(this.#last);
    const ofSubject = headers[lastOfSubject];
    if (judged || ofSubject === undefined) return undefined;
    const newest = this.newestOf(subject)?.seq ?? 0;
    return Number(ofSubject) === newest ? undefined : errors.wrongLast(newest);
  }

  /** What becomes of the appends of a changelog, as its writers will find out. */
  #look(frame: string, { headers, writer }: Sent, refused: object | undefined): void {
    const world = this.#world;
    const again = this.#frames.has(frame);
    this.#frames.add(frame);
    if (refused === undefined) {
      if (again) world.sometimes("an unknown outcome: not stored, and now it is");
      return;
    }
    if (refused === errors.full) return world.sometimes("a stream is full");
    const there = this.at(Number(headers["Nats-Expected-Last-Sequence"]) + 1);
    if (there?.headers[frameHeader] === frame) return world.sometimes("an unknown outcome: stored");
    if (there === undefined || there.writer === writer) return;
    world.sometimes("a straggler's append is refused");
    const [, kind, , , , , , , part] = frame.split(" ");
    if (Number(part) > 1) world.sometimes("a writer is fenced in the midst of a batch");
    if (kind === "seal") world.sometimes("a straggler's seal is refused");
  }

  #noRoom({ data }: Sent): object | undefined {
    const { max_bytes = -1, discard } = this.config;
    if (max_bytes < 0 || discard !== "new") return undefined;
    return this.#bytes + data.length + messageOverhead > max_bytes ? errors.full : undefined;
  }

  #store(sent: Sent): number {
    const seq = ++this.#last;
    const stored = { ...sent, seq, time: this.#world.now };
    const before = this.newestOf(sent.subject);
    this.#messages.set(seq, stored);
    this.#newest.set(sent.subject, seq);
    this.#bytes += sent.data.length + messageOverhead;
    if (before !== undefined) this.#replaced.set(sent.subject, before);
    if (before !== undefined && this.config.max_msgs_per_subject === 1) this.#remove(before.seq);
    const { max_msgs = -1 } = this.config;
    while (max_msgs > 0 && this.#messages.size > max_msgs) this.#remove(this.#first);
    this.onStored?.(stored);
    return seq;
  }

  #remove(seq: number): void {
    const message = this.#messages.get(seq);
    if (message === undefined) return;
    this.#messages.delete(seq);
    this.#bytes -= message.data.length + messageOverhead;
    if (this.#newest.get(message.subject) === seq) this.#newest.delete(message.subject);
    while (this.#first <= this.#last && !this.#messages.has(this.#first)) this.#first++;
  }

  /** By the server's clock, and without a word. */
  #expire(): void {
    const { max_age = 0 } = this.config;
    if (max_age === 0) return;
    const oldest = this.#world.now - max_age / nanosecondsPerMs;
    for (const [seq, { time }] of this.#messages) {
      if (time > oldest) break;
      this.#world.sometimes("a lease expires");
      this.#remove(seq);
    }
  }

  // ---- questions

  info(filter: string | undefined): Told {
    const away = this.#away();
    if (away !== undefined) return away === "silent" ? undefined : errors.away;
    this.#expire();
    const last = this.#seen();
    const messages = this.#messages.size - (this.#last - last);
    const subjects: Record<string, number> = {};
    if (filter !== undefined) {
      for (const { subject } of this.#messages.values()) {
        if (subject.startsWith(filter.slice(0, -1))) subjects[subject] = 1;
      }
    }
    const { name, created, config } = this;
    const gaps = last - this.#first + 1 - messages;
    const state = {
      messages,
      bytes: this.#bytes,
      first_seq: Math.min(this.#first, last + 1),
      last_seq: last,
      ...(gaps > 0 ? { num_deleted: gaps } : {}),
      ...(filter === undefined ? {} : { subjects }),
    };
    return { name, created, config, state };
  }

  /** A message as the leader has it. */
  message(by: { readonly seq?: number; readonly last_by_subj?: string }): Stored | Told {
    const away = this.#away();
    if (away !== undefined) return away === "silent" ? undefined : errors.away;
    this.#expire();
    if (by.seq !== undefined && by.seq === this.stalled) {
      this.#world.sometimes("a read stalls");
      return undefined;
    }
    const { last_by_subj: subject = "", seq } = by;
    const found = seq === undefined ? this.newestOf(subject) : this.at(seq);
    const seen = this.#seen();
    if (found === undefined || found.seq <= seen) return found ?? errors.notFound;
    const older = seq === undefined ? this.#replaced.get(subject) : undefined;
    return older !== undefined && older.seq <= seen ? older : errors.notFound;
  }

  /** A message as some replica has it. */
  direct(seq: number): Stored | undefined {
    const world = this.#world;
    if (seq === this.stalled) return undefined;
    if (world.chance(this.staleChance)) {
      world.sometimes("a direct read is stale");
      return this.ghosts.get(seq);
    }
    return this.at(seq);
  }

  /** What a leader that has just been chosen knows of. */
  #seen(): number {
    if (this.#world.now >= this.#behindUntil || this.#behind >= this.#last) return this.#last;
    this.#world.sometimes("a leader answers that is behind");
    return Math.max(this.#behind, this.#first - 1);
  }

  #away(): "silent" | "nobody" | undefined {
    if (this.#world.now >= this.#leaderlessUntil) return undefined;
    return this.#silent ? "silent" : "nobody";
  }

  purge(before: number): void {
    const away = this.#away();
    if (away !== undefined) return;
    for (let seq = this.#first; seq < before && seq <= this.#last; seq++) {
      this.#messages.delete(seq);
    }
    this.#first = Math.max(this.#first, Math.min(before, this.#last + 1));
    this.#count();
  }

  purgeSubject(subject: string): void {
    for (const { seq, subject: of } of [...this.#messages.values()]) {
      if (of === subject) this.#remove(seq);
    }
  }

  #count(): void {
    this.#bytes = 0;
    this.#newest.clear();
    for (const { seq, subject, data } of this.#messages.values()) {
      this.#bytes += data.length + messageOverhead;
      this.#newest.set(subject, seq);
    }
  }

  // ---- what befalls it

  /** Another leader is chosen: what was under way is stored, or not, and its sender hears nothing. */
  electsFor(ms: number): void {
    const world = this.#world;
    for (const each of this.#proposed) {
      each.fate = world.pick(["mute", "lost"]);
      world.sometimes(`a leader change finds a message under way: ${each.fate}`);
    }
    this.#leaderlessUntil = world.now + ms;
    this.#silent = world.chance(0.5);
    if (world.chance(0.6)) {
      this.#behindUntil = this.#leaderlessUntil + world.between(100, 2500);
      this.#behind = Math.max(this.#first - 1, this.#last - 1 - world.random.integer(3));
    }
  }

  mend(): void {
    this.#leaderlessUntil = 0;
    this.#behindUntil = 0;
    this.commitMs = [0.1, 1];
    this.muteChance = 0;
    this.duplicateChance = 0;
    this.staleChance = 0;
  }

  /** Goes back, as a restored store does: what came after is gone. */
  rollBack(to: number): void {
    for (let seq = to + 1; seq <= this.#last; seq++) this.#vanish(seq);
    this.#last = to;
    this.#first = Math.min(this.#first, to + 1);
    this.#count();
  }

  /** One message is gone, and a replica may still have it. */
  lose(seq: number): void {
    this.#vanish(seq);
    this.#count();
  }

  #vanish(seq: number): void {
    const message = this.#messages.get(seq);
    if (message !== undefined) this.ghosts.set(seq, message);
    this.#messages.delete(seq);
  }

  /** A bit of one message flips, and no checksum of the server sees it. */
  damage(seq: number): void {
    const message = this.#messages.get(seq);
    if (message === undefined || message.data.length === 0) return;
    const data = message.data.slice();
    const at = this.#world.random.integer(data.length);
    data[at] = (data[at] as number) ^ 0x20;
    this.#messages.set(seq, { ...message, data });
  }
}

const lastOfSubject = "Nats-Expected-Last-Subject-Sequence";
