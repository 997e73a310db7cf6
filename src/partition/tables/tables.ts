// All tables of a partition, as one thing to pass. Rules read them, apply.ts alone writes them;
// whether a row is hot or cold is invisible above this folder.
import type { CommandIndex } from "../../model/entry.ts";
import type {
  InvocationNumber,
  InvocationRow,
  MetaRow,
  ObjectRow,
  PromiseRow,
} from "../../model/row.ts";
import { partitionKeyOf } from "../../model/target.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { invariant } from "../../std/assert.ts";
import { FewMap, FewSet } from "../../std/few-map.ts";
import { HotRows } from "./hot-rows.ts";
import { Journals } from "./journals.ts";
import { Outbox } from "./outbox.ts";
import { Timers } from "./timers.ts";

export interface TablesOptions {
  /** Rows per table kept in memory beyond need. 0 forgets as soon as it may. */
  readonly keepRows: number;
  readonly timerHorizonMs: number;
  readonly timerPageMax: number;
  /** Whether to note what changed, for the materialiser. */
  readonly track: boolean;
}

/** Where a derived id leads. */
export interface DerivedRow {
  at: number;
  n: InvocationNumber;
}

/** State of one key above which it is read again when it is asked for, rather than kept in memory. */
const keptStateBytesMax = 4096;

export class Tables {
  readonly cold: ColdRead;
  readonly meta: MetaRow;
  readonly invocations: HotRows<InvocationNumber, InvocationRow>;
  readonly journals: Journals;
  readonly derived: HotRows<string, DerivedRow>;
  readonly objects: HotRows<string, ObjectRow>;
  readonly promises: HotRows<string, PromiseRow>;
  readonly timers: Timers;
  readonly outbox: Outbox;
  readonly track: boolean;
  /** The newest change among all rows forgotten: no cold read may be older than it (R14). */
  forgottenAt = 0;
  /** A position the cold table was seen at: what it gives from then on is never older. */
  #seenAt = 0;

  constructor(cold: ColdRead, options: TablesOptions) {
    this.cold = cold;
    this.track = options.track;
    this.meta = cold.meta() ?? emptyMeta();
    const onForget = (at: number): void => {
      if (at > this.forgottenAt) this.forgottenAt = at;
    };
    const keep = options.keepRows;
    this.invocations = new HotRows({
      cold: (n) => {
        this.#checkFresh();
        const row = cold.invocation(n);
        return row === undefined || this.swept(row) ? undefined : row;
      },
      quiet: (row) => row.status !== "running",
      keep: 0,
      onForget,
    });
    this.journals = new Journals(cold, options);
    this.derived = new HotRows({
      cold: (id) => {
        this.#checkFresh();
        const n = cold.derived(id);
        return n === undefined ? undefined : { at: 0, n };
      },
      quiet: () => true,
      keep,
      onForget,
    });
    this.objects = new HotRows({
      cold: (name) => {
        this.#checkFresh();
        const [service, key] = splitName(name);
        const partitionKey = partitionKeyOf(service, key);
        // One that is in no table is held as well, else each rule that asks would read it again.
        const row =
          cold.object(partitionKey, service, key) ?? emptyObject(partitionKey, service, key);
        row.name = name;
        return row;
      },
      quiet: () => true,
      keep,
      heavy: ({ stateBytes }) => stateBytes > keptStateBytesMax,
      onForget,
    });
    this.promises = new HotRows({
      cold: (text) => {
        this.#checkFresh();
        const [service, key, name] = JSON.parse(text) as [string, string, string];
        return cold.promise(partitionKeyOf(service, key), service, key, name);
      },
      quiet: () => true,
      keep,
      onForget,
    });
    this.timers = new Timers(cold, {
      horizonMs: options.timerHorizonMs,
      pageMax: options.timerPageMax,
    });
    this.outbox = new Outbox(cold);
  }

  /** A read must not come from before what memory has let go of: it would miss its last change. */
  #checkFresh(): void {
    if (this.#seenAt >= this.forgottenAt) return;
    this.#seenAt = this.cold.position();
    invariant(
      this.#seenAt >= this.forgottenAt,
      () =>
        `R14: the cold table is read at ${this.#seenAt}; rows up to ${this.forgottenAt} are gone`,
    );
  }

  /** Whether a sweep has taken the row, though a table may still hold it. */
  swept(row: InvocationRow): boolean {
    const { expiry } = row;
    if (expiry === null || row.mode === "workflow") return false;
    return expiry < 0 ? expiry <= this.meta.sweptCount : expiry <= this.meta.sweptTime;
  }

  /** The row of an invocation; undefined when it never was, was purged or swept. */
  invocation(n: InvocationNumber): InvocationRow | undefined {
    const row = this.invocations.get(n);
    return row === undefined || this.swept(row) ? undefined : row;
  }

  /** The same as it stands at `now`: what has expired is absent, swept or not (R17). */
  current(n: InvocationNumber, now: number): InvocationRow | undefined {
    const row = this.invocation(n);
    const expired = row !== undefined && row.expiry !== null && row.expiry > 0;
    return expired && (row.expiry as number) <= now ? undefined : row;
  }

  /** The invocation a derived id leads to, expired or not. */
  byDerivedId(id: string): InvocationRow | undefined {
    const derived = this.derived.get(id);
    const row = derived === undefined ? undefined : this.invocation(derived.n);
    return row?.derivedId === id ? row : undefined;
  }

  object(service: string, key: string): ObjectRow {
    return this.#object(nameOf(service, key));
  }

  /** The key that a keyed invocation addresses. */
  objectOf(row: InvocationRow): ObjectRow {
    invariant(row.key !== null, () => `${row.n} has no key`);
    row.objectName ??= nameOf(row.service, row.key);
    return this.#object(row.objectName);
  }

  #object(name: string): ObjectRow {
    const row = this.objects.get(name);
    invariant(row !== undefined, () => `${name} is deleted, which no object is`);
    return row;
  }

  promise(service: string, key: string, name: string): PromiseRow | undefined {
    return this.promises.get(promiseName(service, key, name));
  }

  /** Lets go of all that is folded up to `position` and quiet. */
  forget(position: number): void {
    this.invocations.forget(position);
    this.journals.forget(position);
    this.derived.forget(position);
    this.objects.forget(position);
    this.promises.forget(position);
    this.timers.forget(position);
    this.outbox.forget(position);
  }

  /** The open command of a running or waiting invocation. */
  openCommand(n: InvocationNumber, of: CommandIndex): boolean {
    return this.invocation(n)?.open.has(of) ?? false;
  }
}

export function nameOf(service: string, key: string): string {
  return `${service}/${key}`;
}

/** Service names have no slash; keys may. */
function splitName(name: string): [string, string] {
  const slash = name.indexOf("/");
  return [name.slice(0, slash), name.slice(slash + 1)];
}

export function promiseName(service: string, key: string, name: string): string {
  return JSON.stringify([service, key, name]);
}

function emptyMeta(): MetaRow {
  return {
    at: 0,
    time: 0,
    epoch: 0,
    unclean: false,
    secret: "",
    line: "",
    place: "",
    sweptCount: Number.MIN_SAFE_INTEGER,
    sweptTime: 0,
  };
}

function emptyObject(partitionKey: string, service: string, key: string): ObjectRow {
  return {
    partitionKey,
    service,
    key,
    name: undefined,
    at: 0,
    lock: 0,
    inbox: [],
    beside: new FewSet(),
    state: new FewMap(),
    stateBytes: 0,
    version: 0,
    changed: { names: new FewSet(), allNames: false, entered: [], left: [] },
  };
}
