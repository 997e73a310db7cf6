// Several clients' load on one engine, and what a client does after a crash: it asks again where
// asking again is safe, settles what waits for it, and wants the results of what was accepted.
import type { Engine } from "holdfast";
import { isHoldfastError } from "holdfast";
import type { Prng } from "../../../src/std/prng.ts";
import type { Kind, Log, Logged } from "./log.ts";
import { cart, flow, list, sink, ticket, worker } from "./services.ts";

const clients = 8;
export const keys = ["0", "1", "2", "3"];
export const tickets = ["t0", "t1", "t2", "t3", "t4"];
export const users = ["u0", "u1", "u2"];

export interface Load {
  readonly engine: Engine;
  readonly log: Log;
  readonly life: number;
  readonly random: Prng;
  stopped: boolean;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks, and tells the log what was asked and what came of it. */
async function ask(
  { engine, log, life }: Load,
  kind: Kind,
  op: string,
  key: string,
  act: (engine: Engine) => Promise<unknown>,
): Promise<void> {
  log.write({ k: "ask", op, kind, key });
  try {
    const value = await act(engine);
    log.write({ k: "ack", op, value });
  } catch (error) {
    const code = isHoldfastError(error) ? error.code : "?";
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.write({ k: "refused", op, code, why: `life ${life}: ${why}` });
  }
}

const kinds: readonly Kind[] = [
  "append",
  "append",
  "append",
  "read",
  "steps",
  "steps",
  "pay",
  "pay",
  "fan",
  "approve",
  "flaky",
  "cart",
  "cart",
  "flow",
];

/** What may be asked twice and is one: by idempotency key or workflow key. */
const repeatable: ReadonlySet<Kind> = new Set(["steps", "pay", "fan", "flow", "flaky"]);

function request(load: Load, kind: Kind, op: string, key: string): Promise<void> {
  const sent = (sending: Promise<{ readonly id: string }>): Promise<unknown> =>
    sending.then(({ id }) => id);
  const idempotencyKey = op;
  return ask(load, kind, op, key, (engine) => {
    switch (kind) {
      case "append":
        return engine.call(list, key).append(op);
      case "read":
        return engine.call(list, key).read();
      case "steps":
        return engine.call(worker, { idempotencyKey }).steps(op);
      case "pay":
        return engine.call(worker, { idempotencyKey }).pay(op);
      case "fan":
        return sent(engine.send(worker, { idempotencyKey }).fan(op));
      case "approve":
        return sent(engine.send(worker).approve(op));
      case "flaky":
        return sent(engine.send(worker, { idempotencyKey }).flaky(op));
      case "cart":
        return engine.call(cart, key).add(op.split(" ")[1] ?? "t0");
      case "flow":
        return sent(engine.send(flow, op).run(op));
      case "poison":
        return sent(engine.send(worker).poison(op));
      default:
        throw new Error(`no request of kind ${kind}`);
    }
  });
}

/** Until it is stopped or killed. */
export async function clientsOf(load: Load): Promise<void> {
  const one = async (client: number): Promise<void> => {
    for (let i = 0; !load.stopped; i++) {
      const { random } = load;
      const kind = kinds[random.integer(kinds.length)] as Kind;
      const name = `${load.life}.${client}.${i}`;
      const pick = (from: readonly string[]): string => from[random.integer(from.length)] as string;
      const op = kind === "cart" ? `${name} ${pick(tickets)}` : name;
      await request(load, kind, op, pick(kind === "cart" ? users : keys));
      await pause(random.integer(12));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
}

/** A handler that takes its process with it. */
export function poison(load: Load): Promise<void> {
  return request(load, "poison", `${load.life}.poison`, "");
}

type Ask = Extract<Logged, { k: "ask" }>;

interface Open {
  readonly unanswered: readonly Ask[];
  readonly sent: ReadonlyMap<string, string>;
  /** Whose, and which. */
  readonly awakeables: readonly (readonly [op: string, id: string])[];
  readonly flows: readonly string[];
}

/** What the log leaves open. */
export function openIn(lines: readonly Logged[]): Open {
  const asks = new Map<string, Ask>();
  const answered = new Set<string>();
  const sent = new Map<string, string>();
  const awakeables = new Map<string, string>();
  for (const line of lines) {
    if (line.k === "ask") asks.set(line.op, line);
    else if (line.k === "awakeable") awakeables.set(line.op, line.id);
    else if (line.k === "ack") {
      // What settled an invocation is named after it.
      const [of, by] = line.op.split("@");
      answered.add(by === undefined ? line.op : `@${of}`);
      if (typeof line.value === "string") sent.set(line.op, line.value);
    }
  }
  const all = [...asks.values()];
  return {
    unanswered: all.filter(({ op, kind }) => !answered.has(op) && repeatable.has(kind)),
    sent,
    awakeables: [...awakeables].filter(([op]) => !answered.has(`@${op}`)),
    flows: all.filter((a) => a.kind === "flow" && !answered.has(`@${a.op}`)).map((a) => a.op),
  };
}

/** Asks again what was not answered, and settles what waits; `share` of it, or all. */
export async function goOn(load: Load, open: Open, share: number): Promise<void> {
  const { random, life } = load;
  const doing: Promise<void>[] = [];
  for (const { kind, op, key } of open.unanswered) {
    if (random.random() < share) doing.push(request(load, kind, op, key));
  }
  for (const [op, id] of open.awakeables) {
    if (random.random() >= share) continue;
    for (let i = 0; i <= random.integer(2); i++) {
      const name = `${op}@${life}.${i}`;
      doing.push(ask(load, "resolve", name, op, (engine) => engine.awakeable(id).resolve(name)));
    }
  }
  for (const op of open.flows) {
    if (random.random() >= share) continue;
    const name = `${op}@${life}`;
    doing.push(ask(load, "go", name, op, (engine) => engine.call(flow, op).go(name)));
  }
  await Promise.all(doing);
}

/** The results of all that was accepted, each told once. */
export async function results({ engine, log }: Load, lines: readonly Logged[]): Promise<void> {
  const { sent } = openIn(lines);
  const of = (k: "result"): Set<string> =>
    new Set(lines.filter((line) => line.k === k).map((line) => (line as { op: string }).op));
  const known = of("result");
  const wanted = [...sent].filter(([op]) => !known.has(op) && !op.endsWith("poison"));
  await Promise.all(
    wanted.map(async ([op, id]) => {
      const value = await engine.invocation(id).result();
      log.write({ k: "result", op, value });
    }),
  );
}

/** What every key holds in the end. */
export async function finals({ engine, log }: Load): Promise<void> {
  const tell = (of: string, key: string, value: unknown): void =>
    log.write({ k: "final", of, key, value });
  for (const key of keys) {
    tell("list", key, await engine.call(list, key).read());
    tell("sink", key, await engine.call(sink, key).read());
    tell("early", key, await engine.call(sink, key).early());
  }
  for (const key of tickets) tell("ticket", key, await engine.call(ticket, key).read());
  for (const key of users) tell("cart", key, await engine.call(cart, key).read());
}
