/** The tables of docs/identity-binding.md: the settings that the start refuses, and the traffic on the network. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { systemClock } from '../src/proxy/clock.ts';
import { loadConfig } from '../src/proxy/config/config.ts';
import { toEntraSettings } from '../src/proxy/config/exchange-settings.ts';
import { createEntraExchange } from '../src/proxy/entra/exchange/exchange.ts';
import type { Transport } from '../src/proxy/entra/transport/transport.ts';
import { toTokenProxyUrl } from '../src/proxy/entra/transport/transport.ts';
import { code, renderTable } from './markdown-table.ts';

/** The authorities that the tests go through, as AZURE_AUTHORITY_HOST has them. */
export const authorities = [
  ['Public', 'https://login.microsoftonline.com/'],
  ['Public, old name', 'https://login.windows.net'],
  ['US Government', 'https://login.microsoftonline.us/'],
  ['China', 'https://login.chinacloudapi.cn/'],
  ['China, new name', 'https://login.partner.microsoftonline.cn'],
  ['Bleu (France)', 'https://login.sovcloud-identity.fr'],
  ['Delos (Germany)', 'https://login.sovcloud-identity.de'],
  ['Singapore', 'https://login.sovcloud-identity.sg'],
  ['Germany, closed', 'https://login.microsoftonline.de'],
  ['External tenants', 'https://contoso.ciamlogin.com'],
  ['Azure Stack', 'https://login.local.azurestack.external'],
  ['Private host and port', 'https://entra.example:8443/'],
  ['Private address', 'https://10.1.2.3'],
  ['Private IPv6 address', 'https://[fd00::1]:8443'],
] as const;

const clientId = '11111111-1111-1111-1111-111111111111';
const tenantId = '22222222-2222-2222-2222-222222222222';

const required = {
  AZURE_CLIENT_ID: clientId,
  AZURE_TENANT_ID: tenantId,
  AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/wi/token/azure-identity-token',
} as const;

type Env = Readonly<Record<string, string>>;

/** Every request that one exchange sends, `METHOD URL`. */
export async function recordCalls(env: Env): Promise<readonly string[]> {
  const loaded = loadConfig([], { ...required, ...env });
  if (loaded.kind !== 'config') throw new Error(JSON.stringify(loaded));
  const settings = toEntraSettings(loaded.config);
  const calls: string[] = [];
  const recorder = (toUrl: (url: string) => string): Transport => ({
    post(url) {
      calls.push(`POST ${toUrl(url)}`);
      const token = { token_type: 'Bearer', access_token: 'recorded', expires_in: 3_599 };
      return Promise.resolve({ status: 200, headers: {}, text: JSON.stringify(token) });
    },
  });
  const { tokenProxy } = settings;
  const exchange = createEntraExchange(
    {
      clock: systemClock,
      logger: { isEnabled: () => false, log: () => {} },
      transport: recorder((url) => url),
      ...(tokenProxy && {
        tokenProxyTransport: recorder((url) => toTokenProxyUrl(tokenProxy.url, url)),
      }),
      readFile: () => Promise.resolve(`e30.${Buffer.from('{}').toString('base64url')}.e30`),
    },
    settings,
  );
  const identity = { clientId, tenantId: loaded.config.tenantId };
  const request = { identity, resource: 'https://vault.azure.net', correlationId: clientId };
  await exchange(request, new AbortController().signal);
  return calls;
}

/** Variables that make other libraries choose or discover a region. */
export const regionVariables = {
  MSAL_FORCE_REGION: 'westus',
  AZURE_REGIONAL_AUTHORITY_NAME: 'AutoDiscoverRegion',
} as const;

const special = [
  ['Region', { IMDS_PROXY_REGIONAL_AUTHORITY: 'westeurope' }],
  ['Tenant by domain', { AZURE_TENANT_ID: 'contoso.onmicrosoft.com' }],
  ['Identity binding', { AZURE_KUBERNETES_TOKEN_PROXY: 'https://kubernetes.default.svc/' }],
] as const;

const rowsOfCalls = await recordAll();

