import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { type ErrorCode, ProxyError } from '../../../src/proxy/errors.ts';
import { createFail } from '../../../src/proxy/http/failure.ts';
import { createFailureLog } from '../../../src/proxy/http/request-log.ts';
import { createMetrics } from '../../../src/proxy/metrics/metrics.ts';
import { createManualClock } from '../../support/manual-clock.ts';

/** The log level of a request that failed with this code. */
function levelOf(code: ErrorCode): string {
  const levels: string[] = [];
  const fail = createFail({
    clock: createManualClock(),
    metrics: createMetrics(),
    failures: createFailureLog({
      clock: createManualClock(),
      logger: { isEnabled: () => true, log: (level) => levels.push(level) },
    }),
  });
  const request = { method: 'GET', url: '/' } as IncomingMessage;
  const response = { headersSent: true } as ServerResponse;
  fail(
    { request, response, id: 'id', startedAtMs: 0, route: 'token', protocol: 'imds' },
    new ProxyError(code, ''),
  );
  const [level = 'none'] = levels;
  return level;
}

test('probes of SDKs and agents are logged at debug', () => {
  expect(levelOf('ERR_METADATA_HEADER')).toBe('debug');
  expect(levelOf('ERR_PATH')).toBe('debug');
  expect(levelOf('ERR_IMDS_V2')).toBe('debug');
});

test('faults of the application and of others are warnings, our own are errors', () => {
  expect(levelOf('ERR_IDENTITY_NOT_FOUND')).toBe('warning');
  expect(levelOf('ERR_REJECTED')).toBe('warning');
  expect(levelOf('ERR_UNAVAILABLE')).toBe('warning');
  expect(levelOf('ERR_THROTTLED')).toBe('warning');
  expect(levelOf('ERR_IDENTITY_HEADER')).toBe('warning');
  expect(levelOf('ERR_INTERNAL')).toBe('error');
});
