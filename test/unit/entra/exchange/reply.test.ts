import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTokenReply } from '../../../../src/proxy/entra/exchange/reply.ts';
import type { HttpReply } from '../../../../src/proxy/entra/transport/transport.ts';
import { jsonReply, makeAssertion, refusalReply, tokenReply } from '../support.ts';

const nowMs = Date.UTC(2026, 0, 1);

const parse = (reply: HttpReply) => parseTokenReply(reply, nowMs, makeAssertion());

describe('token reply', () => {
  it('reads a token', () => {
    expect(parse(tokenReply({ refresh_in: 43_199 }))).toEqual({
      kind: 'issued',
      accessToken: 'an-access-token',
      expiresInSeconds: 86_399,
      extExpiresInSeconds: 86_399,
      refreshInSeconds: 43_199,
      body: expect.objectContaining({ access_token: 'an-access-token' }),
    });
  });

  it.each([3e11, 1e12, 1e13, 2 ** 53 - 1, 1e300, '99999999999999999999'])(
    'caps a lifetime of %s s at the longest that Entra documents',
    (lifetime) => {
      const reply = tokenReply({
        expires_in: lifetime,
        ext_expires_in: lifetime,
        refresh_in: lifetime,
      });
      expect(parse(reply)).toMatchObject({
        kind: 'issued',
        expiresInSeconds: 28 * 3_600,
        extExpiresInSeconds: 28 * 3_600,
        refreshInSeconds: 28 * 3_600,
      });
    },
  );

  it('takes a token of 64 KiB, and none that is longer', () => {
    expect(parse(tokenReply({ access_token: 'a'.repeat(64 * 1_024) })).kind).toBe('issued');
    const reply = parse(tokenReply({ access_token: 'a'.repeat(64 * 1_024 + 1) }));
    expect(reply).toMatchObject({ kind: 'unusable', tokenLength: 64 * 1_024 + 1 });
  });

  it('cleans every text', () => {
    const odd = 'a\u009b31m\u202eb\u2028c\u200bd\u0000';
    const refusal = refusalReply(70021, {
      error: odd,
      error_description: odd,
      trace_id: odd,
      correlation_id: odd,
      timestamp: odd,
    });
    expect(parse(refusal)).toMatchObject({
      oauthError: 'invalid_request',
      description: 'a?31m?b c?d?',
      traceId: undefined,
      correlationId: undefined,
      timestamp: undefined,
    });
    const status = jsonReply(403, { kind: 'Status', message: odd });
    expect(parse(status)).toMatchObject({ statusMessage: 'a?31m?b c?d?' });
    expect(parse({ status: 502, headers: {}, text: odd })).toMatchObject({
      excerpt: 'a?31m?b c?d?',
    });
  });

  it('reads durations that are strings, and does without the optional ones', () => {
    const reply = tokenReply({ expires_in: '3599', ext_expires_in: '', refresh_in: null });
    expect(parse(reply)).toMatchObject({
      kind: 'issued',
      expiresInSeconds: 3_599,
      extExpiresInSeconds: undefined,
      refreshInSeconds: undefined,
    });
  });

  it.each([
    ['no access_token', { access_token: undefined }],
    ['an empty access_token', { access_token: '' }],
    ['an access_token that is not a string', { access_token: {} }],
    ['an access_token that no header can carry', { access_token: 'a\r\nSet-Cookie: b' }],
    ['another token type', { token_type: 'pop' }],
    ['no expires_in', { expires_in: undefined }],
    ['expires_in 0', { expires_in: 0 }],
    ['expires_in below 0', { expires_in: -1 }],
    ['expires_in that is not a number', { expires_in: 'soon' }],
    ['expires_in beyond all numbers', { expires_in: '9'.repeat(400) }],
  ])('T18: takes a success with %s for no token', (_name, overrides) => {
    expect(parse(tokenReply(overrides)).kind).toBe('unusable');
  });

  it('reads a refusal', () => {
    expect(parse(refusalReply(700213))).toMatchObject({
      kind: 'refused',
      status: 401,
      oauthError: 'invalid_client',
      aadsts: 700_213,
      correlationId: '55555555-5555-5555-5555-555555555555',
      traceId: '44444444-4444-4444-4444-444444444444',
      timestamp: '2026-01-01 00:00:00Z',
    });
  });

  it('finds the AADSTS number in the text if there are no error_codes', () => {
    const reply = refusalReply(90_002, { error_codes: undefined });
    expect(parse(reply)).toMatchObject({ aadsts: 90_002 });
  });

  it.each([
    ['a Kubernetes Status', 403, { kind: 'Status', status: 'Failure', reason: 'Forbidden' }],
    ['an ARM error', 403, { error: { code: 'Forbidden', message: 'no' } }],
    ['an empty object', 400, {}],
    ['a list', 400, [{ error: 'invalid_client' }]],
    ['a string', 400, 'invalid_client'],
    ['an error with status 200', 200, { error: 'invalid_client' }],
  ])('T18: %s is neither a token nor a refusal', (_name, status, body) => {
    expect(parse(jsonReply(status, body)).kind).toBe('unusable');
  });

  it.each([
    ['17', 17],
    [' 3 ', 3],
    ['99999', 3_600],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Wed, 31 Dec 2025 23:59:00 GMT', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['1e3', undefined],
  ])('reads Retry-After %j as %j s', (value, seconds) => {
    const reply = jsonReply(429, { error: 'x' }, { 'retry-after': value });
    expect(parse(reply)).toMatchObject({ retryAfterSeconds: seconds });
  });

  it('T18: never finds an empty token, whatever the answer', () => {
    const member = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.constant(null),
      fc.boolean(),
    );
    const names = [
      'access_token',
      'token_type',
      'expires_in',
      'ext_expires_in',
      'refresh_in',
      'error',
    ];
    const body = fc.dictionary(fc.constantFrom(...names), member);
    const text = fc.oneof(
      body.map((value) => JSON.stringify(value)),
      fc.tuple(body, fc.nat(200)).map(([value, at]) => JSON.stringify(value).slice(0, at)),
      fc.json(),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), text, (status, given) => {
        const reply = parse({ status, headers: {}, text: given });
        if (reply.kind !== 'issued') return;
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(300);
        expect(reply.accessToken).toMatch(/^[!-~]+$/);
        expect(reply.expiresInSeconds).toBeGreaterThan(0);
        expect(Number.isSafeInteger(reply.expiresInSeconds)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
