/** Programs of a checkout that only root can enter are copied to where another user can run them. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type CopiedPrograms,
  copyProgramsFor,
  findClosedFolder,
  makeSharedFolder,
} from '../../../demo/shared-folder.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { dist } from '../../support/proxy-process.ts';

const uid = 1501;

describeInNamespaces('programs for another user', () => {
  let closed: string;
  let shared: string;
  beforeEach(() => {
    closed = mkdtempSync(join(tmpdir(), 'closed-'));
    shared = makeSharedFolder('shared-');
  });
  afterEach(() => {
    for (const folder of [closed, shared]) rmSync(folder, { recursive: true, force: true });
  });

  const run = ({ node, bin }: CopiedPrograms): string =>
    execFileSync(node, [join(bin, 'proxy'), '--version'], {
      uid,
      gid: uid,
      cwd: '/',
      encoding: 'utf8',
    });

  test('a Node binary below a closed folder is copied', () => {
    const node = join(closed, 'node');
    copyFileSync(process.execPath, node);
    const copied = copyProgramsFor(uid, dist, shared, node);
    expect(copied.node).toBe(join(shared, 'bin', 'node'));
    expect(run(copied)).toContain('"buildVersion"');
  });

  test('programs that were built under a strict umask can be read', () => {
    const strict = join(closed, 'dist');
    execFileSync('cp', ['--recursive', dist, strict]);
    execFileSync('chmod', ['--recursive', 'go=', strict]);
    expect(run(copyProgramsFor(uid, strict, shared))).toContain('"buildVersion"');
  });

  test('a target that the user cannot enter is named', () => {
    const node = join(closed, 'node');
    copyFileSync(process.execPath, node);
    const target = join(closed, 'target');
    mkdirSync(target);
    expect(() => copyProgramsFor(uid, dist, target, node)).toThrow(
      `user 1501 cannot execute ${target}/bin/node (EACCES); other users cannot enter ${closed}: set TMPDIR`,
    );
  });

  test('a target that is mounted noexec is named', () => {
    const node = join(closed, 'node');
    copyFileSync(process.execPath, node);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec,mode=755', 'none', shared]);
    try {
      expect(() => copyProgramsFor(uid, dist, shared, node)).toThrow(
        `user 1501 cannot execute ${shared}/bin/node (EACCES); set TMPDIR to a folder on a file system that is not mounted noexec`,
      );
    } finally {
      execFileSync('umount', [shared]);
    }
  });
});

test('the first closed folder of a path is found', () => {
  const closed = mkdtempSync(join(tmpdir(), 'closed-'));
  try {
    mkdirSync(join(closed, 'open'));
    expect(findClosedFolder(join(closed, 'open'))).toBe(closed);
    expect(() => makeSharedFolder('x-', [closed])).toThrow(
      `other users cannot enter ${closed}; set TMPDIR`,
    );
  } finally {
    rmSync(closed, { recursive: true });
  }
});
