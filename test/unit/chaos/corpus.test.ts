/** The scripted cases of `npm run chaos`: each kind of fault at each moment of the life of a token. */
import { describe, expect, test } from 'vitest';
import { corpus } from '../../../chaos/corpus.ts';
import { play } from '../../../chaos/play.ts';

/** Faults that reach applications at any moment, because the cache is empty or its tokens look expired. */
const noticed: ReadonlySet<string> = new Set(['restart/crash-loop', 'clock/two-hours-ahead']);

test('there are sixty', () => {
  expect(corpus).toHaveLength(60);
  expect(new Set(corpus.map(({ title }) => title)).size).toBe(60);
});

describe.each([...new Set(corpus.map(({ fault }) => fault))])('%s', (fault) => {
  const cases = corpus.filter((one) => one.fault === fault);

  test.each(cases)('no. $number: $moment', async ({ schedule, moment }) => {
    const { breach, errors } = await play(schedule);
    expect(breach).toBeUndefined();
    const isCovered = moment !== 'before the first request' && moment !== 'beyond its end';
    // The cache serves its token meanwhile: no application hears of the fault.
    if (isCovered && !noticed.has(fault)) expect(errors).toBe(0);
  });
});
