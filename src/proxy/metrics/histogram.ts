/** Upper bounds in milliseconds: from a cached answer to an exchange that was given up. */
export const bucketBoundsMs: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/** A histogram at one moment. */
export interface HistogramSnapshot {
  /** Observations up to each bound of `bucketBoundsMs`, the lesser ones included. */
  readonly cumulativeCounts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

export interface Histogram {
  observe(durationMs: number): void;
  snapshot(): HistogramSnapshot;
}

/** Counts durations in fixed buckets. Observing allocates nothing, and the first bounds are found first. */
export function createHistogram(): Histogram {
  const overflow = bucketBoundsMs.length;
  const sum = overflow + 1;
  const cells = new Float64Array(overflow + 2);

  return {
    observe(durationMs) {
      let bucket = 0;
      while (bucket < overflow && durationMs > (bucketBoundsMs[bucket] ?? 0)) bucket += 1;
      cells[bucket] = (cells[bucket] ?? 0) + 1;
      cells[sum] = (cells[sum] ?? 0) + durationMs;
    },
    snapshot() {
      let count = 0;
      const cumulativeCounts = [...cells.subarray(0, overflow)].map((cell) => {
        count += cell;
        return count;
      });
      return { cumulativeCounts, count: count + (cells[overflow] ?? 0), sumMs: cells[sum] ?? 0 };
    },
  };
}
