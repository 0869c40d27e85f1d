import { expect, test, vi } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { headerOf, send } from '../../support/raw-http.ts';
import { startScriptedServer, startTestServer } from '../../support/scripted-source-server.ts';

const identity = { clientId: 'a1a1a1a1-0000-4000-8000-00000000000a', tenantId: 'tenant' };
const policy = {
  defaultIdentity: identity,
  identities: [identity],
  defaultTenantId: 'tenant',
  allowedClientIds: new Set([identity.clientId]),
  allowedResources: ['https://vault.azure.net'],
};
const target =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net';
const headers = ['Host: 169.254.169.254', 'Metadata: true'];

test('a port that is taken is an error of listen, and nothing else', async () => {
  await using first = await startScriptedServer({ policy });
  await expect(startScriptedServer({ policy, port: first.endpoint.port })).rejects.toThrow(
    'EADDRINUSE',
  );
});

test('it binds 127.0.0.1 and no other address', async () => {
  await using server = await startScriptedServer({ policy });
  const elsewhere = { host: '127.0.0.2', port: server.endpoint.port };
  await expect(send(elsewhere, { target, headers })).rejects.toThrow('ECONNREFUSED');
});

test('the last request is remembered for the stop, /readyz does not count', async () => {
  await using server = await startScriptedServer({ policy });
  expect(server.server.lastRequestAtMs).toBeUndefined();
  await send(server.endpoint, { target: '/readyz', headers });
  expect(server.server.lastRequestAtMs).toBeUndefined();
  for (const step of [target, target, '/nowhere']) {
    await server.clock.advance(1_000);
    await send(server.endpoint, { target: step, headers });
    expect(server.server.lastRequestAtMs).toBe(server.clock.monotonicMs());
  }
});

test('with an allow-list, other spellings get its token, and hear the resource as they wrote it', async () => {
  await using server = await startScriptedServer({ policy });
  server.source.put({ identity, resource: 'https://vault.azure.net' });
  for (const spelling of ['https://vault.azure.net', 'https://VAULT.azure.net']) {
    for (let times = 0; times < 2; times += 1) {
      const response = await send(server.endpoint, {
        target: target.replace('https://vault.azure.net', spelling),
        headers,
      });
      expect(response.status).toBe(200);
      expect(JSON.parse(response.body)).toMatchObject({ resource: spelling });
    }
  }
  expect(server.source.gets).toEqual([]);
});

test('an answer that is too long to be remembered is given as often as it is asked for', async () => {
  await using server = await startScriptedServer({ policy });
  const accessToken = 'x'.repeat(60_000);
  server.source.put({ identity, resource: 'https://vault.azure.net' }, { accessToken });
  for (let times = 0; times < 3; times += 1) {
    const response = await send(server.endpoint, { target, headers });
    expect(JSON.parse(response.body)).toMatchObject({ access_token: accessToken });
  }
});

test('a fault in the token source costs its caller 500 and nobody else anything', async () => {
  let fault: Error | undefined;
  await using server = await startTestServer(
    () => ({
      peek() {
        if (fault !== undefined) throw fault;
        return undefined;
      },
      get: async ({ identity: asked, resource }) => ({
        accessToken: 'x',
        identity: asked,
        resource,
        expiresAtMs: 1e9,
        expiresAtSeconds: 2e9,
        issuedAtSeconds: 1e9,
        extExpiresInSeconds: 1e9,
      }),
    }),
    { policy },
  );
  expect((await send(server.endpoint, { target, headers })).status).toBe(200);
  fault = new Error('a bug');
  const response = await send(server.endpoint, { target, headers });
  expect(response.status).toBe(500);
  expect(server.logger.lines.at(-1)).toMatchObject({
    level: 'error',
    fields: { error: 'a bug', request_id: headerOf(response, 'x-ms-request-id') },
  });
  fault = undefined;
  expect((await send(server.endpoint, { target, headers })).status).toBe(200);
});

const counted = (server: { readonly metrics: { readonly counted: readonly string[] } }) =>
  server.metrics.counted.filter((what) => what.startsWith('token request failed'));

