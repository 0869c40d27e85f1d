import { describe, expect, test } from 'vitest';
import type { ExchangeRequest } from '../../../src/proxy/exchange.ts';
import type { Token } from '../../../src/proxy/token/token-source.ts';
import {
  codeOf,
  createHarness,
  errorOf,
  HOUR_S,
  isSettled,
  otherClientId,
  toRequest,
} from './harness.ts';

const MIN = 60_000;
/** When a token of an hour is refreshed, without jitter. */
const REFRESH_AT = 48 * MIN;

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('a cold key', () => {
  test('T13, vector 38: 100 concurrent callers, one exchange, one token for all', async () => {
    const { clock, source, calls, last, counts } = createHarness();
    const tokens = times(100, () => source.get(toRequest()));
    await clock.advance(50);
    expect(calls).toHaveLength(1);
    await last().issue();
    const [first, ...others] = await Promise.all(tokens);
    for (const other of others) expect(other).toBe(first);
    expect(counts.cache).toEqual(['miss', ...times(99, () => 'coalesced')]);
    expect(counts.exchanges).toEqual([{ result: 'success', durationMs: 50 }]);
  });

  test('T13: a caller who comes during an exchange joins it', async () => {
    const { clock, source, calls, last, fill, peek } = createHarness();
    const early = source.get(toRequest());
    await clock.advance(900);
    const late = source.get(toRequest());
    await last().issue();
    expect(await late).toBe(await early);
    expect(calls).toHaveLength(1);
    expect(peek()).toBe(await early);
    await expect(fill()).rejects.toThrow('not cold');
  });

  test('T13: keys are independent: one that hangs delays no other', async () => {
    const { clock, source, calls, fill } = createHarness();
    const stuck = source.get(toRequest('https://stuck'));
    const failed = codeOf(stuck);
    for (const index of times(20, (i) => i)) {
      await fill(toRequest(`https://resource-${index}`));
    }
    await fill(toRequest('https://stuck', otherClientId));
    expect(await isSettled(stuck)).toBe(false);
    expect(calls).toHaveLength(22);
    await clock.advance(30_000);
    expect(await failed).toBe('ERR_TIMEOUT');
  });

  test('T13: only the deadline and stop abort an exchange; a caller cannot', async () => {
    const { clock, source, calls, last } = createHarness();
    const signalOf = (request: ExchangeRequest): AbortSignal | undefined =>
      calls.find((call) => call.request.resource === request.resource)?.signal;
    // A caller has no way to abort, and one who forgets the promise leaves no unhandled rejection behind.
    void source.get(toRequest('a')).catch(() => {});
    const kept = source.get(toRequest('a'));
    await clock.advance(20_000);
    expect(signalOf(toRequest('a'))?.aborted).toBe(false);
    await last().issue();
    expect((await kept).resource).toBe('a');
    expect(signalOf(toRequest('a'))?.aborted).toBe(false);
  });

  test('the exchange gets the correlation ID of its first caller, and the next exchange does not', async () => {
    const { clock, source, last, calls } = createHarness();
    const correlationId = '00000000-0000-4000-8000-000000000001';
    const token = source.get({ ...toRequest(), correlationId });
    expect(last().request.correlationId).toBe(correlationId);
    await last().issue();
    await token;
    await clock.advance(REFRESH_AT);
    expect(calls).toHaveLength(2);
    expect(last().request.correlationId).toBeUndefined();
  });

  test('an exchange that never ends fails its callers after 30 s, and the key is free again', async () => {
    const { clock, source, calls, fill, counts } = createHarness();
    const codes = times(3, () => codeOf(source.get(toRequest())));
    await clock.advance(30_000);
    expect(await Promise.all(codes)).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT', 'ERR_TIMEOUT']);
    expect(counts.exchanges).toEqual([{ result: 'timeout', durationMs: 30_000 }]);
    expect(calls[0]?.signal.aborted).toBe(true);
    await clock.advance(1_000);
    await fill();
    expect(calls).toHaveLength(2);
  });
});

