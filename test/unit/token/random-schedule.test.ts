import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, ProxyError } from '../../../src/proxy/errors.ts';
import { toCacheKey } from '../../../src/proxy/token/cache-key.ts';
import type { CacheLimits } from '../../../src/proxy/token/caching-source.ts';
import { toRememberedMs } from '../../../src/proxy/token/negative-cache.ts';
import type { Token } from '../../../src/proxy/token/token-source.ts';
import { type Call, createHarness, toError, toRequest } from './harness.ts';

type Step =
  | { readonly do: 'get'; readonly key: number; readonly bypassCache: boolean }
  | { readonly do: 'peek'; readonly key: number }
  | { readonly do: 'wait'; readonly ms: number }
  | {
      readonly do: 'issue';
      readonly pick: number;
      readonly lifeS: number;
      readonly elapsedMs: number;
    }
  | { readonly do: 'fail'; readonly pick: number; readonly error: ProxyError }
  | { readonly do: 'forget' }
  | { readonly do: 'jump'; readonly ms: number };

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const GUARD_MS = 30 * SECOND;

const key = fc.nat(3);
const pick = fc.nat(9);
const failure = fc.oneof(
  fc
    .constantFrom<ErrorCode>('ERR_UNAVAILABLE', 'ERR_TIMEOUT', 'ERR_ASSERTION', 'ERR_INTERNAL')
    .map((code) => toError(code)),
  fc.constantFrom(700016, 700213).map((aadsts) => toError('ERR_REJECTED', { aadsts })),
  fc
    .integer({ min: 1, max: 400 })
    .map((retryAfterSeconds) => toError('ERR_THROTTLED', { retryAfterSeconds })),
);
const wait = fc
  .oneof(
    fc.nat(2 * SECOND),
    fc.nat(40 * SECOND),
    fc.integer({ min: MINUTE, max: 12 * MINUTE }),
    fc.constant(48 * MINUTE),
  )
  .map((ms): Step => ({ do: 'wait', ms }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('get'), key, bypassCache: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('peek'), key }) },
  { weight: 5, arbitrary: wait },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('issue'),
      pick,
      lifeS: fc.oneof(fc.constant(3_600), fc.constant(86_400), fc.integer({ min: 1, max: 1_500 })),
      elapsedMs: fc.nat(5 * SECOND),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fail'), pick, error: failure }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'forget' }) },
) as fc.Arbitrary<Step>;
const jump = fc
  .integer({ min: -90 * MINUTE, max: 90 * MINUTE })
  .map((ms): Step => ({ do: 'jump', ms }));

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * Plays a schedule against the cache and checks after every step what has to hold at all times. Its own
 * record of what Entra issued is the only thing it believes.
 */
