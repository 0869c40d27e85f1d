import { readFile } from 'node:fs/promises';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { requestToken } from '../../support/emulator-client.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());
beforeEach(() => {
  emulator.faults.clear();
  emulator.journal.clear();
});

async function call(method: string, path: string, body?: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${emulator.adminUrl}${path}`, {
    method,
    ...(text === undefined ? {} : { body: text }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.text();
  return {
    status: response.status,
    allow: response.headers.get('allow'),
    body: answer === '' ? undefined : JSON.parse(answer),
  };
}

describe('the admin API', () => {
  it('describes the emulator', async () => {
    const { status, body } = await call('GET', '/');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      authorityHost: emulator.authorityHost,
      adminUrl: emulator.adminUrl,
      env: { AZURE_AUTHORITY_HOST: emulator.authorityHost },
    });
  });

  it('listens on the loopback address', () => {
    expect(new URL(emulator.adminUrl).hostname).toBe('127.0.0.1');
  });

  it('sets, adds, lists and clears faults', async () => {
    const put = await call('PUT', '/faults', [{ kind: 'server-error', requests: 1 }]);
    expect(put).toMatchObject({ status: 200, body: [{ remainingRequests: 1 }] });
    await call('POST', '/faults', { kind: 'html' });
    expect((await requestToken(emulator)).status).toBe(503);
    expect((await requestToken(emulator)).status).toBe(502);
    expect((await call('GET', '/faults')).body).toEqual([
      { effect: { kind: 'html', status: 502 } },
    ]);
    await call('PUT', '/faults', { kind: 'server-error', status: 500 });
    expect((await requestToken(emulator)).status).toBe(500);
    expect(await call('DELETE', '/faults')).toMatchObject({ status: 204, body: undefined });
    expect((await requestToken(emulator)).status).toBe(200);
  });

  it('shows and clears the journal', async () => {
    await requestToken(emulator);
    const { body } = await call('GET', '/journal');
    expect(body).toMatchObject([{ method: 'POST', outcome: { status: 200 } }]);
    expect((await call('DELETE', '/journal')).status).toBe(204);
    expect((await call('GET', '/journal')).body).toEqual([]);
  });

  it('adds, lists and removes identities', async () => {
    const added = await call('POST', '/identities', { name: 'late' });
    const { clientId } = added.body;
    expect((await requestToken(emulator, { clientId })).status).toBe(200);
    expect((await call('GET', '/identities')).body).toContainEqual(added.body);
    expect((await call('DELETE', '/identities', { clientId })).status).toBe(204);
    expect((await requestToken(emulator, { clientId })).status).toBe(400);
  });

  it('changes and rotates the token file', async () => {
    const read = async () => decodeJwt(await readFile(emulator.tokenFile, 'utf8'));
    const body = { serviceAccount: 'other', audiences: ['x'], lifetimeSeconds: 60, ageSeconds: 5 };
    expect((await call('PUT', '/token-file', body)).status).toBe(204);
    const changed = await read();
    expect(changed).toMatchObject({ sub: 'system:serviceaccount:default:other', aud: ['x'] });
    expect((changed.exp ?? 0) - (changed.iat ?? 0)).toBe(60);
    await call('POST', '/rotate', { target: 'token-file' });
    const rotated = await read();
    expect(rotated.sub).toBe(changed.sub);
    expect(rotated.jti).not.toBe(changed.jti);
    await call('PUT', '/token-file', {});
    expect((await read()).sub).toBe('system:serviceaccount:default:demo');
    await call('PUT', '/token-file', { namespace: 'shop' });
    await call('PUT', '/token-file');
    expect((await read()).sub).toBe('system:serviceaccount:default:demo');
  });

  it('rotates keys', async () => {
    const kid = emulator.issuer.keys.currentKid;
    await call('POST', '/rotate', { target: 'issuer-key' });
    expect(emulator.issuer.keys.jwks().keys).toHaveLength(2);
    await call('POST', '/rotate', { target: 'issuer-key', retireOld: true });
    expect(emulator.issuer.keys.jwks().keys.map((key) => key.kid)).not.toContain(kid);
    expect((await call('POST', '/rotate', { target: 'tenant-key' })).status).toBe(204);
  });

  it.each([
    ['PUT', '/faults', '{', 'the body is not JSON'],
    ['PUT', '/faults', undefined, 'kind must be one of'],
    ['PUT', '/faults', { kind: 'explode' }, 'kind must be one of'],
    ['PUT', '/faults', [{ kind: 'reset' }, { kind: 'delay' }], 'delayMs must be'],
    ['POST', '/faults', [{ kind: 'reset' }], 'kind must be one of'],
    ['POST', '/faults', { kind: 'reset', requests: '1' }, 'requests must be a whole number'],
    ['POST', '/faults', `"${'x'.repeat(70_000)}"`, 'the body is above 64 KiB'],
    ['POST', '/identities', {}, 'name must be'],
    ['POST', '/identities', { name: 'a', clientId: 'x' }, 'clientId must be a GUID'],
    ['DELETE', '/identities', {}, 'clientId must be a GUID'],
    [
      'DELETE',
      '/identities',
      { clientId: '55555555-5555-4555-8555-555555555555' },
      'no identity has 55555555',
    ],
    ['PUT', '/token-file', { subject: '' }, 'subject must be a string that is not empty'],
    ['PUT', '/token-file', { audience: 'x' }, 'the body has no field "audience"'],
    ['PUT', '/token-file', { audiences: 'x' }, 'audiences must be a list, not "x"'],
    ['PUT', '/token-file', { lifetimeSeconds: 1e9 }, 'lifetimeSeconds must be'],
    ['POST', '/rotate', {}, 'target must be one of token-file, issuer-key, tenant-key'],
    ['POST', '/rotate', undefined, 'the body must be a JSON object'],
    ['POST', '/rotate', { target: 'token-file', retireOld: 1 }, 'retireOld must be true or false'],
  ])('refuses %s %s %j', async (method, path, body, message) => {
    const answer = await call(method, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toContain(message);
    expect(emulator.faults.list()).toEqual([]);
  });

  it('knows no other paths and methods', async () => {
    expect(await call('GET', '/constructor')).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining('known are /, /faults, /journal') },
    });
    expect(await call('PATCH', '/faults')).toMatchObject({
      status: 405,
      allow: 'GET, PUT, POST, DELETE',
      body: { error: '/faults takes GET, PUT, POST, DELETE, not PATCH' },
    });
  });

  it('hands out no assertion, token or key', async () => {
    await requestToken(emulator);
    const answers = await Promise.all(
      ['/', '/faults', '/journal', '/identities'].map((path) => call('GET', path)),
    );
    const text = JSON.stringify(answers);
    expect(text).not.toMatch(/eyJ|PRIVATE KEY|"d":/);
  });
});
