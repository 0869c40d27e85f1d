import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { clusterClaims, makeAssertion } from '../../unit/entra/support.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'readiness-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function readyz({ adminPort }: ProxyProcess): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz?verbose`);
  return { status: response.status, text: await response.text() };
}

test('/readyz fails for a token file that no exchange can succeed with, and says why', async () => {
  const path = join(await makeFolder(), 'token');
  await writeFile(path, 'garbage');
  await using proxy = await startProxy(emulator, {
    withAdmin: true,
    env: { AZURE_FEDERATED_TOKEN_FILE: path },
  });
  // The admin port is opened after the first.
  await vi.waitFor(() => readyz(proxy), 10_000);
  const nowSeconds = Math.floor(Date.now() / 1_000);
  for (const [content, reason] of [
    ['garbage', 'does not hold a ServiceAccount token'],
    ['a.b.c', 'does not hold a ServiceAccount token'],
    [makeAssertion({ ...clusterClaims, exp: nowSeconds - 600 }), 'expired 10 min ago'],
    [makeAssertion({ ...clusterClaims, nbf: nowSeconds + 3_600 }), 'not valid for another'],
    [
      makeAssertion({ ...clusterClaims, aud: ['api://AKSIdentityBinding'] }),
      'audience api://AKSIdentityBinding',
    ],
    [
      makeAssertion({ ...clusterClaims, aud: ['https://kubernetes.default.svc'] }),
      "for the cluster's API server",
    ],
    [makeAssertion({ ...clusterClaims, aud: undefined }), 'without an audience'],
  ] as const) {
    await writeFile(path, content);
    const { status, text } = await readyz(proxy);
    expect(text).toContain('[-]federated-token failed: the file of AZURE_FEDERATED_TOKEN_FILE ');
    expect(text).toContain(reason);
    expect(status).toBe(503);
  }
  // The clocks of the node and of the API server may differ by minutes.
  await writeFile(path, makeAssertion({ ...clusterClaims, nbf: nowSeconds + 120 }));
  expect(await readyz(proxy)).toMatchObject({ status: 200 });
});

test('/metrics shows the token files as they are, without any exchange', async () => {
  const folder = await makeFolder();
  const path = join(folder, 'token');
  const other = join(folder, 'other');
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const write = (iat: number): Promise<void> =>
    writeFile(path, makeAssertion({ ...clusterClaims, iat, exp: iat + 3_600 }));
  await write(nowSeconds - 3_000);
  await using proxy = await startProxy(emulator, {
    withAdmin: true,
    env: {
      AZURE_FEDERATED_TOKEN_FILE: path,
      IMDS_PROXY_IDENTITIES: JSON.stringify([
        { clientId: 'b1b1b1b1-0000-4000-8000-00000000000b', tokenFile: other },
      ]),
    },
  });
  const scrape = async (): Promise<readonly string[]> => {
    const text = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    return text.split('\n').filter((line) => /^imds_proxy_federated_token_\w+\{/.test(line));
  };
  await vi.waitFor(scrape, 10_000);
  const lines = (issued: number): readonly string[] => [
    `imds_proxy_federated_token_expiry_timestamp_seconds{file="default"} ${issued + 3_600}`,
    `imds_proxy_federated_token_issued_timestamp_seconds{file="default"} ${issued}`,
    'imds_proxy_federated_token_usable{file="default"} 1',
    'imds_proxy_federated_token_usable{file="identities-1"} 0',
  ];
  expect(await scrape()).toEqual(lines(nowSeconds - 3_000));
  await write(nowSeconds);
  expect(await scrape()).toEqual(lines(nowSeconds));
});

test('/metrics tells a missing client ID, its refusals and the AADSTS numbers of failures', async () => {
  await using proxy = await startProxy(emulator, { withAdmin: true, env: { AZURE_CLIENT_ID: '' } });
  const ask = (query = ''): Promise<Response> =>
    fetch(
      `${proxy.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x${query}`,
      { headers: { Metadata: 'true' } },
    );
  expect((await ask()).status).toBe(400);
  emulator.faults.add({ effect: { kind: 'refuse', code: 500011 }, requests: 1 });
  expect((await ask(`&client_id=${emulator.describe().env['AZURE_CLIENT_ID']}`)).status).toBe(400);
  const metrics = await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`);
  expect((await metrics.text()).split('\n')).toEqual(
    expect.arrayContaining([
      'imds_proxy_default_identity_configured 0',
      'imds_proxy_requests_denied_total{reason="identity"} 1',
      'imds_proxy_token_exchange_aadsts_total{aadsts="500011"} 1',
      'imds_proxy_token_request_failures_total{reason="rejected"} 1',
    ]),
  );
  expect(proxy.log.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^AZURE_CLIENT_ID: not set/),
  );
});
