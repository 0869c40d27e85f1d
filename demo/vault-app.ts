/**
 * The Key Vault quick start: an application that knows the address of a vault, DefaultAzureCredential and
 * SecretClient, and nothing about proxies or federation. For each line of JSON on its input, {name, clientId?}, it
 * reads that secret and writes one line with the result and every request that its libraries sent, as Node reports
 * them.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { toRequestText } from './wire.ts';

export interface SecretWish {
  readonly name: string;
  /** The identity, if it is not the pod's default. */
  readonly clientId?: string;
}

export interface SecretOutcome {
  readonly ms: number;
  readonly value?: string;
  readonly error?: string;
  readonly exchanges: readonly Exchange[];
}

/** A request to a server, and the answer. */
export interface Exchange {
  /** Where the request went, such as `http://169.254.169.254`. */
  readonly origin: string;
  readonly request: string;
  readonly status: number;
  /** The challenge of a 401. */
  readonly challenge?: string;
}

let exchanges: Exchange[] = [];
subscribe('http.client.response.finish', (message) => {
  const { request, response } = message as {
    readonly request: ClientRequest;
    readonly response: IncomingMessage;
  };
  const { statusCode = 0, headers } = response;
  const challenge = headers['www-authenticate'];
  exchanges.push({
    origin: `${request.protocol}//${request.getHeader('host')}`,
    request: toRequestText(request),
    status: statusCode,
    ...(challenge === undefined ? {} : { challenge }),
  });
});

const vaultUrl = process.env['VAULT_URL'] ?? '';
// Set if the vault has another name than in Azure.
const hasOtherName = process.env['VAULT_HAS_OTHER_NAME'] !== undefined;
const clients = new Map<string, SecretClient>();

function createClient(clientId: string): SecretClient {
  const credential =
    clientId === ''
      ? new DefaultAzureCredential()
      : new DefaultAzureCredential({ managedIdentityClientId: clientId });
  return new SecretClient(
    vaultUrl,
    credential,
    hasOtherName ? { disableChallengeResourceVerification: true } : {},
  );
}

for await (const line of createInterface({ input: process.stdin })) {
  const { name, clientId = '' } = JSON.parse(line) as SecretWish;
  const client = clients.get(clientId) ?? createClient(clientId);
  clients.set(clientId, client);
  exchanges = [];
  const startedAt = performance.now();
  let result: { readonly value: string } | { readonly error: string };
  try {
    const { value = '' } = await client.getSecret(name);
    result = { value };
  } catch (error) {
    result = { error: error instanceof Error ? error.message : String(error) };
  }
  const outcome: SecretOutcome = { ms: performance.now() - startedAt, exchanges, ...result };
  console.log(JSON.stringify(outcome));
}
