import type { IncomingMessage, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/proxy/errors.ts';
import { createFailureLog, toRedactedUri } from '../../../src/proxy/http/request-log.ts';
import { repeatLimits } from '../../../src/proxy/repeat-limit.ts';
import type { LogFields, LogLevel } from '../../../src/shared/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

test.each([
  ['/metadata/identity/oauth2/token', '/metadata/identity/oauth2/token'],
  [
    '/t?api-version=2018-02-01&resource=https%3A%2F%2Fx&client_id=1&object_id=2&msi_res_id=3&mi_res_id=4',
    '/t?api-version=2018-02-01&resource=***&client_id=***&object_id=***&msi_res_id=***&mi_res_id=***',
  ],
  [
    '/t?bypass_cache=true&format=json&cred-api-version=2.0',
    '/t?bypass_cache=true&format=json&cred-api-version=2.0',
  ],
  ['/t?api-version=something-else', '/t?api-version=***'],
  ['/t?foo', '/t?foo'],
  ['/t?foo=bar', '/t?foo=***'],
  ['/t?%66oo=bar', '/t?***=***'],
  ['http://user:password@h/t?x=y', '/t?x=***'],
  ['/eyJhbGciOi.eyJzdWIi.c2ln', '/[redacted]'],
  ['/a\u009bb\u202ec', '/a?b?c'],
  [`/${'a'.repeat(500)}`, `/${'a'.repeat(127)}***`],
])('%s', (target, shown) => {
  expect(toRedactedUri(target)).toBe(shown);
});

test('the value of a selector or a resource is never shown, and the length is bounded', () => {
  const value = fc.stringMatching(/^[\w%.~/:-]{8,40}$/);
  const name = fc.constantFrom(
    'client_id',
    'object_id',
    'msi_res_id',
    'mi_res_id',
    'resource',
    'x',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { minLength: 1 }), (pairs) => {
      const query = pairs.map((pair) => pair.join('=')).join('&');
      const shown = toRedactedUri(`/metadata/identity/oauth2/token?${query}`);
      for (const [, hidden] of pairs) expect(shown).not.toContain(hidden);
      expect(shown.length).toBeLessThan(10_000);
    }),
  );
});

/** A log at the default level, and a way to let requests fail. */
function createLog(threshold: LogLevel = 'warning') {
  const lines: LogFields[] = [];
  const clock = createManualClock();
  const log = createFailureLog({
    clock,
    logger: {
      isEnabled: (level) => level !== 'debug' || threshold === 'debug',
      log: (_level, _message, fields = {}) => void lines.push(fields),
    },
  });
  const fail = (query = 'resource=https://vault.azure.net', error = refusal): void =>
    log.failed(
      {
        request: {
          method: 'GET',
          url: `/metadata/identity/oauth2/token?${query}`,
        } as IncomingMessage,
        response: {} as ServerResponse,
        id: 'id',
        startedAtMs: 0,
        route: 'token',
        protocol: 'imds',
      },
      error,
      400,
      1,
    );
  return { lines, clock, fail, flush: log.flush };
}

const refusal = new ProxyError('ERR_RESOURCE_NOT_ALLOWED', 'resource is not in the allow-list');

describe('failures in the log', () => {
  test('name the identity, the resource, the rule and the header, at the default level', () => {
    const { lines, fail } = createLog();
    fail(
      'client_id=a1a1a1a1-0000-4000-8000-00000000000a&resource=https%3A%2F%2Fvault.azure.net&x=secret',
    );
    const forwarded = new ProxyError('ERR_FORWARDED', 'no', { header: 'X-Forwarded-For' });
    fail('client_id=a1', forwarded);
    expect(lines).toMatchObject([
      {
        error_code: 'ERR_RESOURCE_NOT_ALLOWED',
        error: 'resource is not in the allow-list',
        client_id: 'a1a1a1a1-0000-4000-8000-00000000000a',
        resource: 'https://vault.azure.net',
      },
      { error_code: 'ERR_FORWARDED', header: 'X-Forwarded-For' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('that repeat are counted, and the count is told when the period ends', async () => {
    const { lines, clock, fail } = createLog();
    for (let round = 0; round < 10_000; round += 1) fail();
    fail('resource=https://other.example');
    expect(lines).toHaveLength(repeatLimits.lines + 1);
    await clock.advance(repeatLimits.periodMs);
    expect(lines).toHaveLength(repeatLimits.lines + 2);
    expect(lines.at(-1)).toMatchObject({
      error_code: 'ERR_RESOURCE_NOT_ALLOWED',
      resource: 'https://vault.azure.net',
      suppressed: 10_000 - repeatLimits.lines,
    });
    expect(clock.pendingTimers).toBe(0);
    fail();
    expect(lines).toHaveLength(repeatLimits.lines + 3);
  });

  test('of ever new kinds do not make the log or the memory grow without end', async () => {
    const { lines, clock, fail } = createLog();
    for (let round = 0; round < 20_000; round += 1) fail(`resource=https://${round}.example`);
    await clock.advance(repeatLimits.periodMs);
    expect(lines.length).toBeLessThanOrEqual(repeatLimits.kinds + repeatLimits.lines + 1);
    const suppressed = lines.map(({ suppressed = 0 }) => Number(suppressed));
    const told = suppressed.filter((count) => count === 0).length;
    expect(told + suppressed.reduce((sum, count) => sum + count, 0)).toBe(20_000);
  });

  test('are all told at debug, where every request is', () => {
    const { lines, fail } = createLog('debug');
    for (let round = 0; round < 100; round += 1) fail();
    expect(lines).toHaveLength(100);
  });

  test('show no token, no control character and nothing long', () => {
    const { lines, fail } = createLog();
    fail(`client_id=eyJhbGciOiJ.eyJ.c&resource=a%C2%9Bb%E2%80%AEc${'d'.repeat(5_000)}`);
    const text = JSON.stringify(lines);
    expect(text).not.toMatch(/[\u0080-\u009f\u202e]|eyJ/);
    expect(text.length).toBeLessThan(1_000);
  });

  test('that were suppressed are told when the server closes', () => {
    const { lines, clock, fail, flush } = createLog();
    for (let round = 0; round < 5; round += 1) fail();
    flush();
    expect(lines.at(-1)).toMatchObject({ suppressed: 5 - repeatLimits.lines });
    expect(clock.pendingTimers).toBe(0);
  });
});
