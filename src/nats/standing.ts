// What a stream says of itself, believed only once it stays so. A cluster of servers that has just
// been started, or has just chosen a leader, answers for a while from what it had: a stream is then
// not there that is, or has another birthday, or counts do not add up that will.
import { halted } from "./halt.ts";
import type { JetStream, StreamInfo } from "./jetstream.ts";

/** A span that begins when it is first asked for. */
export class Patience {
  readonly #jetstream: JetStream;
  #over: (() => boolean) | undefined;

  constructor(jetstream: JetStream) {
    this.#jetstream = jetstream;
  }

  over(): boolean {
    this.#over ??= this.#jetstream.patience();
    return this.#over();
  }
}

/**
 * What a stream that must be there says of itself, as soon as `good`; what is not so for long is
 * answered as it is.
 *
 * @throws HoldfastError `PARTITION_HALTED`, `missing`, when it is absent for long;
 * `NATS_UNAVAILABLE`.
 */
export async function standing(
  jetstream: JetStream,
  stream: string,
  good: (info: StreamInfo) => boolean = () => true,
): Promise<StreamInfo> {
  const patience = new Patience(jetstream);
  for (;;) {
    const info = await jetstream.info(stream);
    if (info !== undefined && (good(info) || patience.over())) return info;
    if (info === undefined && patience.over()) throw halted(stream, "missing");
    await jetstream.pause(200);
  }
}