async function recordAll(): Promise<readonly (readonly string[])[]> {
  const before = { ...process.env };
  Object.assign(process.env, regionVariables);
  try {
    const clouds = authorities.map(
      ([cloud, AZURE_AUTHORITY_HOST]) => [cloud, { AZURE_AUTHORITY_HOST }] as const,
    );
    return await Promise.all(
      [...clouds, ...special].map(async ([name, env]) => [
        name,
        code(Object.entries(env).flat().join('=')),
        (await recordCalls(env)).map(shorten).map(code).join(', '),
      ]),
    );
  } finally {
    for (const name of Object.keys(regionVariables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

/** What one exchange sends, in every cloud. */
export function renderCalls(): string {
  return renderTable(['Cloud', 'Setting', 'All requests of one exchange'], rowsOfCalls);
}

function shorten(call: string): string {
  return call
    .replace(tenantId, '{tenant}')
    .replace(/client-request-id=.*$/, 'client-request-id={id}');
}

const url = 'https://kubernetes.default.svc';
const proxy = { AZURE_KUBERNETES_TOKEN_PROXY: url };

/** What the start makes of settings that are at fault. `{file}` stands for a CA file with that content. */
const faults: readonly (readonly [what: string, env: Env, caFile?: string])[] = [
  ['a server name without the URL', { AZURE_KUBERNETES_SNI_NAME: 'a1.ests.aks' }],
  ['a CA without the URL', { AZURE_KUBERNETES_CA_FILE: '/ca.crt' }],
  ['asked for, without the URL', { IMDS_PROXY_IDENTITY_BINDING: 'on' }],
  ['no URL', { AZURE_KUBERNETES_TOKEN_PROXY: 'kubernetes.default.svc' }],
  ['another scheme', { AZURE_KUBERNETES_TOKEN_PROXY: 'http://kubernetes.default.svc' }],
  ['user info', { AZURE_KUBERNETES_TOKEN_PROXY: 'https://user:password@kubernetes.default.svc' }],
  ['a query', { AZURE_KUBERNETES_TOKEN_PROXY: `${url}/?a=b` }],
  ['a bare question mark', { AZURE_KUBERNETES_TOKEN_PROXY: `${url}/?` }],
  ['a fragment', { AZURE_KUBERNETES_TOKEN_PROXY: `${url}/#a` }],
  ['an address as server name', { ...proxy, AZURE_KUBERNETES_SNI_NAME: '10.0.0.1' }],
  ['CA data without a certificate', { ...proxy, AZURE_KUBERNETES_CA_DATA: 'none' }],
  ['a CA file that is not there', { ...proxy, AZURE_KUBERNETES_CA_FILE: '/nowhere/ca.crt' }],
  ['a CA file without a certificate', { ...proxy, AZURE_KUBERNETES_CA_FILE: '{file}' }, 'none'],
  [
    'a CA file that is empty, as during a rotation',
    { ...proxy, AZURE_KUBERNETES_CA_FILE: '{file}' },
    '',
  ],
  [
    'CA file and data',
    { ...proxy, AZURE_KUBERNETES_CA_FILE: '{file}', AZURE_KUBERNETES_CA_DATA: '{pem}' },
    '{pem}',
  ],
  [
    'CA file and data, the file absent (webhook 1.6.0)',
    { ...proxy, AZURE_KUBERNETES_CA_FILE: '/nowhere/ca.crt', AZURE_KUBERNETES_CA_DATA: '{pem}' },
  ],
  [
    'an identity in mode binding, without the URL',
    { IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId, mode: 'binding' }]) },
  ],
];

/** Each fault with the very words of the start. */
export function renderFaults(): string {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  const path = join(folder, 'ca.crt');
  const [pem = ''] = rootCertificates;
  try {
    const rows = faults.map(([what, env, content]) => {
      if (content !== undefined) writeFileSync(path, content.replace('{pem}', pem));
      const filled = Object.entries(env).map(([name, value]) => [
        name,
        value.replace('{file}', path).replace('{pem}', pem),
      ]);
      const loaded = loadConfig([], { ...required, ...Object.fromEntries(filled) });
      const [outcome, messages] =
        loaded.kind === 'invalid'
          ? ['refused', loaded.errors]
          : ['warning', loaded.kind === 'config' ? loaded.warnings : []];
      const said = messages.join(' ').replaceAll(path, '/var/run/secrets/azure/wi/ca-cert/ca.crt');
      if (said === '') throw new Error(`nothing is said of ${what}`);
      return [what, outcome, said];
    });
    return renderTable(['Setting', 'Start', 'Message'], rows);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
