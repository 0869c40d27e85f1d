/**
 * Random schedules of requests, answers, failures and clocks in fake time, held against the written promise
 * of docs/caching.md by a model that shares no formula with the cache. A failing run prints its seed and the
 * smallest schedule that still fails.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CacheLimits, createCachingSource } from '../../../src/proxy/token/caching-source.ts';
import { findBreach } from './model/promise.ts';
import { comeback, type Mix, toSchedules } from './model/schedule.ts';

const numRuns = Number(process.env['MODEL_RUNS'] ?? 200);
const create = createCachingSource;
const seed = fc.nat(2_147_483_645);

describe('any schedule keeps the promise', () => {
  test.each<[string, Mix, CacheLimits, boolean?]>([
    ['of one key', { keys: 1, clocks: false }, {}],
    ['of five keys', { keys: 5, clocks: false }, {}],
    ['with clocks that step and a machine that sleeps', { keys: 2, clocks: true }, {}],
    [
      'with two exchanges without token at most',
      { keys: 5, clocks: false },
      { maxExchangesWithoutToken: 2 },
    ],
    ['of eight keys that are due together', { keys: 8, clocks: false }, {}, false],
  ])('%s', { timeout: 60_000 + 20 * numRuns }, async (_, mix, limits, hasJitter = true) => {
    await fc.assert(
      fc.asyncProperty(toSchedules(mix), seed, async (steps, from) => {
        expect(
          await findBreach(steps, { create, keys: mix.keys, seed: from, limits, hasJitter }),
        ).toBeUndefined();
      }),
      { numRuns },
    );
  });

  test('two keys that come back into use while all slots are taken', async () => {
    expect(
      await findBreach(comeback, { create, keys: 8, seed: 0, hasJitter: false }),
    ).toBeUndefined();
  });
});
