import { expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { createAssertionWatch } from '../../../src/proxy/token/assertion-watch.ts';

/** How often assertions with these expiries, presented one after the other, are a new one. */
function countChanges(...expiries: readonly (number | undefined)[]): number {
  const watch = createAssertionWatch();
  return expiries.filter((expiry, index) => watch.see(expiry, index)).length;
}

test('a rotated assertion counts as a change; the first one and the same one do not', () => {
  expect(countChanges(100, 100, 100)).toBe(0);
  expect(countChanges(100, 200, 200, 300)).toBe(2);
});

test('an exchange without an assertion is not a change', () => {
  expect(countChanges(100, undefined, 100)).toBe(0);
});

test('two token files in turn count as a change only once', () => {
  expect(countChanges(100, 200, 100, 200, 100, 200, 100)).toBe(1);
});

test('the number of remembered assertions is bounded', () => {
  const many = Array.from({ length: 20 }, (_, index) => index + 1);
  // The first one has been forgotten by then, and is a change again.
  expect(countChanges(...many, 1)).toBe(20);
});

test('a refusal is outdated if its exchange began before the change and presented the old assertion', () => {
  const watch = createAssertionWatch();
  watch.see(100, 0);
  watch.see(200, 10);
  const refusal = (assertionExpiresAtSeconds?: number): ProxyError =>
    new ProxyError('ERR_REJECTED', 'refused', { assertionExpiresAtSeconds });
  expect(watch.isOutdated(refusal(100), 5)).toBe(true);
  expect(watch.isOutdated(refusal(200), 5)).toBe(false);
  expect(watch.isOutdated(refusal(100), 11)).toBe(false);
  expect(watch.isOutdated(refusal(), 5)).toBe(false);
  const outage = new ProxyError('ERR_UNAVAILABLE', 'down', { assertionExpiresAtSeconds: 100 });
  expect(watch.isOutdated(outage, 5)).toBe(false);
});
