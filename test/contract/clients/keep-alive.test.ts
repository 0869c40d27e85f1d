/**
 * Two minutes between two requests of SDKs that hold on to their connections. The SDK's clock and the proxy's
 * are moved by hand; the idle timers of the connections themselves are the kernel's and Node's, and are not:
 * what comes of them is played by ending the connection.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { ManagedIdentityCredential } from '@azure/identity';
import { ManagedIdentityApplication } from '@azure/msal-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { headerOf, send } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { startScriptedProxy } from '../imds/scripted-proxy.ts';

const twoMinutesMs = 120_000;
const resource = 'https://vault.azure.net';

let proxy: ScriptedServer;
let connections: Socket[];
const onRequest = (message: unknown): void => {
  connections.push((message as { readonly socket: Socket }).socket);
};

// One for all: the SDKs keep the address for as long as the process lives.
beforeAll(async () => {
  proxy = await startScriptedProxy();
  subscribe('http.server.request.start', onRequest);
  vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', `http://127.0.0.1:${proxy.endpoint.port}`);
  vi.useFakeTimers({ toFake: ['Date'], now: proxy.clock.epochMs() });
});
beforeEach(async () => {
  connections = [];
  // The SDKs share their tokens as well.
  await passTwoMinutes();
});
afterAll(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  unsubscribe('http.server.request.start', onRequest);
  await proxy[Symbol.asyncDispose]();
});

/** Nobody keeps a token that ends so soon, so that every call is a request. */
function issueShortToken(accessToken: string): void {
  proxy.source.forget();
  const { clock } = proxy;
  proxy.source.script({
    accessToken,
    expiresAtSeconds: Math.floor((clock.epochMs() + twoMinutesMs) / 1_000),
    expiresAtMs: clock.monotonicMs() + twoMinutesMs,
    extExpiresInSeconds: twoMinutesMs / 1_000,
  });
}

async function passTwoMinutes(): Promise<void> {
  await proxy.clock.advance(twoMinutesMs);
  vi.setSystemTime(proxy.clock.epochMs());
}

const sdks: readonly [string, () => () => Promise<string>][] = [
  [
    '@azure/identity',
    () => {
      const credential = new ManagedIdentityCredential();
      return async () => (await credential.getToken(`${resource}/.default`)).token;
    },
  ],
  [
    '@azure/msal-node',
    () => {
      const application = new ManagedIdentityApplication();
      return async () => (await application.acquireToken({ resource })).accessToken;
    },
  ],
];

describe.each(sdks)('%s', (_, create) => {
  test('asks for the next token on the connection that it has', async () => {
    const getToken = create();
    issueShortToken('first');
    expect(await getToken()).toBe('first');
    await passTwoMinutes();
    issueShortToken('second');
    expect(await getToken()).toBe('second');
    expect(connections).toHaveLength(2);
    expect(connections[1]).toBe(connections[0]);
  });

  test('gets the next token although its connection has been ended meanwhile', async () => {
    const getToken = create();
    issueShortToken('first');
    expect(await getToken()).toBe('first');
    await passTwoMinutes();
    connections[0]?.destroy();
    issueShortToken('second');
    expect(await getToken()).toBe('second');
    expect(connections.at(-1)).not.toBe(connections[0]);
  });
});

test('a connection is said to be kept for two minutes, longer than the pools of .NET and Go do', async () => {
  const answer = await send(proxy.endpoint, {
    target: `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`,
    headers: ['Host: 169.254.169.254', 'Metadata: true'],
  });
  expect(headerOf(answer, 'keep-alive')).toBe('timeout=120');
});
