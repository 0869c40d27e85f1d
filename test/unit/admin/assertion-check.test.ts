import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findAssertionFault } from '../../../src/proxy/assertion-check.ts';

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'assertion-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function writeToken(text: string): string {
  const path = join(makeFolder(), 'token');
  writeFileSync(path, text);
  return path;
}

describe('a look at the token file', () => {
  test('finds nothing wrong with a file that holds something', async () => {
    expect(await findAssertionFault(writeToken('a.b.c\n'))).toBeUndefined();
  });

  test.each([
    ['an empty file', () => writeToken(' \n'), 'is empty'],
    ['no file', () => join(makeFolder(), 'none'), 'does not exist'],
    ['a directory', () => makeFolder(), 'is a directory'],
    ['a device', () => '/dev/null', 'is neither a file nor a directory'],
    [
      'a pipe that nobody writes to',
      () => {
        const path = join(makeFolder(), 'pipe');
        execFileSync('mkfifo', [path]);
        return path;
      },
      'is neither a file nor a directory',
    ],
    [
      'a huge file',
      () => {
        const path = writeToken('x');
        truncateSync(path, 1_000_000_000);
        return path;
      },
      'has more than 64 KiB',
    ],
  ])('finds %s', async (_name, make, is) => {
    expect(await findAssertionFault(make())).toBe(`the file of AZURE_FEDERATED_TOKEN_FILE ${is}`);
  });
});
