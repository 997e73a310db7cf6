// Counts of values in fixed buckets, and their sum: what a monitoring system makes quantiles of.
// Observing costs a few comparisons and allocates nothing.

/** Upper bounds of the buckets for latencies, in seconds: 100 µs to 15 minutes. */
export const latencyBoundsSeconds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60, 300, 900,
];

export class Histogram {
  readonly bounds: readonly number[];
  /** By bucket, not cumulative; the last is of what is beyond all bounds. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[] = latencyBoundsSeconds) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + 1;
    this.sum += value;
  }

  get count(): number {
    let count = 0;
    for (const one of this.counts) count += one;
    return count;
  }
}
