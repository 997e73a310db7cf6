// What clients and oracles need of a simulated world, be it one engine or a cluster of nodes.
import type { Engine } from "../src/open.ts";
import type { Record, Told } from "./ledger.ts";
import type { Profile } from "./profile.ts";
import type { ListOp, Request } from "./request.ts";
import type { Targets } from "./targets.ts";
import type { World } from "./world.ts";

export type Answer = { readonly value: Told } | { readonly code: string };

/** An engine that can be asked now. */
export interface Serving {
  readonly engine: Engine;
  readonly targets: Targets;
  readonly ended: Promise<"died" | "failed" | "closed">;
  /** Its clock on the wall. */
  now(): number;
  /** Resolves in an event of its own; absent where it can be asked at once. */
  reached?(): Promise<void>;
}

export type Asking = Pick<Profile, "requestsPerClient" | "thinkMs" | "keys" | "steps" | "clients">;

export abstract class Story {
  abstract readonly world: World;
  abstract readonly profile: Asking;
  abstract readonly record: Record;
  /** Codes that any request may be refused with. */
  abstract readonly usual: ReadonlySet<string>;
  readonly requests: Request[] = [];
  readonly lists: ListOp[] = [];
  /** Delayed sends of clients that were acknowledged, and their keys. */
  readonly taken: Map<string, string> = new Map();
  readonly edits: Map<string, { readonly value: string | undefined }> = new Map();
  finishing = false;

  /** Who serves; waits for the next one while there is none. */
  abstract serving(): Promise<Serving>;

  /** A result came: it is the same as any before, and what it says is durable. */
  answered(request: Request, answer: Answer, disturbed: boolean): void {
    const { world, record } = this;
    if ("value" in answer) record.learned(answer.value.life, answer.value.trace, request.op);
    if (disturbed || request.disturbed) return;
    if ("code" in answer && answer.code === "INVOCATION_NOT_FOUND") {
      return world.fail("O1", `${request.op} was accepted and is not found`);
    }
    const said = JSON.stringify("value" in answer ? answer.value : answer.code);
    if ((request.answer ?? said) !== said) {
      world.fail("O1", `${request.op} answered ${request.answer}, then ${said}`);
    }
    request.answer = said;
  }
}
