/** The power of one process of the pod over the tokens of the others, and its limits: SECURITY.md. */
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  createHarness,
  type Harness,
  HOUR_S,
  otherClientId,
  toError,
  toRequest,
} from './harness.ts';

const MIN = 60_000;
const owned = toRequest('https://vault.azure.net');

/** The 2^n spellings of a resource that Entra treats as equal. */
function toSpellings(resource: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, bits) => {
    let left = bits + 1;
    return resource.replace(/[a-z]/g, (letter) => {
      const isCapital = left % 2 === 1;
      left = Math.floor(left / 2);
      return isCapital ? letter.toUpperCase() : letter;
    });
  });
}

/** The hostile process gets tokens for these resources, each of them asked for several times. */
async function take(
  harness: Harness,
  resources: readonly string[],
  client?: string,
): Promise<void> {
  harness.answer = () => ({});
  for (const resource of resources) {
    const request = toRequest(resource, client);
    for (let times = 0; times < 3; times += 1) await harness.source.get(request);
    await harness.clock.advance(1);
  }
  harness.answer = undefined;
}

describe('a hostile process cannot push out a token that another process uses', () => {
  test('with 1,000 spellings of its resource', async () => {
    const harness = createHarness();
    const token = await harness.fill(owned);
    await take(harness, toSpellings(owned.resource, 1_000));
    expect(harness.peek(owned)).toBe(token);
    expect(harness.source.status().entries).toBe(256);
  });

  test('with 1,000 spellings of eight other resources', async () => {
    const harness = createHarness();
    const token = await harness.fill(owned);
    for (let index = 0; index < 8; index += 1) {
      await take(harness, toSpellings(`https://resource-${index}.example`, 125));
    }
    expect(harness.peek(owned)).toBe(token);
  });

  test('of another identity, with 1,000 resources', async () => {
    const harness = createHarness();
    const token = await harness.fill(owned);
    const resources = Array.from({ length: 1_000 }, (_, index) => `https://resource-${index}`);
    await take(harness, resources, otherClientId);
    expect(harness.peek(owned)).toBe(token);
  });

  test('of the same identity, with 1,000 resources', async () => {
    const harness = createHarness();
    const token = await harness.fill(owned);
    const resources = Array.from({ length: 1_000 }, (_, index) => `https://resource-${index}`);
    await take(harness, resources);
    expect(harness.peek(owned)).toBe(token);
  });

  test('while Entra hangs: the owner is served until the token ends, and is not told 503', async () => {
    const { clock, fill, source } = createHarness();
    const token = await fill(owned);
    for (let second = 0; second < 59 * 60; second += 35) {
      for (let index = 0; index < 70; index += 1) {
        source.get(toRequest(`https://${second}-${index}`)).catch(() => {});
      }
      const asked = source.get(owned);
      await clock.advance(5_000);
      expect(await asked).toBe(token);
      await clock.advance(30_000);
    }
  });
});

describe('a hostile process can', () => {
  test('push out the token of a process that comes after it, with further keys, each asked for twice', async () => {
    const harness = createHarness();
    const toNames = (from: number): readonly string[] =>
      Array.from({ length: 256 }, (_, index) => `https://resource-${from + index}`);
    await take(harness, toNames(0));
    await harness.fill(owned);
    await take(harness, toNames(1_000));
    expect(harness.peek(owned)).toBeUndefined();
    // Its owner gets a new one.
    expect((await harness.fill(owned)).resource).toBe(owned.resource);
  });

  test('take the room for exchanges without a token: others are told to come back in a second', async () => {
    const { source } = createHarness();
    for (let index = 0; index < 64; index += 1) {
      source.get(toRequest(`https://${index}`)).catch(() => {});
    }
    expect(await codeOf(source.get(toRequest('new')))).toBe('ERR_THROTTLED');
  });
});

