/** Status, log and metrics of a key agree with the cache's next action. */
import { describe, expect, test } from 'vitest';
import { codeOf, createHarness, HOUR_S, toError, toRequest } from './harness.ts';

const MIN = 60_000;
const bypass = { bypassCache: true };
const messagesOf = (lines: readonly { readonly message: string }[]): readonly string[] =>
  lines.map(({ message }) => message);

describe('a failed bypass_cache, long before the renewal is due', () => {
  test('is not a failing renewal: in status, metrics and log', async () => {
    const { clock, source, fill, last, lines, counts, calls } = createHarness();
    const token = await fill();
    await clock.advance(11_000);
    const asked = source.get(toRequest(), bypass);
    await last().fail('ERR_UNAVAILABLE');
    expect(await asked).toBe(token);
    expect(source.status()).toMatchObject({
      failing: [],
      earliestFailingExpiresAtSeconds: undefined,
    });
    expect(counts.refreshFailures).toEqual([]);
    // The next exchange is the renewal, 47 min 49 s later, and the log says so.
    expect(lines).toMatchObject([
      {
        level: 'info',
        message: 'no newer token for bypass_cache, the cached token is served',
        fields: { error_code: 'ERR_UNAVAILABLE', retry_in_s: 48 * 60 - 11 },
      },
    ]);
    await clock.advance(48 * MIN - 11_001);
    expect(calls).toHaveLength(2);
    await clock.advance(1);
    expect(calls).toHaveLength(3);
  });

  test('does not count when the renewal fails later: its first wait is the shortest', async () => {
    const { clock, source, fill, last, calls } = createHarness();
    await fill();
    await clock.advance(11_000);
    const asked = source.get(toRequest(), bypass);
    await last().fail('ERR_UNAVAILABLE');
    await asked;
    await clock.advance(48 * MIN - 11_000);
    await last().fail('ERR_UNAVAILABLE');
    expect(source.status().failing).toMatchObject([{ failures: 1, retriesByItself: true }]);
    await clock.advance(24_000);
    expect(calls).toHaveLength(4);
  });

  test('that is throttled until after the renewal is due is a failing renewal from then on', async () => {
    const { clock, source, fill, last } = createHarness();
    await fill();
    await clock.advance(47 * MIN);
    const asked = source.get(toRequest(), bypass);
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 300 });
    await asked;
    expect(source.status().failing).toEqual([]);
    await clock.advance(MIN);
    expect(source.status().failing).toMatchObject([
      { nextRetryAtSeconds: clock.epochMs() / 1_000 + 240, retriesByItself: true },
    ]);
  });
});

describe('a key that nobody uses any longer', () => {
  test('is not shown as failing, and not reported as lost', async () => {
    const { clock, source, fill, last, lines } = createHarness();
    // Used once, renewed at 25 min, and failing when it falls out of use after an hour.
    await fill(toRequest(), { refreshInSeconds: 1_500 });
    await clock.advance(25 * MIN);
    await last().issue({ refreshInSeconds: 1_500 });
    await clock.advance(25 * MIN);
    await last().fail('ERR_REJECTED', { aadsts: 700_016 });
    expect(source.status().failing).toMatchObject([{ code: 'ERR_REJECTED' }]);
    for (let minute = 0; minute < 12; minute += 1) {
      if (last().isOpen) await last().fail('ERR_REJECTED', { aadsts: 700_016 });
      await clock.advance(MIN);
    }
    expect(source.status()).toMatchObject({ tokens: 1, failing: [] });
    await clock.advance(30 * MIN);
    expect(source.status().entries).toBe(0);
    expect(messagesOf(lines)).not.toContain('token is about to expire and could not be refreshed');
  });
});

describe('a throttle that outlasts the token', () => {
  test('is not announced as a retry by itself', async () => {
    const { clock, source, fill, last, lines, calls } = createHarness();
    await fill();
    await clock.advance(48 * MIN);
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 3_600 });
    expect(lines.at(-1)?.fields['retry_in_s']).toBeUndefined();
    expect(source.status().failing).toMatchObject([
      { retriesByItself: false, nextRetryAtSeconds: clock.epochMs() / 1_000 + 3_600 },
    ]);
    await clock.advance(61 * MIN);
    expect(calls).toHaveLength(2);
  });
});

describe('a new assertion', () => {
  test('ends the count of failures: the next wait is the shortest', async () => {
    const { clock, fill, last, calls, rotateAssertion } = createHarness();
    await fill(toRequest(), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * 60 * MIN);
    for (const pauseMs of [24_000, 48_000, 96_000, 192_000]) {
      await last().fail('ERR_UNAVAILABLE');
      await clock.advance(pauseMs);
    }
    await last().fail('ERR_UNAVAILABLE');
    await rotateAssertion();
    const begun = calls.length;
    await last().fail('ERR_UNAVAILABLE');
    await clock.advance(24_000);
    expect(calls).toHaveLength(begun + 1);
  });

  test('a refusal of the old one that arrives after it is not remembered', async () => {
    const { source, calls, last, fill } = createHarness();
    await fill(toRequest('first'), { assertionExpiresAtSeconds: 1 });
    const old = codeOf(source.get(toRequest('a')));
    const slow = last();
    await fill(toRequest('b'), { assertionExpiresAtSeconds: 2 });
    await slow.fail('ERR_REJECTED', { aadsts: 700_024, assertionExpiresAtSeconds: 1 });
    expect(await old).toBe('ERR_REJECTED');
    await fill(toRequest('a'), { assertionExpiresAtSeconds: 2 });
    expect(calls).toHaveLength(4);
  });

  test('a refusal of the new one is remembered', async () => {
    const { source, calls, last, fill } = createHarness();
    await fill(toRequest('first'), { assertionExpiresAtSeconds: 1 });
    const code = codeOf(source.get(toRequest('a')));
    await last().fail('ERR_REJECTED', { aadsts: 700_016, assertionExpiresAtSeconds: 2 });
    expect(await code).toBe('ERR_REJECTED');
    expect(await codeOf(source.get(toRequest('a')))).toBe('ERR_REJECTED');
    expect(calls).toHaveLength(2);
  });
});

