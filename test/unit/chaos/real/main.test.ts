import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultNames } from '../../../../chaos/faults.ts';
import { toRealSchedule } from '../../../../chaos/schedule.ts';

const program = join(import.meta.dirname, '../../../../chaos/real.ts');

test.each([
  [['--minutes', '0']],
  [['--seconds', '0']],
  [['--seconds', '1.5']],
  [['--faults=-1']],
  [['--shrink', 'long']],
  [['--seed', 'x']],
  [['--only', 'entra/nothing']],
  [['--only', '']],
  [['--play', '{}']],
  [['--play', '/nowhere.json']],
  [['--play', '/']],
  [['--play', `{"seed":1${' '.repeat(5_000)}`]],
  [['--play', '{"seed":1,"faults":[{"name":"entra/hangs","atMs":0}]}']],
])('refuses %j', (options) => {
  const { status, stderr } = spawnSync(process.execPath, [program, ...options], {
    encoding: 'utf8',
  });
  expect(stderr).toBe(`not understood: ${options.join(' ')}; see --help\n`);
  expect(status).toBe(2);
});

test('refuses a folder without programs', () => {
  const { status, stderr } = spawnSync(process.execPath, [program, '--programs', '/nowhere'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('no programs: /nowhere; run npm run build\n');
  expect(status).toBe(2);
});

test('the same seed makes the same schedule, of as many faults as wanted, all over in time', () => {
  const options = { seconds: 30, faults: 40, names: faultNames };
  const schedule = toRealSchedule(7, options);
  expect(toRealSchedule(7, options)).toEqual(schedule);
  expect(toRealSchedule(8, options)).not.toEqual(schedule);
  expect(schedule.faults).toHaveLength(40);
  for (const { atMs, forMs } of schedule.faults) {
    expect(forMs).toBeGreaterThanOrEqual(1_000);
    expect(atMs + forMs).toBeLessThanOrEqual(30_000);
  }
});

test('a schedule has only faults of choice', () => {
  const names = ['entra/hangs', 'ca/empty'] as const;
  const { faults } = toRealSchedule(1, { seconds: 30, faults: 20, names });
  expect(new Set(faults.map(({ name }) => name))).toEqual(new Set(names));
});
