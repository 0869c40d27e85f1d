import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/proxy/clock.ts';
import { createEntra, type Entra } from '../../../../src/proxy/entra/entra.ts';
import type { EntraSettings } from '../../../../src/proxy/entra/settings.ts';
import {
  type Certificates,
  createCertificates,
  readBody,
  sendJson,
  startConnectProxy,
  startRotatingPeer,
} from '../loopback.ts';
import {
  createRecordingLogger,
  makeAssertion,
  neverAborted,
  type RecordingLogger,
  request,
} from '../support.ts';

/** Entra behind something that intercepts TLS, whose CA stands in a file that is replaced. */
let first: Certificates;
let second: Certificates;
let folder: string;
let federatedTokenFile: string;
let caFile: string;
let logger: RecordingLogger;

beforeAll(async () => {
  first = await createCertificates();
  second = await createCertificates();
  folder = await mkdtemp(join(tmpdir(), 'extra-ca-'));
  federatedTokenFile = join(folder, 'token');
  await writeFile(federatedTokenFile, makeAssertion());
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  logger = createRecordingLogger();
  caFile = join(folder, `${crypto.randomUUID()}.crt`);
});

const answer: RequestListener = async (req, res) => {
  await readBody(req);
  sendJson(res, 200, { token_type: 'Bearer', access_token: 'token', expires_in: 3_599 });
};

async function replaceCa(content: string): Promise<void> {
  await writeFile(`${caFile}.new`, content);
  await rename(`${caFile}.new`, caFile);
}

function open(port: number, settings: Partial<EntraSettings> = {}): Entra & AsyncDisposable {
  const entra = createEntra(
    { clock: systemClock, logger },
    {
      authorityHost: `https://localhost:${port}`,
      federatedTokenFile,
      extraCaFile: caFile,
      ...settings,
    },
  );
  return { ...entra, [Symbol.asyncDispose]: () => entra.close() };
}

const ask = (entra: Entra) => entra.exchange(request, neverAborted);
const failure = (entra: Entra) =>
  ask(entra).then(
    () => expect.fail('got a token'),
    (error: unknown) => error,
  );
const isTrusted = expect.objectContaining({ accessToken: 'token' });

describe('the file of NODE_EXTRA_CA_CERTS', () => {
  it('is trusted beside the public roots, of which a copy in the file does no harm', async () => {
    await replaceCa(`${rootCertificates.join('\n')}\n${first.ca}`);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    expect(await ask(entra)).toEqual(isTrusted);
  });

  it('is read again: an exchange after a rotation trusts the new CA and the old one no longer', async () => {
    await replaceCa(first.ca);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    expect(await ask(entra)).toEqual(isTrusted);
    peer.present(second, second.good);
    await replaceCa(second.ca);
    expect(await ask(entra)).toEqual(isTrusted);
    peer.present(first, first.good);
    expect(await failure(await reopened(entra, peer.port))).toMatchObject({
      code: 'ERR_UNAVAILABLE',
    });
  }, 20_000);

  /** The connection that stands still belongs to the certificate from before. */
  async function reopened(entra: Entra, port: number): Promise<Entra> {
    await entra.close();
    return open(port);
  }

  it('may change after the server did: the same exchange tries again with the new CA', async () => {
    await replaceCa(first.ca);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    peer.present(second, second.good);
    const asking = ask(entra);
    await expect.poll(() => logger.lines.map(({ fields }) => fields['attempt'])).toContain(1);
    await replaceCa(second.ca);
    expect(await asking).toEqual(isTrusted);
  });

  it('may appear after the start', async () => {
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    expect(await failure(entra)).toMatchObject({
      details: {
        description: expect.stringMatching(/^TLS with .* failed/),
        hint: expect.stringContaining(caFile),
      },
    });
    await replaceCa(first.ca);
    expect(await ask(entra)).toEqual(isTrusted);
  }, 20_000);

  it('is not parsed a second time while it is what Node has loaded from it', async () => {
    await replaceCa(first.ca);
    const source = (file: string) =>
      JSON.stringify(join(import.meta.dirname, '../../../../src/proxy', file));
    const program = `
      import { writeFileSync } from 'node:fs';
      import { systemClock } from ${source('clock.ts')};
      import { createExtraCaReader } from ${source('entra/transport/ca-file.ts')};
      const path = process.env.NODE_EXTRA_CA_CERTS;
      const logger = { isEnabled: () => false, log() {} };
      const read = createExtraCaReader({ clock: systemClock, logger }, path);
      const [old, next] = process.argv.slice(1);
      const look = async () => {
        const trusted = await read(new AbortController().signal);
        return trusted && [old, next].map((pem) => trusted.includes(pem.trim()));
      };
      const before = await look();
      writeFileSync(path, next);
      const after = await look();
      writeFileSync(path, old);
      console.log(JSON.stringify([before ?? 'of Node', after, (await look()) ?? 'of Node']));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program, '--', first.ca, second.ca],
      { env: { NODE_EXTRA_CA_CERTS: caFile } },
    );
    expect(JSON.parse(stdout)).toEqual(['of Node', [false, true], 'of Node']);
  });

  it.each([
    ['is empty', ''],
    ['holds no certificate', 'hello'],
    ['is gone', undefined],
    ['has more than 1 MiB', `${'#'.repeat(1_024 * 1_024)}\n`],
  ])('that %s keeps the last good one in use, with one warning', async (_name, content) => {
    await replaceCa(first.ca);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    expect(await ask(entra)).toEqual(isTrusted);
    if (content === undefined) await rm(caFile);
    else await replaceCa(content);
    expect(await ask(entra)).toEqual(isTrusted);
    expect(await ask(entra)).toEqual(isTrusted);
    const warnings = logger.lines.filter(({ level }) => level === 'warning');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/its last good CA is used$/),
    ]);
  });

  it('may hold a certificate that cannot be parsed beside good ones', async () => {
    const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    await replaceCa(`${damaged}\n${first.ca}`);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using entra = open(peer.port);
    expect(await ask(entra)).toEqual(isTrusted);
  });

  it('vouches for an HTTP proxy with TLS as well', async () => {
    await replaceCa(first.ca);
    await using peer = await startRotatingPeer(first, first.good, answer);
    await using proxy = await startConnectProxy({ tls: { key: first.key, cert: first.good } });
    await using entra = open(peer.port, { httpProxy: `https://localhost:${proxy.port}` });
    expect(await ask(entra)).toEqual(isTrusted);
    expect(proxy.asked).toHaveLength(1);
  });

  it('vouches for a token proxy without its own CA', async () => {
    await replaceCa(first.ca);
    await writeFile(federatedTokenFile, makeAssertion({ aud: ['api://AKSIdentityBinding'] }));
    await using peer = await startRotatingPeer(first, first.good, answer);
    const tokenProxy = {
      url: `https://localhost:${peer.port}/`,
      serverName: undefined,
      ca: { kind: 'system' },
    } as const;
    await using entra = open(peer.port, { mode: 'binding', tokenProxy });
    expect(await ask(entra)).toEqual(isTrusted);
    await writeFile(federatedTokenFile, makeAssertion());
  });
});
