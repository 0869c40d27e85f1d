import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Emulator } from '../../../src/emulator/api.ts';
import { createServerIdentity } from '../../../src/emulator/tls/throwaway-ca.ts';

/** The name that applications reach the vault by; its libraries insist that it is in the vault domain. */
export const vaultHost = 'shop.vault.azure.net';
export const secret = { name: 'greeting', value: 'Hello from the vault' } as const;

const resource = 'https://vault.azure.net';
const secretPath = new RegExp(`^/secrets/${secret.name}(/|$)`);

/** As much of a Key Vault as it takes to read a secret, with the checks that the real one makes. */
export interface Vault extends AsyncDisposable {
  /** What its clients have to trust. */
  readonly caPem: string;
  readonly port: number;
}

/** Listens on loopback, by default on port 443, which a network namespace of one's own has free. */
export async function startVault(emulator: Emulator, port = 443): Promise<Vault> {
  const { caPem, certificatePem, privateKeyPem } = await createServerIdentity(
    [vaultHost],
    Date.now(),
  );
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (request, response) => {
    void answer(emulator, request, response).catch((error: unknown) => {
      send(response, 500, { error: { code: 'InternalError', message: String(error) } });
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    caPem,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(
  emulator: Emulator,
  { headers, url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  const fault =
    token === undefined ? 'there is no bearer token' : await findTokenFault(emulator, token);
  if (fault !== undefined) {
    // The challenge, from which the libraries learn what token to get.
    const authorization = `https://login.microsoftonline.com/${emulator.tenantId}`;
    response.setHeader(
      'www-authenticate',
      `Bearer authorization="${authorization}", resource="${resource}"`,
    );
    send(response, 401, { error: { code: 'Unauthorized', message: `AKV10000: ${fault}` } });
    return;
  }
  const { pathname, searchParams } = new URL(url, `https://${vaultHost}`);
  if (!searchParams.has('api-version') || !secretPath.test(pathname)) {
    send(response, 404, { error: { code: 'SecretNotFound', message: `nothing at ${pathname}` } });
    return;
  }
  const id = `https://${vaultHost}/secrets/${secret.name}/0123456789abcdef0123456789abcdef`;
  const attributes = { enabled: true, created: 1_700_000_000, updated: 1_700_000_000 };
  send(response, 200, { value: secret.value, id, attributes });
}

/** Signature, issuer, audience and expiry, and that it is the token of the first identity. */
async function findTokenFault(
  { authorityHost, tenantId, identities }: Emulator,
  token: string,
): Promise<string | undefined> {
  const keys = await fetch(`${authorityHost}/${tenantId}/discovery/keys`, {
    signal: AbortSignal.timeout(5_000),
  });
  try {
    const { payload } = await jwtVerify(
      token,
      createLocalJWKSet((await keys.json()) as JSONWebKeySet),
      {
        audience: resource,
        issuer: `https://sts.windows.net/${tenantId}/`,
        algorithms: ['RS256'],
        requiredClaims: ['exp'],
      },
    );
    return payload['appid'] === identities.list()[0]?.clientId
      ? undefined
      : `${String(payload['appid'])} may not read secrets`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
