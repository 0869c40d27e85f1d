import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { Exchange, IssuedToken } from '../../../src/proxy/exchange.ts';
import { createGuardedExchange } from '../../../src/proxy/token/guarded-exchange.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { codeOf, errorOf, isSettled, toRequest } from './harness.ts';

const issued: IssuedToken = {
  accessToken: 'token',
  expiresInSeconds: 3_600,
  extExpiresInSeconds: 3_600,
  elapsedMs: 0,
};

/** An exchange that heeds no signal and never ends by itself. */
const deaf =
  (signals: AbortSignal[] = []): Exchange =>
  (_, signal) => {
    signals.push(signal);
    return new Promise(() => {});
  };

describe('guarded exchange', () => {
  test('only stop makes it shut down: an exchange that says so has failed', async () => {
    const clock = createManualClock();
    const error = new ProxyError('ERR_SHUTTING_DOWN', 'says the exchange');
    const guarded = createGuardedExchange({ clock, exchange: () => Promise.reject(error) });
    expect(await codeOf(guarded.run(toRequest(), 30_000))).toBe('ERR_UNAVAILABLE');
  });

  test('returns what the exchange returns, and leaves no timer', async () => {
    const clock = createManualClock();
    const guarded = createGuardedExchange({ clock, exchange: async () => issued });
    expect(await guarded.run(toRequest(), 30_000)).toBe(issued);
    expect(clock.pendingTimers).toBe(0);
  });

  test('throws a ProxyError unchanged, and leaves no timer', async () => {
    const clock = createManualClock();
    const error = new ProxyError('ERR_REJECTED', 'no');
    const guarded = createGuardedExchange({ clock, exchange: () => Promise.reject(error) });
    expect(await errorOf(guarded.run(toRequest(), 30_000))).toBe(error);
    expect(clock.pendingTimers).toBe(0);
  });

  test('T22: an exchange that never ends does at the deadline, and its signal aborts', async () => {
    const clock = createManualClock();
    const signals: AbortSignal[] = [];
    const guarded = createGuardedExchange({ clock, exchange: deaf(signals) });
    const run = guarded.run(toRequest(), 30_000);
    const code = codeOf(run);
    await clock.advance(29_999);
    expect(await isSettled(run)).toBe(false);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(await code).toBe('ERR_TIMEOUT');
    expect(signals[0]?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test('an answer after the deadline is ignored', async () => {
    const clock = createManualClock();
    const late = Promise.withResolvers<IssuedToken>();
    const guarded = createGuardedExchange({ clock, exchange: () => late.promise });
    const code = codeOf(guarded.run(toRequest(), 30_000));
    await clock.advance(30_000);
    late.reject(new Error('a rejection that nobody waits for'));
    await clock.advance(0);
    expect(await code).toBe('ERR_TIMEOUT');
  });

  test.each<[string, Exchange]>([
    ['rejects', () => Promise.reject(new TypeError('assertion eyJhbGciOi…'))],
    [
      'throws at once',
      () => {
        throw new TypeError('assertion eyJhbGciOi…');
      },
    ],
  ])('T24: the text of a foreign error goes nowhere, it %s', async (_, exchange) => {
    const clock = createManualClock();
    const guarded = createGuardedExchange({ clock, exchange });
    const error = await errorOf(guarded.run(toRequest(), 30_000));
    expect(error.code).toBe('ERR_INTERNAL');
    expect(error.message).toBe('the exchange failed with an unforeseen TypeError');
    expect(error.details).toEqual({});
    expect(clock.pendingTimers).toBe(0);
  });

  test('T26: stop ends running exchanges, even if they ignore the signal, and no exchange starts', async () => {
    const clock = createManualClock();
    const signals: AbortSignal[] = [];
    const guarded = createGuardedExchange({ clock, exchange: deaf(signals) });
    const codes = [
      codeOf(guarded.run(toRequest('a'), 30_000)),
      codeOf(guarded.run(toRequest('b'), 30_000)),
    ];
    guarded.stop();
    expect(await Promise.all(codes)).toEqual(['ERR_SHUTTING_DOWN', 'ERR_SHUTTING_DOWN']);
    expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);
    expect(clock.pendingTimers).toBe(0);

    expect(await codeOf(guarded.run(toRequest('c'), 30_000))).toBe('ERR_SHUTTING_DOWN');
    expect(signals).toHaveLength(2);
  });
});
