import { expect, test } from 'vitest';
import type { ErrorCode, ErrorDetails } from '../../../src/proxy/errors.ts';
import { codeOf, createHarness, toRequest } from './harness.ts';

test.each<[ErrorCode, string]>([
  ['ERR_REJECTED', 'rejected'],
  ['ERR_THROTTLED', 'throttled'],
  ['ERR_UNAVAILABLE', 'unavailable'],
  ['ERR_TIMEOUT', 'timeout'],
  ['ERR_ASSERTION', 'assertion_error'],
  ['ERR_INTERNAL', 'internal_error'],
])('an exchange that fails with %s counts as %s', async (code, result) => {
  const { clock, source, last, counts } = createHarness();
  const answer = codeOf(source.get(toRequest()));
  await clock.advance(40);
  await last().fail(code);
  expect(await answer).toBe(code);
  expect(counts.exchanges).toEqual([{ result, durationMs: 40 }]);
});

test('an answer without a usable token is not counted as a success', async () => {
  const { source, last, counts } = createHarness();
  const answer = codeOf(source.get(toRequest()));
  await last().issue({ accessToken: '' });
  expect(await answer).toBe('ERR_UNAVAILABLE');
  expect(counts.exchanges).toMatchObject([{ result: 'unavailable' }]);
});

test.each<[string, ErrorDetails, number]>([
  ['one that could not be read counts as a read error', {}, 1],
  ['one that was read and has expired does not', { assertionExpiresAtSeconds: 5 }, 0],
])('an assertion that cannot be presented: %s', async (_, details, readErrors) => {
  const { source, last, counts } = createHarness();
  const answer = codeOf(source.get(toRequest()));
  await last().fail('ERR_ASSERTION', details);
  await answer;
  expect(counts.assertionReadErrors).toBe(readErrors);
});
