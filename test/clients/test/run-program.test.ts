import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { runProgram } from '../lab/run-program.ts';

const home = tmpdir();

test('the last line that a program prints is what came of its requests', async () => {
  const command = ['sh', '-c', 'echo first; echo "[{\\"token\\":\\"$0\\"}]"', 'second'];
  expect(await runProgram(command, { home })).toEqual([{ token: 'second' }]);
});

test.each([
  ['prints nothing', ['sh', '-c', 'echo why >&2; exit 3'], /printed no outcome[\s\S]*why/],
  ['is not there', ['/nowhere/program'], /ENOENT/],
])('a program that %s has failed', async (_, command, why) => {
  await expect(runProgram(command, { home })).rejects.toThrow(why);
});

test('a program that does not end is not waited for, nor is what it has started', async () => {
  const command = ['sh', '-c', 'echo begun >&2; sleep 3 & wait'];
  await expect(runProgram(command, { home, deadlineMs: 200 })).rejects.toThrow(
    /did not end within 0\.2 s[\s\S]*begun/,
  );
});
