import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { headerOf, type RawResponse, send } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { startScriptedProxy } from '../imds/scripted-proxy.ts';
import { get, identityA, identityB, target } from '../imds/vectors.ts';
import {
  ask,
  askNewest,
  newest,
  newestHeader,
  oldest,
  oldestHeader,
  secret,
  startAppService,
  vault,
} from './scripted-app-service.ts';

let proxy: ScriptedServer;
beforeAll(async () => {
  proxy = await startAppService();
});
afterAll(() => proxy[Symbol.asyncDispose]());
beforeEach(() => proxy.source.forget());

function toFields({ body }: RawResponse): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}

const resource = `resource=${encodeURIComponent(vault)}`;

describe('a token', () => {
  test('in version 2019-08-01', async () => {
    const answer = await askNewest(proxy);
    expect(answer.status).toBe(200);
    expect(headerOf(answer, 'content-type')).toMatch(/^application\/json/);
    expect(headerOf(answer, 'content-length')).toBe(String(Buffer.byteLength(answer.body)));
    const fields = toFields(answer);
    expect(Object.keys(fields)).toEqual([
      'access_token',
      'client_id',
      'expires_on',
      'resource',
      'token_type',
    ]);
    expect(fields).toMatchObject({
      client_id: identityA.clientId,
      expires_on: String(Math.floor(proxy.clock.epochMs() / 1_000) + 86_399),
      resource: vault,
      token_type: 'Bearer',
    });
  });

  test('in version 2017-09-01, which writes the same time as a date', async () => {
    const { expires_on: seconds } = toFields(await askNewest(proxy));
    const answer = await send(proxy.endpoint, ask(`${oldest}&${resource}`, oldestHeader));
    expect(answer.status).toBe(200);
    const { expires_on: text } = toFields(answer);
    expect(text).toMatch(/^\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d \+00:00$/);
    expect(Date.parse(String(text)) / 1_000).toBe(Number(seconds));
  });

  test.each([
    ['the default', newest, newestHeader, '', identityA],
    ['client_id', newest, newestHeader, `&client_id=${identityB.clientId}`, identityB],
    ['principal_id', newest, newestHeader, `&principal_id=${identityB.objectId}`, identityB],
    ['object_id', newest, newestHeader, `&object_id=${identityB.objectId}`, identityB],
    ['mi_res_id', newest, newestHeader, `&mi_res_id=${identityB.resourceId}`, identityB],
    ['clientid', oldest, oldestHeader, `&clientid=${identityB.clientId}`, identityB],
  ])('of the identity that is meant by %s', async (_, version, header, selector, identity) => {
    const answer = await send(proxy.endpoint, ask(`${version}&${resource}${selector}`, header));
    expect(toFields(answer)['client_id']).toBe(identity.clientId);
  });

  test('comes from the cache that IMDS has too', async () => {
    const first = toFields(await askNewest(proxy));
    const before = proxy.source.gets.length;
    const imds = toFields(await send(proxy.endpoint, get(target())));
    expect(imds['access_token']).toBe(first['access_token']);
    expect(proxy.source.gets.length).toBe(before);
  });

  test('is a new one if a resource has refused the last', async () => {
    const first = toFields(await askNewest(proxy));
    const second = toFields(await askNewest(proxy, 'token_sha256_to_refresh=ab12&xms_cc=cp1'));
    expect(second['access_token']).not.toBe(first['access_token']);
  });

  test('is counted and logged as any other', async () => {
    const [counts, lines] = [proxy.metrics.counted.length, proxy.logger.lines.length];
    await askNewest(proxy);
    expect(proxy.metrics.counted.slice(counts)).toContain('finished token 200');
    expect(proxy.logger.lines.slice(lines).map(({ message }) => message)).toEqual([
      'successfully acquired token',
    ]);
  });
});

