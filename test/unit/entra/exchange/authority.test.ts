import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { authorities, recordCalls } from '../../../../build/docs-identity-binding.ts';
import { createEntraExchange } from '../../../../src/proxy/entra/exchange/exchange.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import {
  createRecordingLogger,
  createScriptedTransport,
  drive,
  federatedTokenFile,
  makeAssertion,
  neverAborted,
  request,
  tokenReply,
} from '../support.ts';

const clouds = [
  ['public', 'https://login.microsoftonline.com'],
  ['US government', 'https://login.microsoftonline.us'],
  ['China', 'https://login.chinacloudapi.cn'],
  ['China, new host', 'https://login.partner.microsoftonline.cn'],
  ['Bleu', 'https://login.sovcloud-identity.fr'],
  ['Delos', 'https://login.sovcloud-identity.de'],
  ['Singapore', 'https://login.sovcloud-identity.sg'],
  ['old Germany', 'https://login.microsoftonline.de'],
  ['public, old alias', 'https://login.windows.net'],
  ['regional', 'https://westeurope.login.microsoft.com'],
  ['external tenants', 'https://contoso.ciamlogin.com'],
  ['private', 'https://login.local.azurestack.external'],
  ['private with a port', 'https://entra.example:8443'],
  ['an address', 'https://127.0.0.1:8443'],
  ['an IPv6 address', 'https://[::1]:8443'],
] as const;

/** Everything that leaves the process by Node's own means. */
const connect = vi.spyOn(Socket.prototype, 'connect');
const fetch = vi.spyOn(globalThis, 'fetch');

beforeEach(() => {
  vi.stubEnv('MSAL_FORCE_REGION', 'westus');
  vi.stubEnv('AZURE_REGIONAL_AUTHORITY_NAME', 'AutoDiscoverRegion');
  vi.stubEnv('REGION_NAME', 'westus');
  connect.mockClear();
  fetch.mockClear();
});
afterEach(() => vi.unstubAllEnvs());

describe('T9: nothing but the token POST', () => {
  it.each(clouds)('in the cloud: %s', async (_name, authorityHost) => {
    const clock = createManualClock();
    const transport = createScriptedTransport(clock, [tokenReply()]);
    const exchange = createEntraExchange(
      { clock, transport, logger: createRecordingLogger(), readFile: async () => makeAssertion() },
      { authorityHost, federatedTokenFile },
    );
    const result = await drive(clock, exchange(request, neverAborted));
    expect(result).toMatchObject({ value: { accessToken: 'an-access-token' } });
    expect(transport.posts).toHaveLength(1);
    const { url } = transport.posts[0] ?? {};
    // T10: the host stays the one that was configured.
    expect(url?.origin).toBe(authorityHost);
    expect(url?.pathname).toBe(`/${request.identity.tenantId}/oauth2/v2.0/token`);
    expect([...(url?.searchParams.keys() ?? [])]).toEqual(['client-request-id']);
    expect(connect).not.toHaveBeenCalled();
    expect(fetch).not.toHaveBeenCalled();
  });

  describe.each(['22222222-2222-2222-2222-222222222222', 'contoso.onmicrosoft.com'])(
    'T10: from the variables on, tenant %s',
    (AZURE_TENANT_ID) => {
      it.each(authorities)('%s: %s', async (_cloud, AZURE_AUTHORITY_HOST) => {
        for (const slashes of ['', '/', '//']) {
          const origin = AZURE_AUTHORITY_HOST.replace(/\/$/, '');
          const env = { AZURE_TENANT_ID, AZURE_AUTHORITY_HOST: `${origin}${slashes}` };
          const [call = '', ...others] = await recordCalls(env);
          const [url, query] = call.split('?');
          expect(others).toEqual([]);
          expect(url).toBe(`POST ${origin}/${AZURE_TENANT_ID}/oauth2/v2.0/token`);
          expect(query).toMatch(/^client-request-id=[\d-]{36}$/);
        }
        expect(connect).not.toHaveBeenCalled();
        expect(fetch).not.toHaveBeenCalled();
      });
    },
  );

  it('takes a tenant by its domain', async () => {
    const clock = createManualClock();
    const transport = createScriptedTransport(clock, [tokenReply()]);
    const exchange = createEntraExchange(
      { clock, transport, logger: createRecordingLogger(), readFile: async () => makeAssertion() },
      { authorityHost: clouds[0][1], federatedTokenFile },
    );
    const identity = { ...request.identity, tenantId: 'contoso.onmicrosoft.com' };
    const result = await drive(clock, exchange({ ...request, identity }, neverAborted));
    expect(result.status).toBe('fulfilled');
    expect(transport.posts[0]?.url.pathname).toBe('/contoso.onmicrosoft.com/oauth2/v2.0/token');
  });
});
