import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parse } from 'yaml';

import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import {
  type ProxyProcess,
  type ProxyProcessOptions,
  startProxy,
  until,
} from '../../support/proxy-process.ts';
import { startConnectProxy } from '../../unit/entra/loopback.ts';

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

const subject = 'system:serviceaccount:shop:orders';
let emulator: Emulator;

beforeEach(async () => {
  emulator = await startEmulator({
    identityBinding: true,
    namespace: 'shop',
    serviceAccount: 'orders',
    names: ['login.test'],
    identities: [
      { name: 'orders' },
      { name: 'forbidden', binding: 'forbidden' },
      { name: 'unbound', binding: 'none' },
    ],
  });
});
afterEach(() => emulator.stop());

const start = (options: ProxyProcessOptions = {}): Promise<ProxyProcess> =>
  startProxy(emulator, options);

const clientIdOf = (name: string): string =>
  emulator.identities.list().find((identity) => identity.name === name)?.clientId ?? '';

let lastResource = 0;

/** Asks for a resource that nobody has asked for. */
async function ask(proxy: ProxyProcess, name?: string): Promise<Answer> {
  lastResource += 1;
  const resource = `https://resource-${lastResource}.example`;
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource });
  if (name !== undefined) query.set('client_id', clientIdOf(name));
  const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
    headers: { Metadata: 'true' },
    signal: AbortSignal.timeout(30_000),
  });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, string>,
  };
}

const servers = (): readonly string[] => emulator.journal.entries().map(({ server }) => server);

