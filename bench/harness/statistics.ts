/** Two measurements of the same moment: the thing itself and its counterpart. */
export interface Pair {
  readonly value: number;
  readonly base: number;
}

/** The middle of a series: the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * The value below which the fraction `q` of a series lies, interpolated between neighbours.
 * @throws RangeError for an empty series: no measurement has no quantile.
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('a quantile of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

export interface PairSummary {
  readonly value: number;
  readonly base: number;
  /** The median of the pairs' ratios, not the ratio of the medians: what drifts drifts for both of a pair. */
  readonly ratio: number;
  /** First and third quartile of the pairs' ratios. */
  readonly ratioSpread: readonly [number, number];
}

export function summarisePairs(pairs: readonly Pair[]): PairSummary {
  const ratios = pairs.map(({ value, base }) => value / base);
  return {
    value: median(pairs.map(({ value }) => value)),
    base: median(pairs.map(({ base }) => base)),
    ratio: median(ratios),
    ratioSpread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

/**
 * Measures both sides `rounds` times, one directly after the other, and changes who goes first every round,
 * so that neither a slow drift of the machine nor the order favours a side.
 */
export async function interleave(
  rounds: number,
  measureValue: () => Promise<number>,
  measureBase: () => Promise<number>,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const value = await measureValue();
      pairs.push({ value, base: await measureBase() });
    } else {
      const base = await measureBase();
      pairs.push({ value: await measureValue(), base });
    }
  }
  return pairs;
}

/** Measures one side `rounds` times. */
export async function repeat(rounds: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await measure());
  return values;
}

/** A point of a series that is measured over time. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  /** Growth of `y` for each unit of `x`, by least squares. */
  readonly slope: number;
  /** The true slope is within `slope` ± this with 95 % confidence, if the errors are independent. */
  readonly confidence: number;
}

/** @throws RangeError for fewer than three different points: they have no slope that one could trust. */
export function fitLine(points: readonly Point[]): Line {
  const freedom = points.length - 2;
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const meanX = mean(({ x }) => x);
  const meanY = mean(({ y }) => y);
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (freedom < 1 || spread === 0) throw new RangeError('a line through fewer than three points');
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const residual = points.reduce(
    (sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2,
    0,
  );
  return { slope, confidence: toStudent(freedom) * Math.sqrt(residual / freedom / spread) };
}

/** The 97.5 % quantile of Student's distribution, by the expansion of Cornish and Fisher. */
function toStudent(freedom: number): number {
  const z = 1.959964;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}