describe('a hit', () => {
  test('T14: is synchronous, starts no exchange, sets no timer, logs nothing', async () => {
    const { clock, fill, peek, calls, lines, counts } = createHarness();
    const token = await fill();
    const timers = clock.pendingTimers;
    for (const _ of times(1_000, () => 0)) expect(peek()).toBe(token);
    expect(calls).toHaveLength(1);
    expect(clock.pendingTimers).toBe(timers);
    expect(lines).toEqual([]);
    expect(counts.cache.slice(1)).toEqual(times(1_000, () => 'hit'));
  });

  test('an unknown key is not a hit and is not counted', () => {
    const { peek, calls, counts } = createHarness();
    expect(peek()).toBeUndefined();
    expect(calls).toHaveLength(0);
    expect(counts.cache).toEqual([]);
  });

  test('vector 5: asked twice, 5 s apart: the same token and the same expires_on', async () => {
    const { clock, source, fill, peek } = createHarness();
    const first = await fill();
    const second = await (async (): Promise<Token | undefined> => {
      await clock.advance(5_000);
      return peek();
    })();
    expect(second?.accessToken).toBe(first.accessToken);
    expect(second?.expiresAtSeconds).toBe(first.expiresAtSeconds);
    expect((second?.expiresAtMs ?? 0) - clock.monotonicMs()).toBe(HOUR_S * 1_000 - 5_000);
    expect(await source.get(toRequest())).toBe(second);
  });
});

describe('after the refresh is due', () => {
  test('T15: the cached token at once while Entra hangs, and exactly one refresh', async () => {
    const { clock, source, fill, peek, calls, open, counts } = createHarness();
    const token = await fill();
    // Away from the timer: it is the request that starts the refresh here.
    await clock.advance(REFRESH_AT - 1);
    expect(calls).toHaveLength(1);
    await clock.advance(1);
    expect(calls).toHaveLength(2);
    for (const _ of times(100, () => 0)) {
      expect(peek()).toBe(token);
      expect(await source.get(toRequest())).toBe(token);
      await clock.advance(100);
    }
    expect(open()).toHaveLength(1);
    expect(calls).toHaveLength(2);
    expect(counts.cache.slice(1)).toEqual(times(200, () => 'stale'));
  });

  test('T15: a request starts the refresh if the key had fallen out of use', async () => {
    const { clock, fill, peek, calls, last, open } = createHarness();
    const token = await fill(toRequest(), { expiresInSeconds: HOUR_S, refreshInSeconds: 60 });
    // Refreshed while in use, and then not used for more than a lifetime.
    await clock.advance(60_000);
    await last().issue({ expiresInSeconds: HOUR_S });
    await clock.advance(REFRESH_AT);
    await last().issue({ expiresInSeconds: HOUR_S });
    await clock.advance(REFRESH_AT);
    expect(open()).toHaveLength(0);
    const begun = calls.length;
    const served = peek();
    expect(served).toBeDefined();
    expect(served).not.toBe(token);
    expect(calls).toHaveLength(begun + 1);
    expect(peek()).toBe(served);
    expect(calls).toHaveLength(begun + 1);
  });

  test('the new token is served as soon as it arrives', async () => {
    const { clock, fill, peek, last } = createHarness();
    const old = await fill();
    await clock.advance(REFRESH_AT);
    expect(peek()).toBe(old);
    await last().issue();
    expect(peek()).not.toBe(old);
    expect(peek()?.issuedAtSeconds).toBe(old.issuedAtSeconds + REFRESH_AT / 1_000);
  });
});

/** A token of an hour whose refreshes have all failed until it is `ageMs` old, and the next is far away. */
async function withFailingRefresh(ageMs: number) {
  const harness = createHarness();
  const token = await harness.fill();
  await harness.clock.advance(REFRESH_AT);
  await harness.last().fail('ERR_UNAVAILABLE', { retryAfterSeconds: 3_600 });
  await harness.clock.advance(ageMs - REFRESH_AT);
  return { ...harness, token };
}

