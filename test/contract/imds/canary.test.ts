import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { send, sendRaw, toBytes } from '../../support/raw-http.ts';
import { tokenCanary } from '../../support/scripted-source.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { replay } from './replay.ts';
import { startScriptedProxy } from './scripted-proxy.ts';
import { get, identityA, identityB, target, vectors } from './vectors.ts';

let proxy: ScriptedServer;
beforeAll(async () => {
  proxy = await startScriptedProxy();
});
afterAll(() => proxy[Symbol.asyncDispose]());

const assertionCanary = 'eyJhbGciOiJSUzI1NiJ9.eyJDQU5BUlkiOiJhc3NlcnRpb24ifQ.c2lnbmF0dXJl';
const secretCanary = 'CANARY-secret';

/** Everything that was logged, as a log file would have it. */
const logged = (): string => proxy.logger.lines.map((line) => JSON.stringify(line)).join('\n');

test('T24: no vector leaves a token in the log, at any level', async () => {
  for (const { configuration = 'standard', steps } of vectors) {
    if (configuration !== 'standard') continue;
    for (const step of steps) await replay(proxy.endpoint, step);
  }
  expect(proxy.logger.lines.length).toBeGreaterThan(100);
  expect(logged()).not.toContain(tokenCanary);
});

test('T24: the log has no content of a request', async () => {
  const requests = [
    get(target(`access_token=${secretCanary}`)),
    get(target(`client_id=${secretCanary}`)),
    get(target(`${secretCanary.repeat(3)}=x&${secretCanary.repeat(4)}`)),
    get(target(`format=${secretCanary}`)),
    get(target(`api-version=${secretCanary}`)),
    get(`/metadata/${assertionCanary}`),
    get(target(), `Authorization: Bearer ${secretCanary}`, `Cookie: ${secretCanary}`),
    get(`http://user:${secretCanary}@127.0.0.1${target()}`),
  ];
  for (const request of requests) await send(proxy.endpoint, request);
  await sendRaw(proxy.endpoint, toBytes({ method: secretCanary, target: '/' }));
  expect(logged()).not.toContain(secretCanary);
  expect(logged()).not.toContain(assertionCanary);
});

test('T24: the URI of a log line hides identities and resources', async () => {
  proxy.source.forget();
  await send(proxy.endpoint, get(target(`object_id=${identityB.objectId}`)));
  await send(proxy.endpoint, get(target(`msi_res_id=${encodeURIComponent(identityA.resourceId)}`)));
  const uris = proxy.logger.lines.map(({ fields }) => String(fields['uri']));
  for (const hidden of [identityB.objectId, 'subscriptions', 'vault.azure.net']) {
    expect(uris.join('\n')).not.toContain(hidden);
  }
  expect(uris).toContain(
    '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=***&object_id=***',
  );
});

test('T24: an upstream that echoes the assertion does not get it to the client', async () => {
  for (const code of [
    'ERR_REJECTED',
    'ERR_UNAVAILABLE',
    'ERR_THROTTLED',
    'ERR_INTERNAL',
  ] as const) {
    proxy.source.forget();
    proxy.source.script(
      new ProxyError(code, 'upstream echoed its request', {
        oauthError: `x ${assertionCanary}`,
        description: `client_assertion=${assertionCanary}&scope=x`,
        hint: assertionCanary,
        timestamp: assertionCanary,
        traceId: assertionCanary,
        correlationId: assertionCanary,
      }),
    );
    const { status, body } = await send(proxy.endpoint, get(target()));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toContain(assertionCanary);
    expect(body).not.toContain('eyJ');
  }
});

test('a token from an exchange is logged once, at info, with its identity and resource', async () => {
  proxy.source.forget();
  const before = proxy.logger.lines.length;
  for (let round = 0; round < 3; round += 1) await send(proxy.endpoint, get(target()));
  const lines = proxy.logger.lines.slice(before);
  expect(lines.map(({ level, message }) => [level, message])).toEqual([
    ['info', 'successfully acquired token'],
    ['debug', 'token request'],
    ['debug', 'token request'],
  ]);
  expect(lines[0]?.fields).toMatchObject({
    method: 'GET',
    status: 200,
    client_id: identityA.clientId,
    resource: 'https://vault.azure.net',
    cache: 'miss',
  });
});
