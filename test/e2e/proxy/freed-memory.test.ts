/**
 * The proxy erases its buffers. `malloc` hands out freed memory with its content, so without that it would keep a
 * copy of the federated token for each exchange, and a copy of Entra's answer.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { countInMalloc } from '../../support/process-memory.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { itUnless } from '../../support/skip.ts';

const exchanges = 120;

/** Node leaves some: it joins head and body of a request for TLS. There were 4 after 1,024 exchanges. */
const mostCopies = 12;

let emulator: Emulator;
let proxy: ProxyProcess;
let accessToken: string;

beforeAll(async () => {
  emulator = await startEmulator();
  proxy = await startProxy(emulator);
  for (let count = 0; count < exchanges; count += 1) {
    const query = `api-version=2018-02-01&resource=https://freed-${count}.example`;
    const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { Metadata: 'true' },
    });
    accessToken = ((await response.json()) as { access_token: string }).access_token;
  }
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await emulator?.stop();
});

const obstacle = process.platform === 'linux' ? undefined : 'needs /proc of Linux';

itUnless(obstacle, 'the search finds text that is there', async () => {
  expect(await countInMalloc(proxy.pid, emulator.tokenFile)).toBeGreaterThan(0);
});

itUnless(
  obstacle,
  'freed memory has few copies of the federated token after many exchanges',
  async () => {
    const assertion = (await readFile(emulator.tokenFile, 'utf8')).trim();
    expect(await countInMalloc(proxy.pid, assertion.slice(-60))).toBeLessThanOrEqual(mostCopies);
  },
);

itUnless(obstacle, 'freed memory has few answers of Entra after many exchanges', async () => {
  const field = `"access_token":"${accessToken.slice(0, 60)}`;
  expect(await countInMalloc(proxy.pid, field)).toBeLessThanOrEqual(mostCopies);
});
