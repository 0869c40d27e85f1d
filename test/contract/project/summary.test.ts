/** The end of a test run says what was skipped and why, and CI accepts only the reasons that are allowed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const config = join(root, 'test/fixtures/summary/vitest.config.ts');

function run(env: Readonly<Record<string, string>>) {
  const { status, stdout } = spawnSync(process.execPath, [vitest, 'run', '--config', config], {
    env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
    cwd: root,
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { status, stdout };
}

const registry = `
Skipped tests, by reason:
  its registry does not answer: 503
       1  skips.fixture.ts
`;

describe('the summary of a test run', () => {
  it('lists skipped tests by reason and ends with the counts', () => {
    const { status, stdout } = run({ MISSING: 'no tool (of the system) is installed' });
    expect(status).toBe(0);
    expect(stdout).toContain(`${registry}  no tool (of the system) is installed
       3  skips.fixture.ts

2 passed, 0 failed, 4 skipped
`);
    expect(stdout).toMatch(/\n2 passed, 0 failed, 4 skipped\n$/);
  });

  it('says so when a test gives no reason', () => {
    const { stdout } = run({ WITHOUT_REASON: 'yes' });
    expect(stdout).toContain('  no reason is given\n       1  skips.fixture.ts\n');
  });

  it('in CI, runs what a machine lacks and allows a registry that does not answer', () => {
    const { status, stdout } = run({ CI: 'true', MISSING: 'no tool is installed' });
    expect(status).toBe(0);
    expect(stdout).toContain(`${registry}\n5 passed, 0 failed, 1 skipped\n`);
  });

  it('in CI, fails for any other test that is skipped', () => {
    const { status, stdout } = run({ CI: 'true', WITHOUT_REASON: 'yes' });
    expect(status).toBe(1);
    expect(stdout).toContain('In CI, 1 of these tests must not be skipped (test/support/ci.ts).\n');
    expect(stdout).toMatch(/\n4 passed, 1 failed, 2 skipped\n$/);
  });
});
