import { describe, expect, test } from 'vitest';
import { formatStatus, renderStatus, type Status } from '../../../src/proxy/admin/status-page.ts';
import { loadConfig } from '../../../src/proxy/config/config.ts';
import type { KeyStatus } from '../../../src/proxy/token/key-status.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const clientId = 'a1a1a1a1-0000-4000-8000-00000000000a';
const tenantId = '8f6c1d3a-2b47-4c55-9a7e-3c1d5e9f0b22';
const nowSeconds = Date.UTC(2026, 0, 1) / 1_000;
const identity = { clientId, tenantId };

const held: KeyStatus = {
  identity,
  resource: 'https://vault.azure.net',
  expiresAtSeconds: nowSeconds + 86_000,
  nextRenewalAtSeconds: nowSeconds + 3_700,
  isExchanging: false,
  failing: undefined,
};

const failing: KeyStatus = {
  identity,
  resource: 'https://management.azure.com/',
  expiresAtSeconds: undefined,
  nextRenewalAtSeconds: undefined,
  isExchanging: true,
  failing: {
    identity,
    resource: 'https://management.azure.com/',
    hasToken: false,
    code: 'ERR_REJECTED',
    aadsts: 700213,
    message: 'Entra refused with status 401',
    hint: 'No federated credential has this subject.',
    remedy: 'az identity federated-credential create',
    failures: 3,
    sinceSeconds: nowSeconds - 90,
    nextRetryAtSeconds: nowSeconds + 12,
    retriesByItself: false,
  },
};

const ready = { ready: true, checks: [{ name: 'serving', outcome: 'passed' }] } as const;

async function render(env: Readonly<Record<string, string>>, keys: readonly KeyStatus[] = []) {
  const loaded = loadConfig([], {
    AZURE_TENANT_ID: tenantId,
    AZURE_FEDERATED_TOKEN_FILE: '/var/run/token',
    ...env,
  });
  if (loaded.kind !== 'config') throw new Error(JSON.stringify(loaded));
  const page = await renderStatus({
    clock: createManualClock(),
    config: loaded.config,
    keys: () => keys,
    checkReadiness: async () => ready,
  });
  return { text: `${page.text}`, status: JSON.parse(`${page.json}`) as Status };
}

describe('/statusz', () => {
  test('lists the settings that differ from their defaults, and no others', async () => {
    const { status, text } = await render({
      AZURE_CLIENT_ID: clientId,
      IMDS_PROXY_LOG_LEVEL: 'info',
      IMDS_PROXY_ADMIN_PORT: '9808',
      IMDS_PROXY_DRAIN_QUIET: '1s',
    });
    expect(status.settings).toEqual({
      AZURE_CLIENT_ID: clientId,
      AZURE_TENANT_ID: tenantId,
      AZURE_FEDERATED_TOKEN_FILE: '/var/run/token',
      IMDS_PROXY_LOG_LEVEL: 'info',
      IMDS_PROXY_DRAIN_QUIET: '1s',
    });
    expect(text).toContain('  IMDS_PROXY_DRAIN_QUIET=1s\n');
  });

  test('never shows the value of a secret setting', async () => {
    const secret = 'correct-horse-battery-staple-0123456789';
    const page = await render({
      IMDS_PROXY_IDENTITY_HEADER: secret,
      HTTPS_PROXY: `http://user:${secret}@proxy:3128`,
    });
    expect(JSON.stringify(page)).not.toContain(secret);
    expect(page.status.settings).toMatchObject({
      IMDS_PROXY_IDENTITY_HEADER: 'set',
      https_proxy: 'set',
    });
  });

  test('names every identity, and which one is the default', async () => {
    const other = 'b2b2b2b2-0000-4000-8000-00000000000b';
    const { status } = await render({
      AZURE_CLIENT_ID: clientId,
      IMDS_PROXY_IDENTITIES: `[{"clientId":"${other}"}]`,
    });
    expect(status.identities).toEqual([
      { clientId, tenantId, isDefault: true },
      { clientId: other, tenantId, isDefault: false },
    ]);
  });

  test('the text has keys with their times, and failures with hint and command', async () => {
    const { status } = await render({ AZURE_CLIENT_ID: clientId }, [held, failing]);
    const text = formatStatus({
      ...status,
      version: '1.2.3',
      revision: 'f'.repeat(40),
      node: 'v26.0.0',
      uptimeSeconds: 3_725,
    });
    expect(text).toBe(`workload-identity-imds-proxy 1.2.3 (ffffffffffff), Node.js v26.0.0
up 1 h 2 min

[+]serving ok
readyz check passed

Settings that differ from their defaults:
  AZURE_CLIENT_ID=${clientId}
  AZURE_TENANT_ID=${tenantId}
  AZURE_FEDERATED_TOKEN_FILE=/var/run/token

Identities:
  ${clientId} in tenant ${tenantId} (default)

Keys: 2, 1 with a token
  ${clientId} https://vault.azure.net: expires in 23 h 53 min, renewal in 1 h 1 min
  ${clientId} https://management.azure.com/: no token, exchange running, failing

Failures:
  ${clientId} https://management.azure.com/: ERR_REJECTED AADSTS700213
    Entra refused with status 401
    3 in a row for 1 min 30 s; asked again by the first request after 12 s
    hint: No federated credential has this subject.
    command: az identity federated-credential create
`);
  });

  test('says "none" where there is nothing to list', async () => {
    const { text } = await render({});
    expect(text).toContain('Identities:\n  none\n');
    expect(text).toContain('Keys: 0, 0 with a token\n');
    expect(text).toContain('Failures:\n  none\n');
  });
});
