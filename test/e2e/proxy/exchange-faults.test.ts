import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { findFreePort, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, string>>;
}

let emulator: Emulator;
let proxy: ProxyProcess;

beforeEach(async () => {
  emulator = await startEmulator({ identities: [{ name: 'a' }, { name: 'b' }] });
  proxy = await startProxy(emulator);
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await emulator.stop();
});

let lastResource = 0;

/** Asks for a resource that nobody has asked for. */
async function ask(extra: Readonly<Record<string, string>> = {}): Promise<Answer> {
  lastResource += 1;
  const resource = `https://resource-${lastResource}.example`;
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource, ...extra });
  const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
    headers: { Metadata: 'true' },
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Record<string, string>,
  };
}

/** Token requests that reached Entra. */
const posts = (): number => emulator.journal.entries().length;

describe('the built proxy when Entra refuses', () => {
  test('vector 79: an unknown resource is Entra’s own 400, asked once', async () => {
    emulator.faults.add({ effect: { kind: 'refuse', code: 500011 } });
    const { status, retryAfter, body } = await ask();
    expect(status).toBe(400);
    expect(retryAfter).toBeNull();
    expect(body['error']).toBe('invalid_resource');
    expect(body['error_description']).toMatch(/^AADSTS500011:/);
    expect(posts()).toBe(1);
  });

  test('vector 80: a 401 of Entra is 400 for the client, with Entra’s own error', async () => {
    emulator.faults.add({ effect: { kind: 'refuse', code: 700027 } });
    const { status, body } = await ask();
    expect(status).toBe(400);
    expect(body['error']).toBe('invalid_client');
    expect(body['error_description']).toMatch(/^AADSTS700027:/);
    expect(emulator.journal.entries()[0]).toMatchObject({ outcome: { status: 401 } });
  });

  test('vector 81: a federated credential that is just arriving is waited for', async () => {
    emulator.faults.add({ effect: { kind: 'not-propagated' }, requests: 1 });
    expect((await ask()).status).toBe(200);
    expect(posts()).toBe(2);
  });

  test('vector 82: a federated credential that is missing is 400 with the command that adds it', async () => {
    await emulator.projectToken({ subject: 'system:serviceaccount:shop:orders' });
    const { status, body } = await ask();
    expect(status).toBe(400);
    expect(body['error_description']).toMatch(/^AADSTS700213:/);
    expect(body['error_description']).toContain(
      'az identity federated-credential create --name shop-orders',
    );
    expect(body['error_description']).toContain('--subject system:serviceaccount:shop:orders');
  });

  test('vector 83: an assertion that has expired is read again when the file is rotated', async () => {
    await emulator.projectToken({ ageSeconds: 7_200 });
    expect((await ask()).status).toBe(503);
    await emulator.projectToken({});
    await expect.poll(async () => (await ask()).status).toBe(200);
  });

  test('vectors 84, 89: an answer that is no answer is 503 with a short Retry-After', async () => {
    for (const kind of [
      'html',
      'truncated',
      'empty',
      'malformed-json',
      'no-access-token',
    ] as const) {
      emulator.faults.replace([{ effect: kind === 'html' ? { kind, status: 503 } : { kind } }]);
      const { status, retryAfter, body } = await ask();
      expect(status, kind).toBe(503);
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
      expect(Number(retryAfter)).toBeLessThanOrEqual(5);
      expect(body['error']).toBe('service_unavailable');
    }
    emulator.faults.clear();
    expect((await ask()).status).toBe(200);
  });

  test('vector 85: a request that hangs is 503 in the end and holds up nobody else', async () => {
    const [a, b] = emulator.identities.list();
    emulator.faults.add({ effect: { kind: 'hang' }, clientId: a?.clientId });
    let hangs = true;
    const hanging = ask().finally(() => {
      hangs = false;
    });
    // The incumbent makes this one wait for the other.
    expect((await ask({ client_id: b?.clientId ?? '' })).status).toBe(200);
    expect(hangs).toBe(true);
    // That it takes less than 25 s is shown on the exchange's own clock, in its unit tests.
    expect((await hanging).status).toBe(503);
  });

  test('vector 87: throttling is passed on with Entra’s Retry-After and up to half as much again, and kept', async () => {
    emulator.faults.add({ effect: { kind: 'throttle', retryAfterSeconds: 17 } });
    const resource = 'https://throttled.example';
    const first = await ask({ resource });
    expect(first.status).toBe(429);
    expect(Number(first.retryAfter)).toBeGreaterThanOrEqual(17);
    expect(Number(first.retryAfter)).toBeLessThanOrEqual(26);
    const before = posts();
    expect((await ask({ resource })).status).toBe(429);
    expect(posts()).toBe(before);
  });

  test('a fault of a second or two is bridged inside the request', async () => {
    emulator.faults.add({ effect: { kind: 'server-error', status: 503 }, durationMs: 1_500 });
    expect((await ask()).status).toBe(200);
  });

  test('vector 88: a token in memory is served while Entra is down', async () => {
    const resource = 'https://vault.azure.net';
    const { body } = await ask({ resource });
    emulator.faults.add({ effect: { kind: 'reset' } });
    expect((await ask({ resource })).body['access_token']).toBe(body['access_token']);
  });

  test('vector 38: a hundred callers of one cold key cost Entra one request', async () => {
    const resource = 'https://vault.azure.net';
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask({ resource })));
    expect(new Set(answers.map(({ body }) => body['access_token'])).size).toBe(1);
    expect(posts()).toBe(1);
  });
});

describe('the built proxy when Entra cannot be reached', () => {
  test('vector 86: refused, unknown and untrusted authorities are 503 and leak nothing', async () => {
    const port = await findFreePort();
    const cases: readonly Readonly<Record<string, string>>[] = [
      { AZURE_AUTHORITY_HOST: `https://127.0.0.1:${port}` },
      { AZURE_AUTHORITY_HOST: 'https://login.invalid' },
      { NODE_EXTRA_CA_CERTS: '' },
    ];
    for (const env of cases) {
      await using other = await startProxy(emulator, { env });
      const response = await fetch(
        `${other.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x`,
        { headers: { Metadata: 'true' } },
      );
      const body = await response.text();
      expect(response.status, body).toBe(503);
      expect(body).not.toMatch(/eyJ/);
      expect(body).toMatch(/Hint: /);
    }
  });

  test('vectors 90, 91: no token file, an empty one, then one that works, without a restart', async () => {
    const file = join(emulator.tokenFile, '..', 'late-token');
    await using other = await startProxy(emulator, { env: { AZURE_FEDERATED_TOKEN_FILE: file } });
    const askOther = async (): Promise<{ status: number; text: string }> => {
      const response = await fetch(
        `${other.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x`,
        { headers: { Metadata: 'true' } },
      );
      return { status: response.status, text: await response.text() };
    };
    const missing = await askOther();
    expect(missing.status).toBe(503);
    expect(missing.text).toContain('AZURE_FEDERATED_TOKEN_FILE');

    await writeFile(file, '');
    await expect
      .poll(async () => (await askOther()).text, { timeout: 15_000 })
      .toMatch(/AZURE_FEDERATED_TOKEN_FILE.*empty/i);

    await writeFile(`${file}.new`, await emulator.mintAssertion());
    await rename(`${file}.new`, file);
    await expect.poll(async () => (await askOther()).status, { timeout: 15_000 }).toBe(200);
  });
});
