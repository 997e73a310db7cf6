// Faults to plant, each a text that stands exactly once in a file of src/ and what to put in its
// place. Where a refactor moves the line, planting fails loudly: write the fault anew then.
import type { Planted } from "../../sim/build.ts";

export interface Mutant extends Planted {
  /** What is wrong with it, as a sentence. */
  readonly name: string;
  /** It takes a world of several nodes to see it. */
  readonly cluster?: boolean;
}

export const mutants: readonly Mutant[] = [
  // ---- the changelog on its disk
  {
    name: "a frame counts without a sync",
    file: "src/file/tail.ts",
    find: "const synced = this.#file.sync();",
    put: "const synced = Promise.resolve();",
  },
  {
    name: "a failed sync is tried again",
    file: "src/file/tail.ts",
    find: "    await synced;",
    put: "    await synced.catch(() => this.#file.sync());",
  },
  {
    name: "a failed sync is passed over",
    file: "src/file/tail.ts",
    find: "    await synced;",
    put: "    await synced.catch(() => {});",
  },
  {
    name: "a full disk is fatal",
    file: "src/file/tail.ts",
    find: "if (!isDiskFull(error)) throw error;",
    put: "throw error;",
  },
  {
    name: "a short write is taken for a whole one",
    file: "src/file/tail.ts",
    find: "    if (count > 0) return count;",
    put: "    if (count > 0) return asked;",
  },
  {
    name: "what was read back after an unclean end is believed (R16)",
    file: "src/file/repair.ts",
    find: 'const doubtful = scan.lastKind === "batch" || distrusted ? scan.lastBatch : undefined;',
    put: 'const doubtful = undefined as (typeof scan)["lastBatch"];',
  },
  {
    name: "a name is not made durable with the segment",
    file: "src/file/segment.ts",
    find: "    await disk.syncDirectory(folder);",
    put: "",
  },
  {
    name: "a segment that is not there for now is called damaged",
    file: "src/file/reader.ts",
    find: "if (!isAbsent(error)) throw failed(segment, error);",
    put: "",
  },
  // ---- copies
  {
    name: "the changelog is trimmed behind the newest copy rather than the one before (R15)",
    file: "src/engine/checkpointer.ts",
    find: "await this.#storage.changelog.trim(copy.behind);",
    put: "await this.#storage.changelog.trim(copy.position);",
  },
  {
    name: "the changelog is trimmed behind what is folded, copied or not (R15)",
    file: "src/engine/checkpointer.ts",
    find: "await this.#storage.changelog.trim(copy.behind);",
    put: "await this.#storage.changelog.trim(this.#storage.materialiser.folded);",
  },
  {
    name: "a copy that does not match its checksum is used",
    file: "src/file/snapshots.ts",
    find: "if (actual === sha256) return { path",
    put: "return { path",
  },
  // ---- the processor
  {
    name: "effects leave before their record is durable (I1)",
    file: "src/engine/processor.ts",
    find: "      if (next.position > durable) break;\n      this.#effects.shift();",
    put: "      this.#effects.shift();",
  },
  {
    name: "the barrier does not hold (R2)",
    file: "src/engine/processor.ts",
    find: "      if (next.position > durable) break;\n      this.#waiting.shift();",
    put: "      this.#waiting.shift();",
  },
  {
    name: "a body does not wait for what its handler has learned (R2)",
    file: "src/sdk/bodies.ts",
    find: "if (before === undefined) host.whenDurable(machine.learned, start);",
    put: "if (before === undefined) host.whenDurable(0, start);",
  },
  {
    name: "stamps go back with the clock (R21)",
    file: "src/engine/processor.ts",
    find: "if (now > this.#time) this.#time = now;",
    put: "this.#time = now;",
  },
  {
    name: "a batch is folded before it is durable",
    file: "src/engine/processor.ts",
    find: "    this.#appending = true;\n",
    put: "    this.#appending = true;\n    this.#parts.materialiser.give({ ...batch, chain: 1 });\n",
  },
  // ---- recovery and folding
  {
    name: "a fold that failed is written again without its rows (I11)",
    file: "src/engine/materialiser.ts",
    find: "!this.#writing,",
    put: "true,",
  },
  {
    name: "a fold that fails during recovery is not heard of",
    file: "src/engine/recovery.ts",
    find: "if (failed.length > 0) throw failed[0];",
    put: "",
  },
  {
    name: "a row that has gone stays in the cold table",
    file: "src/engine/materialiser.ts",
    find: "else if (n <= folded) rows.push([n, null]);",
    put: "",
  },
  {
    name: "a change that comes while a stretch is written is forgotten (R14)",
    file: "src/partition/tables/hot-rows.ts",
    find: "return held.at === this.#ats[i] && this.#rows.get(this.#keys[i] as K) === held;",
    put: "return this.#rows.get(this.#keys[i] as K) === held;",
  },
  {
    name: "timers are not looked at when an epoch begins",
    file: "src/engine/partition.ts",
    find: "    this.#timers.start();",
    put: "",
  },
  // ---- the rules
  {
    name: "what is suspended is not woken by what it waits for",
    file: "src/partition/proposals/notify.ts",
    find: 'else if (row.status === "suspended") run(',
    put: 'else if (row.status === "scheduled") run(',
  },
  {
    name: "two exclusive invocations of a key begin (I6)",
    file: "src/partition/proposals/create.ts",
    find: "    if (object.lock !== 0) {",
    put: "    if (object.lock !== 0 && object.inbox.length > 0) {",
  },
  {
    name: "the last in the inbox is first (I6)",
    file: "src/partition/proposals/finish.ts",
    find: "object.lock === 0 ? object.inbox[0] : undefined",
    put: "object.lock === 0 ? object.inbox.at(-1) : undefined",
  },
  {
    name: "one idempotency key makes two invocations (I5)",
    file: "src/partition/proposals/create.ts",
    find: "const existing = decision.tables.byDerivedId(derivedId);",
    put: "const existing = decision.tables.invocation(0);",
  },
  {
    name: "a delay is not waited for (I9)",
    file: "src/partition/proposals/create.ts",
    find: "creation.due > decision.time ? creation.due : undefined;",
    put: "creation.due > decision.time + 1e9 ? creation.due : undefined;",
  },
  {
    name: "timers fire early (I9)",
    file: "src/engine/timers.ts",
    find: "const timer = timers.due(now);",
    put: "const timer = timers.due(now + 40);",
  },
  {
    name: "what was running when the process died is not begun again",
    file: "src/engine/invoker.ts",
    find: 'for (const n of this.#ready.interrupted()) processor.propose({ kind: "start", n });',
    put: "",
  },
  {
    name: "unclean ends are not counted (R10)",
    file: "src/partition/proposals/run.ts",
    find: "const crashes = row.crashes + (crashed ? 1 : 0);",
    put: "const crashes = 0 * row.crashes;",
  },
  {
    name: "an epoch is begun twice (I2)",
    file: "src/engine/partition.ts",
    find: 'kind: "lead", epoch, nonce,',
    put: 'kind: "lead", epoch: meta.epoch || 1, nonce,',
  },
  // ---- the handler's side
  {
    name: "what was learned live is not part of the barrier (R2)",
    file: "src/replay/machine.ts",
    find: "    this.#learnings.push({ entry: notification, position });",
    put: "    this.#learnings.push({ entry: notification, position: 0 });",
  },
  {
    name: "two things are handed over in one turn",
    file: "src/engine/gate.ts",
    find: "for (const taker of taking) taker.turn();",
    put: "for (const taker of taking) {\n      taker.turn();\n      taker.turn();\n    }",
  },
];
