import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createFetchDocument,
  DOCUMENT_DEADLINE_MS,
  MAX_DOCUMENT_BYTES,
} from '../../../../src/doctor/issuer/fetch-document.ts';
import {
  createServerIdentity,
  type ServerIdentity,
} from '../../../../src/emulator/tls/throwaway-ca.ts';

const never = new AbortController().signal;
let identity: ServerIdentity;
let url: string;
let answer: RequestListener = (_, response) => void response.end();
const server = { close: () => {} };

beforeAll(async () => {
  identity = await createServerIdentity(['127.0.0.1'], Date.now());
  const https = createServer(
    { cert: identity.certificatePem, key: identity.privateKeyPem },
    (request, response) => answer(request, response),
  );
  await new Promise<void>((resolve) => void https.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(https.address() as AddressInfo).port}/jwks`;
  server.close = () => {
    https.closeAllConnections();
    https.close();
  };
});
afterAll(() => server.close());

describe('fetching a document', () => {
  it('returns any answer with its headers, and follows no redirect', async () => {
    let requests = 0;
    answer = (request, response) => {
      requests += 1;
      expect(request.headers.authorization).toBeUndefined();
      response.writeHead(302, { Location: '/elsewhere', 'Cache-Control': 'no-store' }).end('{}');
    };
    const fetchDocument = createFetchDocument({ env: {}, publicCas: [identity.caPem], ownCas: [] });
    expect(await fetchDocument(url, never)).toMatchObject({
      kind: 'answer',
      status: 302,
      isPublic: true,
      text: '{}',
      headers: { location: '/elsewhere', 'cache-control': 'no-store' },
    });
    expect(requests).toBe(1);
  });

  it('says that only a CA of this machine vouches for the server', async () => {
    answer = (_, response) => void response.end('{}');
    const fetchDocument = createFetchDocument({ env: {}, ownCas: [identity.caPem] });
    expect(await fetchDocument(url, never)).toMatchObject({ kind: 'answer', isPublic: false });
  });

  it('trusts nobody else', async () => {
    const fetchDocument = createFetchDocument({ env: {}, ownCas: [] });
    expect(await fetchDocument(url, never)).toEqual({
      kind: 'fault',
      code: expect.stringMatching(/UNABLE_TO_|SELF_SIGNED/),
    });
  });

  it('reads no more than the bound of a document that never ends', async () => {
    let sent = 0;
    answer = (_, response) => {
      const part = Buffer.alloc(64 * 1_024, ' ');
      const send = (): void => {
        while (!response.destroyed && sent < 64 * MAX_DOCUMENT_BYTES) {
          sent += part.length;
          if (!response.write(part)) return void response.once('drain', send);
        }
      };
      send();
    };
    const fetchDocument = createFetchDocument({ env: {}, publicCas: [identity.caPem], ownCas: [] });
    expect(await fetchDocument(url, never)).toEqual({ kind: 'fault', code: 'EFBIG' });
    // The buffers of the kernel come on top.
    expect(sent).toBeLessThan(32 * MAX_DOCUMENT_BYTES);
  });

  it('gives up when the check does', async () => {
    const abort = new AbortController();
    answer = () => abort.abort();
    const fetchDocument = createFetchDocument({ env: {}, publicCas: [identity.caPem], ownCas: [] });
    expect(await fetchDocument(url, abort.signal)).toEqual({ kind: 'fault', code: 'ETIMEDOUT' });
    expect(DOCUMENT_DEADLINE_MS).toBeLessThan(10_000);
  });

  it('reports a server that is not there', async () => {
    const fetchDocument = createFetchDocument({ env: {}, ownCas: [] });
    const gone = await fetchDocument('https://127.0.0.1:1/jwks', never);
    expect(gone).toEqual({ kind: 'fault', code: 'ECONNREFUSED' });
  });

  it('asks through the HTTP proxy of the environment', async () => {
    answer = (_, response) => void response.end('{}');
    const env = { HTTPS_PROXY: 'http://127.0.0.1:1' };
    const fetchDocument = createFetchDocument({ env, publicCas: [identity.caPem], ownCas: [] });
    expect(await fetchDocument(url, never)).toMatchObject({ kind: 'fault' });
    const direct = createFetchDocument({
      env: { ...env, NO_PROXY: '127.0.0.1' },
      publicCas: [identity.caPem],
      ownCas: [],
    });
    expect(await direct(url, never)).toMatchObject({ kind: 'answer' });
  });
});