describe('less than 5 min 30 s left', () => {
  test('vector 92: with 4 min left the caller waits for the refresh and gets the new token', async () => {
    const { clock, source, peek, token, last, calls, rotateAssertion } = await withFailingRefresh(
      56 * MIN,
    );
    await rotateAssertion();
    expect(calls).toHaveLength(3);
    expect(peek()).toBeUndefined();
    const waiting = source.get(toRequest());
    await clock.advance(200);
    expect(await isSettled(waiting)).toBe(false);
    await last().issue();
    expect((await waiting).accessToken).not.toBe(token.accessToken);
    expect(calls).toHaveLength(3);
  });

  test('vector 92: if the refresh fails, the cached one is given', async () => {
    const { source, token, last, counts, rotateAssertion } = await withFailingRefresh(56 * MIN);
    await rotateAssertion();
    const waiting = times(3, () => source.get(toRequest()));
    await last().fail('ERR_REJECTED', { aadsts: 700016 });
    for (const served of await Promise.all(waiting)) expect(served).toBe(token);
    expect(counts.cache.slice(1)).toEqual(['stale', 'stale', 'stale']);
  });

  test('vector 92: if the refresh hangs, the cached one is given 5 s after it began', async () => {
    const { clock, source, token, open, rotateAssertion } = await withFailingRefresh(56 * MIN);
    await rotateAssertion();
    const first = source.get(toRequest());
    await clock.advance(3_000);
    const second = source.get(toRequest());
    await clock.advance(1_999);
    expect([await isSettled(first), await isSettled(second)]).toEqual([false, false]);
    await clock.advance(1);
    expect([await first, await second]).toEqual([token, token]);
    expect(open()).toHaveLength(1);
  });

  test('nobody waits for an exchange that has been running for 5 s already', async () => {
    const { clock, source, peek, token, rotateAssertion } = await withFailingRefresh(56 * MIN);
    await rotateAssertion();
    await clock.advance(5_000);
    expect(peek()).toBe(token);
    expect(await source.get(toRequest())).toBe(token);
  });

  test('nobody waits between two attempts of a failing refresh', async () => {
    const { peek, token, calls, counts } = await withFailingRefresh(56 * MIN);
    for (const _ of times(100, () => 0)) expect(peek()).toBe(token);
    expect(calls).toHaveLength(2);
    expect(counts.cache.slice(1)).toEqual(times(100, () => 'stale'));
  });

  test('a caller whose token expires while waiting continues to wait, like one without a token', async () => {
    const { clock, source, last, token, rotateAssertion } = await withFailingRefresh(
      60 * MIN - 32_000,
    );
    await rotateAssertion();
    const waiting = source.get(toRequest());
    await clock.advance(6_000);
    expect(await isSettled(waiting)).toBe(false);
    await last().issue();
    expect((await waiting).accessToken).not.toBe(token.accessToken);
  });

  test('… and gets the failure', async () => {
    const { clock, source, last, rotateAssertion } = await withFailingRefresh(60 * MIN - 32_000);
    await rotateAssertion();
    const code = codeOf(source.get(toRequest()));
    await clock.advance(6_000);
    await last().fail('ERR_REJECTED');
    expect(await code).toBe('ERR_REJECTED');
  });

  test('a token that is short-lived from the start is served until half of its life', async () => {
    const { clock, fill, peek, calls } = createHarness();
    const token = await fill(toRequest(), { expiresInSeconds: 240 });
    for (const _ of times(119, () => 0)) {
      expect(peek()).toBe(token);
      await clock.advance(1_000);
    }
    expect(calls).toHaveLength(1);
    await clock.advance(1_000);
    expect(calls).toHaveLength(2);
    expect(peek()).toBeUndefined();
  });
});

