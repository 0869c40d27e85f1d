import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { createDialogue } from '../../../demo/client.ts';

function startApp(script: string) {
  return spawn(process.execPath, ['--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] });
}

test('an application answers each question with a line', async () => {
  const app = startApp('process.stdin.pipe(process.stdout)');
  const ask = createDialogue(app);
  expect(await ask({ name: 'first' })).toEqual({ name: 'first' });
  expect(await ask({ name: 'second' })).toEqual({ name: 'second' });
  app.kill();
});

test('an application that ends is not waited for', { timeout: 5_000 }, async () => {
  const ask = createDialogue(startApp('process.stdin.once("data", () => process.exit(3))'));
  await expect(ask({ name: 'first' })).rejects.toThrow(/has ended/);
  await expect(ask({ name: 'second' })).rejects.toThrow(/has ended/);
});
