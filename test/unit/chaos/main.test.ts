import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, '../../../chaos/main.ts');

function chaos(...options: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [program, ...options], { encoding: 'utf8' });
}

const schedule = JSON.stringify({
  seed: 7,
  faults: [{ name: 'entra/unavailable', atMs: 0, forMs: 60_000 }],
});

test.each([
  [['--case', '61']],
  [['--minutes', '0']],
  [['--hours', '1']],
  [['--faults', '1.5']],
  [['--seed', 'x']],
  [['--play', 'x']],
  [['--play', '{"seed":1}']],
  [['--play', '{"seed":1,"faults":[{"name":"entra/nothing","atMs":0,"forMs":1}]}']],
  [['--play', '{"seed":1,"faults":[{"name":"entra/hangs","atMs":-1,"forMs":1}]}']],
  [['--play', '{"seed":1,"faults":[null]}']],
])('refuses %j', (options) => {
  const { status, stderr } = chaos(...options);
  expect(status).toBe(2);
  expect(stderr).toBe(`not understood: ${options.join(' ')}; see --help\n`);
});

test('plays one case, and a schedule with its log', () => {
  const one = chaos('--case', '17');
  expect(one.status).toBe(0);
  expect(one.stdout).toMatch(/^case 17, .*: ok; \d+ requests to Entra\n$/);
  const { status, stdout } = chaos('--log', '--play', schedule);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^00:0\d:\d\d debug attempt failed: /m);
  expect(stdout).toMatch(/^the schedule: ok; /m);
});

test('the same seed plays the same schedules', () => {
  const play = (): string =>
    chaos('--log', '--play', schedule).stdout.replaceAll(/"correlation_id":"[^"]*"/g, '');
  expect(play()).toBe(play());
});
