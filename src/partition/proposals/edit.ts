// An operator's edit of an object's state: an exclusive entry of the key's inbox (R21). On a free key
// it is made at once. Else it waits as an invocation does, whose input is the edit and which no code
// runs: it is accepted once durable, has its turn in order of arrival, and its result is the answer.
import { failureOf, HoldfastError } from "../../model/errors.ts";
import {
  inboxLengthMax,
  recordResultsMax,
  stateBytesMax,
  stateNamesMax,
} from "../../model/limits.ts";
import { type Payload, payloadBytes } from "../../model/payload.ts";
import type { Proposal } from "../../model/proposal.ts";
import type { InvocationRow, ObjectRow } from "../../model/row.ts";
import { editHandler, partitionKeyOf } from "../../model/target.ts";
import type { Decision } from "../decision.ts";
import { answerOf, begin } from "./create.ts";
import { finish } from "./finish.ts";
import { doneBefore, noteDone, requestRetentionMs } from "./once.ts";

type EditState = Extract<Proposal, { kind: "editState" }>;

/** What a waiting edit holds as its input. */
interface Edit {
  readonly clear: boolean;
  readonly values: readonly (readonly [string, Payload])[];
  /** Refused, when its turn comes, unless the state has this version. */
  readonly version?: number | undefined;
}

export function editState(decision: Decision, proposal: EditState): void {
  const { service, key, clear, values, version, once, request } = proposal;
  if (doneBefore(decision, proposal)) return;
  const edit: Edit = { clear, values, version };
  const object = decision.tables.object(service, key);
  if (object.lock === 0) {
    const refusal = refusalOf(object, edit);
    if (refusal !== undefined) return decision.refuse(request, refusal);
    decision.emit({ kind: "stateEdited", service, key, clear, values });
    noteDone(decision, service, once);
    return decision.answer(request, { kind: "done" });
  }
  if (object.inbox.length >= inboxLengthMax) {
    const data = { target: `${service}/${key}`, limit: inboxLengthMax };
    return decision.refuse(request, new HoldfastError("INBOX_FULL", { data }));
  }
  const input = JSON.stringify(edit);
  // It is text within a record's text (R18).
  const length = JSON.stringify(input).length;
  if (length > recordResultsMax) return decision.refuse(request, tooLarge({ edit: length }));
  const row = emitInvoked(decision, { service, key, input, once });
  begin(decision, row);
  decision.answer(request, answerOf(row, false));
}

function emitInvoked(
  decision: Decision,
  edit: Pick<EditState, "service" | "key" | "once"> & { readonly input: Payload },
): InvocationRow {
  const { service, key, input, once } = edit;
  decision.emit({
    kind: "invoked",
    invocation: {
      ...{ partitionKey: partitionKeyOf(service, key), incarnation: decision.leader.mint() },
      ...{ service, key, handler: editHandler, mode: "exclusive", input },
      ...{ derivedId: once, retention: requestRetentionMs },
    },
  });
  return decision.tables.invocation(decision.leader.position) as InvocationRow;
}

/** Its turn has come: judged by the state as it is now, made, and the key is the next one's. */
export function makeEdit(decision: Decision, row: InvocationRow): void {
  const { service } = row;
  const key = row.key as string;
  const edit = JSON.parse(row.input as string) as Edit;
  const refusal = refusalOf(decision.tables.object(service, key), edit);
  if (refusal !== undefined) return finish(decision, row, { failure: failureOf(refusal) });
  const { clear, values } = edit;
  decision.emit({ kind: "stateEdited", service, key, clear, values });
  finish(decision, row, { value: null });
}

/** Whether the state is another than the edit is for, or would not keep to its bounds. */
function refusalOf(object: ObjectRow, edit: Edit): HoldfastError | undefined {
  const { service, key, version } = object;
  if (edit.version !== undefined && edit.version !== version) {
    return new HoldfastError("STATE_CONFLICT", {
      data: { service, key, version, asked: edit.version },
    });
  }
  return notKeepable(object, edit);
}

/** An edit keeps to the bounds that handlers have, and to those of one record (R18). */
function notKeepable(object: ObjectRow, edit: Edit): HoldfastError | undefined {
  const after = new Map(edit.clear ? [] : object.state);
  let length = 0;
  for (const [name, value] of edit.values) {
    if (value === null) after.delete(name);
    else after.set(name, value);
    length += 2 * payloadBytes(value) + name.length;
  }
  let bytes = 0;
  for (const [name, value] of after) bytes += payloadBytes(value) + name.length;
  const within = after.size <= stateNamesMax && bytes <= stateBytesMax;
  if (within && length <= recordResultsMax) return undefined;
  return tooLarge({ names: after.size, bytes, edit: length });
}

function tooLarge(data: Readonly<Record<string, number>>): HoldfastError {
  const limits = { namesMax: stateNamesMax, bytesMax: stateBytesMax, editMax: recordResultsMax };
  return new HoldfastError("STATE_TOO_LARGE", { data: { ...data, ...limits } });
}
