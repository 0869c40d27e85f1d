/** docs/caching.md: a fault that is over within 3.4 s of a request does not fail a client that asks once. */
import { expect, test } from 'vitest';
import { outlives } from './bridge.ts';
import { type Answer, jsonReply } from './support.ts';

const bridgeMs = 3_400;

function toNodeError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

const faults: readonly (readonly [string, Answer])[] = [
  ['status 503', jsonReply(503, { error: 'temporarily_unavailable' })],
  ['status 500 with a page', { status: 500, headers: {}, text: '<h1>Error</h1>' }],
  ['an answer that is cut short', { status: 200, headers: {}, text: '{"access_token":"ab' }],
  ['AADSTS90033', jsonReply(400, { error: 'temporarily_unavailable', error_codes: [90_033] })],
  ['a refused connection', toNodeError('ECONNREFUSED')],
  ['a reset connection', toNodeError('ECONNRESET')],
  ['a name that cannot be resolved', toNodeError('ENOTFOUND')],
  ['a name server that fails', toNodeError('EAI_AGAIN')],
  ['no route', toNodeError('ENETUNREACH')],
];

test.each(faults)('%s', async (_, fault) => {
  for (const random of [0, 0.5, 0.999]) {
    for (const faultMs of [100, 1_000, 2_900, bridgeMs]) {
      expect([faultMs, await outlives(faultMs, random, fault)]).toEqual([faultMs, true]);
    }
  }
});

test('a fault of ten seconds is a failure', async () => {
  expect(await outlives(10_000, 0)).toBe(false);
});