describe('the secret', () => {
  const wrong = `${secret.slice(0, -1)}0`;
  test.each([
    ['missing', newest, []],
    ['wrong in its last character', newest, [`X-IDENTITY-HEADER: ${wrong}`]],
    ['too short', newest, [`X-IDENTITY-HEADER: ${secret.slice(0, -1)}`]],
    ['too long', newest, [`X-IDENTITY-HEADER: ${secret}0`]],
    ['in other case', newest, [`X-IDENTITY-HEADER: ${secret.toUpperCase()}`]],
    ['empty', newest, ['X-IDENTITY-HEADER:']],
    ['repeated', newest, [newestHeader, newestHeader]],
    ['repeated, once wrong', newest, [newestHeader, `x-identity-header: ${wrong}`]],
    ['repeated in one header', newest, [`X-IDENTITY-HEADER: ${secret}, ${secret}`]],
    ['in the header of the other version', newest, [oldestHeader]],
    ['in the header of the other version', oldest, [newestHeader]],
    ['missing', oldest, []],
    ['repeated', oldest, [oldestHeader, oldestHeader]],
    ['replaced by Metadata', newest, ['Metadata: true']],
  ])('%s, %s', async (_, version, headers) => {
    const [counts, gets] = [proxy.metrics.counted.length, proxy.source.gets.length];
    // A token in memory must not make a difference.
    await askNewest(proxy);
    const answer = await send(proxy.endpoint, ask(`${version}&${resource}`, ...headers));
    expect(answer.status).toBe(401);
    expect(headerOf(answer, 'www-authenticate')).toBe('Identity-Header');
    expect(toFields(answer)).toEqual({
      statusCode: 401,
      message: expect.stringMatching(/^The header (x-identity-header|secret) is /),
      correlationId: headerOf(answer, 'x-ms-request-id'),
    });
    expect(proxy.metrics.counted.slice(counts)).toContain('denied identity_header');
    expect(proxy.source.gets.length).toBe(gets + 1);
  });

  test('is not asked for by IMDS, and Metadata not by App Service', async () => {
    expect((await send(proxy.endpoint, get(target()))).status).toBe(200);
    expect((await askNewest(proxy)).status).toBe(200);
    expect((await askNewest(proxy, '', 'Metadata: true')).status).toBe(200);
    expect((await askNewest(proxy, '', 'Metadata: false')).status).toBe(200);
  });

  test('in a header whose name has any case', async () => {
    const request = ask(`${newest}&${resource}`, `x-Identity-hEADER:${secret}`);
    expect((await send(proxy.endpoint, request)).status).toBe(200);
  });

  test('of a target that was answered before is asked for again', async () => {
    const metadata = 'Metadata: true';
    const query = `${newest}&${resource}`;
    expect((await send(proxy.endpoint, ask(query, metadata, newestHeader))).status).toBe(200);
    expect((await send(proxy.endpoint, ask(query, metadata))).status).toBe(401);
  });
});

describe('refusals', () => {
  test.each([
    ['X-Forwarded-For', '', ['X-Forwarded-For: 10.0.0.1'], 400, /forwarded/],
    ['Forwarded', '', ['Forwarded: for=10.0.0.1'], 400, /forwarded/],
    ['a second Host', '', ['Host: 127.0.0.1'], 400, /Host/],
    ['a name of another version', 'clientid=x', [], 400, /use 'client_id'/],
    ['a selector of IMDS alone', 'msi_res_id=x', [], 400, /use 'mi_res_id'/],
    ['an unknown identity', 'object_id=x', [], 400, /^No User Assigned or Delegated Managed/],
    ['an identity that is not allowed', `client_id=${crypto.randomUUID()}`, [], 400, /^No User/],
    [
      'two identities',
      `client_id=${identityA.clientId}&object_id=${identityB.objectId}`,
      [],
      400,
      /different identities/,
    ],
    ['a repeated name', `${newest}`, [], 400, /more than once/],
    ['a coded body', '', ['Transfer-Encoding: chunked'], 400, /HTTP/],
  ] as const)('%s', async (_, query, headers, status, message) => {
    const answer = await askNewest(proxy, query, ...headers);
    expect(answer.status).toBe(status);
    expect(toFields(answer)).toEqual({
      statusCode: status,
      message: expect.stringMatching(message),
      correlationId: headerOf(answer, 'x-ms-request-id'),
    });
  });

  test.each([
    ['no resource', newest, /resource/],
    ['no version', resource, /api-version/],
    ["IMDS's version", `api-version=2018-02-01&${resource}`, /api-version/],
  ])('%s', async (_, query, message) => {
    const answer = await send(proxy.endpoint, ask(query, newestHeader, oldestHeader));
    expect(answer.status).toBe(400);
    expect(toFields(answer)['message']).toMatch(message);
  });

  test('a foreign Host', async () => {
    const answer = await send(proxy.endpoint, {
      target: `/msi/token?${newest}&${resource}`,
      headers: ['Host: rebound.example', newestHeader],
    });
    expect(answer.status).toBe(400);
    expect(toFields(answer)['message']).toMatch(/Host/);
  });

  test('a foreign host in the target', async () => {
    const request = ask(`${newest}&${resource}`, newestHeader);
    const absolute = { ...request, target: `http://rebound.example${request.target}` };
    expect((await send(proxy.endpoint, absolute)).status).toBe(400);
  });

  test('another method', async () => {
    const request = { ...ask(`${newest}&${resource}`, newestHeader), method: 'POST' };
    const answer = await send(proxy.endpoint, request);
    expect([answer.status, headerOf(answer, 'allow')]).toEqual([405, 'GET']);
    expect(toFields(answer)['statusCode']).toBe(405);
  });

  test("Entra's own, with its correlation ID", async () => {
    const correlationId = '0f0e0d0c-0b0a-4908-8706-050403020100';
    proxy.source.script(
      new ProxyError('ERR_REJECTED', 'refused', {
        oauthError: 'invalid_resource',
        description: 'AADSTS500011: The resource principal was not found.',
        correlationId,
      }),
    );
    expect(toFields(await askNewest(proxy))).toEqual({
      statusCode: 400,
      message: 'AADSTS500011: The resource principal was not found.',
      correlationId,
    });
  });

  test('a failure that passes, with the time to wait', async () => {
    proxy.source.script(new ProxyError('ERR_UNAVAILABLE', 'no answer'));
    const answer = await askNewest(proxy);
    expect([answer.status, headerOf(answer, 'retry-after')]).toEqual([503, '1']);
  });

  test('several identities and none chosen', async () => {
    await using other = await startAppService('no_default');
    const answer = await askNewest(other);
    expect([answer.status, toFields(answer)['message']]).toEqual([
      400,
      expect.stringMatching(/^Multiple user assigned identities exist/),
    ]);
  });
});

