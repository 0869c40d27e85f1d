import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const patterns = readFileSync(join(import.meta.dirname, '../../../.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** As Docker reads the file, as far as it has no wildcard but `*` alone: the last pattern decides. */
function isSent(path: string): boolean {
  const decisive = patterns.findLast((pattern) => {
    const covered = pattern.replace(/^!/, '');
    return covered === '*' || path === covered || path.startsWith(`${covered}/`);
  });
  return decisive === undefined || decisive.startsWith('!');
}

describe('the build context of an image', () => {
  it.each(['package-lock.json', 'src/proxy/main.ts', 'examples/compose/app.ts'])(
    'has %s',
    (path) => {
      expect(isSent(path)).toBe(true);
    },
  );

  it.each(['.git/config', 'docs/images.md', 'examples/compose/token/azure-identity-token'])(
    'does not have %s',
    (path) => {
      expect(isSent(path)).toBe(false);
    },
  );
});
