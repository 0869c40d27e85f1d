import { describe, expect, it } from 'vitest';
import { parseFault } from '../../../src/emulator/faults/fault.ts';

const guid = '11111111-1111-4111-8111-111111111111';

describe('a fault from outside', () => {
  it.each([
    [
      { kind: 'delay', delayMs: 300 },
      { kind: 'delay', delayMs: 300 },
    ],
    [{ kind: 'throttle' }, { kind: 'throttle', retryAfterSeconds: 5 }],
    [
      { kind: 'throttle', retryAfterSeconds: 0 },
      { kind: 'throttle', retryAfterSeconds: 0 },
    ],
    [{ kind: 'server-error' }, { kind: 'server-error', status: 503 }],
    [
      { kind: 'server-error', status: 504 },
      { kind: 'server-error', status: 504 },
    ],
    [{ kind: 'html' }, { kind: 'html', status: 502 }],
    [
      { kind: 'html', status: 200 },
      { kind: 'html', status: 200 },
    ],
    [
      { kind: 'refuse', code: 53003 },
      { kind: 'refuse', code: 53003 },
    ],
    ...[
      'truncated',
      'reset',
      'hang',
      'not-propagated',
      'empty',
      'malformed-json',
      'no-access-token',
    ].map((kind): [unknown, unknown] => [{ kind }, { kind }]),
  ] as [unknown, unknown][])('%j is understood', (value, effect) => {
    expect(parseFault(value).effect).toEqual(effect);
  });

  it('has the limits that it names', () => {
    expect(
      parseFault({
        kind: 'reset',
        requests: 2,
        durationMs: 1000,
        clientId: guid.toUpperCase(),
        resource: 'https://vault.azure.net',
      }),
    ).toEqual({
      effect: { kind: 'reset' },
      requests: 2,
      durationMs: 1000,
      clientId: guid,
      resource: 'https://vault.azure.net',
    });
  });

  it.each([
    [undefined, 'kind must be one of delay, throttle,'],
    [null, 'kind must be one of'],
    ['reset', 'kind must be one of'],
    [[], 'kind must be one of'],
    [{}, 'not nothing'],
    [{ kind: 'explode' }, 'not "explode"'],
    [{ kind: 'delay' }, 'delayMs must be a whole number from 1 to 3600000, not nothing'],
    [{ kind: 'delay', delayMs: 0 }, 'delayMs must be'],
    [{ kind: 'delay', delayMs: '300' }, 'not "300"'],
    [{ kind: 'delay', delayMs: 1.5 }, 'not 1.5'],
    [{ kind: 'throttle', retryAfterSeconds: -1 }, 'retryAfterSeconds must be'],
    [{ kind: 'server-error', status: 404 }, 'status must be a whole number from 500 to 599'],
    [{ kind: 'html', status: 100 }, 'status must be'],
    [{ kind: 'refuse' }, 'code must be one of the AADSTS numbers'],
    [{ kind: 'refuse', code: 1 }, '700211'],
    [{ kind: 'reset', status: 500 }, 'a fault of kind reset has no field "status"; known are'],
    [{ kind: 'reset', request: 1 }, 'no field "request"'],
    [{ kind: 'reset', requests: 0 }, 'requests must be'],
    [{ kind: 'reset', durationMs: 0 }, 'durationMs must be'],
    [{ kind: 'reset', clientId: 'x' }, 'clientId must be a GUID'],
    [{ kind: 'reset', resource: '' }, 'resource must be a string that is not empty'],
    [{ kind: 'reset', resource: 'x'.repeat(500), requests: 'y'.repeat(500) }, 'yyy...'],
  ])('%j is refused with a reason', (value, message) => {
    expect(() => parseFault(value)).toThrow(message);
  });
});
