/**
 * The application of the demo. It uses ManagedIdentityCredential of @azure/identity and knows nothing about proxies or
 * federation. For each line of JSON on its input, {resource, clientId?}, it asks for a token and writes one line with
 * the result and the last request that the library sent, as Node reports it.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { ManagedIdentityCredential } from '@azure/identity';
import { toRequestText } from './wire.ts';

export interface Wish {
  readonly resource: string;
  readonly clientId?: string;
}

export interface Outcome {
  readonly ms: number;
  readonly token?: string;
  readonly error?: string;
  /** The last request that the library sent, as it would look on the wire. */
  readonly request: string;
}

const credentials = new Map<string, ManagedIdentityCredential>();
let request = '';

subscribe('http.client.request.start', (message) => {
  request = toRequestText((message as { readonly request: ClientRequest }).request);
});

for await (const line of createInterface({ input: process.stdin })) {
  const { resource, clientId = '' } = JSON.parse(line) as Wish;
  const credential =
    credentials.get(clientId) ??
    (clientId === '' ? new ManagedIdentityCredential() : new ManagedIdentityCredential(clientId));
  credentials.set(clientId, credential);
  const startedAt = performance.now();
  let result: { readonly token: string } | { readonly error: string };
  try {
    const { token } = await credential.getToken(`${resource}/.default`);
    result = { token };
  } catch (error) {
    result = { error: error instanceof Error ? error.message : String(error) };
  }
  const outcome: Outcome = { ms: performance.now() - startedAt, request, ...result };
  console.log(JSON.stringify(outcome));
}
