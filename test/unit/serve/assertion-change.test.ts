import { expect, test } from 'vitest';
import { onAssertionChange } from '../../../src/proxy/assertion-change.ts';
import { ProxyError } from '../../../src/proxy/errors.ts';

const request = { identity: { clientId: 'a', tenantId: 't' }, resource: 'api://x' };
const never = new AbortController().signal;

/** Runs exchanges that present assertions with these expiries; a negative one is refused. */
async function countChanges(...expiries: readonly (number | undefined)[]): Promise<number> {
  let changes = 0;
  const queue = [...expiries];
  const exchange = onAssertionChange(
    async () => {
      const seconds = queue.shift();
      const assertionExpiresAtSeconds = seconds === undefined ? undefined : Math.abs(seconds);
      if (seconds !== undefined && seconds < 0) {
        throw new ProxyError('ERR_REJECTED', 'refused', { assertionExpiresAtSeconds });
      }
      return {
        accessToken: 'token',
        expiresInSeconds: 60,
        extExpiresInSeconds: 60,
        elapsedMs: 0,
        assertionExpiresAtSeconds,
      };
    },
    () => {
      changes += 1;
    },
  );
  for (const _ of expiries) await exchange(request, never).catch(() => {});
  return changes;
}

test('a rotated assertion is a change, the first one and the same one are not', async () => {
  expect(await countChanges(100, 100, 100)).toBe(0);
  expect(await countChanges(100, 200, 200, 300)).toBe(2);
});

test('a refused exchange tells of its assertion too', async () => {
  expect(await countChanges(-100, 200)).toBe(1);
  expect(await countChanges(100, -200)).toBe(1);
});

test('an exchange that presented none says nothing', async () => {
  expect(await countChanges(100, undefined, 100)).toBe(0);
});

test('two token files that are presented in turn are no change after their first time', async () => {
  expect(await countChanges(100, 200, 100, 200, -100, -200, 100)).toBe(1);
});

test('what is remembered of assertions is bounded', async () => {
  const many = Array.from({ length: 20 }, (_, index) => index + 1);
  // The first one has been forgotten by then, and is a change again.
  expect(await countChanges(...many, 1)).toBe(20);
});
