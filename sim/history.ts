// The changelog's own story, read record by record as it is asked for: epochs grow (I2), keys are
// held by one and taken in order of arrival (I6), journals are dense (I4), steps are answered once.
import type { Change } from "../src/model/change.ts";
import type { InvocationNumber } from "../src/model/row.ts";
import type { World } from "./world.ts";

interface Seen {
  readonly key: string | undefined;
  commands: number;
  over: boolean;
  readonly answered: Set<number>;
}

export class History {
  readonly #world: World;
  readonly #seen = new Map<InvocationNumber, Seen>();
  readonly #inboxes = new Map<string, InvocationNumber[]>();
  readonly #holders = new Map<string, InvocationNumber>();
  #epoch = 0;
  #time = 0;

  constructor(world: World) {
    this.#world = world;
  }

  record(position: number, time: number, changes: readonly Change[]): void {
    // An empty record is a fence: the next leader, whose clock may be behind, does not know its time.
    if (changes.length === 0) return;
    if (time < this.#time) this.#world.fail("R21", `time ${time} after ${this.#time}`);
    this.#time = time;
    for (const change of changes) this.#change(position, change);
  }

  #change(position: number, change: Change): void {
    switch (change.kind) {
      case "led":
        if (change.epoch <= this.#epoch) {
          this.#world.fail("I2", `epoch ${change.epoch} after ${this.#epoch}`);
        }
        this.#epoch = change.epoch;
        return;
      case "invoked": {
        const { service, key, mode } = change.invocation;
        const of = mode === "exclusive" ? `${service}/${key}` : undefined;
        this.#seen.set(position, { key: of, commands: 0, over: false, answered: new Set() });
        return;
      }
      case "inboxed":
        return this.#inboxed(change.n);
      case "ready":
      case "started":
        return this.#begins(change.n);
      case "command":
        return this.#asks(change.n, change.entry.index);
      case "notified":
        if (change.notification.kind === "completed") {
          this.#answers(change.n, change.notification.of);
        }
        return;
      case "journalCopied":
        return this.#copied(change);
      case "finished":
        return this.#ends(change.n);
      default:
        return;
    }
  }

  #inboxed(n: InvocationNumber): void {
    const key = this.#seen.get(n)?.key;
    if (key === undefined) return this.#world.fail("I6", `${n} has no key and waits for one`);
    const inbox = this.#inboxes.get(key);
    if (inbox === undefined) this.#inboxes.set(key, [n]);
    else inbox.push(n);
  }

  #begins(n: InvocationNumber): void {
    const seen = this.#seen.get(n);
    if (seen?.over === true) this.#world.fail("I8", `${n} begins after its end`);
    if (seen?.key === undefined) return;
    const holder = this.#holders.get(seen.key);
    if (holder !== undefined && holder !== n) {
      this.#world.fail("I6", `${n} begins at ${seen.key}, which ${holder} holds`);
    }
    const inbox = this.#inboxes.get(seen.key) ?? [];
    if (holder === undefined && inbox.length > 0) {
      if (inbox[0] !== n) this.#world.fail("I6", `${n} overtakes ${inbox[0]} at ${seen.key}`);
      this.#inboxes.set(
        seen.key,
        inbox.filter((each) => each !== n),
      );
    }
    this.#holders.set(seen.key, n);
  }

  #asks(n: InvocationNumber, index: number): void {
    const seen = this.#seen.get(n);
    if (seen === undefined) return;
    if (seen.over) this.#world.fail("I8", `${n} asks after its end`);
    if (index !== seen.commands) {
      this.#world.fail("I4", `command ${index} of ${n} after ${seen.commands}`);
    }
    seen.commands = index + 1;
  }

  #answers(n: InvocationNumber, of: number): void {
    const seen = this.#seen.get(n);
    if (seen === undefined) return;
    if (seen.answered.has(of)) this.#world.fail("O2", `command ${of} of ${n} is answered twice`);
    seen.answered.add(of);
  }

  #copied({ n, entries }: Extract<Change, { kind: "journalCopied" }>): void {
    for (const entry of entries) {
      if (entry.kind === "command") this.#asks(n, entry.index);
      else if (entry.kind === "completed") this.#answers(n, entry.of);
    }
  }

  #ends(n: InvocationNumber): void {
    const seen = this.#seen.get(n);
    if (seen === undefined) return;
    if (seen.over) this.#world.fail("O2", `${n} ends twice`);
    seen.over = true;
    if (seen.key === undefined) return;
    if (this.#holders.get(seen.key) === n) this.#holders.delete(seen.key);
    const inbox = this.#inboxes.get(seen.key) ?? [];
    this.#inboxes.set(
      seen.key,
      inbox.filter((each) => each !== n),
    );
  }
}
