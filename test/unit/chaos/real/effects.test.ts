import { describe, expect, test } from 'vitest';
import {
  createActiveFaults,
  type FaultName,
  faultNames,
  toStepMs,
  toSuspensionMs,
} from '../../../../chaos/faults.ts';
import { toEffects } from '../../../../chaos/real/effects.ts';

function toEffectsOf(...names: readonly FaultName[]) {
  const faults = createActiveFaults();
  for (const name of names) faults.begin(name);
  return toEffects(faults);
}

/** Faults that `play.ts` and `applications.ts` put into effect themselves. */
const acts: readonly FaultName[] = [
  'assertion/not-rotated',
  'assertion/rotated-every-minute',
  'libraries/fails-outside',
  'restart/once',
  'restart/crash-loop',
  'clock/noise',
];
const states = faultNames.filter(
  (name) =>
    !acts.includes(name) &&
    !name.startsWith('callers/') &&
    toStepMs(name) === 0 &&
    toSuspensionMs(name) === 0,
);

describe('the world around the real proxy', () => {
  test.each(states)('is another one with %s, and as before when it is over', (name) => {
    const usual = toEffectsOf();
    expect(toEffectsOf(name)).not.toEqual(usual);
    const faults = createActiveFaults();
    faults.begin(name);
    faults.end(name);
    expect(toEffects(faults)).toEqual(usual);
  });

  test('is different with each of them', () => {
    const all = states.map((name) => JSON.stringify(toEffectsOf(name)));
    expect(new Set(all).size).toBe(states.length);
  });

  test('has all rules for packets that are wanted, and one answer of Entra besides a delay', () => {
    const { path, outside } = toEffectsOf(
      'network/silent',
      'network/lossy-link',
      'entra/slow',
      'entra/hangs',
      'entra/unavailable',
    );
    expect(path.rules).toHaveLength(2);
    expect(outside.entra.map(({ kind }) => kind)).toEqual(['delay', 'hang', 'server-error']);
  });

  test('has a file that is missing if it would also be empty', () => {
    expect(toEffectsOf('assertion/empty', 'assertion/missing').tokenFile).toBe('missing');
    expect(toEffectsOf('ca/garbage', 'ca/missing').caFiles).toBe('missing');
  });
});
