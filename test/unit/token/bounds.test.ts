import { describe, expect, test } from 'vitest';
import { describeError } from '../../../src/proxy/protocol/error-text.ts';
import { codeOf, createHarness, errorOf, toError, toRequest } from './harness.ts';

const name = (index: number): string => `https://resource-${index}`;

describe('T23: bounds', () => {
  test('10,000 distinct resources, one after the other: never more than 256 entries', async () => {
    const harness = createHarness();
    harness.answer = () => ({});
    let most = 0;
    for (let index = 0; index < 10_000; index += 1) {
      await harness.source.get(toRequest(name(index)));
      most = Math.max(most, harness.source.status().entries);
      // The clock moves, or all of them would be equally long unused.
      if (index % 100 === 0) await harness.clock.advance(1);
    }
    expect(most).toBe(256);
    expect(harness.calls).toHaveLength(10_000);
    expect(harness.clock.pendingTimers).toBe(1);
    // The first 128 have the seats of their client ID; the others push each other out.
    for (let index = 0; index < 10_000; index += 1) {
      if (index >= 128 && index < 9_772) {
        expect(harness.peek(toRequest(name(index)))).toBeUndefined();
      } else if (index < 128 || index >= 9_873) {
        expect(harness.peek(toRequest(name(index)))?.resource).toBe(name(index));
      }
    }
  });

  test('a token in use stays for names that nobody has asked for twice, however many', async () => {
    const { clock, fill, peek, source } = createHarness({ limits: { maxEntries: 16 } });
    await fill();
    await clock.advance(1);
    for (let index = 0; index < 1_000; index += 1) {
      await fill(toRequest(name(index)));
      await clock.advance(1);
    }
    expect(source.status().entries).toBe(16);
    expect(peek()?.resource).toBe(toRequest().resource);
  });

  test('a token that nobody has used for one life leaves before one that is in use', async () => {
    const { clock, fill, last, peek } = createHarness({ limits: { maxEntries: 3 } });
    await fill(toRequest('idle'));
    await clock.advance(48 * 60_000);
    await last().issue();
    await clock.advance(13 * 60_000);
    for (const resource of ['a', 'b', 'c']) await fill(toRequest(resource));
    expect(peek(toRequest('idle'))).toBeUndefined();
    for (const resource of ['a', 'b', 'c']) expect(peek(toRequest(resource))).toBeDefined();
  });

  test('of the tokens without a seat, the longest unused leaves', async () => {
    const { clock, fill, peek } = createHarness({ limits: { maxEntries: 24 } });
    // 21 seats, and three places for newcomers.
    for (let index = 0; index < 24; index += 1) {
      await fill(toRequest(name(index)));
      await clock.advance(1);
    }
    expect(peek(toRequest(name(21)))).toBeDefined();
    await clock.advance(1);
    await fill(toRequest('newcomer'));
    expect(peek(toRequest(name(22)))).toBeUndefined();
    for (const index of [0, 20, 21, 23]) expect(peek(toRequest(name(index)))).toBeDefined();
  });

  test('a newcomer who is asked for twice stays for newcomers who are not', async () => {
    const { clock, fill, peek } = createHarness({ limits: { maxEntries: 16 } });
    for (let index = 0; index < 16; index += 1) await fill(toRequest(name(index)));
    await clock.advance(1);
    await fill(toRequest('owner'));
    expect(peek(toRequest('owner'))?.resource).toBe('owner');
    for (let index = 100; index < 200; index += 1) {
      await clock.advance(1);
      await fill(toRequest(name(index)));
    }
    expect(peek(toRequest('owner'))?.resource).toBe('owner');
  });

  test('failures are evicted before tokens: refused names push out no token', async () => {
    const { clock, source, fill, peek, last } = createHarness({ limits: { maxEntries: 10 } });
    for (let index = 0; index < 9; index += 1) await fill(toRequest(name(index)));
    for (let index = 0; index < 100; index += 1) {
      await clock.advance(1);
      const code = codeOf(source.get(toRequest(`https://nonsense-${index}`)));
      await last().fail('ERR_REJECTED', { aadsts: 500011 });
      await code;
    }
    for (let index = 0; index < 9; index += 1) expect(peek(toRequest(name(index)))).toBeDefined();
    expect(source.status()).toMatchObject({ entries: 10, tokens: 9 });
  });

  test('10,000 at once: 64 exchanges succeed, the rest gets 429', async () => {
    const { clock, source, calls, open } = createHarness();
    const answers = Array.from({ length: 10_000 }, (_, index) =>
      codeOf(source.get(toRequest(name(index)))),
    );
    expect(calls).toHaveLength(64);
    expect(source.status()).toMatchObject({ entries: 64, exchangesRunning: 64 });
    const refusal = await errorOf(source.get(toRequest('one more')));
    expect(refusal.code).toBe('ERR_THROTTLED');
    expect(refusal.details.retryAfterSeconds).toBe(1);
    expect(describeError(refusal).description).toBe(
      'Temporarily throttled, too many requests: Microsoft Entra is being asked for 64 other tokens already',
    );
    // Somebody who asks for a key that is on its way is not one too many.
    const joined = source.get(toRequest(name(0)));
    for (const call of open()) void call.issue();
    await clock.advance(0);
    expect((await joined).resource).toBe(name(0));
    const codes = await Promise.all(answers);
    expect(codes.filter((code) => code === 'no error')).toHaveLength(64);
    expect(codes.filter((code) => code === 'ERR_THROTTLED')).toHaveLength(9_936);

    const again = source.get(toRequest('one more'));
    await clock.advance(0);
    for (const call of open()) await call.issue();
    expect((await again).resource).toBe('one more');
    expect(source.status().entries).toBe(65);
  });

  test('a token in use is served and renewed while exchanges of other names hang', async () => {
    const { clock, fill, open, peek, source } = createHarness();
    const token = await fill();
    await clock.advance(48 * 60_000);
    for (let index = 0; index < 256; index += 1) {
      source.get(toRequest(name(index))).catch(() => {});
      expect(peek()).toBe(token);
      await clock.advance(1);
    }
    const renewal = open().filter(({ request }) => request.resource === token.resource);
    expect(renewal).toHaveLength(1);
    expect(await source.get(toRequest())).toBe(token);
    expect(open()).toHaveLength(65);
  });

  test('a request that gets 429 evicts no token', async () => {
    const { clock, fill, peek, source } = createHarness({
      limits: { maxEntries: 10, maxExchangesWithoutToken: 2 },
    });
    for (let index = 0; index < 8; index += 1) await fill(toRequest(name(index)));
    const codes = Array.from({ length: 100 }, (_, index) =>
      codeOf(source.get(toRequest(`https://hanging-${index}`))),
    );
    for (let index = 0; index < 8; index += 1) expect(peek(toRequest(name(index)))).toBeDefined();
    await clock.advance(30_000);
    expect(new Set(await Promise.all(codes.slice(0, 2)))).toEqual(new Set(['ERR_TIMEOUT']));
    expect(new Set(await Promise.all(codes.slice(2)))).toEqual(new Set(['ERR_THROTTLED']));
  });

  test('a renewal that callers wait for does not count as an exchange without a token', async () => {
    const { calls, clock, fill, source } = createHarness({
      limits: { maxExchangesWithoutToken: 1 },
    });
    await fill(toRequest(), { expiresInSeconds: 600 });
    source.get(toRequest(name(0))).catch(() => {});
    await clock.advance(5 * 60_000 + 1);
    source.get(toRequest(name(1))).catch(() => {});
    const renewed = source.get(toRequest(), { bypassCache: true });
    const renewal = calls.findLast(({ request }) => request.resource === toRequest().resource);
    await renewal?.issue({ accessToken: 'renewed' });
    expect((await renewed).accessToken).toBe('renewed');
  });

  test('a key whose token has expired counts as an exchange without a token', async () => {
    const { clock, fill, open, source } = createHarness({
      limits: { maxExchangesWithoutToken: 1 },
    });
    await fill(toRequest(), { expiresInSeconds: 31 });
    await clock.advance(2_000);
    source.get(toRequest(name(0))).catch(() => {});
    expect(await codeOf(source.get(toRequest()))).toBe('ERR_THROTTLED');
    for (const call of open()) await call.issue();
    const token = source.get(toRequest());
    for (const call of open()) await call.issue();
    expect((await token).resource).toBe(toRequest().resource);
  });

  test('10,000 refused names leave no more than 256 entries, and nothing after ten minutes', async () => {
    const harness = createHarness();
    harness.answer = () => toError('ERR_REJECTED', { aadsts: 500011 });
    for (let index = 0; index < 10_000; index += 1) {
      await codeOf(harness.source.get(toRequest(name(index))));
    }
    expect(harness.source.status().entries).toBe(256);
    await harness.clock.advance(600_000);
    expect(harness.source.status().entries).toBe(0);
    expect(harness.clock.pendingTimers).toBe(0);
  });

  test('a token that nobody uses leaves when it can no longer be served', async () => {
    const harness = createHarness();
    await harness.fill(toRequest(), { expiresInSeconds: 31 });
    expect(harness.source.status()).toMatchObject({ entries: 1, tokens: 1 });
    harness.answer = () => ({ expiresInSeconds: 31 });
    await harness.clock.advance(120_000);
    expect(harness.source.status().entries).toBe(0);
    expect(harness.clock.pendingTimers).toBe(0);
  });
});
