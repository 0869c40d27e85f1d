/** A short run of `npm run chaos` from a fixed seed, and proof that it finds faults. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeSchedule } from '../../../chaos/schedule.ts';
import { search } from '../../../chaos/search.ts';
import { type Found, hunted, type Shrunk } from './hunt.ts';

test('random schedules keep every promise', async () => {
  const { runs, failure } = await search({
    seed: 20_261_129,
    hours: 12,
    faults: 8,
    goesOn: (done) => done < 10,
    shrinkRuns: 10,
  });
  expect(
    failure && `${failure.outcome.breach}\n${describeSchedule(failure.schedule)}`,
  ).toBeUndefined();
  expect(runs).toBe(10);
}, 120_000);

describe('against a cache with a deliberate fault', () => {
  let results: readonly (Found | Shrunk)[] = [];

  beforeAll(() => {
    const program = join(import.meta.dirname, 'hunt.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the hunt ended with ${status}: ${stderr}`);
    results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Found | Shrunk);
  }, 600_000);

  test.each(hunted)('a scripted case finds: %s', (fault) => {
    const found = results.find((one) => 'fault' in one && one.fault === fault);
    expect(found).toEqual({ fault, breach: expect.any(String) });
  });

  test('a random schedule that fails shrinks to the faults that it needs, and fails again', () => {
    const shrunk = results.find((one) => 'from' in one);
    expect(shrunk).toMatchObject({ failsAgain: true, isCaches: false });
    expect(shrunk?.from).toBeGreaterThan(2);
    // An outage, and whatever costs the key its token.
    expect(shrunk?.to).toBeLessThanOrEqual(2);
  });
});
