import { describe, expect, test } from 'vitest';
import type { ErrorCode, ErrorDetails } from '../../../src/proxy/errors.ts';
import {
  clientId,
  codeOf,
  createHarness,
  errorOf,
  otherClientId,
  tenantId,
  toError,
  toRequest,
} from './harness.ts';

const MIN = 60_000;
const REFRESH_AT = 48 * MIN;

describe('a failure with no token to serve', () => {
  test('T20: 1,000 requests in 10 s after a refusal are one exchange', async () => {
    const harness = createHarness();
    const { clock, source, calls, counts } = harness;
    harness.answer = () => toError('ERR_REJECTED', { aadsts: 700016 });
    for (let index = 0; index < 1_000; index += 1) {
      expect(await codeOf(source.get(toRequest()))).toBe('ERR_REJECTED');
      await clock.advance(10);
    }
    expect(calls).toHaveLength(1);
    expect(counts.cache.filter((result) => result === 'negative')).toHaveLength(999);
    expect(await codeOf(source.get(toRequest()))).toBe('ERR_REJECTED');
    expect(calls).toHaveLength(2);
  });

  test('T20: 1,000 requests at once that are refused are one exchange, and all get the reason', async () => {
    const { source, last, calls } = createHarness();
    const errors = Array.from({ length: 1_000 }, () => errorOf(source.get(toRequest())));
    await last().fail('ERR_REJECTED', { aadsts: 700016, oauthError: 'unauthorized_client' });
    for (const error of await Promise.all(errors)) {
      expect(error.details).toMatchObject({ aadsts: 700016, oauthError: 'unauthorized_client' });
    }
    expect(calls).toHaveLength(1);
  });

  test.each<[string, ErrorCode, ErrorDetails, number]>([
    ['a refusal 10 s', 'ERR_REJECTED', { aadsts: 700016 }, 10_000],
    ['a federation that may be on its way 5 s', 'ERR_REJECTED', { aadsts: 700213 }, 5_000],
    ['an outage 1 s', 'ERR_UNAVAILABLE', {}, 1_000],
    ['a missing assertion 1 s', 'ERR_ASSERTION', {}, 1_000],
  ])('is remembered: %s', async (_, code, details, rememberedMs) => {
    const { clock, source, calls, last, fill } = createHarness();
    const first = codeOf(source.get(toRequest()));
    await last().fail(code, details);
    expect(await first).toBe(code);
    await clock.advance(rememberedMs - 1);
    expect(await codeOf(source.get(toRequest()))).toBe(code);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    await fill();
    expect(calls).toHaveLength(2);
  });

  test('an outage that lasts is asked about less often, and callers are told when', async () => {
    const harness = createHarness();
    const { clock, source, calls } = harness;
    harness.answer = () => toError('ERR_UNAVAILABLE');
    const told: (number | undefined)[] = [];
    for (let second = 0; second < 600; second += 1) {
      const before = calls.length;
      const { details } = await errorOf(source.get(toRequest()));
      if (calls.length > before) told.push(details.retryAfterSeconds);
      await clock.advance(1_000);
    }
    expect(told.slice(0, 12)).toEqual([1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6]);
    expect(told.slice(-2)).toEqual([30, 30]);
    harness.answer = () => ({});
    await clock.advance(30_000);
    expect(await source.get(toRequest())).toBeDefined();
  });

  test('T21: no exchange before Retry-After is over, and callers are told what is left of it', async () => {
    const { clock, source, calls, last, fill } = createHarness();
    const first = errorOf(source.get(toRequest()));
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 17 });
    expect((await first).details.retryAfterSeconds).toBe(17);
    for (const [advanceMs, leftSeconds] of [
      [1, 17],
      [6_999, 10],
      [9_999, 1],
    ] as const) {
      await clock.advance(advanceMs);
      const error = await errorOf(source.get(toRequest()));
      expect([error.code, error.details.retryAfterSeconds]).toEqual(['ERR_THROTTLED', leftSeconds]);
    }
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    await fill();
    expect(calls).toHaveLength(2);
  });

  test('is remembered for its own key only', async () => {
    const { source, last, fill } = createHarness();
    const code = codeOf(source.get(toRequest()));
    await last().fail('ERR_REJECTED');
    expect(await code).toBe('ERR_REJECTED');
    await fill(toRequest(undefined, otherClientId));
    await fill(toRequest('https://other'));
  });

  test('never prevents a token that can be served', async () => {
    const { clock, source, fill, peek, last } = createHarness();
    const token = await fill();
    await clock.advance(REFRESH_AT);
    await last().fail('ERR_REJECTED', { aadsts: 700016 });
    expect(peek()).toBe(token);
    expect(await source.get(toRequest())).toBe(token);
  });

  test('is forgotten when the assertion has changed', async () => {
    const { source, calls, last, fill, rotateAssertion } = createHarness();
    const code = codeOf(source.get(toRequest()));
    await last().fail('ERR_REJECTED', { aadsts: 700024 });
    await code;
    await rotateAssertion();
    await fill();
    expect(calls).toHaveLength(2);
  });

  test('… but not a throttle', async () => {
    const { clock, source, calls, last, rotateAssertion } = createHarness();
    const code = codeOf(source.get(toRequest()));
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 60 });
    await code;
    await rotateAssertion();
    await clock.advance(59_999);
    expect(await codeOf(source.get(toRequest()))).toBe('ERR_THROTTLED');
    expect(calls).toHaveLength(1);
  });

  test("T24: a foreign error's text reaches neither caller, log nor status", async () => {
    const { source, last, lines, fill, clock } = createHarness();
    await fill();
    await clock.advance(REFRESH_AT);
    await last().throwRaw(new Error('secret-canary'));
    const error = errorOf(source.get(toRequest('cold')));
    await last().throwRaw('secret-canary');
    expect((await error).message).not.toContain('canary');
    expect(JSON.stringify([lines, source.status()])).not.toContain('canary');
    expect(lines).toHaveLength(1);
    expect(source.status().failing).toHaveLength(2);
  });
});

