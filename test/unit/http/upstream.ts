import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import type { PassThroughMode } from '../../../src/proxy/http/pass-through-gate.ts';
import { type Endpoint, type RawResponse, send } from '../../support/raw-http.ts';
import { type ScriptedServer, startScriptedServer } from '../../support/scripted-source-server.ts';

export const identity = { clientId: 'a1a1a1a1-0000-4000-8000-00000000000a', tenantId: 'tenant' };
const policy = {
  defaultIdentity: identity,
  identities: [identity],
  defaultTenantId: 'tenant',
  allowedClientIds: undefined,
  allowedResources: undefined,
};

export const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** A metadata service of the test's own. */
export async function startUpstream(listener: http.RequestListener) {
  const requests: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  return { requests, ...(await listen(server, () => server.closeAllConnections())) };
}

export async function listen(
  server: net.Server,
  end: () => void,
): Promise<{ readonly endpoint: Endpoint }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        end();
      }),
  });
  return { endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } };
}

export async function startProxy(
  upstream: Endpoint,
  mode: PassThroughMode = 'instance',
): Promise<ScriptedServer> {
  const proxy = await startScriptedServer({ policy, passThrough: { mode, upstream } });
  opened.push(proxy);
  return proxy;
}

/** A port that nobody listens on. */
export async function findClosedPort(): Promise<Endpoint> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return { host: '127.0.0.1', port };
}

export function ask(
  proxy: ScriptedServer,
  target: string,
  ...headers: readonly string[]
): Promise<RawResponse> {
  return send(proxy.endpoint, {
    target,
    headers: ['Host: 169.254.169.254', 'Metadata: true', ...headers],
  });
}

export const instance = '/metadata/instance?api-version=2021-02-01&format=json';
