import { describe, expect, it } from 'vitest';
import { createEntraExchange } from '../../../../src/proxy/entra/exchange/exchange.ts';
import type { TokenProxySettings } from '../../../../src/proxy/entra/settings.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import {
  type Answer,
  authorityHost,
  createRecordingLogger,
  createScriptedTransport,
  drive,
  federatedTokenFile,
  makeAssertion,
  neverAborted,
  request,
} from '../support.ts';

const withCode = (code: string): Error => Object.assign(new Error('some fault'), { code });

/** @param serverName empty for none. */
async function fail(
  answer: Answer,
  serverName = 'a1.ests.aks',
  ca: TokenProxySettings['ca'] = { kind: 'file', path: '/ca.crt' },
) {
  const clock = createManualClock();
  const toEntra = createScriptedTransport(clock, ['hang']);
  const toProxy = createScriptedTransport(clock, [answer]);
  const exchange = createEntraExchange(
    {
      clock,
      logger: createRecordingLogger(),
      transport: toEntra,
      tokenProxyTransport: toProxy,
      random: () => 0,
      readFile: async () => makeAssertion({ aud: ['api://AKSIdentityBinding'] }),
    },
    {
      authorityHost,
      federatedTokenFile,
      mode: 'binding',
      tokenProxy: {
        url: 'https://kubernetes.default.svc:6443/',
        serverName: serverName === '' ? undefined : serverName,
        ca,
      },
    },
  );
  const result = await drive(clock, exchange(request, neverAborted));
  expect(toEntra.posts).toEqual([]);
  return { result, posts: toProxy.posts.length };
}

describe('no answer of the token proxy', () => {
  it.each([
    [
      'ENOTFOUND',
      4,
      /^The name of the token proxy, kubernetes\.default\.svc, could not/,
      /_TOKEN_PROXY/,
    ],
    ['EAI_AGAIN', 4, /could not be resolved \(EAI_AGAIN\)/, /cluster's DNS/],
    ['ECONNREFUSED', 4, /^The connection to kubernetes\.default\.svc:6443 failed/, /API server/],
    ['UND_ERR_CONNECT_TIMEOUT', 4, /gave no answer in time/, /NetworkPolicy.*API server/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 1, /is not for a1\.ests\.aks/, /AZURE_KUBERNETES_SNI_NAME/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 4, /and its CA do not agree/, /AZURE_KUBERNETES_CA_FILE/],
    ['CERT_HAS_EXPIRED', 4, /and its CA do not agree \(CERT_HAS_EXPIRED\)/, /create the pod again/],
  ])('%s', async (code, attempts, description, hint) => {
    const { result, posts } = await fail(withCode(code));
    expect(result).toMatchObject({
      status: 'rejected',
      reason: {
        details: {
          description: expect.stringMatching(description),
          hint: expect.stringMatching(hint),
        },
      },
    });
    expect(posts).toBe(attempts);
    expect(JSON.stringify(result)).not.toContain('AZURE_AUTHORITY_HOST');
  });

  it('says that a server name is missing', async () => {
    const { result } = await fail(withCode('ERR_TLS_CERT_ALTNAME_INVALID'), '');
    expect(result).toMatchObject({
      reason: {
        details: {
          description: expect.stringContaining('is not for kubernetes.default.svc'),
          hint: expect.stringContaining('Set AZURE_KUBERNETES_SNI_NAME'),
        },
      },
    });
  });

  it('says that no CA is configured', async () => {
    const { result } = await fail(withCode('SELF_SIGNED_CERT_IN_CHAIN'), '', { kind: 'system' });
    expect(result).toMatchObject({
      reason: {
        details: {
          description: expect.stringContaining('(SELF_SIGNED_CERT_IN_CHAIN)'),
          hint: expect.stringMatching(
            /No CA is configured.* Node's own roots.*AZURE_KUBERNETES_CA_FILE/,
          ),
        },
      },
    });
  });

  it('T22: none at all', async () => {
    const { result } = await fail('hang');
    expect(result).toMatchObject({
      reason: {
        code: 'ERR_TIMEOUT',
        details: { description: 'kubernetes.default.svc:6443 gave no answer within 10 s.' },
      },
    });
  });
});