describe('T16, vector 88: Entra is down when a refresh is due', () => {
  test.each<[string, ErrorCode, ErrorDetails]>([
    ['refused connections', 'ERR_UNAVAILABLE', {}],
    ['silence', 'ERR_TIMEOUT', {}],
    ['throttling', 'ERR_THROTTLED', { retryAfterSeconds: 30 }],
    ['refusals', 'ERR_REJECTED', { aadsts: 700213 }],
    ['no assertion', 'ERR_ASSERTION', {}],
  ])(
    '%s: the token is served until 30 s before it expires, then the failure',
    async (_, code, details) => {
      const harness = createHarness();
      const { clock, source, fill, peek, calls } = harness;
      const token = await fill();
      harness.answer = () => toError(code, details);
      await clock.advance(REFRESH_AT);
      const servedUntilMs = token.expiresAtMs - 30_000;
      while (clock.monotonicMs() < servedUntilMs) {
        expect(peek()).toBe(token);
        await clock.advance(Math.min(1_000, servedUntilMs - clock.monotonicMs()));
      }
      expect(peek()).toBe(token);
      // Twelve minutes: a few tries, no storm.
      expect(calls.length).toBeGreaterThan(4);
      expect(calls.length).toBeLessThan(30);

      await clock.advance(1);
      expect(peek()).toBeUndefined();
      expect(await codeOf(source.get(toRequest()))).toBe(code);
    },
  );

  test('it recovers by itself: the next retry brings the new token, without a request', async () => {
    const { clock, fill, peek, last, calls } = createHarness();
    const token = await fill();
    await clock.advance(REFRESH_AT);
    await last().fail('ERR_UNAVAILABLE');
    await clock.advance(24_000);
    expect(calls).toHaveLength(3);
    await last().issue();
    expect(peek()?.accessToken).not.toBe(token.accessToken);
  });

  test('it recovers on the first request after the token has expired', async () => {
    const harness = createHarness();
    await harness.fill();
    harness.answer = () => toError('ERR_UNAVAILABLE');
    await harness.clock.advance(2 * REFRESH_AT);
    expect(harness.peek()).toBeUndefined();
    harness.answer = () => ({});
    const token = await harness.source.get(toRequest());
    expect(harness.peek()).toBe(token);
  });

  test('waits grow from 30 s to five minutes, here minus 20 % of jitter', async () => {
    const { clock, fill, calls, last } = createHarness();
    await fill(toRequest(), { expiresInSeconds: 24 * 3_600 });
    await clock.advance(12 * 60 * MIN);
    for (const pauseMs of [24_000, 48_000, 96_000, 192_000, 240_000, 240_000]) {
      const begun = calls.length;
      await last().fail('ERR_UNAVAILABLE');
      await clock.advance(pauseMs - 1);
      expect(calls).toHaveLength(begun);
      await clock.advance(1);
      expect(calls).toHaveLength(begun + 1);
    }
  });

  test('T21: a throttled refresh waits exactly as long as it was told', async () => {
    const { clock, fill, peek, last, calls } = createHarness();
    const token = await fill(toRequest(), { expiresInSeconds: 24 * 3_600 });
    await clock.advance(12 * 60 * MIN);
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 1_234 });
    await clock.advance(1_233_999);
    expect(peek()).toBe(token);
    expect(calls).toHaveLength(2);
    await clock.advance(1);
    expect(calls).toHaveLength(3);
  });

  test('a new assertion makes the failing refresh due at once', async () => {
    const { clock, fill, last, calls, rotateAssertion } = createHarness();
    await fill();
    await clock.advance(REFRESH_AT);
    await last().fail('ERR_REJECTED', { aadsts: 700024 });
    expect(calls).toHaveLength(2);
    await rotateAssertion();
    expect(calls).toHaveLength(3);
  });
});

