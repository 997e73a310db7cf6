// Judges a log by the oracles O1–O5: what was acknowledged is there; a step whose result is durable
// never executes again; one at a time per key; sends exactly once; and what was accepted has ended
// (that nothing is unfinished, the run itself has seen in the table).
import type { Kind, Logged } from "./log.ts";

export interface Verdict {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

type Of<K extends Logged["k"]> = Extract<Logged, { k: K }>;

/**
 * With `cluster`, several lives are under way at once: what one is told may be that the outcome is
 * not known, its partitions may go and come back, and one that stood still may begin a body, though
 * nothing it says of it counts (R8).
 */
export function judge(
  lines: readonly Logged[],
  { cluster = false }: { readonly cluster?: boolean } = {},
): Verdict {
  const violations: string[] = [];
  const says = (oracle: string, what: string): void => void violations.push(`${oracle}: ${what}`);
  const asks = new Map<string, Of<"ask">>();
  for (const line of lines) if (line.k === "ask" && !asks.has(line.op)) asks.set(line.op, line);
  refusals(lines, asks, says, cluster ? unknownOutcomes : []);
  const steps = stepsOnce(lines, says, cluster);
  alone(lines, says);
  lists(lines, asks, says);
  answers(lines, asks, says);
  sends(lines, asks, says);
  awakeables(lines, asks, says);
  carts(lines, asks, says);
  if (!cluster) lives(lines, says);
  const count = (k: Logged["k"]): number => lines.filter((line) => line.k === k).length;
  const counts = {
    asked: asks.size,
    acknowledged: count("ack"),
    results: count("result"),
    ...steps,
  };
  return { violations, counts };
}

type Says = (oracle: string, what: string) => void;
type Asks = ReadonlyMap<string, Of<"ask">>;

const kindOf = (asks: Asks, op: string): Kind | undefined => asks.get(op)?.kind;

/** What a client of a cluster may be told when whoever led is gone: it may have been done. */
const unknownOutcomes = [
  "REQUEST_UNANSWERED",
  "LEADER_UNREACHABLE",
  "ENGINE_FAILED",
  "NATS_UNAVAILABLE",
];

/** Nothing is refused but by an engine that closes; nothing unexpected happens. */
function refusals(
  lines: readonly Logged[],
  asks: Asks,
  says: Says,
  allowed: readonly string[],
): void {
  for (const line of lines) {
    if (line.k === "event" && !line.what.startsWith("poison")) says("event", line.what);
    if (line.k !== "refused" || line.code === "ENGINE_CLOSED") continue;
    if (allowed.includes(line.code)) continue;
    const settledBefore =
      kindOf(asks, line.op) === "go" && line.code === "PROMISE_ALREADY_COMPLETED";
    if (!settledBefore) says("O1", `${line.op} was refused: ${line.why}`);
  }
}

/** O2: results learned from are durable, are always the same, and their steps never run again. */
function stepsOnce(lines: readonly Logged[], says: Says, cluster: boolean): Record<string, number> {
  const zombies = new Set<number>();
  let stale = 0;
  const durable = new Map<string, string>();
  const executed = new Map<string, string[]>();
  const perLife = new Map<string, number>();
  let repeated = 0;
  const learn = (inv: string, seen: Readonly<Record<string, string>>): void => {
    for (const [name, token] of Object.entries(seen)) {
      const at = `${inv} ${name}`;
      const known = durable.get(at) ?? token;
      if (known !== token) says("O2", `${at} answered ${known}, then ${token}`);
      if (executed.get(at)?.includes(token) !== true) says("O2", `${at}: ${token} never executed`);
      durable.set(at, token);
    }
  };
  for (const line of lines) {
    if (line.k === "zombie") zombies.add(line.of);
    else if (line.k === "step") {
      const at = `${line.inv} ${line.name}`;
      if (durable.has(at) && zombies.has(line.life)) {
        stale++;
        continue;
      }
      if (durable.has(at)) says("O2", `${at} executed again in life ${line.life}`);
      learn(line.inv, line.seen);
      const tokens = executed.get(at) ?? [];
      if (tokens.length > 0) repeated++;
      executed.set(at, [...tokens, line.token]);
      const inLife = (perLife.get(`${at} ${line.life}`) ?? 0) + 1;
      perLife.set(`${at} ${line.life}`, inLife);
      if (inLife > 1 && !cluster) says("O2", `${at} executed ${inLife} times in life ${line.life}`);
    } else if (line.k === "failed") {
      perLife.delete(`${line.inv} ${line.name} ${line.life}`);
    } else if (line.k === "ack" || line.k === "result") {
      const told = line.value as { inv?: string; seen?: Record<string, string> } | undefined;
      if (told?.inv !== undefined && told.seen !== undefined) learn(told.inv, told.seen);
    }
  }
  return { steps: executed.size, repeated, ...(cluster ? { stale } : {}) };
}

/** O3: bodies of one key's exclusive handlers do not overlap within a life. */
function alone(lines: readonly Logged[], says: Says): void {
  const inside = new Map<string, string>();
  for (const line of lines) {
    if (line.k !== "enter" && line.k !== "exit") continue;
    const at = `${line.key} in life ${line.life}`;
    if (line.k === "exit") inside.delete(at);
    else if (inside.has(at)) says("O3", `${line.inv} entered beside ${inside.get(at)} (${at})`);
    else inside.set(at, line.inv);
  }
}

/** O3: every list seen is a prefix of the last one, in the order of real time. */
function lists(lines: readonly Logged[], asks: Asks, says: Says): void {
  const last = new Map<string, string[]>();
  for (const line of lines) {
    if (line.k === "final" && line.of === "list") last.set(line.key, line.value as string[]);
  }
  const seen = new Map<string, number>();
  const atLeast = new Map<string, number>();
  for (const line of lines) {
    if (line.k === "ask") atLeast.set(line.op, seen.get(line.key) ?? 0);
    if (line.k !== "ack" || !Array.isArray(line.value)) continue;
    const ask = asks.get(line.op) as Of<"ask">;
    const all = last.get(ask.key) ?? [];
    const list = line.value as string[];
    if (list.some((value, i) => all[i] !== value)) says("O3", `${line.op} saw another history`);
    if (ask.kind === "append" && list.at(-1) !== line.op) says("O3", `${line.op} is not last`);
    const least = (atLeast.get(line.op) ?? 0) + (ask.kind === "append" ? 1 : 0);
    if (list.length < least) says("O3", `${line.op} saw ${list.length} of ${least} values`);
    seen.set(ask.key, Math.max(seen.get(ask.key) ?? 0, list.length));
  }
  for (const [key, list] of last) {
    if (new Set(list).size !== list.length) says("O4", `list ${key} holds a value twice`);
    const strange = list.find((value) => kindOf(asks, value) !== "append");
    if (strange !== undefined) says("O4", `list ${key} holds ${strange}, which nobody asked`);
  }
}

/** O1, O4: one answer per request, whatever asked for it and how often; one key, one invocation. */
function answers(lines: readonly Logged[], asks: Asks, says: Says): void {
  const told = new Map<string, string>();
  const results = new Set<string>();
  const sent = new Set<string>();
  for (const line of lines) {
    if (line.k === "result") results.add(line.op);
    if (line.k !== "ack" && line.k !== "result") continue;
    const kind = kindOf(asks, line.op);
    if (kind === undefined || kind === "read" || kind === "append") continue;
    if (line.k === "ack" && typeof line.value === "string" && kind !== "poison") sent.add(line.op);
    const answer = JSON.stringify(line.value) ?? "";
    const at = `${line.k} ${line.op}`;
    if ((told.get(at) ?? answer) !== answer) says("O1", `${at}: ${told.get(at)}, then ${answer}`);
    told.set(at, answer);
  }
  for (const op of sent) if (!results.has(op)) says("O1", `${op} was accepted and has no result`);
}

/** O4: what an accepted fan sent arrived once, what a lost one would have sent arrived not at all. */
function sends(lines: readonly Logged[], asks: Asks, says: Says): void {
  const taken = new Map<string, number>();
  for (const line of lines) {
    if (line.k !== "final") continue;
    const ids = line.value as string[];
    if (line.of === "sink") for (const id of ids) taken.set(id, (taken.get(id) ?? 0) + 1);
    if (line.of === "early" && ids.length > 0) says("I9", `too early: ${ids.join(", ")}`);
  }
  for (const [op, { kind }] of asks) {
    if (kind !== "fan") continue;
    for (const part of ["now", "later", "call"]) {
      const times = taken.get(`${op}/${part}`) ?? 0;
      if (times !== 1) says("O4", `${op}/${part} arrived ${times} times`);
      taken.delete(`${op}/${part}`);
    }
  }
  for (const id of taken.keys()) says("O4", `${id} arrived, and nobody sent it`);
}

/** O4: the first to settle an awakeable or a promise wins; nobody else is seen. */
function awakeables(lines: readonly Logged[], asks: Asks, says: Says): void {
  /** Of each invocation: the settlers that began after another had been acknowledged. */
  const acknowledged = new Set<string>();
  const late = new Set<string>();
  for (const line of lines) {
    const [of] = "op" in line ? line.op.split("@") : [];
    if (line.k === "ask" && (line.kind === "resolve" || line.kind === "go")) {
      if (acknowledged.has(of as string)) late.add(line.op);
    } else if (line.k === "ack" && line.op.includes("@")) acknowledged.add(of as string);
    else if (line.k === "result") {
      const kind = kindOf(asks, line.op);
      if (kind !== "approve" && kind !== "flow") continue;
      const by = kind === "approve" ? line.value : (line.value as { value: unknown }).value;
      if (typeof by !== "string" || !asks.has(by) || !by.startsWith(`${line.op}@`)) {
        says("O4", `${line.op} was settled by ${JSON.stringify(by)}`);
      } else if (late.has(by)) says("O4", `${line.op} was settled by ${by}, which came later`);
    }
  }
}

/** Reservations and releases take turns, and in the end everything is free. */
function carts(lines: readonly Logged[], asks: Asks, says: Says): void {
  const reserved = new Map<string, number>();
  for (const line of lines) {
    if (line.k !== "final") continue;
    const value = line.value as string[];
    if (line.of === "cart" && value.length > 0)
      says("O5", `cart ${line.key} holds ${value.join()}`);
    if (line.of !== "ticket") continue;
    const turns = value.every((entry, i) =>
      i % 2 === 0 ? entry.startsWith("+") : entry === `-${value[i - 1]?.slice(1)}`,
    );
    if (!turns || value.length % 2 === 1) says("O4", `ticket ${line.key}: ${value.join(" ")}`);
    for (const entry of value) {
      const at = `${line.key} ${entry}`;
      reserved.set(at, (reserved.get(at) ?? 0) + 1);
    }
  }
  for (const line of lines) {
    if (line.k !== "ack" || line.value !== true) continue;
    const at = `${line.op.split(" ")[1]} +${asks.get(line.op)?.key}`;
    const left = (reserved.get(at) ?? 0) - 1;
    if (left < 0) says("O1", `${line.op} was acknowledged, and the ticket knows nothing of it`);
    reserved.set(at, left);
  }
}

/** An epoch in which anything left the process is never begun again; only a close is clean. */
function lives(lines: readonly Logged[], says: Says): void {
  let epoch = 0;
  let used = 0;
  /** How the last life ended; one that was killed before it wrote anything changed nothing. */
  let end: "closed" | "killed" | "either" = "either";
  for (const line of lines) {
    if (line.k === "closed") end = "closed";
    if (line.k === "ack" || line.k === "step") {
      used = epoch;
      end = "killed";
    }
    if (line.k !== "started") continue;
    if (line.epoch <= used) says("I2", `epoch ${line.epoch} again, which was used`);
    if (line.unclean ? end === "closed" : end === "killed") {
      says("R16", `life ${line.life} says unclean: ${line.unclean}; the one before was ${end}`);
    }
    epoch = line.epoch;
    end = "either";
  }
}
