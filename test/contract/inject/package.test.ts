/** The npm package of `inject`, as `npm run package` writes it and as `npx` runs it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageFlags } from '../../support/inject.ts';
import { binding, identity, toYaml, workload } from '../../support/migrate.ts';

const root = join(import.meta.dirname, '../../..');
const fixtures = join(root, 'test/fixtures/inject');
const timeout = 60_000;

/** The Node.js of the tests, and the one that npm itself was started with. */
const runtimes = new Set([process.execPath, process.env['npm_node_execpath'] ?? process.execPath]);

/** Runs a program with something on its standard input. */
async function run(
  [file = '', ...args]: readonly string[],
  input: string,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const running = promisify(execFile)(file, args, { timeout });
  running.child.stdin?.end(input);
  return running;
}

describe('the npm package', () => {
  let folder: string;
  let archive: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imds-proxy-package-test-'));
    const pack = [process.execPath, join(root, 'build/package.ts'), '--outdir', folder];
    archive = (await run(pack, '')).stdout.trim();
    await mkdir(join(folder, 'unpacked'));
    await run(['tar', '-xzf', archive, '-C', join(folder, 'unpacked')], '');
  }, timeout);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const read = (file: string): Promise<string> =>
    readFile(join(folder, 'unpacked/package', file), 'utf8');

  it('holds the program and its licences, and needs no other package', async () => {
    expect((await readdir(join(folder, 'unpacked/package'))).sort()).toEqual([
      'LICENSE',
      'README.md',
      'THIRD-PARTY-NOTICES',
      'inject.js',
      'package.json',
    ]);
    const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(JSON.parse(await read('package.json'))).toEqual({
      name: own.name,
      version: own.version,
      description: own.description,
      license: own.license,
      engines: own.engines,
      bin: 'inject.js',
    });
    const notices = await read('THIRD-PARTY-NOTICES');
    expect(notices.match(/^\S+(?= \d+\.\d+\.\d+ \((?:ISC|MIT|BSD-3-Clause)\)$)/gm)).toEqual([
      'diff',
      'js-yaml',
      'yaml',
    ]);
  });

  it('is run by npx, without a registry', async () => {
    const input = await readFile(join(fixtures, 'chart-web/input.yaml'), 'utf8');
    const npx = [
      'npx',
      '--yes',
      '--offline',
      `--cache=${join(folder, 'cache')}`,
      `file:${archive}`,
    ];
    const { stdout, stderr } = await run([...npx, 'inject', ...imageFlags], input);
    expect(stdout).toBe(await readFile(join(fixtures, 'chart-web/output.yaml'), 'utf8'));
    expect(stderr).toMatch(/\n\d+ changed, \d+ unchanged, 0 failed\n$/);
    const restored = await run([...npx, 'uninject'], stdout);
    expect(restored.stdout).toBe(input);
  });

  it('has the same output as the proxy, with every Node.js that is at hand', async () => {
    for (const node of runtimes) {
      for (const name of ['every-kind', 'list', 'json', 'self-contained-classic']) {
        const input = await readFile(join(fixtures, name, 'input.yaml'), 'utf8');
        const flags = await readFile(join(fixtures, name, 'args.txt'), 'utf8');
        const args = [...imageFlags, ...flags.split('\n').filter(Boolean)];
        const program = join(folder, 'unpacked/package/inject.js');
        const { stdout } = await run([node, program, 'inject', ...args], input);
        expect(stdout, node).toBe(await readFile(join(fixtures, name, 'output.yaml'), 'utf8'));
      }
    }
  });

  it('plans a migration, with every Node.js that is at hand', async () => {
    const input = toYaml(
      identity('reader'),
      binding('web', 'reader', 'web'),
      workload('web', 'web'),
    );
    const program = join(folder, 'unpacked/package/inject.js');
    for (const node of runtimes) {
      for (const output of ['table', 'markdown', 'json']) {
        const { stdout } = await run([node, program, 'migrate', `--output=${output}`], input);
        expect(stdout, node).toContain('shop-web-');
      }
    }
  });

  it('prints its usage and its version', async () => {
    const program = [process.execPath, join(folder, 'unpacked/package/inject.js')];
    await expect(run(program, '')).rejects.toMatchObject({ code: 2, stderr: /^Usage: inject/ });
    const { version } = JSON.parse(await read('package.json'));
    const { stdout } = await run([...program, '--version'], '');
    expect(JSON.parse(stdout)).toMatchObject({ buildVersion: version });
  });
});
