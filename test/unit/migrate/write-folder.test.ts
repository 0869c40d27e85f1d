import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WrittenFile } from '../../../src/migrate/files/to-files.ts';
import { writeFolder } from '../../../src/migrate/write-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'imds proxy write-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const file = (path: string, isProgram = false): WrittenFile => ({ path, text: path, isProgram });
const files = [file('README.md'), file('run.sh', true), file('workloads/shop/deployment-web.yaml')];

describe('a folder', () => {
  it('is made with its parents, with all files, and programs can be run', async () => {
    const target = join(root, 'a/b');
    await writeFolder(target, files);
    expect((await readdir(target)).toSorted()).toEqual(['README.md', 'run.sh', 'workloads']);
    const nested = join(target, 'workloads/shop/deployment-web.yaml');
    expect(await readFile(nested, 'utf8')).toBe('workloads/shop/deployment-web.yaml');
    const modeOf = async (path: string) => (await stat(join(target, path))).mode & 0o777;
    expect([await modeOf('run.sh'), await modeOf('README.md')]).toEqual([0o755, 0o644]);
    expect(await modeOf('.')).toBe(0o777 & ~process.umask());
    expect(await readdir(join(root, 'a'))).toEqual(['b']);
  });

  it('is filled if it is empty, also through a link', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    await writeFolder(join(root, 'link'), files);
    expect(await readdir(join(root, 'real'))).toHaveLength(3);
    expect((await readdir(root)).toSorted()).toEqual(['link', 'real']);
  });

  it.each<[string, () => Promise<void>, string]>([
    ['is not empty', () => mkdir(join(root, 'out/old'), { recursive: true }).then(), 'not empty'],
    ['is a file', () => writeFile(join(root, 'out'), 'old'), 'a file of that name'],
  ])('that %s stays as it is', async (_, prepare, message) => {
    await prepare();
    await expect(writeFolder(join(root, 'out'), files)).rejects.toThrow(message);
    expect(await readdir(root)).toEqual(['out']);
  });

  it.each([
    '../outside.yaml',
    '/etc/x.yaml',
    'a/../../x',
    'a//b',
    './x',
    '.hidden',
    'a/.x',
    '',
    'a\\..\\b',
    'a\nb',
    'ä',
  ])('never gets the file %j, nor any other with it', async (path) => {
    const target = join(root, 'out');
    await expect(writeFolder(target, [...files, file(path)])).rejects.toThrow('not a safe name');
    expect(await readdir(root)).toEqual([]);
  });

  it('gets no file if two have one name', async () => {
    const twice = [...files, file('README.md')];
    await expect(writeFolder(join(root, 'out'), twice)).rejects.toThrow('EEXIST');
    expect(await readdir(root)).toEqual([]);
    await mkdir(join(root, 'empty'));
    await expect(writeFolder(join(root, 'empty'), twice)).rejects.toThrow('EEXIST');
    expect(await readdir(join(root, 'empty'))).toEqual([]);
  });

  it('is not made where a file is in the way', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(writeFolder(join(root, 'file/out'), files)).rejects.toThrow();
    await chmod(join(root, 'file'), 0o600);
    expect(await readdir(root)).toEqual(['file']);
  });
});
