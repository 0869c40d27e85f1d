import { expect } from 'vitest';
import {
  connect,
  type Endpoint,
  headerOf,
  type RawResponse,
  toBytes,
} from '../../support/raw-http.ts';
import { type Expectation, identityA, type Step, vault } from './vectors.ts';

/** Sends one step on a new connection and compares the answer with the expected one. */
export async function replay(
  endpoint: Endpoint,
  { request, expect: expected }: Step,
): Promise<void> {
  const connection = await connect(endpoint);
  try {
    connection.write(toBytes(request));
    const response = await connection.read({ head: request.method === 'HEAD' });
    assertAnswer(response, expected, { hasBody: request.method !== 'HEAD' });
    if (expected.outcome === 'ok' && expected.closes) await connection.closed;
  } finally {
    connection.destroy();
  }
}

/** What every answer of the token endpoint keeps to, and what this one should be. */
export function assertAnswer(
  response: RawResponse,
  expected: Expectation,
  { hasBody = true }: { readonly hasBody?: boolean } = {},
): void {
  assertForm(response, hasBody);
  switch (expected.outcome) {
    case 'ok':
      assertToken(response, expected);
      return;
    case 'error':
      expect([expected.status].flat()).toContain(response.status);
      if (response.status === 405) {
        expect(headerOf(response, 'allow')).toBe(expected.allow ?? 'GET');
      }
      if (hasBody) assertError(response, expected);
      return;
    case 'api_version':
      expect(response.status).toBe(400);
      assertApiVersionError(response);
      return;
    default:
      expected satisfies never;
  }
}

/** Headers and framing, the same for tokens and errors (vectors 1, 4, 56, 58, 74, 94). */
function assertForm(response: RawResponse, hasBody: boolean): void {
  const { headers, body, status } = response;
  expect(response.version).toBe('HTTP/1.1');
  expect(headerOf(response, 'content-type')).toBe('application/json; charset=utf-8');
  expect(headerOf(response, 'server')).toMatch(/^IMDS\//);
  expect(headerOf(response, 'x-ms-request-id')).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  expect(Number(headerOf(response, 'content-length'))).toBeGreaterThan(0);
  if (hasBody) expect(Number(headerOf(response, 'content-length'))).toBe(Buffer.byteLength(body));
  for (const name of ['transfer-encoding', 'content-encoding', 'metadata-flavor', 'location']) {
    expect(headers.has(name), name).toBe(false);
  }
  expect([...headers.keys()].filter((name) => /^access-control-|cookie/.test(name))).toEqual([]);
  expect(headers.has('retry-after')).toBe(status === 429 || status === 503);
  expect(response.reason).toBe(reasons[status]);
  expect(body).not.toMatch(/[\r\n]/);
  expect(body).not.toMatch(/unreachable/i);
  expect([200, 400, 404, 405, 408, 413, 414, 429, 431, 500, 503, 508]).toContain(status);
}

/** azure-cli compares `400, reason: Bad Request` literally. */
const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  508: 'Loop Detected',
};

const tokenKeys = [
  'access_token',
  'client_id',
  'expires_in',
  'expires_on',
  'ext_expires_in',
  'not_before',
  'resource',
  'token_type',
];

function assertToken(
  { status, body }: RawResponse,
  { clientId = identityA.clientId, resource = vault }: Extract<Expectation, { outcome: 'ok' }>,
): void {
  expect(status, body).toBe(200);
  const token = parseObject(body);
  expect(Object.keys(token)).toEqual(tokenKeys);
  for (const value of Object.values(token)) expect(value).toBeTypeOf('string');
  expect(token).toMatchObject({ client_id: clientId, resource, token_type: 'Bearer' });
  for (const name of ['expires_on', 'not_before']) expect(token[name]).toMatch(/^\d{10}$/);
  for (const name of ['expires_in', 'ext_expires_in']) expect(token[name]).toMatch(/^[1-9]\d*$/);
  expect(body).not.toContain('": ');
  expect(body).toMatch(/"access_token":".+"expires_in":"\d+","expires_on":"\d{10}"/);
}

function assertError(
  { body }: RawResponse,
  { error, description, lacks }: Extract<Expectation, { outcome: 'error' }>,
): void {
  const answer = parseObject(body);
  expect(answer['error']).toBeTypeOf('string');
  expect(answer['error']).not.toBe('');
  expect(answer['error_description']).toBeTypeOf('string');
  expect(answer['error_description']).not.toBe('');
  if (error !== undefined) expect(answer['error']).toBe(error);
  if (description instanceof RegExp) expect(answer['error_description']).toMatch(description);
  else if (description !== undefined) expect(answer['error_description']).toBe(description);
  if (lacks !== undefined) expect(body).not.toContain(lacks);
}

function assertApiVersionError({ body }: RawResponse): void {
  const answer = parseObject(body);
  expect(answer['error']).toContain('api-version');
  expect(answer['newest-versions']).toEqual(expect.arrayContaining(['2025-04-07']));
  expect(answer['error_description']).toBeTypeOf('string');
}

export function parseObject(body: string): Record<string, unknown> {
  const value: unknown = JSON.parse(body);
  expect(value).toBeTypeOf('object');
  return value as Record<string, unknown>;
}
