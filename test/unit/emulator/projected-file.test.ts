import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProjectedFile } from '../../../src/emulator/kubernetes-issuer/projected-file.ts';

const clock = { epochMs: () => Date.UTC(2026, 10, 22, 12, 33, 4) };
let parent: string;
let directory: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'projected-file-'));
  directory = join(parent, 'token');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const name = 'azure-identity-token';
const folders = async (): Promise<string[]> =>
  (await readdir(directory)).filter((entry) => entry.startsWith('..2026_11_22_12_33_04.'));

describe('a projected file', () => {
  it("has the kubelet's layout", async () => {
    const file = createProjectedFile(clock, { directory, name });
    await file.write('one');
    expect(await readFile(file.path, 'utf8')).toBe('one');
    expect(await readlink(file.path)).toBe(`..data/${name}`);
    const [folder] = await folders();
    expect(await readlink(join(directory, '..data'))).toBe(folder);
    expect(await readdir(directory)).toHaveLength(3);
  });

  it('can be read by every user', async () => {
    const file = createProjectedFile(clock, { directory, name });
    await file.write('one');
    const [folder = ''] = await folders();
    expect((await stat(join(directory, folder))).mode & 0o777).toBe(0o755);
    expect((await stat(file.path)).mode & 0o777).toBe(0o644);
  });

  it('swaps `..data` alone on an update and keeps one folder for late readers', async () => {
    const file = createProjectedFile(clock, { directory, name });
    await file.write('one');
    const before = (await lstat(file.path)).ino;
    await file.write('two');
    await file.write('three');
    expect(await readFile(file.path, 'utf8')).toBe('three');
    expect((await lstat(file.path)).ino).toBe(before);
    const contents = await Promise.all(
      (await folders()).map((folder) => readFile(join(directory, folder, name), 'utf8')),
    );
    expect(contents.sort()).toEqual(['three', 'two']);
  });

  it('takes updates one after the other', async () => {
    const file = createProjectedFile(clock, { directory, name });
    await Promise.all(['one', 'two', 'three'].map((content) => file.write(content)));
    expect(await readFile(file.path, 'utf8')).toBe('three');
    expect(await folders()).toHaveLength(2);
  });

  it('is never missing or partial to a reader in a loop', async () => {
    const file = createProjectedFile(clock, { directory, name });
    const contents = Array.from({ length: 40 }, (_, index) => String(index % 10).repeat(20_000));
    await file.write(contents[0] ?? '');
    let done = false;
    const seen = new Set<string>();
    const readInLoop = async (): Promise<void> => {
      while (!done) {
        const text = await readFile(file.path, 'utf8');
        expect(text).toHaveLength(20_000);
        expect(new Set(text).size).toBe(1);
        seen.add(text.charAt(0));
      }
    };
    const write = async (): Promise<void> => {
      for (const content of contents) await file.write(content);
    };
    const readers = [readInLoop(), readInLoop()];
    await write().finally(() => {
      done = true;
    });
    await Promise.all(readers);
    expect(seen.size).toBeGreaterThan(1);
  });

  it('takes over the files of an earlier run, a half-finished update included', async () => {
    await createProjectedFile(clock, { directory, name }).write('one');
    await mkdir(join(directory, '..2025_01_01_00_00_00.stale'));
    await writeFile(join(directory, '..data_tmp'), '');
    const file = createProjectedFile(clock, { directory, name });
    await file.write('two');
    expect(await readFile(file.path, 'utf8')).toBe('two');
    expect(await readdir(directory)).toHaveLength(4);
  });

  it('goes without a trace', async () => {
    const file = createProjectedFile(clock, { directory, name });
    await file.write('one');
    await file.write('two');
    await file.remove();
    expect(await readdir(parent)).toEqual([]);
  });

  it('leaves the files of others alone when it goes', async () => {
    const file = createProjectedFile(clock, { directory, name });
    await file.write('one');
    await writeFile(join(directory, 'other'), '');
    await file.remove();
    expect(await readdir(directory)).toEqual(['other']);
  });

  it('fails without harm where its name is taken by a directory', async () => {
    await mkdir(join(directory, name), { recursive: true });
    const file = createProjectedFile(clock, { directory, name });
    await expect(file.write('one')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    await rm(join(directory, name), { recursive: true });
    await file.write('two');
    expect(await readFile(file.path, 'utf8')).toBe('two');
  });
});
