import { describe, expect, test } from 'vitest';
import { parseWrk } from '../../../bench/harness/wrk.ts';
import { toWrkScript } from '../../../bench/measures/keys.ts';

const summary = (...more: readonly string[]): string => `Running 2s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   771.54us    1.05ms  22.99ms   96.51%
    Req/Sec    42.02k     3.70k   46.50k    85.00%
  83619 requests in 2.00s, 165.86MB read
${more.map((line) => `  ${line}\n`).join('')}Requests/sec:  41793.55
Transfer/sec:     82.90MB
`;

describe('parseWrk', () => {
  test('reads requests and seconds', () => {
    expect(parseWrk(summary())).toEqual({ requests: 83619, seconds: 2 });
  });

  test.each([
    { amount: '500.12ms', seconds: 0.50012 },
    { amount: '1.00m', seconds: 60 },
  ])('reads $amount', ({ amount, seconds }) => {
    expect(parseWrk(summary().replace('2.00s', amount)).seconds).toBeCloseTo(seconds, 9);
  });

  test.each([
    'Non-2xx or 3xx responses: 83619',
    'Socket errors: connect 0, read 3, write 0, timeout 0',
  ])('refuses a run with failures: %s', (line) => {
    expect(() => parseWrk(summary(line))).toThrow(line);
  });

  test('refuses a text that is not a summary', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:8000')).toThrow('summary');
  });
});

test('toWrkScript names every path once, in order', () => {
  const script = toWrkScript(['/a?x=1', '/b?x=2']);
  expect(script).toContain('local paths = { "/a?x=1", "/b?x=2" }');
});
