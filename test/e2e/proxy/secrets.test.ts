import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import type { FaultEffect } from '../../../src/emulator/faults/fault.ts';
import { startEmulator } from '../../support/emulator.ts';
import { startProxy } from '../../support/proxy-process.ts';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

const effects: readonly (FaultEffect | undefined)[] = [
  undefined,
  { kind: 'refuse', code: 700213 },
  { kind: 'refuse', code: 7000112 },
  { kind: 'html', status: 502 },
  { kind: 'truncated' },
  { kind: 'malformed-json' },
  { kind: 'no-access-token' },
  { kind: 'reset' },
  { kind: 'throttle', retryAfterSeconds: 9 },
];

test('T24: no token and no assertion is in any log line, metric or error, at the level all', async () => {
  await using proxy = await startProxy(emulator, { logLevel: 'all', withAdmin: true });
  const secrets = new Set<string>();
  const shown: string[] = [];
  for (const [index, effect] of effects.entries()) {
    emulator.faults.replace(effect === undefined ? [] : [{ effect }]);
    secrets.add(await readFile(emulator.tokenFile, 'utf8'));
    const query = new URLSearchParams({
      'api-version': '2018-02-01',
      resource: `https://resource-${index}.example`,
    });
    const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { Metadata: 'true', 'x-ms-client-request-id': crypto.randomUUID() },
    });
    const text = await response.text();
    const token: unknown = JSON.parse(text).access_token;
    if (typeof token === 'string') secrets.add(token);
    else shown.push(text);
    await emulator.rotateTokenFile();
  }
  shown.push(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text());
  shown.push(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/readyz?verbose`)).text());
  const status = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/statusz`)).text();
  expect(status).toContain('ERR_REJECTED AADSTS700213');
  shown.push(status);
  shown.push(...proxy.output);

  expect(secrets.size).toBeGreaterThan(effects.length);
  for (const secret of secrets) {
    const [, payload = '', signature = ''] = secret.trim().split('.');
    expect(signature.length).toBeGreaterThan(100);
    for (const text of shown) {
      expect(text).not.toContain(payload);
      expect(text).not.toContain(signature);
    }
  }
  // What support needs to follow a request is there.
  const failed = proxy.log.filter(({ aadsts }) => aadsts === 700213);
  expect(failed.length).toBeGreaterThan(0);
  for (const line of failed) expect(line['correlation_id']).toEqual(expect.any(String));
});