describe('the built proxy in a pod with identity binding', () => {
  test('T1: gets tokens through the token proxy, and asks nobody else', async () => {
    await using proxy = await start();
    const { status, body } = await ask(proxy);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body['client_id']).toBe(clientIdOf('orders'));
    // The second is the token proxy's own: its assertion is not the pod's.
    expect(emulator.journal.entries()).toMatchObject([
      { server: 'token-proxy', serverName: emulator.tokenProxy?.serverName },
      { server: 'tenant', assertion: { iss: expect.stringContaining('https://ib.oic.') } },
    ]);
    expect(proxy.log.find(({ message }) => message === 'effective configuration')).toMatchObject({
      exchange_mode: 'binding',
      token_proxy: emulator.tokenProxy?.url,
      token_proxy_sni: emulator.tokenProxy?.serverName,
      token_proxy_ca: 'file',
    });
    expect(proxy.log.filter(({ level }) => level === 'warning')).toEqual([]);
  });

  test('names the RBAC that is missing, ready to be applied, to client and log', async () => {
    await using proxy = await start();
    const { status, body } = await ask(proxy, 'forbidden');
    expect(status).toBe(400);
    expect(body['error']).toBe('access_denied');
    const list = /echo '(.*?)' \| kubectl apply -f -/.exec(body['error_description'] ?? '')?.[1];
    expect(parse(list ?? '')).toMatchObject({
      items: [
        {
          kind: 'ClusterRole',
          rules: [{ resources: [clientIdOf('forbidden')], verbs: ['use-managed-identity'] }],
        },
        {
          kind: 'ClusterRoleBinding',
          subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'orders' }],
        },
      ],
    });
    await proxy.untilLogged(({ hint }) => String(hint).includes('kubectl apply'));

    const identity = emulator.identities.list()[1];
    if (identity !== undefined) emulator.tokenProxy?.bind(identity, [subject]);
    expect(await ask(proxy, 'forbidden')).toMatchObject({ status: 200 });
  });

  test('tells an identity without binding from one that may not be used', async () => {
    await using proxy = await start();
    expect(await ask(proxy, 'unbound')).toMatchObject({
      status: 400,
      body: {
        error: 'invalid_request',
        error_description: expect.stringContaining('az aks identity-binding list'),
      },
    });
  });

  test('T5: without the server name, it is the API server that answers', async () => {
    await using proxy = await start({ env: { AZURE_KUBERNETES_SNI_NAME: '' } });
    expect(await ask(proxy)).toMatchObject({
      status: 400,
      body: { error_description: expect.stringContaining('check AZURE_KUBERNETES_SNI_NAME') },
    });
  });

  test('T5: with another one, its certificate is refused', async () => {
    await using proxy = await start({ env: { AZURE_KUBERNETES_SNI_NAME: 'another.ests.aks' } });
    expect(await ask(proxy)).toMatchObject({
      status: 503,
      body: { error_description: expect.stringContaining('is not for another.ests.aks') },
    });
    expect(servers()).toEqual([]);
  });

  test('T6: a CA that every other connection trusts does not vouch for it', async () => {
    // The emulated Entra's CA is in NODE_EXTRA_CA_CERTS of this process, and says nothing here.
    await using proxy = await start({ env: { AZURE_KUBERNETES_CA_FILE: emulator.caFile } });
    expect(await ask(proxy)).toMatchObject({
      status: 503,
      body: { error_description: expect.stringContaining('and its CA do not agree') },
    });
    expect(servers()).toEqual([]);
  });

  test('T3: takes CA data when the webhook 1.6.0 names a file that is not there', async () => {
    const env = {
      AZURE_KUBERNETES_CA_FILE: '/nowhere/ca.crt',
      AZURE_KUBERNETES_CA_DATA: emulator.tokenProxy?.caPem ?? '',
    };
    await using proxy = await start({ env });
    expect(await ask(proxy)).toMatchObject({ status: 200 });
    expect(proxy.log.filter(({ level }) => level === 'warning')).toMatchObject([
      { message: expect.stringContaining('AZURE_KUBERNETES_CA_DATA instead') },
    ]);
  });

  test('T7: the CA rotates again and again under load, and no request fails', async () => {
    await using proxy = await start();
    const statuses = new Map<number, number>();
    let isOver = false;
    const load = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        const { status } = await ask(proxy);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    const total = (): number => [...statuses.values()].reduce((sum, count) => sum + count, 0);
    for (let turn = 0; turn < 6; turn += 1) {
      const before = total();
      await until(() => total() >= before + 12, 'requests go on');
      await emulator.tokenProxy?.rotateCa({ retireOld: turn % 2 === 0 });
    }
    isOver = true;
    await Promise.all(load);
    expect([...statuses.keys()]).toEqual([200]);
    expect(total()).toBeGreaterThan(72);
  });

  test('T7: an exchange uses the last good CA while the file is broken', async () => {
    const caFile = join(emulator.caFile, '..', 'copy.crt');
    await writeFile(caFile, await readFile(emulator.tokenProxy?.caFile ?? ''));
    const env = { AZURE_KUBERNETES_CA_FILE: caFile };
    await using proxy = await start({ env });
    expect(await ask(proxy)).toMatchObject({ status: 200 });
    for (const content of ['', 'half a certifi', undefined]) {
      if (content === undefined) await rm(caFile);
      else await writeFile(`${caFile}.new`, content).then(() => rename(`${caFile}.new`, caFile));
      expect(await ask(proxy)).toMatchObject({ status: 200 });
    }
    const kept = proxy.log.filter(({ message }) => message.includes('last good CA is used'));
    expect(kept.length).toBe(3);
  });

  test('T7: the CA that was good at the start serves the first exchange', async () => {
    const caFile = join(emulator.caFile, '..', 'copy.crt');
    await writeFile(caFile, await readFile(emulator.tokenProxy?.caFile ?? ''));
    const env = { AZURE_KUBERNETES_CA_FILE: caFile };
    await using proxy = await start({ env });
    await writeFile(caFile, '');
    expect(await ask(proxy)).toMatchObject({ status: 200 });
    const kept = proxy.log.filter(({ message }) => message.includes('last good CA is used'));
    expect(kept.length).toBe(1);
  });

  test('T8: the HTTP proxy is for Entra; one identity is federated through it', async () => {
    const authority = new URL(emulator.authorityHost);
    await using tunnel = await startConnectProxy({ upstreamPort: Number(authority.port) });
    const env = {
      HTTPS_PROXY: `http://proxy-user:proxy-hunter2@127.0.0.1:${tunnel.port}`,
      AZURE_AUTHORITY_HOST: `https://login.test:${authority.port}`,
      IMDS_PROXY_IDENTITIES: JSON.stringify([
        {
          clientId: clientIdOf('unbound'),
          mode: 'federation',
          tokenFile: emulator.federationTokenFile,
        },
      ]),
    };
    await using proxy = await start({ env, logLevel: 'all' });
    expect(await ask(proxy)).toMatchObject({ status: 200 });
    expect(servers()).toEqual(['token-proxy', 'tenant']);
    expect(tunnel.asked).toEqual([]);

    emulator.journal.clear();
    expect(await ask(proxy, 'unbound')).toMatchObject({ status: 200 });
    expect(servers()).toEqual(['tenant']);
    const basic = Buffer.from('proxy-user:proxy-hunter2').toString('base64');
    expect(tunnel.asked).toEqual([
      { target: `login.test:${authority.port}`, authorization: `Basic ${basic}` },
    ]);
    const said = proxy.output.join('\n');
    expect(said).toContain(`"entra_via":"127.0.0.1:${tunnel.port}"`);
    for (const secret of ['proxy-hunter2', basic]) expect(said).not.toContain(secret);
  });

  test('T8: an HTTP proxy that hangs does not hold up a client for more than 25 s', async () => {
    await using tunnel = await startConnectProxy({ answer: () => {} });
    const env = {
      HTTPS_PROXY: `http://127.0.0.1:${tunnel.port}`,
      AZURE_AUTHORITY_HOST: 'https://login.test',
      IMDS_PROXY_IDENTITY_BINDING: 'off',
      AZURE_FEDERATED_TOKEN_FILE: emulator.federationTokenFile ?? '',
    };
    await using proxy = await start({ env });
    const startedAt = performance.now();
    expect(await ask(proxy)).toMatchObject({
      status: 503,
      body: { error_description: expect.stringContaining(`127.0.0.1:${tunnel.port}`) },
    });
    expect(performance.now() - startedAt).toBeLessThan(25_000);
  });

  test('T1: off with a token for the token proxy warns at the start and asks nobody', async () => {
    await using proxy = await start({ env: { IMDS_PROXY_IDENTITY_BINDING: 'off' } });
    const warnings = proxy.log.filter(({ level }) => level === 'warning');
    expect(warnings).toMatchObject([
      { message: expect.stringMatching(/AADSTS700211 or AADSTS700212.*AZURE_KUBERNETES_TOKEN_/) },
    ]);
    expect(await ask(proxy)).toMatchObject({ status: 503 });
    expect(servers()).toEqual([]);
  });
});
