import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { Environment } from '../../shared/options.ts';

/** More than a key set with dozens of keys. Nobody publishes one. */
export const MAX_DOCUMENT_BYTES = 256 * 1_024;

/** From the look-up to the end of the document. Entra itself waits less. */
export const DOCUMENT_DEADLINE_MS = 8_000;

/** What came of asking for a document, without following redirects. */
export type Fetched =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly text: string;
      /** False if only a CA of this machine vouches for the server. */
      readonly isPublic: boolean;
    }
  /** `code` is Node's, or ETIMEDOUT, or EFBIG for a document that is too long. */
  | { readonly kind: 'fault'; readonly code: string };

export type FetchDocument = (url: string, signal: AbortSignal) => Promise<Fetched>;

export interface FetchOptions {
  /** For HTTPS_PROXY and NO_PROXY, which Node's own agent reads. */
  readonly env: Environment;
  /** Stand in for the authorities that everybody trusts. */
  readonly publicCas?: readonly string[] | undefined;
  /** Those of this machine: NODE_EXTRA_CA_CERTS. */
  readonly ownCas?: readonly string[] | undefined;
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Asks as Entra does: with no login and no CA but the public ones. If such a CA does not vouch for the server, it
 * asks again with those of this machine, so that the other checks have something to look at.
 */
export function createFetchDocument({
  env,
  publicCas = getCACertificates('bundled'),
  ownCas = getCACertificates('extra'),
  lookup,
}: FetchOptions): FetchDocument {
  const agentWith = (ca: readonly string[]): Agent =>
    new Agent({ ca: [...ca], proxyEnv: { ...env }, ...(lookup !== undefined && { lookup }) });

  return async (url, signal) => {
    const first = await get(url, agentWith(publicCas), signal);
    if (first.kind === 'answer') return { ...first, isPublic: true };
    if (!isUntrusted(first.code) || ownCas.length === 0) return first;
    const second = await get(url, agentWith([...publicCas, ...ownCas]), signal);
    return second.kind === 'answer' ? { ...second, isPublic: false } : first;
  };
}

/** Whether a code of Node's says that no trusted authority signed the certificate. */
export function isUntrusted(code: string): boolean {
  return /^(?:UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED)$/.test(
    code,
  );
}

type Answer = Omit<Extract<Fetched, { kind: 'answer' }>, 'isPublic'>;
type Fault = Extract<Fetched, { kind: 'fault' }>;

function get(url: string, agent: Agent, signal: AbortSignal): Promise<Answer | Fault> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_DEADLINE_MS)]);
  return new Promise<Answer | Fault>((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      resolve({
        kind: 'fault',
        code: deadline.aborted ? 'ETIMEDOUT' : (error.code ?? 'unknown fault'),
      });
    };
    const asking = request(url, {
      agent,
      signal: deadline,
      headers: { accept: 'application/json', 'user-agent': 'workload-identity-imds-proxy-doctor' },
    });
    asking.on('error', fail);
    asking.on('response', (response) => {
      read(response).then((text) => {
        const { statusCode: status = 0, headers } = response;
        const texts = Object.entries(headers).map(([name, value]) => [name, `${value}`] as const);
        resolve({ kind: 'answer', status, headers: Object.fromEntries(texts), text });
      }, fail);
    });
    asking.end();
  }).finally(() => agent.destroy());
}

async function read(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_DOCUMENT_BYTES) {
      response.destroy();
      throw Object.assign(new Error('too long'), { code: 'EFBIG' });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
