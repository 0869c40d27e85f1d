import { describe, expect, test } from 'vitest';
import {
  type AssertionsState,
  checkReadiness,
  formatReadiness,
  type ReadinessState,
  toReadiness,
} from '../../../src/proxy/admin/readiness.ts';
import type { CacheStatus, FailingKey } from '../../../src/proxy/token/cache-status.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const cache: CacheStatus = {
  tokens: 0,
  entries: 0,
  exchangesRunning: 0,
  earliestExpiresAtSeconds: undefined,
  failing: [],
};

const outage: FailingKey = {
  identity: { clientId: 'client', tenantId: 'tenant' },
  resource: 'https://secret-project.example',
  hasToken: true,
  code: 'ERR_UNAVAILABLE',
  aadsts: undefined,
  message: 'connection refused by 10.0.0.1',
  failures: 3,
  sinceSeconds: 900,
  nextRetryAtSeconds: 1_030,
};

const healthy: ReadinessState = {
  isDraining: false,
  assertions: { canPresent: true, fault: undefined },
  cache,
  nowSeconds: 1_000,
};

const none = (fault: string): AssertionsState => ({ canPresent: false, fault });

describe('ready', () => {
  test.each<[string, Partial<ReadinessState>, boolean]>([
    ['fresh', {}, true],
    ['no assertion and no token', { assertions: none('is missing') }, false],
    [
      'no assertion, but a token',
      { assertions: none('gone'), cache: { ...cache, tokens: 1 } },
      true,
    ],
    [
      'an identity whose own assertion is there',
      { assertions: { canPresent: true, fault: 'another one is missing' } },
      true,
    ],
    ['stopping', { isDraining: true }, false],
    ['stopping with a token', { isDraining: true, cache: { ...cache, tokens: 1 } }, false],
    ['T27: Entra is down', { cache: { ...cache, entries: 1, failing: [outage] } }, true],
    [
      'T27: Entra refuses everything',
      {
        cache: {
          ...cache,
          entries: 1,
          failing: [{ ...outage, hasToken: false, code: 'ERR_REJECTED', aadsts: 70_021 }],
        },
      },
      true,
    ],
  ])('%s', (_name, state, ready) => {
    expect(toReadiness({ ...healthy, ...state }).ready).toBe(ready);
  });
});

describe('listing', () => {
  const list = (state: Partial<ReadinessState>): string =>
    formatReadiness(toReadiness({ ...healthy, ...state }));

  test('when all is well', () => {
    expect(list({ cache: { ...cache, tokens: 2, entries: 3 } })).toBe(
      '[+]serving ok\n[+]federated-token ok\n[i]cached-tokens: 2 of 3 keys\n[+]exchanges ok\nreadyz check passed\n',
    );
  });

  test('when there is nothing to serve from', () => {
    expect(list({ assertions: none('AZURE_FEDERATED_TOKEN_FILE is empty') })).toBe(
      '[+]serving ok\n[-]federated-token failed: AZURE_FEDERATED_TOKEN_FILE is empty\n[i]cached-tokens: 0 of 0 keys\n[+]exchanges ok\nreadyz check failed\n',
    );
  });

  test('what does not make it unready is only noted', () => {
    expect(
      list({ assertions: none('gone'), cache: { ...cache, tokens: 1, entries: 1 } }),
    ).toContain('[i]federated-token: gone\n');
  });

  test('T27: the error code and the next retry of a failing exchange', () => {
    expect(list({ cache: { ...cache, failing: [outage] } })).toContain(
      '[i]exchanges: ERR_UNAVAILABLE, next retry in 30 s\n',
    );
    const rejected: FailingKey = {
      ...outage,
      hasToken: false,
      code: 'ERR_REJECTED',
      aadsts: 70_021,
      nextRetryAtSeconds: 1_005,
    };
    expect(list({ cache: { ...cache, failing: [outage, rejected, outage] } })).toContain(
      '[i]exchanges: ERR_REJECTED AADSTS70021, asked again by the first request after 5 s, and 2 other keys fail\n',
    );
    expect(
      list({ cache: { ...cache, failing: [{ ...rejected, nextRetryAtSeconds: 0 }] } }),
    ).toContain('after 0 s');
  });

  test('names neither identities nor resources nor addresses', () => {
    const text = list({ cache: { ...cache, failing: [outage] } });
    expect(text).not.toMatch(/client|tenant|secret-project|10\.0\.0\.1/);
  });
});

describe('looking', () => {
  const clock = createManualClock();
  const deps = {
    clock,
    isDraining: () => false,
    checkAssertions: () => Promise.resolve({ canPresent: true, fault: undefined }),
    cacheStatus: () => cache,
  };

  test('reads everything now', async () => {
    expect((await checkReadiness(deps)).ready).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test('takes a check that fails for its fault', async () => {
    const checkAssertions = (): Promise<never> => Promise.reject(new Error('broken'));
    const { ready, checks } = await checkReadiness({ ...deps, checkAssertions });
    expect(ready).toBe(false);
    expect(checks).toContainEqual({
      name: 'federated-token',
      outcome: 'failed',
      detail: 'Error: broken',
    });
  });

  test('does not wait for a file system that hangs', async () => {
    const checkAssertions = (): Promise<never> => new Promise(() => {});
    const looking = checkReadiness({ ...deps, checkAssertions });
    await clock.advance(2_000);
    const { ready, checks } = await looking;
    expect(ready).toBe(false);
    expect(checks[1]?.detail).toBe('no result within 2 s');
  });
});
