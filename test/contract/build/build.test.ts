import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderLauncher, renderShebang } from '../../../build/executable.ts';

const program = join(import.meta.dirname, '../../../build/build.ts');
const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "build's test "));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const build = (outdir: string, node = process.execPath) =>
  run(process.execPath, [program, '--outdir', outdir, '--node', node], { timeout: 60_000 });

/** What a launcher passes on: the program prints its flags, arguments and one variable. */
async function launch(file: string, args: readonly string[], env: Record<string, string> = {}) {
  const { stdout } = await run(file, args, { env: { PATH: process.env['PATH'], ...env } });
  return JSON.parse(stdout);
}

test('a launcher passes flags, arguments and defaults of variables, from any path', async () => {
  const node = join(folder, 'no"de $HOME');
  await symlink(process.execPath, node);
  const head = renderLauncher({
    node,
    flags: ['--disable-sigusr1', '--max-old-space-size=40'],
    env: { SETTING: '1' },
  });
  const print =
    'console.log(JSON.stringify([process.execArgv, process.argv.slice(2), process.env.SETTING]))';
  const file = join(folder, 'program');
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  await writeFile(file, `${head}${print}\n`);
  await chmod(file, 0o755);
  await symlink(file, join(folder, 'link'));
  const flags = ['--disable-sigusr1', '--max-old-space-size=40'];
  const args = ['a b', '', "it's", '$(no)', '*'];
  expect(await launch(file, args)).toEqual([flags, args, '1']);
  expect(await launch(join(folder, 'link'), args, { SETTING: '2' })).toEqual([flags, args, '2']);
  // By a Node of one's own, without the launcher.
  expect(await launch(process.execPath, [file, ...args])).toEqual([[], args, null]);
});

test('a #! line is refused for what the kernel would split', () => {
  const flags = ['--disable-sigusr1'];
  expect(renderShebang({ node: '/usr/local/bin/node', flags })).toBe(
    '#!/usr/local/bin/node --disable-sigusr1\n',
  );
  expect(() => renderShebang({ node: '/with space/node', flags })).toThrow('without spaces');
  expect(() => renderShebang({ node: '/node', flags: [...flags, '--other'] })).toThrow('one flag');
});

test('two builds at once leave one complete folder and nothing else', async () => {
  const parent = join(folder, 'two at once');
  const outdir = join(parent, 'dist');
  await mkdir(parent);
  await Promise.all([build(outdir), build(outdir), build(outdir)]);
  expect(await readdir(parent)).toEqual(['dist']);
  for (const name of ['proxy', 'proxy-init', 'emulator']) {
    const { stdout } = await run(join(outdir, name), ['--version']).catch((error) => error);
    expect(stdout, name).toMatch(/"(buildVersion|version)"/);
  }
  const files = await readdir(outdir);
  for (const name of ['proxy-start.js', 'proxy-exchange.js']) {
    expect(files).toEqual(expect.arrayContaining([name, `${name}.cache`]));
  }
});

test('two builds of the same sources are the same bytes, V8 code caches included', async () => {
  const folders = ['one', 'another name'].map((name) => join(folder, name, 'dist'));
  // At once, so that neither has the processors for itself.
  await Promise.all(folders.map((outdir) => build(outdir)));
  const [one, another] = await Promise.all(folders.map(digestFiles));
  expect(Object.keys(one ?? {})).toContain('proxy-start.js.cache');
  expect(another).toEqual(one);
});

/** SHA-256 of every file in a folder. */
async function digestFiles(folder: string): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    digests[name] = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  }
  return digests;
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a build that %s ends leaves the last one',
  async (signal) => {
    const parent = join(folder, signal);
    const outdir = join(parent, 'dist');
    await mkdir(outdir, { recursive: true });
    await writeFile(join(outdir, 'old'), 'old');
    const child = spawn(process.execPath, [program, '--outdir', outdir], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    // As soon as it writes.
    while ((await readdir(parent)).length === 1)
      await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill(signal);
    expect(await exited).not.toEqual([0, null]);
    expect(await readdir(parent)).toEqual(['dist']);
    expect(await readFile(join(outdir, 'old'), 'utf8')).toBe('old');
  },
);
