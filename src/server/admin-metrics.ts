// Metrics as Prometheus reads them: how an engine does, in numbers. No names of keys or invocations:
// those are without end, and somebody else's.
import type { Inspection } from "../engine/inspection.ts";
import type { LatencyView } from "../engine/latencies.ts";
import { openStatuses } from "../model/row.ts";
import type { Latency } from "../ports/telemetry.ts";

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly values: readonly (readonly [labels: string, value: number])[];
}

/** How old a count of invocations may be: counting reads as many index entries as there are. */
const countedMsMax = 10_000;

export class Metrics {
  readonly #inspect: Inspection;
  readonly #monotonic: () => number;
  #counted:
    | { readonly at: number; readonly counts: readonly (readonly [string, number])[] }
    | undefined;

  constructor(inspect: Inspection, monotonic: () => number) {
    this.#inspect = inspect;
    this.#monotonic = monotonic;
  }

  async text(memoryBytes: number | undefined): Promise<string> {
    const partitions = await this.#inspect.partitions();
    const gauges = partitions.map(({ index, gauges }) => [`partition="${index}"`, gauges] as const);
    const gauge = (
      name: string,
      help: string,
      of: (of: (typeof gauges)[number][1]) => number,
      type: Metric["type"] = "gauge",
    ): Metric => ({
      name: `holdfast_${name}`,
      type,
      help,
      values: gauges.map(([labels, values]) => [labels, of(values)]),
    });
    const metrics: Metric[] = [
      gauge("records_durable_total", "Records made durable.", (g) => g.durable, "counter"),
      gauge("records_folded_total", "Records folded into the table.", (g) => g.folded, "counter"),
      gauge("fold_lag_bytes", "Bytes durable and not yet folded.", (g) => g.lagBytes),
      gauge("changelog_bytes", "Bytes of changelog held.", (g) => g.changelogBytes),
      gauge("attempts_open", "Attempts in memory.", (g) => g.attemptsOpen),
      gauge("attempts_active", "Attempts that execute.", (g) => g.attemptsActive),
      gauge("admission_stopped", "1 while new work is held back.", (g) =>
        Number(g.admissionStopped),
      ),
      gauge("epoch", "How often the data was opened.", (g) => g.epoch),
      {
        name: "holdfast_invocations",
        type: "gauge",
        help: "Unfinished invocations by status; at most ten seconds old.",
        values: await this.#counts(),
      },
    ];
    if (memoryBytes !== undefined) {
      metrics.push({
        name: "process_resident_memory_bytes",
        type: "gauge",
        help: "Resident memory.",
        values: [["", memoryBytes]],
      });
    }
    const measured = partitions.flatMap(({ index, latencies }) =>
      latencies.map((view): Measured => ({ ...view, partition: index })),
    );
    return metrics.map(textOf).join("") + latencyText(measured);
  }

  async #counts(): Promise<readonly (readonly [string, number])[]> {
    const now = this.#monotonic();
    if (this.#counted !== undefined && now - this.#counted.at < countedMsMax) {
      return this.#counted.counts;
    }
    const counts: [string, number][] = [];
    for (const status of openStatuses) {
      const { count } = await this.#inspect.count({ statuses: [status] });
      counts.push([`status="${status}"`, count]);
    }
    this.#counted = { at: now, counts };
    return counts;
  }
}

type Measured = LatencyView & { readonly partition: number };

const measures: readonly (readonly [Latency, string])[] = [
  ["queue", "From when an invocation may begin until its first attempt does."],
  ["execution", "What an attempt executes, without what it only waits."],
  ["commit", "What a batch of records takes to become durable."],
];

function latencyText(measured: readonly Measured[]): string {
  return measures
    .map(([latency, help]) => {
      const name = `holdfast_${latency}_seconds`;
      const of = measured.filter((one) => one.latency === latency);
      const lines = of.map((one) => histogramText(name, one)).join("");
      return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines}`;
    })
    .join("");
}

function histogramText(name: string, { partition, service, handler, histogram }: Measured): string {
  const of = service === "" ? "" : `,service="${escaped(service)}",handler="${escaped(handler)}"`;
  const labels = `partition="${partition}"${of}`;
  let count = 0;
  let text = "";
  histogram.counts.forEach((more, i) => {
    count += more;
    text += `${name}_bucket{${labels},le="${histogram.bounds[i] ?? "+Inf"}"} ${count}\n`;
  });
  return `${text}${name}_sum{${labels}} ${histogram.sum}\n${name}_count{${labels}} ${count}\n`;
}

function escaped(label: string): string {
  return label.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
}

function textOf({ name, type, help, values }: Metric): string {
  const lines = values.map(([labels, value]) => {
    const shown = labels === "" ? name : `${name}{${labels}}`;
    return `${shown} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}
