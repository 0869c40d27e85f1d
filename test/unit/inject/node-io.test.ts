import {
  chmod,
  lstat,
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
import { basename, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInputs } from '../../../src/inject/inputs.ts';
import { runInject } from '../../../src/inject/main.ts';
import { createNodeIo, readAll } from '../../../src/inject/node-io.ts';
import { imageFlags } from '../../support/inject.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inject-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('files of this machine', () => {
  it('are listed with all below, and a file is not a folder', async () => {
    await mkdir(join(folder, 'b/c'), { recursive: true });
    await writeFile(join(folder, 'b/c/x.yaml'), '');
    await writeFile(join(folder, 'a.yaml'), '');
    const io = createNodeIo();
    expect(await io.listFolder(folder)).toEqual({
      files: [join(folder, 'a.yaml'), join(folder, 'b/c/x.yaml')],
      outside: [],
    });
    expect(await io.listFolder(join(folder, 'a.yaml'))).toBeUndefined();
    await expect(io.listFolder(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('behind links that lead out of the folder are named and not followed', async () => {
    const inside = join(folder, 'in');
    await mkdir(inside);
    await writeFile(
      join(folder, 'secret.yaml'),
      'apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: x, image: y}]\n',
    );
    await writeFile(join(inside, 'a.yaml'), 'apiVersion: v1\nkind: ConfigMap\n');
    await symlink('../secret.yaml', join(inside, 'b.yaml'));
    await symlink('a.yaml', join(inside, 'c.yaml'));
    await symlink('nowhere', join(inside, 'd.yaml'));
    await symlink('..', join(inside, 'up'));
    let stderr = '';
    const io = {
      ...createNodeIo(),
      stderr: (text: string) => {
        stderr += text;
      },
    };
    expect(await runInject([...imageFlags, '--in-place', inside], io, 'inject')).toBe(0);
    expect(stderr).toContain(
      'in/b.yaml: warning: not injected: a link that leads out of the folder',
    );
    expect(stderr).toContain('in/d.yaml: warning');
    expect(stderr).toContain('in/c.yaml:1: document 1: ConfigMap');
    expect(await readFile(join(folder, 'secret.yaml'), 'utf8')).not.toContain('azwi-proxy');
  });

  it('are not read beyond a limit', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(1_024, 'a');
    }
    await expect(readAll(endless(), 1_048_576)).rejects.toThrow('larger than 1 MiB; split it');
  });

  it('of a folder are chosen alike however the folder is written', async () => {
    await mkdir(join(folder, '.git'));
    for (const file of ['web.yaml', 'kustomization.yaml', '.git/x.yaml']) {
      await writeFile(join(folder, file), 'apiVersion: v1\nkind: ConfigMap\n');
    }
    const here = relative(process.cwd(), folder);
    for (const name of [folder, `${folder}/`, `${folder}//`, here, `./${here}`, `./${here}/.`]) {
      const inputs = await readInputs([name], createNodeIo());
      expect(inputs.map((input) => basename(input.name))).toEqual(['web.yaml']);
    }
  });

  it('are read as UTF-8 or not at all, the byte order mark included', async () => {
    const file = join(folder, 'a.yaml');
    const io = createNodeIo();
    await writeFile(file, '\uFEFFé: 1\n');
    expect(await io.readFile(file)).toBe('\uFEFFé: 1\n');
    await writeFile(file, Buffer.from([0x61, 0xff, 0x0a]));
    await expect(io.readFile(file)).rejects.toThrow('not UTF-8');
  });

  it('are replaced whole, with their mode, behind a link, and leave nothing beside', async () => {
    const file = join(folder, 'a.yaml');
    await writeFile(file, 'old and longer');
    await chmod(file, 0o666);
    await symlink(file, join(folder, 'link.yaml'));
    await createNodeIo().writeFile(join(folder, 'link.yaml'), 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect((await stat(file)).mode & 0o777).toBe(0o666);
    expect((await lstat(join(folder, 'link.yaml'))).isSymbolicLink()).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['a.yaml', 'link.yaml']);
  });

  it('stay as they are when they cannot be replaced', async () => {
    const file = join(folder, 'a.yaml');
    await writeFile(file, 'old');
    await mkdir(`${file}.${process.pid}.tmp`);
    await expect(createNodeIo().writeFile(file, 'new')).rejects.toThrow('EEXIST');
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  it('are injected and restored in place', async () => {
    const file = join(folder, 'pod.yaml');
    const original = 'apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers: [{name: x, image: y}]';
    await writeFile(file, original);
    const io = { ...createNodeIo(), stderr: () => undefined };
    expect(await runInject([...imageFlags, '--in-place', folder], io, 'inject')).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('azwi-proxy');
    expect(await runInject(['--in-place', folder], io, 'uninject')).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(original);
  });
});
