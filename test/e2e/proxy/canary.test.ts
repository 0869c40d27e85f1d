/** Where a token, an assertion, the App Service secret and an HTTP proxy's password are, and are not. */
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { runDoctor } from '../../support/doctor.ts';
import { startEmulator } from '../../support/emulator.ts';
import { takeHeapStrings, toSnapshotOptions } from '../../support/heap-snapshots.ts';
import { findFreePort, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';

const password = 'CANARY-password-0123456789';
const header = 'CANARY-header-0123456789-abcdefghij';
const resource = 'https://canary-resource.example';

let emulator: Emulator;
let folder: string;
let proxy: ProxyProcess;
let assertion: string;
let accessToken: string;

beforeAll(async () => {
  folder = makeSharedFolder('canary-');
  emulator = await startEmulator();
  proxy = await startProxy(emulator, {
    env: {
      HTTPS_PROXY: `http://user:${password}@127.0.0.1:${await findFreePort()}`,
      NO_PROXY: '127.0.0.1,localhost',
      IMDS_PROXY_IDENTITY_HEADER: header,
      NODE_OPTIONS: toSnapshotOptions(folder),
    },
    withAdmin: true,
    logLevel: 'all',
  });
  assertion = (await readFile(emulator.tokenFile, 'utf8')).trim();
  const answer = await ask(resource);
  accessToken = (JSON.parse(answer) as { access_token: string }).access_token;
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ask(of: string): Promise<string> {
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource: of });
  const response = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
    headers: { Metadata: 'true' },
  });
  return response.text();
}

const page = async (path: string): Promise<string> =>
  (await fetch(`http://127.0.0.1:${proxy.adminPort}/${path}`)).text();

const proc = (file: string): string => readFileSync(`/proc/${proxy.pid}/${file}`, 'utf8');

/** The parts of a token that say or prove something. */
const toParts = (token: string): readonly string[] => token.split('.').slice(1);

const listCanaries = (): readonly string[] => [
  password,
  header,
  ...toParts(assertion),
  ...toParts(accessToken),
];

test('no text that the proxy or the doctor writes has one of them', async () => {
  emulator.faults.replace([{ effect: { kind: 'refuse', code: 700213 } }]);
  const refused = await ask('https://refused.example');
  emulator.faults.replace([]);
  const wrongSecret = await fetch(
    `${proxy.url}/msi/token?api-version=2019-08-01&resource=${resource}`,
    { headers: { 'X-IDENTITY-HEADER': `${header}x` } },
  );
  const doctor = await runDoctor({ args: [`--pid=${proxy.pid}`] });
  const pages = ['metrics', 'readyz?verbose', 'statusz', 'statusz?output=json', 'livez'];
  const texts = [
    refused,
    await wrongSecret.text(),
    doctor.stdout,
    doctor.stderr,
    ...(await Promise.all(pages.map(page))),
    ...proxy.output,
  ];
  expect(refused).toContain('AADSTS700213');
  expect(texts.length).toBeGreaterThan(12);
  const all = texts.join('\n');
  for (const canary of listCanaries()) expect(all).not.toContain(canary);
});

test('the metrics name no identity, no resource and no caller', async () => {
  const { env } = emulator.describe();
  const metrics = await page('metrics');
  expect(metrics).toContain('imds_proxy_token_exchanges_total{result="success"}');
  const names = [env['AZURE_CLIENT_ID'], env['AZURE_TENANT_ID'], 'canary-resource', '127.0.0.1'];
  for (const name of names) {
    expect(name).toEqual(expect.any(String));
    expect(metrics).not.toContain(name);
  }
});

describe('the process, as root and its own user see it', () => {
  test('has no token in its environment, where the two secrets are', () => {
    const environment = proc('environ');
    expect(environment).toContain(header);
    expect(environment).toContain(password);
    for (const part of [...toParts(assertion), ...toParts(accessToken)]) {
      expect(environment).not.toContain(part);
    }
  });

  test('has none of them in its command line', () => {
    expect(proc('cmdline')).toContain('--proxy-port=');
    for (const canary of listCanaries()) expect(proc('cmdline')).not.toContain(canary);
  });

  test('keeps the access token and not the assertion after an exchange', async () => {
    const strings = await takeHeapStrings(proxy, folder);
    const has = (text: string): boolean => strings.some((each) => each.includes(text));
    // A snapshot cuts long strings.
    const start = (token: string): string => token.slice(0, 700);
    expect(has(start(accessToken)), 'the search finds a live string').toBe(true);
    expect(has(header)).toBe(true);
    expect(has(start(assertion))).toBe(false);
    expect(has(toParts(assertion)[1]?.slice(0, 200) ?? '')).toBe(false);
  });
});
