/** Each fault of `npm run chaos` has its effect: otherwise a run would keep every promise for nothing. */
import { describe, expect, test } from 'vitest';
import { type Fault, type FaultName, faultKinds, faultNames } from '../../../chaos/faults.ts';
import { play } from '../../../chaos/play.ts';
import type { Schedule } from '../../../chaos/schedule.ts';

const MINUTE_MS = 60_000;

test('a quiet hour has no error', async () => {
  expect(await play({ seed: 1, faults: [] })).toMatchObject({ breach: undefined, errors: 0 });
});

test.each<FaultName>([
  'restart/other-mode',
  'restart/other-client',
  'restart/once',
  'clock/noise',
  'network/name-server-slow',
  'network/slow-link',
])('%s: every application gets its tokens meanwhile', async (name) => {
  const faults = [{ name, atMs: 10 * MINUTE_MS, forMs: 20 * MINUTE_MS }];
  const outcome = await play({ seed: 1, faults });
  expect(outcome).toMatchObject({ breach: undefined, errors: 0 });
});

/** Faults that make exchanges slow, or fail some of them. */
const partial: readonly FaultName[] = [
  'entra/slow',
  'entra/short-lived-tokens',
  'network/name-server-slow',
  'network/slow-link',
  'network/lossy-link',
];

/** Faults that hold up every exchange: an application that has no token hears of them. */
const total: readonly FaultName[] = [
  ...faultNames.filter((name) => /^(entra|network)\//.test(name) && !partial.includes(name)),
  ...faultKinds.libraries.map((kind): FaultName => `libraries/${kind}`),
  'assertion/missing',
  'assertion/forbidden',
  'assertion/empty',
  'assertion/garbage',
  'assertion/expired',
  'assertion/wrong-audience',
  'assertion/read-error',
  'assertion/read-hangs',
];

describe('an application without a token gets an error from', () => {
  test.each(total)('%s', async (name) => {
    const outcome = await play({ seed: 1, faults: [{ name, atMs: 0, forMs: 3 * MINUTE_MS }] });
    expect(outcome.breach).toBeUndefined();
    // An exchange that hangs takes half a minute.
    expect(outcome.errors).toBeGreaterThan(2);
  });

  test.each(faultKinds.ca)('ca/%s, in mode binding', async (kind) => {
    const forMs = 3 * MINUTE_MS;
    const faults: Schedule['faults'] = [
      { name: 'restart/other-mode', atMs: 0, forMs },
      { name: `ca/${kind}`, atMs: 0, forMs },
    ];
    const outcome = await play({ seed: 1, faults });
    expect(outcome.breach).toBeUndefined();
    expect(outcome.errors).toBeGreaterThan(2);
  });
});

test.each<FaultName>(['assertion/not-rotated', 'clock/two-hours-ahead'])(
  '%s: the federated token expires, and then the access token',
  async (name) => {
    const faults = [{ name, atMs: 30 * MINUTE_MS, forMs: 150 * MINUTE_MS }];
    const outcome = await play({ seed: 1, faults });
    expect(outcome.breach).toBeUndefined();
    expect(outcome.errors).toBeGreaterThan(100);
  },
);

describe('Entra is asked more often because of', () => {
  test.each<FaultName>([
    'entra/short-lived-tokens',
    'network/lossy-link',
    'clock/suspended-for-three-hours',
    'callers/thousand-at-once',
    'callers/many-resources',
    'callers/bypass-loop',
    'callers/churn',
    'restart/crash-loop',
  ])('%s', async (name) => {
    const atMs = 30 * MINUTE_MS;
    const forMs = 150 * MINUTE_MS;
    // Runs of the same length.
    const end: Fault = { name: 'callers/silence', atMs: atMs + forMs, forMs: 1 };
    const usual = await play({ seed: 1, faults: [end] });
    const outcome = await play({ seed: 1, faults: [{ name, atMs, forMs }, end] });
    expect(outcome.breach).toBeUndefined();
    expect(outcome.posts).toBeGreaterThan(usual.posts);
  });
});
