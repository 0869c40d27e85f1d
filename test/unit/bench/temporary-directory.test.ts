import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../bench/harness/temporary-directory.ts';

test('a temporary directory is gone at the end of its scope, with all that is in it', async () => {
  const directory = await temporaryDirectory(tmpdir());
  writeFileSync(join(directory.path, 'file'), 'x');
  await directory[Symbol.asyncDispose]();
  expect(existsSync(directory.path)).toBe(false);
});

test('and at the end of the process, when that comes first', () => {
  const module = join(import.meta.dirname, '../../../bench/harness/temporary-directory.ts');
  const program = `
    import { temporaryDirectory } from ${JSON.stringify(module)};
    const { path } = await temporaryDirectory(${JSON.stringify(tmpdir())});
    process.stdout.write(path);
    process.exit(3);`;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  expect(status).toBe(3);
  expect(stdout).toContain('imds-proxy-bench-');
  expect(existsSync(stdout)).toBe(false);
});
