// `holdfast check`: every invocation that has begun and not ended, replayed against code that is to
// be deployed. It asks a running engine, or reads the data directory without opening it; it runs no
// step and writes nothing.
import type { Archived } from "../../archive.ts";
import type { Divergence } from "../../journal/replayer.ts";
import { idOf } from "../../model/invocation-id.ts";
import { targetText } from "../../model/target.ts";
import { replayHere } from "../../replay-here.ts";
import { type Invoked, textOption } from "../command.ts";
import { divergenceLines } from "../divergence.ts";
import { exit, UsageError } from "../exit.ts";
import { journalSource } from "../journal-source.ts";
import { AppLoader } from "../load-app.ts";

interface Parted {
  readonly id: string;
  readonly target: string;
  readonly divergence: Divergence;
}

export async function run(invoked: Invoked): Promise<number> {
  const { args, configured, out } = invoked;
  const sample = sampleOf(textOption(invoked, "sample"));
  const { services } = await new AppLoader(args).load();
  const source = await journalSource(configured);
  const parted: Parted[] = [];
  let replayed = 0;
  let live = 0;
  try {
    for await (const load of source.live()) {
      if (live++ % sample !== 0) continue;
      const one = await load();
      if (one === undefined) {
        live--;
        continue;
      }
      replayed++;
      const divergence = await divergenceOf(one, services);
      if (divergence === undefined) continue;
      const found = { id: idOf(one.row), target: targetText(one.row), divergence };
      parted.push(found);
      if (out.json) continue;
      for (const line of divergenceLines(`${found.target} (${found.id})`, divergence))
        out.data(line);
    }
  } finally {
    await source[Symbol.asyncDispose]();
  }
  if (out.json) out.value({ live, replayed, diverged: parted });
  out.say(
    `${replayed} of ${live} invocations that are under way were replayed: ` +
      `${replayed - parted.length} go on, ${parted.length} would be paused.`,
  );
  return parted.length === 0 ? exit.done : exit.diverges;
}

type Services = Parameters<typeof replayHere>[1];

async function divergenceOf(one: Archived, services: Services): Promise<Divergence | undefined> {
  return (await replayHere(one, services)).divergence;
}

/** Every how many-th is replayed. */
function sampleOf(text: string | undefined): number {
  const every = Number(text ?? 1);
  if (Number.isInteger(every) && every >= 1) return every;
  throw new UsageError(`--sample ${text}: give a whole number from 1.`);
}