test('a request that gets an error because no token can be had is counted, with the reason', async () => {
  await using server = await startScriptedServer({ policy });
  for (const code of ['ERR_REJECTED', 'ERR_UNAVAILABLE', 'ERR_INTERNAL'] as const) {
    server.source.script(new ProxyError(code, 'scripted'));
    expect((await send(server.endpoint, { target, headers })).status).not.toBe(200);
    expect(counted(server).at(-1)).toBe(`token request failed ${code}`);
  }
  await send(server.endpoint, { target, headers });
  expect(counted(server)).toHaveLength(3);
});

test.each([
  ['a rule refuses', { target, headers: ['Host: localhost'] }],
  ['the allow-list refuses', { target: target.replace('vault', 'storage'), headers }],
  ['is malformed', { target: target.replace('resource', 'recource'), headers }],
  ['is for another path', { target: '/nowhere', headers }],
])('a request that %s is not counted as one without a token', async (_, request) => {
  await using server = await startScriptedServer({ policy });
  expect((await send(server.endpoint, request)).status).not.toBe(200);
  expect(counted(server)).toEqual([]);
});

test('nor is one that the end of the process leaves without a token', async () => {
  await using server = await startScriptedServer({ policy });
  server.source.script(new ProxyError('ERR_SHUTTING_DOWN', 'scripted'));
  expect((await send(server.endpoint, { target, headers })).status).toBe(503);
  expect(counted(server)).toEqual([]);
});

test.each([
  ['metadata_header', { target, headers: ['Host: localhost'] }],
  ['forwarded', { target, headers: [...headers, 'X-Forwarded-For: 1'] }],
  ['host', { target, headers: ['Host: evil', 'Metadata: true'] }],
  ['method', { method: 'POST', target, headers }],
  ['path', { target: '/nowhere', headers }],
  ['allow_list', { target: target.replace('vault', 'storage'), headers }],
  ['allow_list', { target: `${target}&client_id=b1b1b1b1-0000-4000-8000-00000000000b`, headers }],
])('a refusal is counted as %s', async (reason, request) => {
  await using server = await startScriptedServer({ policy });
  const { status } = await send(server.endpoint, request);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(server.metrics.counted).toEqual([
    'started',
    `finished ${reason === 'path' ? 'other' : 'token'} ${status}`,
    `denied ${reason}`,
  ]);
});

test('the allow-list of resources does not care about case and the last slash', async () => {
  await using server = await startScriptedServer({ policy });
  for (const resource of ['https://VAULT.azure.net', 'https://vault.azure.net/']) {
    const request = { target: target.replace('https://vault.azure.net', resource), headers };
    expect((await send(server.endpoint, request)).status).toBe(200);
  }
});

test('an extra host is accepted beside the usual ones', async () => {
  await using server = await startScriptedServer({ policy, extraHosts: ['imds.internal'] });
  const at = (host: string) =>
    send(server.endpoint, { target, headers: [`Host: ${host}`, 'Metadata: true'] });
  expect((await at('imds.internal:8000')).status).toBe(200);
  expect((await at('127.0.0.1')).status).toBe(200);
  expect((await at('other.internal')).status).toBe(400);
});

test('a hit does not touch the timers, the wall clock more than once a second, or the source', async () => {
  await using server = await startScriptedServer({ policy });
  for (let round = 0; round < 2; round += 1) await send(server.endpoint, { target, headers });
  const epochMs = vi.spyOn(server.clock, 'epochMs');
  const timers = server.clock.pendingTimers;
  for (let round = 0; round < 50; round += 1) await send(server.endpoint, { target, headers });
  expect(epochMs).not.toHaveBeenCalled();
  await server.clock.advance(1_000);
  for (let round = 0; round < 50; round += 1) await send(server.endpoint, { target, headers });
  expect(epochMs).toHaveBeenCalledOnce();
  expect(server.clock.pendingTimers).toBe(timers);
  expect(server.source.gets).toHaveLength(1);
});
