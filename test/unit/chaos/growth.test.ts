import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitLine, type Point } from '../../../bench/harness/statistics.ts';
import { describeGrowth, judgeGrowth } from '../../../chaos/growth.ts';

/** One point a minute. */
const toPoints = (ys: readonly number[]): readonly Point[] =>
  ys.map((y, minute) => ({ x: minute / 60, y }));

const series = (length: number, toY: (minute: number) => number): readonly Point[] =>
  toPoints(Array.from({ length }, (_, minute) => toY(minute)));

/** Ups and downs without any pattern that a line could follow. */
const jitter = (minute: number): number => ((minute * 7_919) % 101) - 50;

describe('a verdict on growth', () => {
  test.each([
    { what: 'a constant', points: series(10, () => 7), verdict: 'flat' },
    { what: 'falling memory', points: series(10, (minute) => -minute), verdict: 'flat' },
    { what: 'slow growth', points: series(30, (minute) => 5 * minute), verdict: 'flat' },
    { what: 'fast growth', points: series(30, (minute) => 10 * minute), verdict: 'grows' },
    { what: 'noise for an hour', points: series(60, jitter), verdict: 'flat' },
    { what: 'noise for minutes', points: series(8, jitter), verdict: 'unclear' },
    {
      what: 'fast growth within noise',
      points: series(60, (minute) => 15 * minute + jitter(minute)),
      verdict: 'grows',
    },
    {
      what: 'a sawtooth that happens to end high',
      points: series(35, (minute) => 60 * (minute % 12)),
      verdict: 'unclear',
    },
  ])('$what: $verdict', ({ points, verdict }) => {
    expect(judgeGrowth(points, 512).verdict).toBe(verdict);
  });

  test('has a wider confidence interval if neighbouring points resemble each other', () => {
    const sawtooth = series(60, (minute) => minute % 12);
    const { slope, confidence } = judgeGrowth(sawtooth, 1);
    expect(slope).toBe(fitLine(sawtooth).slope);
    expect(confidence).toBeGreaterThan(1.5 * fitLine(sawtooth).confidence);
  });

  test('never has a narrower interval than the line through the points', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 5 }), (ys) => {
        const { confidence } = judgeGrowth(toPoints(ys), 1);
        expect(confidence).toBeGreaterThanOrEqual(fitLine(toPoints(ys)).confidence);
      }),
    );
  });

  test('is flat for every series whose interval is within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 5 }), (ys) => {
        const { slope, confidence } = judgeGrowth(toPoints(ys), 1);
        expect(judgeGrowth(toPoints(ys), slope + confidence).verdict).toBe('flat');
      }),
    );
  });
});

test('growth is printed with its confidence interval and verdict', () => {
  const growth = { slope: 1_234.56, confidence: 0.26 };
  expect(describeGrowth({ ...growth, verdict: 'grows' }, 'KiB')).toBe(
    '1,235 KiB an hour, 95 % confidence ± 0.3: grows',
  );
  expect(describeGrowth({ ...growth, verdict: 'unclear' }, 'KiB')).toBe(
    '1,235 KiB an hour, 95 % confidence ± 0.3: unclear, run it for longer',
  );
});
