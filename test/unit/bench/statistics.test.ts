import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fitLine,
  interleave,
  median,
  quantile,
  repeat,
  summarisePairs,
} from '../../../bench/harness/statistics.ts';

const series = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1 });

describe('quantile', () => {
  test.each([
    { values: [3], q: 0.99, expected: 3 },
    { values: [3, 1, 2], q: 0.5, expected: 2 },
    { values: [4, 1, 3, 2], q: 0.5, expected: 2.5 },
    { values: [0, 10], q: 0.25, expected: 2.5 },
    { values: [5, 9, 1], q: 0, expected: 1 },
    { values: [5, 9, 1], q: 1, expected: 9 },
  ])('$q of $values is $expected', ({ values, q, expected }) => {
    expect(quantile(values, q)).toBe(expected);
  });

  test('sorts by value, not by text', () => {
    expect(median([100, 9, 20])).toBe(20);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });

  test('lies within the series and does not fall as q rises', () => {
    fc.assert(
      fc.property(series, (values) => {
        const quartiles = [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q));
        expect(quartiles).toEqual(quartiles.toSorted((a, b) => a - b));
        expect(quartiles[0]).toBe(Math.min(...values));
        expect(quartiles[4]).toBe(Math.max(...values));
      }),
    );
  });

  test('leaves the series as it was', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('summarisePairs', () => {
  test('takes the median of the ratios, not the ratio of the medians', () => {
    const pairs = [
      { value: 2, base: 1 },
      { value: 20, base: 10 },
      { value: 30, base: 60 },
    ];
    expect(summarisePairs(pairs)).toEqual({
      value: 20,
      base: 10,
      ratio: 2,
      ratioSpread: [1.25, 2],
    });
  });

  test('is not moved by a machine that becomes slower for both', () => {
    fc.assert(
      fc.property(series, (slowness) => {
        const { ratio } = summarisePairs(slowness.map((base) => ({ value: base * 1.5, base })));
        expect(ratio).toBeCloseTo(1.5, 9);
      }),
    );
  });
});

test('interleave measures both sides in every round and changes who goes first', async () => {
  const order: string[] = [];
  const measure = (side: string, value: number) => async () => {
    order.push(side);
    return value;
  };
  const pairs = await interleave(3, measure('value', 2), measure('base', 1));
  expect(order).toEqual(['value', 'base', 'base', 'value', 'value', 'base']);
  expect(pairs).toEqual(Array.from({ length: 3 }, () => ({ value: 2, base: 1 })));
});

test('repeat measures one after the other', async () => {
  let running = 0;
  const values = await repeat(3, async () => {
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
    return 7;
  });
  expect(values).toEqual([7, 7, 7]);
});

describe('fitLine', () => {
  test('finds the slope of points on a line, without doubt', () => {
    const points = [1, 2, 3, 4, 5].map((x) => ({ x, y: 10 + 3 * x }));
    const { slope, confidence } = fitLine(points);
    expect(slope).toBeCloseTo(3);
    expect(confidence).toBeCloseTo(0);
  });

  test('is as unsure as the textbook says', () => {
    // Seven points with residuals of ±1: t(0.975, 5) = 2.571.
    const points = [0, 1, 2, 3, 4, 5, 6].map((x) => ({ x, y: x % 2 === 0 ? 1 : -1 }));
    const { slope, confidence } = fitLine(points);
    expect(slope).toBeCloseTo(0);
    expect(confidence).toBeCloseTo(2.571 * Math.sqrt(48 / 7 / 5 / 28), 2);
  });

  test.each([[[]], [[1]], [[1, 2]], [[5, 5, 5]]])('refuses points at %j', (xs) => {
    expect(() => fitLine(xs.map((x) => ({ x, y: x })))).toThrow(RangeError);
  });
});