describe('T17: less than 30 s left', () => {
  test('served with 30 s, not with less; the caller waits for an exchange', async () => {
    const { clock, source, peek, token, last } = await withFailingRefresh(60 * MIN - 30_000);
    expect(peek()).toBe(token);
    await clock.advance(1);
    expect(peek()).toBeUndefined();
    const waiting = source.get(toRequest());
    await clock.advance(0);
    await last().issue();
    expect((await waiting).accessToken).not.toBe(token.accessToken);
  });

  test('a new token with less is given to those who wait for it, and not cached', async () => {
    const { clock, source, peek, calls, last } = createHarness();
    const waiting = times(5, () => source.get(toRequest()));
    await last().issue({ expiresInSeconds: 29 });
    for (const token of await Promise.all(waiting)) {
      expect(token.expiresAtMs - clock.monotonicMs()).toBe(29_000);
    }
    expect(peek()).toBeUndefined();
    const code = codeOf(source.get(toRequest()));
    await clock.advance(0);
    expect(calls).toHaveLength(2);
    await last().issue({ expiresInSeconds: 3, elapsedMs: 3_000 });
    expect(await code).toBe('ERR_UNAVAILABLE');
    expect(source.status().entries).toBe(1);
  });

  test('such a token does not replace one that lives longer', async () => {
    const { clock, fill, peek, last, counts } = createHarness();
    const token = await fill();
    await clock.advance(REFRESH_AT);
    await last().issue({ expiresInSeconds: 29 });
    expect(peek()).toBe(token);
    expect(counts.refreshFailures).toEqual(['ERR_UNAVAILABLE']);
  });

  test('T17: the duration of the exchange counts', async () => {
    const { fill, peek } = createHarness();
    const slow = await fill(toRequest(), { expiresInSeconds: 50, elapsedMs: 20_001 });
    expect(slow.accessToken).toContain('token 1');
    expect(peek()).toBeUndefined();
  });

  test('T17: a clock that is set back changes only expires_on', async () => {
    const { clock, fill, peek, calls } = createHarness();
    const before = await fill();
    clock.jumpEpoch(-10 * MIN);
    const after = peek();
    expect(after?.expiresAtSeconds).toBe(before.expiresAtSeconds - 600);
    expect(after?.expiresAtMs).toBe(before.expiresAtMs);
    expect(peek()).toBe(after);
    expect(calls).toHaveLength(1);
  });

  test('T17: a token that expired during a suspension is not served', async () => {
    const { clock, source, fill, peek, last } = createHarness();
    await fill();
    clock.jumpEpoch(60 * MIN - 29_999);
    expect(peek()).toBeUndefined();
    const waiting = source.get(toRequest());
    await clock.advance(0);
    await last().issue();
    const token = await waiting;
    expect(token.expiresAtSeconds).toBe(Math.floor(clock.epochMs() / 1_000) + HOUR_S);
    expect(peek()).toBe(token);
  });

  test('T17: after a suspension, keys that are due are refreshed without a request', async () => {
    const { clock, fill, peek, calls } = createHarness();
    await fill(toRequest('a'));
    await fill(toRequest('b'));
    clock.jumpEpoch(50 * MIN);
    expect(peek(toRequest('a'))?.resource).toBe('a');
    await clock.advance(1);
    expect(calls.map((call) => call.request.resource)).toEqual(['a', 'b', 'a', 'b']);
  });
});

