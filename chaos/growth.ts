import { fitLine, type Line, type Point } from '../bench/harness/statistics.ts';

/** Growth in an hour, as certain as the length of the run allows. */
export interface Growth extends Line {
  /**
   * `flat` if all of the confidence interval is within the limit, `grows` if all of it is above, `unclear` if the run
   * was too short to tell.
   */
  readonly verdict: 'flat' | 'grows' | 'unclear';
}

/**
 * Judges a series that must not grow. A run that sees no growth has not proved it: short and noisy runs see none either.
 * @param points with `x` in hours; at least three
 * @param mostPerHour growth that is allowed
 */
export function judgeGrowth(points: readonly Point[], mostPerHour: number): Growth {
  const line = fitLine(points);
  const confidence = line.confidence * toWidening(points, line.slope);
  return { slope: line.slope, confidence, verdict: toVerdict(line.slope, confidence, mostPerHour) };
}

/** Continues "memory: ". */
export function describeGrowth({ slope, confidence, verdict }: Growth, unit: string): string {
  const show = (value: number): string =>
    value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });
  return `${show(slope)} ${unit} an hour, 95 % confidence ± ${show(confidence)}: ${verdict}${verdict === 'unclear' ? ', run it for longer' : ''}`;
}

function toVerdict(slope: number, confidence: number, mostPerHour: number): Growth['verdict'] {
  if (slope + confidence <= mostPerHour) return 'flat';
  return slope - confidence > mostPerHour ? 'grows' : 'unclear';
}

/**
 * How much wider the confidence is than that of independent points. Neighbours that resemble each other, as in the
 * sawtooth of a garbage collector, say less than their number suggests.
 */
function toWidening(points: readonly Point[], slope: number): number {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const residuals = points.map(({ x, y }) => y - meanY - slope * (x - meanX));
  const total = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
  if (total === 0) return 1;
  const shifted = residuals.reduce((sum, each, at) => sum + each * (residuals[at - 1] ?? 0), 0);
  const correlation = Math.min(Math.max(shifted / total, 0), 0.99);
  return Math.sqrt((1 + correlation) / (1 - correlation));
}
