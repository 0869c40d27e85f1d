import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { warmUp } from '../../../src/proxy/entra/bundle.ts';
import { madeUpReply } from '../../../src/proxy/entra/warm-up.ts';

const folder = mkdtempSync(join(tmpdir(), 'warm-up-test-'));
const tokenFile = join(folder, 'token');
const caFile = join(folder, 'ca.pem');
let entra: Server;
let requests = 0;

beforeAll(async () => {
  const claims = Buffer.from('{"iss":"https://a.invalid","sub":"a","aud":["a"]}').toString(
    'base64url',
  );
  writeFileSync(tokenFile, `e30.${claims}.e30`);
  writeFileSync(caFile, rootCertificates[0] ?? '');
  entra = createServer((request, response) => {
    requests += 1;
    request.resume().on('end', () => response.end(madeUpReply));
  });
  await new Promise<void>((resolve) => {
    entra.listen(0, '127.0.0.1', resolve);
  });
});

afterAll(() => {
  entra.close();
  rmSync(folder, { recursive: true });
});

const madeUpPod = (over = {}) => ({
  tokenFile,
  caFile,
  entraPort: (entra.address() as AddressInfo).port,
  ...over,
});

describe('warm-up of the exchange', () => {
  it('reads the files and connects, again and again', async () => {
    await warmUp(madeUpPod());
    await Promise.all([warmUp(madeUpPod()), warmUp(madeUpPod())]);
    expect(requests).toBe(3);
  });

  it('fails the build when there is no token at its end', async () => {
    await expect(warmUp(madeUpPod({ tokenFile: join(folder, 'missing') }))).rejects.toThrow();
    await expect(warmUp(madeUpPod({ entraPort: 1 }))).rejects.toThrow();
  });
});
