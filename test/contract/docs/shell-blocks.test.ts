/** Every shell block of the documents is run by a test, or says what it needs that no test has. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { dist, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { shellBlock, toShellBlocks } from '../../support/shell-blocks.ts';
import { documents, root } from './documents.ts';

/** What no test has, and what a block may therefore need. */
const needs: ReadonlySet<string> = new Set([
  'Azure',
  'a cluster',
  'an image for arm64',
  'Azure and a cluster',
  'a machine that can run a Kubernetes',
  'a release',
]);

const self = relative(root, import.meta.filename);
const blocks = documents.flatMap(({ file, text }) => toShellBlocks(file, text));

describe('shell blocks', () => {
  test('are found', () => expect(blocks.length).toBeGreaterThan(15));

  test.each(blocks.map((block) => [`${block.file}:${block.line}`, block] as const))(
    '%s',
    (_, { file, marker }) => {
      const advice =
        'write <!-- run by: TEST --> or <!-- needs: Azure --> on the line before the block; see test/support/shell-blocks.ts';
      expect(marker, advice).toBeDefined();
      if (marker?.kind === 'needs') expect(needs).toContain(marker.value);
      else {
        const path = marker?.value ?? '';
        expect(existsSync(join(root, path)), `${path} does not exist`).toBe(true);
        // The test must take the commands from the document, or it would not notice that they change.
        if (path !== '.ci/run') {
          expect(readFileSync(join(root, path), 'utf8')).toContain(`shellBlock('${file}', `);
        }
      }
    },
  );
});

describe(`blocks that ${self} runs`, () => {
  let folder: string;
  let emulator: Emulator;
  let proxy: ProxyProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shell-blocks-'));
    emulator = await startEmulator();
    proxy = await startProxy(emulator);
    await mkdir(join(folder, 'bin'));
    await symlink(join(dist, 'proxy'), join(folder, 'bin/proxy'));
    // The proxy stands in for the metadata address.
    await writeFile(
      join(folder, '.curlrc'),
      `connect-to = "169.254.169.254:80:127.0.0.1:${proxy.port}"\n`,
    );
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await emulator?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (commands: string): Promise<string> => {
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-e', '-c', commands], {
      cwd: folder,
      env: {
        ...emulator.describe().env,
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        HOME: folder,
      },
      timeout: 50_000,
    });
    return stdout;
  };
  const withImages = (commands: string): string =>
    commands.replaceAll('=…', '=registry.example/imds-proxy/image:0.1.0');
  const manifest = join(root, 'test/fixtures/inject/chart-web/input.yaml');

  test('a request by hand gets a token', async () => {
    const answer = await run(shellBlock('docs/troubleshooting.md', 'curl -sS'));
    expect(JSON.parse(answer)).toMatchObject({ resource: 'https://vault.azure.net' });
  });

  test('the federated token is shown without its signature', async () => {
    // base64 exits with 1 because the padding is missing, after it has printed everything.
    const shown = await run(`${shellBlock('docs/troubleshooting.md', 'cut -d.').trim()} || true`);
    expect(shown).toContain('"sub":"system:serviceaccount:default:demo"');
    expect(shown).not.toContain('eyJ');
  });

  test('manifests are injected as output of a program, in place and back again', async () => {
    const original = await readFile(manifest, 'utf8');
    await mkdir(join(folder, 'deploy'));
    await writeFile(join(folder, 'deploy/web.yaml'), original);
    const helm = join(folder, 'bin/helm');
    await writeFile(helm, `#!/bin/sh\ntest "$*" = 'template shop ./chart' && cat '${manifest}'\n`);
    await chmod(helm, 0o755);
    await run(withImages(shellBlock('docs/inject.md', 'helm template')));
    expect(await readFile(join(folder, 'shop.yaml'), 'utf8')).toContain('azwi-proxy');
    expect(await readFile(join(folder, 'deploy/web.yaml'), 'utf8')).toBe(original);
  });

  test('the npm package injects a manifest', async () => {
    await writeFile(join(folder, 'in.yaml'), await readFile(manifest, 'utf8'));
    // The packages are installed already, and the archive goes into this folder.
    const npm = `npm() { [ "$1" = ci ] || '${process.execPath}' '${root}/build/package.ts' --outdir dist; }\n`;
    const output = await run(
      npm + withImages(shellBlock('docs/inject.md', 'npm ci && npm run package')),
    );
    expect(output).toContain('azwi-proxy');
  });
});

describe('the reading of blocks', () => {
  test('takes marker and indentation', () => {
    const text =
      '1. One\n\n   <!-- needs: Azure -->\n   ```sh\n   a \\\n     b\n   ```\n\n```sh\nc\n```\n';
    expect(toShellBlocks('x.md', text)).toEqual([
      { file: 'x.md', line: 4, text: 'a \\\n  b\n', marker: { kind: 'needs', value: 'Azure' } },
      { file: 'x.md', line: 9, text: 'c\n', marker: undefined },
    ]);
  });
});