describe('a new token that expires before the cached one', () => {
  test('does not replace it, is not a failure, and is not asked for again at once', async () => {
    const { clock, source, fill, last, peek, calls, lines } = createHarness();
    const token = await fill(toRequest(), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * 60 * MIN);
    await last().issue({ expiresInSeconds: 31 });
    expect(peek()).toBe(token);
    expect(source.status().failing).toEqual([]);
    expect(messagesOf(lines)).toEqual([
      'the new token expires before the cached one, which is kept',
    ]);
    // Half of the twelve hours that are left.
    await clock.advance(6 * 60 * MIN - 1);
    expect(calls).toHaveLength(2);
    await clock.advance(1);
    expect(calls).toHaveLength(3);
  });

  test('replaces it after bypass_cache, which asks for a newer one', async () => {
    const { clock, source, fill, last, peek } = createHarness();
    await fill(toRequest(), { expiresInSeconds: 90 * 60 });
    await clock.advance(10_000);
    const asked = source.get(toRequest(), bypass);
    await last().issue({ expiresInSeconds: HOUR_S });
    expect(peek()).toBe(await asked);
  });

  test('… unless it lives for seconds: then only those who asked get it', async () => {
    const { clock, source, fill, last, peek, calls } = createHarness();
    const token = await fill(toRequest(), { expiresInSeconds: 90 * 60 });
    await clock.advance(10_000);
    const asked = source.get(toRequest(), bypass);
    await last().issue({ expiresInSeconds: 40 });
    expect((await asked).accessToken).not.toBe(token.accessToken);
    expect(peek()).toBe(token);
    // And bypass_cache in a loop still costs six exchanges a minute.
    expect(await source.get(toRequest(), bypass)).toBe(token);
    expect(calls).toHaveLength(2);
  });
});

describe('clocks', () => {
  test('a step back and a later suspension never serve an expired token', async () => {
    const harness = createHarness();
    const token = await harness.fill();
    harness.answer = () => toError('ERR_UNAVAILABLE');
    harness.clock.jumpEpoch(-30_000);
    expect(harness.peek()).not.toBe(token);
    await harness.clock.advance(58 * MIN);
    expect(harness.peek()).toBeDefined();
    await harness.clock.advance(MIN);
    harness.clock.jumpEpoch(60_000);
    expect(harness.peek()).toBeUndefined();
    expect(await codeOf(harness.source.get(toRequest()))).toBe('ERR_UNAVAILABLE');
  });

  test('a suspension of 30 s leaves callers the 30 s of life that they are promised', async () => {
    const harness = createHarness();
    await harness.fill();
    harness.answer = () => ({ expiresInSeconds: 1 });
    await harness.clock.advance(59 * MIN);
    harness.clock.jumpEpoch(30_001);
    expect(harness.peek()).toBeUndefined();
  });

  test.each([24 * 60 * MIN, 120 * MIN, -24 * 60 * MIN])(
    'the wall clock steps by %s ms during an exchange: the caller gets a valid token',
    async (stepMs) => {
      const { clock, source, open, peek } = createHarness();
      const asked = source.get(toRequest());
      clock.jumpEpoch(stepMs);
      while (open().length > 0) await open()[0]?.issue();
      const token = await asked;
      expect(token.expiresAtSeconds * 1_000).toBe(clock.epochMs() + HOUR_S * 1_000);
      expect(peek()).toBe(token);
    },
  );

  test('a token that has really expired during a suspension is not an answer', async () => {
    const { clock, source, open, calls } = createHarness();
    const code = codeOf(source.get(toRequest()));
    for (let round = 0; round < 2; round += 1) {
      clock.jumpEpoch(120 * MIN);
      await open()[0]?.issue();
    }
    expect(await code).toBe('ERR_UNAVAILABLE');
    expect(calls).toHaveLength(2);
  });
});

describe('after stop', () => {
  test('a new name evicts nothing', async () => {
    const { source, fill, peek } = createHarness({ limits: { maxEntries: 3 } });
    for (const name of ['a', 'b', 'c']) await fill(toRequest(name));
    source.stop();
    for (let index = 0; index < 10; index += 1) {
      expect(await codeOf(source.get(toRequest(`new-${index}`)))).toBe('ERR_SHUTTING_DOWN');
    }
    for (const name of ['a', 'b', 'c']) expect(peek(toRequest(name))).toBeDefined();
  });
});
