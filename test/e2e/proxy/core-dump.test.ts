/** A core dump is the memory of the process, secrets included. These are the bounds that docs/threat-model.md names. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { dist, findFreePort } from '../../support/proxy-process.ts';
import { describeUnless } from '../../support/skip.ts';

const header = 'CANARY-header-0123456789-abcdefghij';

function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'core dumps are tested on Linux only';
  if (process.getuid?.() !== 0) return 'read-only folders need root';
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  if (/^[|/]/.test(pattern)) return `kernel.core_pattern of this machine is ${pattern}`;
  const { status } = spawnSync('sh', ['-c', 'ulimit -c unlimited']);
  return status === 0 ? undefined : 'core dumps are limited for this process';
}

let emulator: Emulator;
let folder: string;

/** Lets a proxy with a token abort. @returns the paths of the dumps in its folder, and the token */
async function abort(
  limit: 'unlimited' | '0',
  isReadOnly = false,
): Promise<{ readonly dumps: readonly string[]; readonly accessToken: string }> {
  const cwd = await mkdtemp(join(folder, 'cwd-'));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const port = await findFreePort();
  const seal = isReadOnly ? 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ' : '';
  const script = `${seal}ulimit -c ${limit} && cd "$0" && exec "$@"`;
  const child = spawn(
    'unshare',
    [
      ...['--mount', 'sh', '-c', script, cwd, process.execPath, join(dist, 'proxy')],
      ...[`--proxy-port=${port}`, '--admin-port=0', '--passthrough=off'],
    ],
    {
      env: { ...emulator.describe().env, IMDS_PROXY_IDENTITY_HEADER: header },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const ended = once(child, 'exit');
  const path = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://a.example';
  const response = await untilAnswered(`http://127.0.0.1:${port}${path}`);
  const { access_token: accessToken } = (await response.json()) as { access_token: string };
  child.kill('SIGABRT');
  expect(await ended).toEqual([null, 'SIGABRT']);
  return { accessToken, dumps: readdirSync(cwd).map((name) => join(cwd, name)) };
}

async function untilAnswered(url: string): Promise<Response> {
  const deadlineAt = Date.now() + 30_000;
  for (;;) {
    try {
      return await fetch(url, { headers: { Metadata: 'true' } });
    } catch (error) {
      if (Date.now() > deadlineAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Those of the texts that are in a file. */
async function findTexts(file: string, texts: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  let rest = Buffer.alloc(0);
  const longest = Math.max(...texts.map(({ length }) => length));
  for await (const chunk of createReadStream(file, { highWaterMark: 4 * 1_048_576 })) {
    const part = Buffer.concat([rest, chunk]);
    for (const text of texts) if (part.includes(text)) found.add(text);
    rest = part.subarray(-longest);
  }
  return [...found];
}

describeUnless(findObstacle(), 'a core dump of the proxy', () => {
  beforeAll(async () => {
    folder = makeSharedFolder('core-dump-');
    emulator = await startEmulator();
  });
  afterAll(async () => {
    await emulator?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('has the secrets, where it may be written', async () => {
    const { accessToken, dumps } = await abort('unlimited');
    const [dump = '', ...more] = dumps;
    expect(more).toEqual([]);
    const signature = accessToken.split('.')[2] ?? '';
    const found = await findTexts(dump, [signature, header, crypto.randomUUID()]);
    expect(new Set(found)).toEqual(new Set([signature, header]));
  });

  test('is not written under ulimit -c 0', async () => {
    expect((await abort('0')).dumps).toEqual([]);
  });

  test('is not written to a read-only root, whatever the limit', async () => {
    expect((await abort('unlimited', true)).dumps).toEqual([]);
  });
});
