import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmulator } from '../../../src/emulator/emulator.ts';
import { requestToken, sendRaw } from '../../support/emulator-client.ts';
import { createManualClock } from '../../support/manual-clock.ts';

let stateDirectory: string;
beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), 'emulator-state-'));
});
afterEach(() => rm(stateDirectory, { recursive: true, force: true }));

/** Whether anything accepts connections there. */
function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('an emulator', () => {
  it('writes its CA and its token, and says where', async () => {
    const emulator = await createEmulator({ stateDirectory });
    try {
      expect(emulator.caFile).toBe(join(stateDirectory, 'ca.crt'));
      expect(await readFile(emulator.caFile, 'utf8')).toBe(emulator.caPem);
      expect((await stat(emulator.caFile)).mode & 0o777).toBe(0o644);
      expect(emulator.tokenFile).toBe(join(stateDirectory, 'token', 'azure-identity-token'));
      expect(emulator.describe()).toMatchObject({
        authorityHost: emulator.authorityHost,
        identities: [{ name: 'demo', kind: 'managed-identity' }],
        env: {
          AZURE_AUTHORITY_HOST: emulator.authorityHost,
          AZURE_TENANT_ID: emulator.tenantId,
          AZURE_CLIENT_ID: emulator.identities.list()[0]?.clientId,
          AZURE_FEDERATED_TOKEN_FILE: emulator.tokenFile,
          NODE_EXTRA_CA_CERTS: emulator.caFile,
        },
      });
    } finally {
      await emulator.stop();
    }
    expect((await readdir(stateDirectory)).sort()).toEqual(['ca.crt', 'token']);
  });

  it('stops with requests under way, closes its ports, and may be stopped again', async () => {
    const emulator = await createEmulator({ stateDirectory });
    emulator.faults.add({ effect: { kind: 'hang' } });
    const hanging = requestToken(emulator);
    await expect.poll(() => emulator.journal.entries()).toHaveLength(1);
    // A client that has not even begun TLS must not hold it up either.
    const { hostname, port } = new URL(emulator.authorityHost);
    const idle = connect(Number(port), hostname);
    idle.on('error', () => undefined);
    await new Promise<void>((resolve) => idle.once('connect', () => resolve()));
    await emulator.stop();
    await emulator.stop();
    // The connection ended, without a byte of an answer.
    expect((await hanging).status).toBeNaN();
    for (const url of [emulator.authorityHost, emulator.issuerUrl, emulator.adminUrl]) {
      expect(await isOpen(url)).toBe(false);
    }
    idle.destroy();
  });

  it('removes what it wrote when it is ephemeral, and nothing else', async () => {
    await writeFile(join(stateDirectory, 'mine'), '');
    const emulator = await createEmulator({ stateDirectory, ephemeral: true });
    await emulator.rotateTokenFile();
    await emulator.stop();
    expect(await readdir(stateDirectory)).toEqual(['mine']);
    await rm(join(stateDirectory, 'mine'));
    const second = await createEmulator({ stateDirectory, ephemeral: true });
    await second.stop();
    await expect(stat(stateDirectory)).rejects.toThrow('ENOENT');
  });

  it('keeps the IDs of its identities and its tenant from run to run', async () => {
    const ids = [];
    for (let run = 0; run < 2; run += 1) {
      const emulator = await createEmulator({ stateDirectory });
      ids.push([emulator.tenantId, emulator.identities.list()]);
      await emulator.stop();
    }
    const [first, second] = ids;
    const withoutPort = (value: unknown) => JSON.stringify(value).replace(/127\.0\.0\.1:\d+/g, '');
    expect(withoutPort(second)).toBe(withoutPort(first));
  });

  it('says which port is taken and starts nothing then', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    try {
      await expect(createEmulator({ stateDirectory, adminPort: port })).rejects.toThrow(
        `the admin API cannot listen on 127.0.0.1:${port}: the port is taken: stop what listens there, or choose another port (0 for any)`,
      );
      expect(await readdir(stateDirectory)).toEqual([]);
    } finally {
      await new Promise((resolve) => blocker.close(resolve));
    }
  });

  it('says that its directory cannot be written, and stops what it had started', async () => {
    const file = join(stateDirectory, 'file');
    await writeFile(file, '');
    const adminPort = await findFreePort();
    await expect(
      createEmulator({ stateDirectory: join(file, 'below'), adminPort }),
    ).rejects.toThrow(
      /^the state directory .*\/file\/below cannot be written \(ENOTDIR.*\): make it writable or choose another$/,
    );
    expect(await isOpen(`http://127.0.0.1:${adminPort}`)).toBe(false);
  });

  it('has a certificate for every name that it is given', async () => {
    const emulator = await createEmulator({
      stateDirectory,
      publicName: 'localhost',
      names: ['login.test', '127.0.0.9'],
    });
    try {
      expect(emulator.authorityHost).toMatch(/^https:\/\/localhost:\d+$/);
      const { port } = new URL(emulator.authorityHost);
      const bytes = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
      const answer = await sendRaw(emulator, `https://127.0.0.1:${port}`, bytes);
      expect(answer.bytes).toMatch(/^HTTP\/1\.1 404 /);
    } finally {
      await emulator.stop();
    }
  });

  it('mints for an issuer whose URL leads nowhere, and trusts it', async () => {
    const issuerUrl = 'https://oidc.invalid/some/cluster/';
    const emulator = await createEmulator({ stateDirectory, issuerUrl });
    try {
      expect(decodeJwt(await emulator.mintAssertion()).iss).toBe(issuerUrl);
      expect((await requestToken(emulator)).status).toBe(200);
    } finally {
      await emulator.stop();
    }
  });

  it("renews the token file at 80 % of the token's life", async () => {
    const clock = createManualClock();
    const emulator = await createEmulator({
      stateDirectory,
      clock,
      assertionLifetimeSeconds: 600,
    });
    try {
      const read = async () => decodeJwt(await readFile(emulator.tokenFile, 'utf8'));
      const { iat: first = 0 } = await read();
      await clock.advance(480_000);
      await expect.poll(async () => (await read()).iat).toBe(first + 480);
    } finally {
      await emulator.stop();
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('serves a token from its own port under a wildcard address', async () => {
    const emulator = await createEmulator({ stateDirectory, host: '0.0.0.0' });
    try {
      expect(new URL(emulator.authorityHost).hostname).toBe('localhost');
      expect(new URL(emulator.adminUrl).hostname).toBe('127.0.0.1');
      expect((await requestToken(emulator)).status).toBe(200);
    } finally {
      await emulator.stop();
    }
  });

  it('reports what goes wrong in the background', async () => {
    const clock = createManualClock();
    const errors: unknown[] = [];
    const emulator = await createEmulator({
      stateDirectory,
      clock,
      onError: (error) => errors.push(error),
    });
    try {
      await rm(join(stateDirectory, 'token'), { recursive: true });
      await writeFile(join(stateDirectory, 'token'), 'in the way');
      await clock.advance(2_880_000);
      await expect.poll(() => errors).toHaveLength(1);
      expect(String(errors[0])).toMatch(/EEXIST|ENOTDIR/);
    } finally {
      await emulator.stop();
    }
  });
});
