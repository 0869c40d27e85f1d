/**
 * Clients with their own way to read the answer (vector 101). Each reader here does in TypeScript what the
 * client does, by its documentation or behaviour.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RawResponse, send } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { startScriptedProxy } from './scripted-proxy.ts';
import { get, identityA, target, vault } from './vectors.ts';

let proxy: ScriptedServer;
let answer: RawResponse;
let refusal: RawResponse;
beforeAll(async () => {
  proxy = await startScriptedProxy();
  answer = await send(proxy.endpoint, get(target()));
  refusal = await send(proxy.endpoint, get(target('client_id=nonsense')));
});
afterAll(() => proxy[Symbol.asyncDispose]());

const accessToken = (): string =>
  (JSON.parse(answer.body) as { access_token: string }).access_token;
const nowSeconds = (): number => Math.floor(proxy.clock.epochMs() / 1_000);

test('vector 101: readLine() of Java MSICredentials has the whole object in the first line', () => {
  const [firstLine = ''] = answer.body.split(/\r\n|\n|\r/);
  expect(JSON.parse(firstLine)).toMatchObject({ access_token: accessToken() });
});

test('vector 101: mssql-jdbc finds its literals in the first line', () => {
  const between = (literal: string): string => {
    const start = answer.body.indexOf(literal);
    expect(start).toBeGreaterThan(-1);
    const valueStart = start + literal.length;
    return answer.body.slice(valueStart, answer.body.indexOf('"', valueStart + 1));
  };
  expect(between('"access_token":"')).toBe(accessToken());
  expect(Number.parseInt(between('"expires_in":"'), 10)).toBeGreaterThan(0);
});

test('vector 101: SqlClient counts three characters after expires_on and reads ten digits', () => {
  const name = 'expires_on';
  const start = answer.body.indexOf(name) + name.length + 3;
  expect(Number(answer.body.slice(start, start + 10))).toBe(nowSeconds() + 86_399);
  const tokenStart = answer.body.indexOf('access_token') + 'access_token'.length + 3;
  expect(answer.body.slice(tokenStart, answer.body.indexOf('"', tokenStart))).toBe(accessToken());
});

test('vector 101: ABFS wants 200, a JSON type and a length, and integers that Java parses', () => {
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')?.[0]?.startsWith('application/json')).toBe(true);
  expect(Number(answer.headers.get('content-length')?.[0])).toBeGreaterThan(0);
  const javaInteger = /^[+-]?\d+$/;
  const fields = JSON.parse(answer.body) as Record<string, string>;
  expect(fields['expires_in']).toMatch(javaInteger);
  expect(Number(fields['expires_in'])).toBeLessThanOrEqual(2 ** 31 - 1);
  expect(fields['expires_on']).toMatch(javaInteger);
  // For its error message it reads this header and the first KiB of the body.
  expect(refusal.headers.get('x-ms-request-id')?.[0]).toBeTruthy();
  expect(Buffer.byteLength(refusal.body)).toBeLessThan(1_024);
});

test('vector 101: every number is one for json.Number and strconv.Atoi of Go', () => {
  const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
  const fields = JSON.parse(answer.body) as Record<string, unknown>;
  for (const name of ['expires_in', 'expires_on', 'ext_expires_in', 'not_before']) {
    expect(fields[name]).toMatch(jsonNumber);
    expect(fields[name]).toMatch(/^\d+$/);
  }
  // What must be an integer if it is there is best not there.
  expect(fields).not.toHaveProperty('refresh_in');
});

test('vector 101: a struct of strings (Rust serde, Go, C# Dictionary<string, string>) takes it', () => {
  const fields = JSON.parse(answer.body) as Record<string, unknown>;
  expect(Object.values(fields).every((value) => typeof value === 'string')).toBe(true);
  for (const required of ['access_token', 'expires_on', 'resource', 'token_type']) {
    expect(fields).toHaveProperty(required);
  }
});

test('vector 101: MSAL for .NET takes whichever expiry comes last, and both are the same', () => {
  const fields = JSON.parse(answer.body) as Record<string, string>;
  expect(nowSeconds() + Number(fields['expires_in'])).toBe(Number(fields['expires_on']));
  // Below 978307200 it takes a number for a duration.
  expect(Number(fields['expires_on'])).toBeGreaterThan(978_307_200);
});

test('vector 101: ms-rest-nodeauth puts token_type into its header as it is', () => {
  const { token_type, access_token } = JSON.parse(answer.body) as Record<string, string>;
  expect(`${token_type} ${access_token}`).toBe(`Bearer ${accessToken()}`);
});

test('vector 101: GDAL takes a member named error for a failure, msal-node caches by the echo', () => {
  const fields = JSON.parse(answer.body) as Record<string, string>;
  expect(fields).not.toHaveProperty('error');
  expect(fields).toMatchObject({ resource: vault, client_id: identityA.clientId });
});

test('vector 101: azure-cli compares the status and the reason of a refusal', () => {
  expect(`http error: ${refusal.status}, reason: ${refusal.reason}`).toBe(
    'http error: 400, reason: Bad Request',
  );
});

test('vector 101: MSAL for Python reads error and error_description of every refusal', () => {
  const fields = JSON.parse(refusal.body) as Record<string, unknown>;
  expect(fields).toEqual({ error: 'invalid_request', error_description: 'Identity not found' });
});
