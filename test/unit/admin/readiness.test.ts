import { describe, expect, test } from 'vitest';
import {
  type AssertionSource,
  type AssertionState,
  checkReadiness,
  formatReadiness,
  type ReadinessDeps,
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
  earliestFailingExpiresAtSeconds: undefined,
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
  retriesByItself: true,
};

const refusedAudience: FailingKey = {
  ...outage,
  hasToken: false,
  code: 'ERR_REJECTED',
  aadsts: 700_212,
};

function usual(found: Pick<AssertionState, 'fault' | 'doubt'> = {}): AssertionState {
  return { suffix: '', setting: 'AZURE_FEDERATED_TOKEN_FILE', ...found };
}

function ofEntry(found: Pick<AssertionState, 'fault' | 'doubt'> = {}): AssertionState {
  return { suffix: '/identities-2', setting: 'entry 2 of IMDS_PROXY_IDENTITIES', ...found };
}

const healthy: ReadinessState = {
  isDraining: false,
  assertions: [usual()],
  cache,
  nowSeconds: 1_000,
};

describe('ready', () => {
  test.each<[string, Partial<ReadinessState>, boolean]>([
    ['fresh', {}, true],
    ['no usable file and no token', { assertions: [usual({ fault: 'is empty' })] }, false],
    [
      'no usable file, but a token',
      { assertions: [usual({ fault: 'is empty' })], cache: { ...cache, tokens: 1 } },
      true,
    ],
    [
      'another file that is usable',
      { assertions: [usual({ fault: 'is empty' }), ofEntry()] },
      true,
    ],
    [
      'several files, none of them usable',
      { assertions: [usual({ fault: 'is empty' }), ofEntry({ fault: 'is a directory' })] },
      false,
    ],
    ['an audience that only Entra can judge', { assertions: [usual({ doubt: 'odd' })] }, true],
    [
      'that audience after Entra has refused it',
      { assertions: [usual({ doubt: 'odd' })], cache: { ...cache, failing: [refusedAudience] } },
      false,
    ],
    [
      'that audience after Entra has refused it, and a token',
      {
        assertions: [usual({ doubt: 'odd' })],
        cache: { ...cache, tokens: 1, failing: [refusedAudience] },
      },
      true,
    ],
    [
      'the usual audience after Entra has refused it',
      { cache: { ...cache, failing: [refusedAudience] } },
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
          failing: [
            {
              ...outage,
              hasToken: false,
              retriesByItself: false,
              code: 'ERR_REJECTED',
              aadsts: 70_021,
            },
          ],
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
    expect(list({ assertions: [usual({ fault: 'is empty' })] })).toBe(
      '[+]serving ok\n[-]federated-token failed: the file of AZURE_FEDERATED_TOKEN_FILE is empty\n[i]cached-tokens: 0 of 0 keys\n[+]exchanges ok\nreadyz check failed\n',
    );
  });

  test('one line for each token file', () => {
    expect(list({ assertions: [usual(), ofEntry({ fault: 'is empty' })] })).toContain(
      '[+]federated-token ok\n[i]federated-token/identities-2: the file of entry 2 of IMDS_PROXY_IDENTITIES is empty\n',
    );
  });

  test('what does not make it unready is only noted', () => {
    const assertions = [usual({ fault: 'is gone' })];
    expect(list({ assertions, cache: { ...cache, tokens: 1, entries: 1 } })).toContain(
      '[i]federated-token: the file of AZURE_FEDERATED_TOKEN_FILE is gone\n',
    );
    expect(list({ assertions: [usual({ doubt: 'is odd' })] })).toContain(
      '[i]federated-token: the file of AZURE_FEDERATED_TOKEN_FILE is odd\n',
    );
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
      retriesByItself: false,
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
  const toSource = (inspect: AssertionSource['inspect'], suffix = ''): AssertionSource => ({
    suffix,
    setting: 'X',
    inspect,
  });
  const toDeps = (...assertions: AssertionSource[]): ReadinessDeps => ({
    clock,
    isDraining: () => false,
    assertions,
    cacheStatus: () => cache,
  });

  test('looks at every file now', async () => {
    const deps = toDeps(
      toSource(async () => ({})),
      toSource(async () => ({ doubt: 'is odd' }), '/other'),
    );
    const { ready, checks } = await checkReadiness(deps);
    expect(ready).toBe(true);
    expect(checks.slice(1, 3)).toEqual([
      { name: 'federated-token', outcome: 'passed' },
      { name: 'federated-token/other', outcome: 'note', detail: 'the file of X is odd' },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a check that fails is a fault of the file', async () => {
    const { ready, checks } = await checkReadiness(
      toDeps(toSource(() => Promise.reject(new Error('broken')))),
    );
    expect(ready).toBe(false);
    expect(checks[1]?.detail).toBe('the file of X failed: Error: broken');
  });

  test('does not wait for a file system that hangs, nor lose the other checks', async () => {
    const looking = checkReadiness(
      toDeps(
        toSource(() => new Promise(() => {})),
        toSource(async () => ({ fault: 'is empty' })),
      ),
    );
    await clock.advance(2_000);
    const { ready, checks } = await looking;
    expect(ready).toBe(false);
    expect(checks.map(({ detail }) => detail).slice(1, 3)).toEqual([
      'the file of X could not be read within 2 s',
      'the file of X is empty',
    ]);
  });
});
