// A partition that is led here, as the rest of the cluster has it: it stands once its epoch record does,
// answers requests on the bus, and is fed by what the app subscribes to.
import type { Place } from "../model/place.ts";
import type { OpenCluster } from "../ports/cluster.ts";
import type { Partition } from "./partition.ts";
import { PartitionServer } from "./partition-server.ts";
import type { Sources } from "./subscriptions.ts";

/** Resolves when the epoch record stands: only then is the partition led here. */
export function standing(partition: Partition): Promise<void> {
  return new Promise((resolve, reject) => {
    partition.replies.request(reject, (done) => {
      partition.processor.barrier(() => {
        done();
        resolve();
      });
    });
  });
}

/** Until `stop`, it is asked on the bus and fed by subscriptions. */
export function reachable(
  open: OpenCluster,
  place: Place,
  sources: Sources,
  feeding: Omit<Parameters<Sources["feed"]>[0], "index">,
): { stop(): void } {
  const { partition } = feeding;
  const fed = sources.feed({ ...feeding, index: place.partition });
  const server = new PartitionServer(partition, open.node, fed);
  const served = open.bus.serve(place, (request) => server.answer(request));
  return {
    stop: () => {
      fed.stop();
      served.stop();
    },
  };
}
