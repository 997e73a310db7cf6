// Faults to plant in what only a cluster has: each must be found by some world of several nodes.
import type { Mutant } from "./mutants.ts";

type Place = Omit<Mutant, "cluster">;

const places: readonly Place[] = [
  // ---- appends to a stream
  {
    name: "an append expects no last sequence (I2)",
    file: "src/nats/append.ts",
    find: '    "Nats-Expected-Last-Sequence": String(expected),',
    put: "",
  },
  {
    name: "the answer of a duplicate counts as an acknowledgement",
    file: "src/nats/append.ts",
    find: "ack.seq === expected + 1 && !ack.dup;",
    put: "ack.seq === expected + 1;",
  },
  {
    name: "an append that times out counts as stored",
    file: "src/nats/append.ts",
    find: '    case "unknown":\n      return false;',
    put: '    case "unknown":\n      return true;',
  },
  {
    name: "an append that times out is sent again as another",
    file: "src/nats/append.ts",
    find: "if (holder?.nonce === frame.nonce && holder.part === frame.part) return true;",
    put: "if (holder?.nonce === frame.nonce) return false;",
  },
  {
    name: "whoever holds the place of an append is taken for its writer (I2)",
    file: "src/nats/append.ts",
    find: "if (holder?.nonce === frame.nonce && holder.part === frame.part) return true;",
    put: "if (holder !== undefined) return true;",
  },
  {
    name: "an append that is refused and not there yet is taken for stored",
    file: "src/nats/append.ts",
    find: "if (last_seq === expected || !patience.behind.over()) return false;",
    put: "if (last_seq === expected || !patience.behind.over()) return true;",
  },
  // ---- epochs
  {
    name: "the epoch of a batch that was never finished is used again (I2)",
    file: "src/engine/partition.ts",
    find: "return Math.max(meta.epoch, range.epoch) + 1;",
    put: "return meta.epoch + 1;",
  },
  {
    name: "what changes nothing is answered without an append: the lease is the fence (R22)",
    file: "src/engine/processor.ts",
    find: 'if (this.#parts.changelog.fence === "append" && this.#lines.length === 0) this.#record([]);',
    put: "",
  },
  // ---- what a changelog says at its opening
  {
    name: "the mark is not heard (R24)",
    file: "src/nats-storage.ts",
    find: "...(await markWitness(leases, partition))];",
    put: "];",
  },
  {
    name: "a hole is not looked for",
    file: "src/nats/opening.ts",
    find: "  if (hasHoles(info)) {",
    put: "  if (Number.isNaN(info.state.messages)) {",
  },
  {
    name: "an unfinished batch is one (R18)",
    file: "src/nats/opening.ts",
    find: "    if (frame.part < frame.parts) {\n      sequence -= frame.part;\n      continue;\n    }",
    put: "",
  },
  {
    name: "a changelog that ends before its mark is believed to at once",
    file: "src/nats-storage.ts",
    find: 'if (!isHalted(error, "rolled-back") || over()) throw error;',
    put: "throw error;",
  },
  {
    name: "a register that knows no streams is believed at once",
    file: "src/nats/apps.ts",
    find: "if (made !== undefined || over()) return made;",
    put: "return made;",
  },
  {
    name: "who opens a changelog and writes nothing seals it (R10)",
    file: "src/nats/changelog.ts",
    find: "  #sealed = true;",
    put: "  #sealed = false;",
  },
  // ---- copies
  {
    name: "a stream is trimmed behind the newest copy, not the one before (R15)",
    file: "src/nats-storage.ts",
    find: "return { position, bytes, behind };",
    put: "return { position, bytes, behind: behind === 0 ? 0 : position };",
  },
  {
    name: "a bad copy is one of the two that are kept (R15)",
    file: "src/nats-storage.ts",
    find: "if (before === undefined || behind > 0) await copies.prune();",
    put: "await copies.prune();",
  },
  {
    name: "one copy is kept, not two (R15)",
    file: "src/nats/copies.ts",
    find: "const kept = 2;",
    put: "const kept = 1;",
  },
  // ---- between partitions
  {
    name: "the relay forgets what was sent and not answered (I7)",
    file: "src/engine/relay.ts",
    find: "const reply = decodeReply(await bus.request(placeOf(to), request, { timeoutMs }));",
    put:
      "const reply = await bus.request(placeOf(to), request, { timeoutMs }).then(decodeReply, " +
      '() => ({ kind: "accepted" as const, seq: first + rows.length - 1 }));',
  },
  {
    name: "a message that came before is taken again (I7)",
    file: "src/partition/proposals/deliver.ts",
    find: "if (seq !== accepted + 1) return;",
    put: "if (seq > accepted + 1) return;",
  },
  {
    name: "a message is accepted before it is durable (I1)",
    file: "src/engine/partition-server.ts",
    find: 'processor.barrier(() => resolve({ kind: "accepted", seq: accepted }));',
    put: 'resolve({ kind: "accepted", seq: accepted });',
  },
  {
    name: "a message leaves before it is durable (I1)",
    file: "src/engine/processor.ts",
    find: "    for (const effect of decided.effects) this.#effects.push({ position: this.#last, effect });",
    put:
      '    for (const effect of decided.effects) { const early = effect.kind === "posted"; ' +
      "this.#effects.push({ position: early ? 0 : this.#last, effect }); }",
  },
  {
    name: "what waits for a service stays where its leader changes (R27)",
    file: "src/engine/cluster-node.ts",
    find: "    partition.route(this.#apps.services());",
    put: "",
  },
  {
    name: "a new epoch does not go on with the outbox",
    file: "src/engine/partition.ts",
    find: "    else this.#relay.restart();",
    put: "",
  },
  {
    name: "a request sent again over the bus is another (R26)",
    file: "src/engine/remote-desk.ts",
    find: "return { ...proposal, id: minted(namedKeyOf(target, idempotencyKey) ?? own()) };",
    put: "return proposal;",
  },
  {
    name: "what must happen once is done again when its answer was lost (R26)",
    file: "src/partition/proposals/once.ts",
    find: "if (row === undefined) return false;",
    put: "return false;",
  },
];

export const clusterMutants: readonly Mutant[] = places.map((each) => ({ ...each, cluster: true }));