async function play(
  steps: readonly Step[],
  { seed, ...limits }: { readonly seed: number; readonly maxEntries: number } & CacheLimits,
): Promise<void> {
  const { maxEntries, maxExchangesWithoutToken = 64 } = limits;
  const harness = createHarness({ random: seededRandom(seed), limits });
  const { clock, source, calls, open } = harness;
  const jumps = steps.some(({ do: kind }) => kind === 'jump');
  const evicts = maxEntries < 4;
  /** By access token: when it ends, on both clocks as they were, and when it came. */
  const issued = new Map<
    string,
    { key: string; endsMonotonicMs: number; endsEpochMs: number; cameMs: number }
  >();
  /** By key: when the token that has to be in the cache ends. */
  const cachedUntilMs = new Map<string, number>();
  /** By key: before this no exchange may begin. */
  const restsUntilMs = new Map<string, number>();
  const throttledUntilMs = new Map<string, number>();
  let seen = 0;
  let pendingGets = 0;
  const faults: unknown[] = [];

  const keyOf = (call: Call): string => toCacheKey(call.request);

  const checkServed = (token: Token, wanted: string, mayBeShort: boolean): void => {
    const record = issued.get(token.accessToken);
    expect(record?.key).toBe(wanted);
    if (record === undefined) return;
    const leftMs = token.expiresAtMonotonicMs - clock.monotonicMs();
    expect(leftMs).toBeLessThanOrEqual(record.endsMonotonicMs - clock.monotonicMs());
    expect(leftMs).toBeGreaterThan(0);
    expect(record.endsEpochMs - clock.epochMs()).toBeGreaterThanOrEqual(mayBeShort ? -30_000 : 0);
    const isJustIssued = record.cameMs === clock.monotonicMs();
    if (!(mayBeShort && isJustIssued)) expect(leftMs).toBeGreaterThanOrEqual(30_000);
    expect(Math.abs(token.expiresAtSeconds * 1_000 - clock.epochMs() - leftMs)).toBeLessThanOrEqual(
      31_000,
    );
  };

  /** Exchanges of keys that never had a token. */
  const countFirst = (): number => {
    const had = new Set([...issued.values()].map((record) => record.key));
    return open().filter((call) => !had.has(keyOf(call))).length;
  };

  const checkAlways = (): void => {
    const running = open().map(keyOf);
    expect(new Set(running).size).toBe(running.length);
    const status = source.status();
    expect(status.entries).toBeLessThanOrEqual(maxEntries);
    expect(status.exchangesRunning).toBe(running.length);
    expect(countFirst()).toBeLessThanOrEqual(maxExchangesWithoutToken);
    expect(clock.pendingTimers).toBeLessThanOrEqual(1 + running.length + pendingGets);
    for (const call of calls.slice(seen)) {
      expect(call.startedAtMs).toBeGreaterThanOrEqual(throttledUntilMs.get(keyOf(call)) ?? 0);
      expect(call.startedAtMs).toBeGreaterThanOrEqual(restsUntilMs.get(keyOf(call)) ?? 0);
    }
    seen = calls.length;
  };

  /** Whether the cache has to have a token that nobody waits for. */
  const isComfortable = (wanted: string): boolean =>
    !jumps &&
    !evicts &&
    (cachedUntilMs.get(wanted) ?? 0) - clock.monotonicMs() >= 5 * MINUTE + 30 * SECOND;

  const startGet = (wanted: string, index: number, bypassCache: boolean): void => {
    const startedAtMs = clock.monotonicMs();
    pendingGets += 1;
    const mustBeInstant = !bypassCache && isComfortable(wanted);
    void source
      .get(toRequest(`r${index}`), { bypassCache })
      .then(
        (token) => checkServed(token, wanted, true),
        (thrown: unknown) => {
          expect(thrown).toBeInstanceOf(ProxyError);
          expect(mustBeInstant).toBe(false);
        },
      )
      .then(() => {
        const tookMs = clock.monotonicMs() - startedAtMs;
        expect(tookMs).toBeLessThanOrEqual(mustBeInstant ? 0 : GUARD_MS);
      })
      .catch((fault: unknown) => faults.push(fault))
      .finally(() => {
        pendingGets -= 1;
      });
  };

  for (const current of steps) {
    switch (current.do) {
      case 'get':
        startGet(toCacheKey(toRequest(`r${current.key}`)), current.key, current.bypassCache);
        await clock.advance(0);
        break;
      case 'peek': {
        const wanted = toCacheKey(toRequest(`r${current.key}`));
        const token = source.peek(wanted);
        if (token !== undefined) checkServed(token, wanted, false);
        else expect(isComfortable(wanted)).toBe(false);
        break;
      }
      case 'wait':
        await clock.advance(current.ms);
        break;
      case 'issue': {
        const running = open();
        const call = running[current.pick % Math.max(1, running.length)];
        if (call === undefined) break;
        const accessToken = `token ${issued.size}`;
        const leftMs = current.lifeS * SECOND - current.elapsedMs;
        issued.set(accessToken, {
          key: keyOf(call),
          endsMonotonicMs: clock.monotonicMs() + leftMs,
          endsEpochMs: clock.epochMs() + leftMs,
          cameMs: clock.monotonicMs(),
        });
        if (leftMs >= 30 * SECOND) {
          cachedUntilMs.set(keyOf(call), clock.monotonicMs() + leftMs);
        }
        restsUntilMs.delete(keyOf(call));
        throttledUntilMs.delete(keyOf(call));
        await call.issue({
          accessToken,
          expiresInSeconds: current.lifeS,
          elapsedMs: current.elapsedMs,
        });
        break;
      }
      case 'fail': {
        const running = open();
        const call = running[current.pick % Math.max(1, running.length)];
        if (call === undefined) break;
        const { error } = current;
        const untilMs = clock.monotonicMs() + toRememberedMs(error);
        if (!evicts) {
          (error.code === 'ERR_THROTTLED' ? throttledUntilMs : restsUntilMs).set(
            keyOf(call),
            untilMs,
          );
        }
        await call.fail(error.code, error.details);
        break;
      }
      case 'forget':
        restsUntilMs.clear();
        source.forgetFailures();
        await clock.advance(0);
        break;
      case 'jump':
        clock.jumpEpoch(current.ms);
        break;
    }
    checkAlways();
    expect(faults).toEqual([]);
  }

  await clock.advance(GUARD_MS);
  expect(pendingGets).toBe(0);
  expect(faults).toEqual([]);
  source.stop();
  await clock.advance(0);
  expect(clock.pendingTimers).toBe(0);
}

describe('any schedule of requests, time, answers and failures', () => {
  const options = { numRuns: 300 };
  const seed = fc.integer({ min: 1, max: 2_147_483_646 });

  test('T13, T16, T17, T21 property: one exchange per key, nothing expired, no needless wait', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), seed, (steps, from) =>
        play(steps, { seed: from, maxEntries: 256 }),
      ),
      options,
    );
  });

  test('T23 property: with less room than keys', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), seed, (steps, from) =>
        play(steps, { seed: from, maxEntries: 2 }),
      ),
      options,
    );
  });

  test('T23 property: with fewer exchanges than keys at a time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), seed, (steps, from) =>
        play(steps, { seed: from, maxEntries: 256, maxExchangesWithoutToken: 2 }),
      ),
      options,
    );
  });

  test('T17 property: with a wall clock that jumps', async () => {
    const steps = fc.array(
      fc.oneof({ weight: 9, arbitrary: step }, { weight: 1, arbitrary: jump }),
      {
        maxLength: 60,
        size: 'max',
      },
    );
    await fc.assert(
      fc.asyncProperty(steps, seed, (played, from) =>
        play(played, { seed: from, maxEntries: 256 }),
      ),
      options,
    );
  });
});
