import { type RawResponse, type RequestSpec, send } from '../../support/raw-http.ts';
import type { ScriptedServer } from '../../support/scripted-source-server.ts';
import { startScriptedProxy } from '../imds/scripted-proxy.ts';

/** What the application has in IDENTITY_HEADER; recognisable, so that logs can be searched for it. */
export const secret = 'CANARY-identity-header-0123456789abcdef';

export const vault = 'https://vault.azure.net';
export const newest = 'api-version=2019-08-01';
export const oldest = 'api-version=2017-09-01';
export const newestHeader = `X-IDENTITY-HEADER: ${secret}`;
export const oldestHeader = `Secret: ${secret}`;

/** The data server with App Service's path, over a scripted source. */
export function startAppService(
  configuration?: Parameters<typeof startScriptedProxy>[0],
): Promise<ScriptedServer> {
  return startScriptedProxy(configuration, { identityHeader: secret });
}

/** A request as a client in the pod sends it. */
export function ask(query: string, ...headers: readonly string[]): RequestSpec {
  return { target: `/msi/token?${query}`, headers: ['Host: 127.0.0.1:8000', ...headers] };
}

/** The answer to a request for the vault's token in version 2019-08-01. */
export function askNewest(
  { endpoint }: ScriptedServer,
  query = '',
  ...headers: readonly string[]
): Promise<RawResponse> {
  const asked = `${newest}&resource=${encodeURIComponent(vault)}${query && `&${query}`}`;
  return send(endpoint, ask(asked, newestHeader, ...headers));
}
