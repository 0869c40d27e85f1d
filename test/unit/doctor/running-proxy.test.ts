import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readProcess } from '../../../src/doctor/sidecar/running-process.ts';
import { findRunningProxy } from '../../../src/doctor/sidecar/running-proxy.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'doctor-proc-'));
  await addProcess('self', ['node', '/proxy', 'doctor']);
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** @param namespace undefined: of another user, whose namespace the kernel does not show */
async function addProcess(
  pid: number | 'self',
  command: readonly string[],
  { env, namespace = 'net:[1]' }: { env?: string; namespace?: string | undefined } = {},
): Promise<void> {
  const folder = join(root, `${pid}`);
  await mkdir(join(folder, 'ns'), { recursive: true });
  await writeFile(join(folder, 'cmdline'), command.map((word) => `${word}\0`).join(''));
  if (env !== undefined) await writeFile(join(folder, 'environ'), env);
  if (namespace !== '') await symlink(namespace, join(folder, 'ns/net'));
}

const serving = ['/usr/local/bin/node', '--max-semi-space-size=1', '/proxy', '--proxy-port=9000'];

describe('the running proxy', () => {
  test('is found with its flags and variables', async () => {
    await addProcess(1, serving, { env: 'A=1\0B=x=y\0C\0' });
    expect(await findRunningProxy(undefined, root)).toEqual({
      kind: 'found',
      proxy: { pid: 1, argv: ['--proxy-port=9000'], env: { A: '1', B: 'x=y', C: '' } },
    });
  });

  test('of another user has flags alone', async () => {
    await addProcess(1, serving, { namespace: '' });
    expect(await findRunningProxy(undefined, root)).toMatchObject({
      kind: 'found',
      proxy: { pid: 1, env: undefined },
    });
  });

  test.each([
    ['another program', ['node', '/server.js']],
    ['a shell with its name', ['sh', '-c', '/proxy']],
    ['a probe', ['node', '/proxy', '--probe']],
    ['another command', ['node', '/proxy', 'doctor']],
    ['help', ['node', '/proxy', '--help']],
    ['the version', ['node', '/proxy', 'serve', '--version']],
    ['a thread of the kernel', []],
    ['Node without a program', ['node', '--inspect']],
  ])('is not %s', async (_name, command) => {
    await addProcess(1, command);
    expect(await findRunningProxy(undefined, root)).toEqual({ kind: 'none' });
  });

  test('of another network namespace is not meant, unless it is named', async () => {
    await addProcess(5, ['node', '/proxy'], { namespace: 'net:[2]' });
    expect(await findRunningProxy(undefined, root)).toEqual({ kind: 'none' });
    expect(await findRunningProxy(5, root)).toMatchObject({ kind: 'found' });
  });

  test('one of several must be named', async () => {
    await addProcess(30, ['node', '/proxy', 'serve']);
    await addProcess(4, ['node', '/proxy']);
    expect(await findRunningProxy(undefined, root)).toEqual({ kind: 'several', pids: [4, 30] });
    expect(await findRunningProxy(30, root)).toMatchObject({ proxy: { pid: 30, argv: [] } });
  });

  test('a process that is gone is not found', async () => {
    expect(await findRunningProxy(77, root)).toEqual({ kind: 'none' });
    expect(await findRunningProxy(undefined, join(root, 'none'))).toEqual({ kind: 'none' });
  });
});

describe('facts about a process', () => {
  test('are read whatever the name of its program is', async () => {
    await mkdir(join(root, '9'));
    await writeFile(join(root, 'stat'), 'cpu 1\nbtime 1700000000\n');
    const columns = ['S', '3', ...Array.from({ length: 17 }, () => '0'), '12300', '0'];
    await writeFile(join(root, '9/stat'), `9 (a) b (c) ${columns.join(' ')}\n`);
    await writeFile(
      join(root, '9/status'),
      'Name:\ta) b (c\nUid:\t1\t1501\t3\t4\nGid:\t5\t1502\t7\t8\nCapPrm:\t0000000000003000\n',
    );
    expect(await readProcess(9, root)).toEqual({
      uid: 1501,
      gid: 1502,
      parentPid: 3,
      capabilities: 0x3000n,
      state: 'S',
      startedAtSeconds: 1_700_000_123,
    });
  });

  test('are unknown without /proc', async () => {
    expect(Object.values(await readProcess(9, join(root, 'none'))).filter(Boolean)).toEqual([]);
  });
});
