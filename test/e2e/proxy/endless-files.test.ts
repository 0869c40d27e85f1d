import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { dist, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

let emulator: Emulator;
const folder = mkdtempSync(join(tmpdir(), 'endless-'));
const pipe = join(folder, 'pipe');
const sparse = join(folder, 'sparse');

beforeAll(async () => {
  execFileSync('mkfifo', [pipe]);
  writeFileSync(sparse, '');
  truncateSync(sparse, 100e9);
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const files = [
  ['/proc/self/pagemap, which has no end', () => '/proc/self/pagemap'],
  ['a sparse file of 100 GB', () => sparse],
  ['/proc/kmsg, which waits for the next line', () => '/proc/kmsg'],
  ['a named pipe that nobody writes', () => pipe],
  ['a device that has no end', () => '/dev/zero'],
  ['a directory', () => folder],
] as const;

function peakMiB({ pid }: ProxyProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

async function askForToken({ url }: ProxyProcess): Promise<Response> {
  const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
  return fetch(`${url}/metadata/identity/oauth2/token?${query}`, { headers: { metadata: 'true' } });
}

describe.each(files)('a setting that names %s', (_name, toPath) => {
  it('as the token file: readiness and requests name the fault, in little memory', async () => {
    await using proxy = await startProxy(emulator, {
      env: { AZURE_FEDERATED_TOKEN_FILE: toPath() },
      withAdmin: true,
    });
    const response = await askForToken(proxy);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('AZURE_FEDERATED_TOKEN_FILE');
    for (let round = 0; round < 5; round += 1) {
      const ready = await fetch(`http://127.0.0.1:${proxy.adminPort}/readyz?verbose`);
      expect(await ready.text()).toContain('the file of AZURE_FEDERATED_TOKEN_FILE');
    }
    expect(peakMiB(proxy)).toBeLessThan(300);
  });

  it('as NODE_EXTRA_CA_CERTS: the proxy serves, warns, and ends when it is told to', async () => {
    await using proxy = await startProxy(emulator, {
      env: { NODE_EXTRA_CA_CERTS: toPath() },
      args: ['--drain-quiet=0'],
    });
    expect(proxy.log).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(/^NODE_EXTRA_CA_CERTS.*: .* does not trust that CA/),
      }),
    );
    // Nothing else vouches for the emulator.
    const response = await askForToken(proxy);
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/TLS with .* failed/);
    expect(peakMiB(proxy)).toBeLessThan(300);
    proxy.child.kill('SIGTERM');
    expect(await proxy.untilExit()).toBe(0);
  });

  it.each([
    ['the CA of the token proxy', 'AZURE_KUBERNETES_CA_FILE', ''],
    ['the identities', 'IMDS_PROXY_IDENTITIES', '@'],
  ])('as %s: the proxy does not start and says why', (_what, variable, prefix) => {
    const { status, stderr, signal } = spawnSync(join(dist, 'proxy'), ['--proxy-port=1'], {
      env: {
        ...emulator.describe().env,
        AZURE_KUBERNETES_TOKEN_PROXY: 'https://127.0.0.1/',
        [variable]: `${prefix}${toPath()}`,
      },
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr).toContain(variable);
    expect(stderr).toMatch(
      /is not a regular file|has more than 1 MiB|is a directory|cannot be read/,
    );
  });
});

describe('a program that only prints', () => {
  it.each([
    ['proxy', ['--version']],
    ['proxy', ['--help']],
    ['proxy-init', ['--version']],
  ])('%s %j ends with an endless NODE_EXTRA_CA_CERTS', (program, args) => {
    const { signal } = spawnSync(join(dist, program), args, {
      env: { NODE_EXTRA_CA_CERTS: pipe },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    expect(signal).toBe(null);
  });
});
