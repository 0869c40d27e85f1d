import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listAssertionFiles } from '../../../src/proxy/config/exchange-settings.ts';
import { makeAssertion } from '../entra/support.ts';
import { accepted, clientId, otherClientId } from './load.ts';

test('the token files are listed once for each mode that they are used in', () => {
  const { config } = accepted({
    AZURE_FEDERATED_TOKEN_FILE: '/usual',
    AZURE_KUBERNETES_TOKEN_PROXY: 'https://10.0.0.1',
    IMDS_PROXY_IDENTITIES: JSON.stringify([
      { clientId },
      { clientId: otherClientId, tokenFile: '/own' },
      { clientId: clientId.replace('a', 'b'), tokenFile: '/own' },
      { clientId: clientId.replace('a', 'c'), tokenFile: '/usual' },
      { clientId: clientId.replace('a', 'd'), mode: 'federation' },
    ]),
  });
  expect(listAssertionFiles(config)).toEqual([
    { path: '/usual', mode: 'binding' },
    { path: '/own', mode: 'binding', identity: { clientId: otherClientId, entry: 2 } },
    {
      path: '/usual',
      mode: 'federation',
      identity: { clientId: clientId.replace('a', 'd'), entry: 5 },
    },
  ]);
});

describe('a token for the API server is a warning at the start', () => {
  test.each([
    [{ aud: ['https://kubernetes.default.svc'], nbf: 4e9 }, /for the cluster's API server; Mount/],
    [{ iss: 'https://i', aud: ['https://i'] }, /for the cluster's API server; Mount/],
    [{}, /without an audience.*; Mount/],
    // Entra may know it, and the time is for the exchange to judge.
    [{ aud: ['api://my-own'], nbf: 4e9, exp: 1 }, undefined],
  ])('%j', (claims, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'assertion-files-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'token');
    writeFileSync(path, makeAssertion(claims));
    const { warnings } = accepted({ AZURE_FEDERATED_TOKEN_FILE: path });
    expect(warnings).toEqual(expected === undefined ? [] : [expect.stringMatching(expected)]);
    expect(warnings.join()).not.toMatch(/federated credential|kubernetes\.default/);
  });
});