test('without a secret in the configuration the path is unknown, whatever comes', async () => {
  await using off = await startScriptedProxy();
  for (const header of [newestHeader, 'X-IDENTITY-HEADER:', 'Metadata: true']) {
    const answer = await send(off.endpoint, ask(`${newest}&${resource}`, header));
    expect(answer.status).toBe(404);
    expect(toFields(answer)['error']).toBe('not_found');
  }
  expect(off.metrics.counted).not.toContain('finished token 404');
  expect(off.source.gets).toEqual([]);
});

test('who waits for IMDS and who waits for App Service wait in one queue', async () => {
  await using busy = await startScriptedProxy('standard', {
    identityHeader: secret,
    maxWaiting: 1,
  });
  const { promise: exchange, resolve: issue } = Promise.withResolvers<object>();
  busy.source.script(exchange);
  const first = send(busy.endpoint, get(target()));
  await expect.poll(() => busy.source.gets.length).toBe(1);
  const answer = await askNewest(busy);
  expect([answer.status, headerOf(answer, 'retry-after')]).toEqual([429, '1']);
  expect(toFields(answer)['message']).toMatch(/^Temporarily throttled/);
  issue({});
  expect((await first).status).toBe(200);
  expect((await askNewest(busy)).status).toBe(200);
});

test('the secret is in no log line, error or metric', async () => {
  await using fresh = await startAppService();
  const wrong = 'CANARY-wrong-0123456789abcdef0123456789';
  const answers: RawResponse[] = [];
  for (const headers of [
    [newestHeader],
    [newestHeader, newestHeader],
    [`X-IDENTITY-HEADER: ${wrong}`],
    [oldestHeader],
    [newestHeader, 'X-Forwarded-For: 1'],
  ]) {
    answers.push(await send(fresh.endpoint, ask(`${newest}&${resource}`, ...headers)));
  }
  // Somebody who takes the secret for a query value, a name or a version.
  for (const query of [
    `${newest}&${resource}&X-IDENTITY-HEADER=${secret}`,
    `${newest}&${resource}&client_id=${secret}`,
    `${newest}&${resource}&${secret}=x`,
    `api-version=${secret}&${resource}`,
  ]) {
    answers.push(await send(fresh.endpoint, ask(query, newestHeader)));
  }
  expect(fresh.logger.lines.length).toBeGreaterThanOrEqual(answers.length);
  const told = [
    ...fresh.logger.lines.map((line) => JSON.stringify(line)),
    ...fresh.metrics.counted,
    ...answers.filter(({ status }) => status !== 200).flatMap(({ head, body }) => [head, body]),
  ].join('\n');
  expect(told).not.toContain('CANARY-identity-header');
  expect(told).not.toContain('CANARY-wrong');
});
