import { expect, test } from 'vitest';
import { clientId, createHarness, HOUR_S, tenantId, toRequest } from './harness.ts';

const identity = { clientId, tenantId };

test('each key is listed with the times of its token and its failure, the last used first', async () => {
  const harness = createHarness();
  const { source, clock } = harness;
  expect(source.keys()).toEqual([]);
  const token = await harness.fill(toRequest('https://vault'));
  await clock.advance(1_000);
  const failing = source.get(toRequest('https://sql')).catch(() => {});
  await harness.last().fail('ERR_REJECTED', { aadsts: 700213, hint: 'Add it.', remedy: 'az add' });
  await failing;

  const [first, second, ...others] = source.keys();
  expect(others).toEqual([]);
  expect(first).toMatchObject({
    identity,
    resource: 'https://sql',
    expiresAtSeconds: undefined,
    nextRenewalAtSeconds: undefined,
    isExchanging: false,
    failing: {
      code: 'ERR_REJECTED',
      aadsts: 700213,
      hint: 'Add it.',
      remedy: 'az add',
      failures: 1,
    },
  });
  expect(second).toMatchObject({
    identity,
    resource: 'https://vault',
    expiresAtSeconds: token.expiresAtSeconds,
    isExchanging: false,
    failing: undefined,
  });
  const nowSeconds = clock.epochMs() / 1_000;
  expect(second?.nextRenewalAtSeconds).toBeGreaterThan(nowSeconds);
  expect(second?.nextRenewalAtSeconds).toBeLessThan(nowSeconds + HOUR_S);
  expect(JSON.stringify(source.keys())).not.toContain(token.accessToken);
});

test('a key whose exchange runs says so', async () => {
  const harness = createHarness();
  const waiting = harness.source.get(toRequest());
  expect(harness.source.keys()).toMatchObject([{ isExchanging: true, failing: undefined }]);
  await harness.last().issue();
  await waiting;
  expect(harness.source.keys()).toMatchObject([{ isExchanging: false }]);
});