describe('bypass_cache', () => {
  const bypass = { bypassCache: true };

  test('vector 36: gets a new token, unless the cached one is at most 10 s old', async () => {
    const { clock, source, fill, last, calls } = createHarness();
    const token = await fill();
    await clock.advance(9_999);
    expect(await source.get(toRequest(), bypass)).toBe(token);
    await clock.advance(1);
    const fresh = source.get(toRequest(), bypass);
    await clock.advance(0);
    expect(calls).toHaveLength(2);
    await last().issue();
    expect((await fresh).accessToken).not.toBe(token.accessToken);
    expect(await source.get(toRequest())).toBe(await fresh);
  });

  test('vector 36: without it the cached token is served', async () => {
    const { clock, source, fill, calls } = createHarness();
    const token = await fill();
    await clock.advance(60_000);
    expect(await source.get(toRequest(), { bypassCache: false })).toBe(token);
    expect(calls).toHaveLength(1);
  });

  test('vector 37: 50 at once, cold or not, are one exchange', async () => {
    const { clock, source, last, calls } = createHarness();
    const cold = times(50, () => source.get(toRequest(), bypass));
    await last().issue();
    expect(new Set(await Promise.all(cold)).size).toBe(1);
    expect(calls).toHaveLength(1);
    await clock.advance(60_000);
    const warm = times(50, () => source.get(toRequest(), bypass));
    await clock.advance(0);
    await last().issue();
    expect(new Set(await Promise.all(warm)).size).toBe(1);
    expect(calls).toHaveLength(2);
  });

  test('trap 26: a loop of it costs six exchanges a minute', async () => {
    const { clock, source, open, calls } = createHarness();
    for (const _ of times(600, () => 0)) {
      const token = source.get(toRequest(), bypass);
      await clock.advance(0);
      for (const call of open()) await call.issue();
      await token;
      await clock.advance(100);
    }
    expect(calls).toHaveLength(6);
  });

  test('others are served from the cache meanwhile', async () => {
    const { clock, source, fill, peek, last } = createHarness();
    const token = await fill();
    await clock.advance(60_000);
    const fresh = source.get(toRequest(), bypass);
    expect(peek()).toBe(token);
    await last().issue();
    await fresh;
    expect(peek()).not.toBe(token);
  });

  test('if it fails or hangs, the cached token is given; while that lasts, at once', async () => {
    const { clock, source, fill, last, calls } = createHarness();
    const token = await fill();
    await clock.advance(60_000);
    const hanging = source.get(toRequest(), bypass);
    await clock.advance(5_000);
    expect(await hanging).toBe(token);
    await last().fail('ERR_UNAVAILABLE');
    for (const _ of times(10, () => 0)) {
      expect(await source.get(toRequest(), bypass)).toBe(token);
    }
    expect(calls).toHaveLength(2);
  });

  test('T21: it does not circumvent a throttle', async () => {
    const { clock, source, fill, last, calls } = createHarness();
    const token = await fill();
    await clock.advance(60_000);
    const first = source.get(toRequest(), bypass);
    await clock.advance(0);
    await last().fail('ERR_THROTTLED', { retryAfterSeconds: 120 });
    expect(await first).toBe(token);
    await clock.advance(119_999);
    expect(await source.get(toRequest(), bypass)).toBe(token);
    expect(calls).toHaveLength(2);
  });
});

describe('T26: stop', () => {
  test('waiting callers fail at once, their exchanges are aborted, and no timer is left', async () => {
    const { clock, source, calls } = createHarness();
    const codes = [codeOf(source.get(toRequest('a'))), codeOf(source.get(toRequest('b')))];
    source.stop();
    expect(await Promise.all(codes)).toEqual(['ERR_SHUTTING_DOWN', 'ERR_SHUTTING_DOWN']);
    expect(calls.map((call) => call.signal.aborted)).toEqual([true, true]);
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('cached tokens are still served, no exchange starts, and nothing is logged', async () => {
    const { clock, source, fill, peek, calls, lines, counts } = createHarness();
    const token = await fill();
    source.stop();
    source.stop();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(REFRESH_AT);
    expect(peek()).toBe(token);
    expect(await source.get(toRequest())).toBe(token);
    expect((await errorOf(source.get(toRequest('cold')))).code).toBe('ERR_SHUTTING_DOWN');
    await clock.advance(8 * MIN);
    expect(await source.get(toRequest())).toBe(token);
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
    expect(lines).toEqual([]);
    expect(counts.refreshFailures).toEqual([]);
  });

  test('a refresh that it aborts is not a failure', async () => {
    const { clock, source, fill, peek, lines, counts } = createHarness();
    const token = await fill();
    await clock.advance(REFRESH_AT);
    source.stop();
    await clock.advance(0);
    expect(peek()).toBe(token);
    expect(source.status().failing).toEqual([]);
    expect(lines).toEqual([]);
    expect(counts.exchanges).toHaveLength(1);
  });
});
