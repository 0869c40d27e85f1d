import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/proxy/clock.ts';
import { createEntra } from '../../../src/proxy/entra/entra.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import {
  type Certificates,
  createCertificates,
  readBody,
  sendJson,
  startHttpsPeer,
  startTcpPeer,
} from './loopback.ts';
import { createRecordingLogger, makeAssertion, neverAborted, request } from './support.ts';

/** The whole of entra/ over real files, TLS and sockets. */
let certificates: Certificates;
let folder: string;
let federatedTokenFile: string;
const roots = getCACertificates('default');

beforeAll(async () => {
  certificates = await createCertificates();
  setDefaultCACertificates([...roots, certificates.ca]);
  folder = await mkdtemp(join(tmpdir(), 'entra-'));
  federatedTokenFile = join(folder, 'token');
  await writeFile(federatedTokenFile, makeAssertion());
});
afterAll(async () => {
  setDefaultCACertificates(roots);
  await rm(folder, { recursive: true, force: true });
});

const create = (port: number, clock: Clock = systemClock) =>
  createEntra(
    { clock, logger: createRecordingLogger() },
    { authorityHost: `https://localhost:${port}`, federatedTokenFile },
  );

describe('an exchange over the network', () => {
  it('brings a token', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.good, async (req, res) => {
      const form = new URLSearchParams(await readBody(req));
      sendJson(res, 200, {
        token_type: 'Bearer',
        access_token: `for-${form.get('scope')}`,
        expires_in: 3_599,
      });
    });
    const entra = create(peer.port);
    const token = await entra.exchange(request, neverAborted);
    await entra.close();
    expect(token).toMatchObject({
      accessToken: 'for-https://vault.azure.net/.default',
      expiresInSeconds: 3_599,
      extExpiresInSeconds: 3_599,
    });
    expect(token.elapsedMs).toBeGreaterThan(0);
    await peer.quiet();
  });

  it('vector 86: tells bad TLS by its code and remedy', async () => {
    await using peer = await startHttpsPeer(certificates, certificates.expired, (_req, res) => {
      sendJson(res, 200, {});
    });
    const entra = create(peer.port);
    await expect(entra.exchange(request, neverAborted)).rejects.toMatchObject({
      code: 'ERR_UNAVAILABLE',
      details: {
        description: `TLS with localhost:${peer.port} failed (CERT_HAS_EXPIRED).`,
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      },
    });
    await entra.close();
  });

  it('T22: ends attempts against a peer that takes connections and says nothing', async () => {
    const clock = createManualClock();
    const startedAt = clock.monotonicMs();
    await using peer = await startTcpPeer(() => {});
    const entra = create(peer.port, clock);
    const failed = entra.exchange(request, neverAborted).then(
      () => undefined,
      (error: unknown) => error,
    );
    for (const [connections, waitMs] of [
      [1, 10_500],
      [2, 11_200],
      [3, 3_000],
    ] as const) {
      await peer.connections(connections);
      await clock.advance(waitMs);
    }
    expect(await failed).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(clock.monotonicMs() - startedAt).toBeLessThan(25_000);
    await entra.close();
    await peer.quiet();
  });
});