describe('T27: an outage in the status and the log', () => {
  test('nothing known yet', () => {
    expect(createHarness().source.status()).toEqual({
      tokens: 0,
      entries: 0,
      exchangesRunning: 0,
      earliestExpiresAtSeconds: undefined,
      earliestFailingExpiresAtSeconds: undefined,
      failing: [],
    });
  });

  test('tokens, running exchanges and the earliest expiry', async () => {
    const { source, fill } = createHarness();
    await fill(toRequest('a'), { expiresInSeconds: 7_200 });
    const early = await fill(toRequest('b'));
    void source.get(toRequest('c')).catch(() => {});
    expect(source.status()).toEqual({
      tokens: 2,
      entries: 3,
      exchangesRunning: 1,
      earliestExpiresAtSeconds: early.expiresAtSeconds,
      earliestFailingExpiresAtSeconds: undefined,
      failing: [],
    });
  });

  test('a failing refresh: code, number, since when, next retry; the token is still served', async () => {
    const { clock, source, fill, last } = createHarness();
    await fill();
    await clock.advance(REFRESH_AT);
    await last().fail('ERR_REJECTED', { aadsts: 700213 });
    await clock.advance(24_000);
    await last().fail('ERR_UNAVAILABLE');
    const nowSeconds = clock.epochMs() / 1_000;
    const status = source.status();
    expect(status.tokens).toBe(1);
    expect(status.failing).toEqual([
      {
        identity: { tenantId, clientId },
        resource: 'https://vault.azure.net',
        hasToken: true,
        code: 'ERR_UNAVAILABLE',
        aadsts: undefined,
        message: 'scripted ERR_UNAVAILABLE',
        failures: 2,
        sinceSeconds: nowSeconds - 24,
        nextRetryAtSeconds: nowSeconds + 48,
        retriesByItself: true,
      },
    ]);
    // Reading does not change anything.
    expect(source.status()).toEqual(status);
    await clock.advance(48_000);
    await last().issue();
    expect(source.status().failing).toEqual([]);
  });

  test('a failing key without token stays visible for ten minutes, then it is forgotten', async () => {
    const { clock, source, last } = createHarness();
    const code = codeOf(source.get(toRequest()));
    await last().fail('ERR_REJECTED', { aadsts: 700016 });
    await code;
    const nowSeconds = clock.epochMs() / 1_000;
    expect(source.status()).toMatchObject({
      tokens: 0,
      failing: [{ hasToken: false, aadsts: 700016, nextRetryAtSeconds: nowSeconds + 10 }],
    });
    await clock.advance(10 * MIN - 1);
    expect(source.status()).toMatchObject({
      failing: [{ aadsts: 700016, nextRetryAtSeconds: Math.floor(clock.epochMs() / 1_000) }],
    });
    await clock.advance(1);
    expect(source.status()).toMatchObject({ entries: 0, failing: [] });
    expect(clock.pendingTimers).toBe(0);
  });

  test('a token that expired during a suspension does not count', async () => {
    const { clock, source, fill } = createHarness();
    await fill();
    clock.jumpEpoch(60 * MIN);
    expect(source.status()).toMatchObject({ tokens: 0, earliestExpiresAtSeconds: undefined });
  });

  test('one warning for each state, one line when it works again, one for the new token', async () => {
    const harness = createHarness();
    const { clock, fill, lines, counts, last } = harness;
    const token = await fill(toRequest(), { expiresInSeconds: 24 * 3_600 });
    const outcomes = [
      toError('ERR_UNAVAILABLE', { correlationId: 'corr', traceId: 'trace' }),
      toError('ERR_UNAVAILABLE'),
      toError('ERR_UNAVAILABLE'),
      toError('ERR_REJECTED', { aadsts: 700213 }),
      toError('ERR_REJECTED', { aadsts: 700016 }),
      toError('ERR_REJECTED', { aadsts: 700016 }),
    ];
    const script = outcomes.values();
    harness.answer = () => script.next().value ?? { expiresInSeconds: 24 * 3_600 };
    await clock.advance(12.5 * 60 * MIN);
    const refreshedAtMs = clock.epochMs() - clock.monotonicMs() + last().startedAtMs;
    const key = { client_id: clientId, tenant_id: tenantId, resource: 'https://vault.azure.net' };
    expect(lines).toMatchObject([
      {
        level: 'warning',
        message: 'token refresh fails, the cached token is served meanwhile',
        fields: {
          ...key,
          error_code: 'ERR_UNAVAILABLE',
          correlation_id: 'corr',
          trace_id: 'trace',
          expires_on: token.expiresAtSeconds,
          retry_in_s: 24,
        },
      },
      { level: 'warning', fields: { ...key, error_code: 'ERR_REJECTED', aadsts: 700213 } },
      { level: 'warning', fields: { ...key, error_code: 'ERR_REJECTED', aadsts: 700016 } },
      { level: 'info', message: 'token refresh works again', fields: { ...key, failures: 6 } },
      {
        level: 'info',
        message: 'refreshed token',
        fields: {
          ...key,
          expires_on: Math.floor(refreshedAtMs / 1_000) + 24 * 3_600,
          duration_ms: 0,
        },
      },
    ]);
    expect(counts.refreshFailures).toEqual(outcomes.map((error) => error.code));
  });

  test('a token that is lost because it could not be refreshed is a warning, once', async () => {
    const harness = createHarness();
    await harness.fill();
    harness.answer = () => toError('ERR_UNAVAILABLE');
    await harness.clock.advance(60 * MIN);
    expect(await codeOf(harness.source.get(toRequest()))).toBe('ERR_UNAVAILABLE');
    expect(harness.lines.map((line) => line.message)).toEqual([
      'token refresh fails, the cached token is served meanwhile',
      'token is about to expire and could not be refreshed',
    ]);
    await harness.clock.advance(30_000);
    harness.answer = () => ({});
    await harness.source.get(toRequest());
    expect(harness.lines.at(-1)?.message).toBe('token refresh works again');
  });

  test('failures that a waiting caller gets are not logged here', async () => {
    const { source, last, lines, counts } = createHarness();
    const code = codeOf(source.get(toRequest()));
    await last().fail('ERR_REJECTED');
    await code;
    expect(lines).toEqual([]);
    expect(counts.refreshFailures).toEqual([]);
    expect(counts.exchanges).toEqual([{ result: 'rejected', durationMs: 0 }]);
  });
});
