/** The program that `helm test` runs in a pod, and its words about each state of the pod. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { chart } from '../../support/chart.ts';
import { startEmulator } from '../../support/emulator.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

const program = readFileSync(join(chart, 'files/ask.cjs'), 'utf8');
const resource = 'https://vault.azure.net';

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function ask(METADATA: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { METADATA, RESOURCE: resource, CLIENT_ID: '', ...more };
    execFile(process.execPath, ['-e', program], { env, timeout: 50_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('the program of helm test', () => {
  let emulator: Emulator;
  let proxy: ProxyProcess;
  beforeAll(async () => {
    emulator = await startEmulator();
    proxy = await startProxy(emulator);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await emulator?.stop();
  });
  const ofProxy = (): string => `http://127.0.0.1:${proxy.port}`;

  it('says for which client there is a token, and prints no token', async () => {
    const { code, stdout, stderr } = await ask(ofProxy());
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^ok: a token for https:\/\/vault\.azure\.net as client [0-9a-f-]{36}, valid for \d+ s\n$/,
    );
    expect(stdout).not.toContain('eyJ');
  });

  it('passes on why there is no token, with the remedy of the proxy', async () => {
    const { code, stdout } = await ask(ofProxy(), {
      CLIENT_ID: '99999999-9999-4999-8999-999999999999',
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^failed: status 400, unauthorized_client: AADSTS700016/);
  });

  it('says that nothing answers', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const { code, stdout } = await ask(`http://127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(stdout).toContain('(ECONNREFUSED): the pod has no redirect, or its proxy does not run');
  });

  it.each([
    ['another server', { server: 'IMDS/150.870.65.1854' }, 'was answered by another program'],
    ['a server without a name', {}, 'was answered by another program'],
    [
      'a proxy that answers with nonsense',
      { server: 'IMDS/0 (workload-identity-imds-proxy)' },
      'status 200 without a token',
    ],
  ] as const)('does not take the answer of %s for a token', async (_, headers, message) => {
    const server = createServer((_, response) => {
      response.writeHead(200, headers).end('[1]');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const { code, stdout } = await ask(`http://127.0.0.1:${port}`);
      expect([code, stdout]).toEqual([1, expect.stringContaining(message)]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
