// What a benchmark says: one figure, its target beside it, and whether it holds.

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "ratio" | "ms" | "MB" | "/s";
  /** Null where the figure is for information. */
  readonly target: number | null;
  /** Null where there is no target. */
  readonly holds: boolean | null;
}

export function atLeast(target: number, figure: Pick<Figure, "name" | "unit" | "value">): Figure {
  return { ...figure, target, holds: figure.value >= target };
}

export function atMost(target: number, figure: Pick<Figure, "name" | "unit" | "value">): Figure {
  return { ...figure, target, holds: figure.value <= target };
}

export function known(figure: Pick<Figure, "name" | "unit" | "value">): Figure {
  return { ...figure, target: null, holds: null };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
