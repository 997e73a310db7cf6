// The code hosted here: services by name, what each handler is, and which revision of the code it
// belongs to. A newer set of definitions replaces the older; running attempts finish on theirs.
import { retentionMs } from "../model/duration.ts";
import type { Target } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Directory, HostedHandler } from "../partition/decision.ts";
import type { Code } from "../sdk/attempt-host.ts";
import { type DefinitionSpec, specOf } from "../sdk/definition.ts";
import type { Callable } from "../sdk/types.ts";
import { partitionHash } from "../std/hash.ts";

interface Hosted extends HostedHandler {
  readonly code: Code;
}

export class Registry implements Directory {
  #services: ReadonlyMap<string, ReadonlyMap<string, Hosted>> = new Map();
  #definitions: ReadonlyMap<string, DefinitionSpec> = new Map();
  /** Definitions behind the first of their service, by revision. */
  #older: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, Hosted>>> = new Map();

  constructor(services: readonly Callable[]) {
    this.replace(services);
  }

  /** @throws HoldfastError `SERVICE_DUPLICATE`; TypeError for what is no definition. */
  replace(services: readonly Callable[]): void {
    const all = new Map<string, ReadonlyMap<string, Hosted>>();
    const definitions = new Map<string, DefinitionSpec>();
    const older = new Map<string, Map<string, ReadonlyMap<string, Hosted>>>();
    for (const service of services) {
      const definition = definitionOf(service);
      const { name } = definition;
      const first = definitions.get(name);
      if (first === undefined) {
        all.set(name, hostedOf(definition));
        definitions.set(name, definition);
        continue;
      }
      // Two of one name are a mistake, unless it is said of both which is which.
      const revisions = older.get(name) ?? new Map<string, ReadonlyMap<string, Hosted>>();
      const { revision } = definition.options;
      const known = first.options.revision === revision || revisions.has(revision ?? "");
      if (revision === undefined || first.options.revision === undefined || known) {
        throw new HoldfastError("SERVICE_DUPLICATE", { data: { service: name } });
      }
      const hosted = hostedOf(definition);
      // What began before the revision had a name is known by its text.
      older.set(name, revisions.set(revision, hosted).set(textRevisionOf(definition), hosted));
    }
    this.#services = all;
    this.#definitions = definitions;
    this.#older = older;
  }

  /** `revision`: that of the code which an invocation began with; another is for new ones. */
  handler(
    service: string,
    handler: string,
    revision?: string | null,
  ): Hosted | "no-service" | "no-handler" {
    const older = revision == null ? undefined : this.#older.get(service)?.get(revision);
    const handlers = older ?? this.#services.get(service);
    if (handlers === undefined) return "no-service";
    return handlers.get(handler) ?? "no-handler";
  }

  hosts({ service, handler }: Pick<Target, "service" | "handler">): boolean {
    return typeof this.handler(service, handler) !== "string";
  }

  /** What stands alone has everything here. */
  readonly cluster = false;

  locate(): undefined {
    return undefined;
  }

  locateId(): undefined {
    return undefined;
  }

  ownKey(partitionKey: string): string {
    return partitionKey;
  }

  code(service: string, handler: string, revision?: string | null): Code | undefined {
    const hosted = this.handler(service, handler, revision);
    return typeof hosted === "string" ? undefined : hosted.code;
  }

  /** All definitions with the revision of their code, in the order they were given. */
  definitions(): { readonly definition: DefinitionSpec; readonly revision: string }[] {
    return [...this.#services.values()].flatMap((handlers) => {
      const [first] = handlers.values();
      return first === undefined ? [] : [first.code];
    });
  }

  names(): string[] {
    return [...this.#services.keys()];
  }

  definition(service: string): DefinitionSpec | undefined {
    return this.#definitions.get(service);
  }
}

function definitionOf(service: Callable): DefinitionSpec {
  const definition = specOf(service);
  if (definition !== undefined) return definition;
  throw new TypeError(
    `services holds ${String((service as Callable | undefined)?.name ?? service)}, which is ` +
      "no definition. Give what service(), object(), workflow() or implement() returned.",
  );
}

function hostedOf(definition: DefinitionSpec): Map<string, Hosted> {
  const revision = revisionOf(definition);
  const handlers = new Map<string, Hosted>();
  for (const [name, handler] of definition.handlers) {
    const retention = handler.retention === undefined ? undefined : retentionMs(handler.retention);
    const code = { handler, definition, revision };
    const beside = definition.kind === "workflow" && handler.mode === "shared" ? true : undefined;
    handlers.set(name, { mode: handler.mode, code, retention, beside });
  }
  return handlers;
}

/**
 * Code without a revision of its own is named after its text: another text may be another revision
 * without need, the same text is never two.
 */
function revisionOf(definition: DefinitionSpec): string {
  return definition.options.revision ?? textRevisionOf(definition);
}

function textRevisionOf(definition: DefinitionSpec): string {
  const texts = [...definition.handlers].map(([name, { source }]) => `${name}\n${source}`);
  return partitionHash(texts.join("\n"));
}
