/** An access token that is not served any more is not kept either. */
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import { startEmulator } from '../../support/emulator.ts';
import { takeHeapStrings, toSnapshotOptions } from '../../support/heap-snapshots.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

/** Fifteen seconds in the cache: time for the first look at the heap on a busy machine. */
const tokenLifetimeSeconds = 45;

test('a token that expired or was replaced is not in the heap', { timeout: 120_000 }, async () => {
  const folder = makeSharedFolder('expired-token-');
  const emulator = await startEmulator({ tokenLifetimeSeconds });
  const proxy = await startProxy(emulator, {
    env: { NODE_OPTIONS: toSnapshotOptions(folder) },
    withAdmin: true,
  });
  try {
    const expired = await ask(proxy, 'https://expired.example');
    const replaced = await ask(proxy, 'https://replaced.example');
    expect(await ask(proxy, 'https://replaced.example', 'authority=other')).toBe(replaced);
    const before = await takeHeapStrings(proxy, folder);
    expect(isIn(before, expired), 'the search finds a live token').toBe(true);
    expect(isIn(before, replaced)).toBe(true);

    await untilDropped(proxy);
    const current = await ask(proxy, 'https://replaced.example');
    expect(current).not.toBe(replaced);
    const after = await takeHeapStrings(proxy, folder);
    expect(isIn(after, replaced)).toBe(false);
    expect(isIn(after, expired)).toBe(false);
  } finally {
    await proxy[Symbol.asyncDispose]();
    await emulator.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

/** Asks for a token. @param more makes another request target of the same request */
async function ask(proxy: ProxyProcess, resource: string, more = ''): Promise<string> {
  const query = `api-version=2018-02-01&resource=${resource}&${more}`;
  const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
    headers: { Metadata: 'true' },
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Two tokens of one key differ in the times within their claims, which this includes. */
const isIn = (strings: readonly string[], token: string): boolean =>
  strings.some((each) => each.includes(token.slice(0, 700)));

async function untilDropped(proxy: ProxyProcess): Promise<void> {
  for (;;) {
    const page = await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`);
    if ((await page.text()).includes('imds_proxy_token_cache_entries 0')) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
