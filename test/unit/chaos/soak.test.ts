import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, '../../../chaos/soak.ts');

function soak(...options: readonly string[]) {
  return spawnSync(process.execPath, ['--expose-gc', program, ...options], { encoding: 'utf8' });
}

test('a day of requests has no wrong answer and leaves nothing behind', () => {
  const { status, stdout, stderr } = soak('--hours', '32', '--rate', '20');
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^2,304,000 answers, 0 wrong, 0 after a wait; /m);
  expect(stdout).toMatch(/^heap: .* bytes an hour, 95 % confidence ± .*: flat$/m);
  expect(status).toBe(0);
});

test.each([
  ['--hours', '1'],
  ['--rate', 'many'],
  ['--seed', '0.5'],
])('refuses %s %s', (...options) => {
  const { status, stderr } = soak(...options);
  expect(status).toBe(2);
  expect(stderr).toBe(`not understood: ${options.join(' ')}; see --help\n`);
});