describe('renewals that hang', () => {
  const names = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `https://hangs-${index}`);

  test('of 255 keys at once do not cost an idle healthy key its renewal', async () => {
    const { clock, calls, fill, open, peek, source } = createHarness();
    for (const name of names(255)) await fill(toRequest(name));
    const healthy = toRequest('https://healthy');
    const old = await fill(healthy);
    expect(source.status().entries).toBe(256);
    await clock.advance(48 * MIN);
    let most = 0;
    for (let second = 0; second < 11 * 60; second += 1) {
      most = Math.max(most, open().length);
      const renewal = open().find(({ request }) => request.resource === healthy.resource);
      await renewal?.issue();
      await clock.advance(1_000);
    }
    expect(most).toBeLessThanOrEqual(24);
    expect(peek(healthy)).not.toBe(old);
    expect(peek(healthy)).toBeDefined();
    expect(calls.length).toBeGreaterThan(512);
  });

  test('again and again come after a key whose renewal has not failed yet', async () => {
    const { clock, fill, open, peek } = createHarness();
    for (const name of names(100)) await fill(toRequest(name), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * 60 * MIN);
    // Long after all of them have begun to fail.
    await clock.advance(60 * MIN);
    const healthy = toRequest('https://healthy');
    const asked = fill(healthy);
    await asked;
    const old = peek(healthy);
    for (let second = 0; second < 48 * 60 + 10; second += 1) {
      const renewal = open().find(({ request }) => request.resource === healthy.resource);
      await renewal?.issue();
      await clock.advance(1_000);
    }
    expect(peek(healthy)).not.toBe(old);
  });
});

describe('an Entra that says strange things', () => {
  test('a token of 900 KB is refused; a hundred of 64 KiB are not kept all', async () => {
    const harness = createHarness();
    harness.answer = () => ({ accessToken: 'x'.repeat(900_000) });
    for (let index = 0; index < 30; index += 1) {
      expect(await codeOf(harness.source.get(toRequest(`https://${index}`)))).toBe(
        'ERR_UNAVAILABLE',
      );
    }
    harness.answer = () => ({ accessToken: 'x'.repeat(65_536) });
    for (let index = 100; index < 200; index += 1) {
      const token = await harness.source.get(toRequest(`https://${index}`));
      expect(token.accessToken).toHaveLength(65_536);
    }
    expect(harness.source.status().tokens).toBe(64);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['nothing', undefined],
    ['a text', 'token'],
    ['numbers in words', { accessToken: 'x', expiresInSeconds: '3600', elapsedMs: 0 }],
    [
      'a life that is not a number',
      { accessToken: 'x', expiresInSeconds: Number.NaN, elapsedMs: 0 },
    ],
    ['no token', { expiresInSeconds: 3_600, elapsedMs: 0 }],
  ])(
    'an exchange that answers %s has failed, for callers and in the background',
    async (_, odd) => {
      const { clock, fill, last, lines, source, peek } = createHarness();
      const code = codeOf(source.get(toRequest('cold')));
      await last().issueRaw(odd);
      expect(await code).toBe('ERR_UNAVAILABLE');
      const token = await fill();
      await clock.advance(48 * MIN);
      await last().issueRaw(odd);
      expect(peek()).toBe(token);
      expect(lines.map(({ message }) => message)).toEqual([
        'token refresh fails, the cached token is served meanwhile',
      ]);
    },
  );

  test('repeated 429 with Retry-After: 1 does not cause 600 exchanges in ten minutes', async () => {
    const { clock, fill, last, open, calls } = createHarness();
    await fill(toRequest(), { expiresInSeconds: 24 * HOUR_S });
    await clock.advance(12 * 60 * MIN);
    const before = calls.length;
    for (let second = 0; second < 600; second += 1) {
      if (open().length > 0) await last().fail('ERR_THROTTLED', { retryAfterSeconds: 1 });
      await clock.advance(1_000);
    }
    expect(calls.length - before).toBeLessThan(8);
  });

  test('an exchange that fails as "shutting down" while the cache runs is not repeated in a loop', async () => {
    const harness = createHarness();
    await harness.fill();
    harness.answer = () => toError('ERR_SHUTTING_DOWN');
    await harness.clock.advance(49 * MIN);
    expect(harness.calls.length).toBeLessThan(6);
    expect(harness.source.status().failing[0]).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });
});
