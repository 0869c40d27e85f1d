/**
 * The causes that a doctor in the container of the proxy finds on loopback. Each is set up for real, and the first
 * check that fails must name it and its fix.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSharedFolder } from '../../../demo/shared-folder.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { systemClock } from '../../../src/emulator/clock.ts';
import type { FaultEffect } from '../../../src/emulator/faults/fault.ts';
import { type Diagnosis, readSecretParts, runDoctor } from '../../support/doctor.ts';
import { createPrintedTable } from '../../support/doctor-table.ts';
import { startEmulator } from '../../support/emulator.ts';
import { findFreePort, type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { startConnectProxy } from '../../unit/entra/loopback.ts';

/** An unknown name leads to the emulator only through an HTTP proxy. */
const outside = 'login.test';

let entra: Emulator;
let bound: Emulator;
/** An Entra with another CA. */
let stranger: Emulator;
let folder: string;

const emulators: Emulator[] = [];

async function start(options: Parameters<typeof startEmulator>[0] = {}): Promise<Emulator> {
  const emulator = await startEmulator({ names: [outside], ...options });
  emulators.push(emulator);
  return emulator;
}

beforeAll(async () => {
  folder = makeSharedFolder('doctor-test-');
  [entra, bound, stranger] = await Promise.all([
    start({ identities: [] }),
    start({
      identityBinding: true,
      identities: [
        { name: 'good' },
        { name: 'forbidden', binding: 'forbidden' },
        { name: 'unbound', binding: 'none' },
      ],
    }),
    start(),
  ]);
});
afterAll(async () => {
  await Promise.all(emulators.map((emulator) => emulator.stop()));
  await rm(folder, { recursive: true, force: true });
});

type Env = Readonly<Record<string, string>>;

/** Everything that any doctor of this file has printed. */
const printed: string[] = [];

interface Case {
  readonly emulator?: Emulator;
  readonly env?: Env;
  readonly args?: readonly string[];
  /** Between the start of the proxy and the doctor. */
  readonly before?: (proxy: ProxyProcess) => Promise<unknown>;
  readonly adminPort?: number;
}

async function diagnose({
  emulator = entra,
  env = {},
  args = [],
  before,
  adminPort,
}: Case): Promise<Diagnosis> {
  // Nothing may knock at a real metadata service.
  const metadata = `--metadata-endpoint=127.0.0.1:${await findFreePort()}`;
  const admin = adminPort === undefined ? [] : [`--admin-port=${adminPort}`];
  await using proxy = await startProxy(emulator, {
    env,
    args: [metadata, ...admin],
    withAdmin: true,
  });
  await before?.(proxy);
  const diagnosis = await runDoctor({ args: [`--pid=${proxy.pid}`, ...args] });
  printed.push(diagnosis.stdout, diagnosis.stderr);
  return diagnosis;
}

/** Adds an identity of this case alone. */
function addIdentity(options: Parameters<Emulator['addIdentity']>[0], effect?: FaultEffect): Env {
  const { clientId } = entra.addIdentity(options);
  if (effect !== undefined) entra.faults.add({ effect, clientId });
  return { AZURE_CLIENT_ID: clientId };
}

/** A token file of this case alone. */
async function writeToken(
  name: string,
  overrides: Parameters<Emulator['mintAssertion']>[0],
): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, await entra.mintAssertion(overrides));
  return file;
}

const clientIdOf = (emulator: Emulator, name: string): string =>
  emulator.identities.list().find((identity) => identity.name === name)?.clientId ?? '';

interface Expected {
  readonly id: string;
  readonly says: RegExp;
  readonly fix: RegExp;
}

/** Every cause of this file, with the answer of the doctor. */
const table = createPrintedTable();

function expectFirst(cause: string, diagnosis: Diagnosis, { id, says, fix }: Expected): void {
  table.add(cause, diagnosis);
  const { first, exitCode } = diagnosis;
  expect(exitCode).toBe(1);
  expect(first, JSON.stringify(diagnosis.checks, null, 1)).toMatchObject({
    id,
    summary: expect.stringMatching(says),
    fix: expect.stringMatching(fix),
    docs: expect.stringMatching(/^docs\//),
  });
}

test('docs/doctor.md shows a real run: the same checks in the same order', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/doctor.md'), 'utf8');
  const shown = page.split('proxy doctor, from the sidecar')[1]?.split('```')[0] ?? '';
  const ids = [...shown.matchAll(/^(?:ok|warn|fail|skip) +([a-z-]+) {2}/gm)].map(([, id]) => id);
  const AZURE_FEDERATED_TOKEN_FILE = '/var/run/secrets/azure/tokens/azure-identity-token';
  const env = { ...addIdentity({ name: 'documented' }), AZURE_FEDERATED_TOKEN_FILE };
  const { checks } = await diagnose({ env, args: ['--exchange'] });
  expect(ids).toEqual(checks.map(({ id }) => id));
});

describe.concurrent('a healthy sidecar', () => {
  test('passes every check, with a real exchange', async () => {
    const env = addIdentity({ name: 'healthy' });
    const { exitCode, checks } = await diagnose({ env, args: ['--exchange'] });
    expect(checks.filter(({ status }) => status === 'fail' || status === 'warn')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(checks.map(({ id }) => id)).toEqual([
      'settings',
      'proxy',
      'entra-dns',
      'entra-tcp',
      'entra-tls',
      'entra-tenant',
      'clock',
      'federated-token',
      'identities',
      'admin-port',
      'proxy-ready',
      'recent-exchanges',
      'exchange',
      'proxy-version',
      'node-metadata',
      'memory-limit',
      'memory-kills',
      'cpu-limit',
      'restarts',
    ]);
  });

  test('with identity binding, looks at the token proxy and not at Entra', async () => {
    const { exitCode, checks } = await diagnose({ emulator: bound, args: ['--exchange'] });
    expect(checks.filter(({ status }) => status === 'fail' || status === 'warn')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(checks.map(({ id }) => id)).toContain('token-proxy-tls');
    expect(checks.map(({ id }) => id)).not.toContain('entra-tls');
  });
});

describe.concurrent('the identity in Entra', () => {
  test.each<[cause: string, env: () => Env, code: string, fix: RegExp]>([
    [
      'wrong subject',
      () =>
        addIdentity({
          name: 'wrong-subject',
          credentials: [{ subject: 'system:serviceaccount:other:demo' }],
        }),
      'AADSTS700213',
      /\naz identity federated-credential create .*--subject system:serviceaccount:default:demo /,
    ],
    [
      'wrong issuer',
      () =>
        addIdentity({
          name: 'wrong-issuer',
          credentials: [{ issuer: 'https://elsewhere.example/' }],
        }),
      'AADSTS700211',
      /az aks show .*oidcIssuerProfile.issuerUrl.*\n.*az identity federated-credential create /,
    ],
    [
      'wrong audience',
      () => addIdentity({ name: 'wrong-audience', credentials: [{ audience: 'api://other' }] }),
      'AADSTS700212',
      /\naz identity federated-credential create .*--audiences api:\/\/AzureADTokenExchange$/,
    ],
    [
      'credential missing',
      () => addIdentity({ name: 'no-credential', credentials: [] }),
      'AADSTS70025',
      /\naz identity federated-credential create /,
    ],
    [
      'identity deleted, or an object ID in place of the client ID',
      () => ({ AZURE_CLIENT_ID: 'dddddddd-0000-4000-8000-00000000000d' }),
      'AADSTS700016',
      /Check client ID, AZURE_TENANT_ID/,
    ],
  ])('%s', async (cause, env, code, fix) => {
    expectFirst(cause, await diagnose({ env: env(), args: ['--exchange'] }), {
      id: 'exchange',
      says: new RegExp(`^ERR_REJECTED: ${code}: `),
      fix,
    });
  });

  test('is found without --exchange once an application has asked', async () => {
    const env = addIdentity({ name: 'asked', credentials: [] });
    const diagnosis = await diagnose({
      env,
      before: async ({ url }) => {
        const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
        await fetch(`${url}/metadata/identity/oauth2/token?${query}`, {
          headers: { Metadata: 'true' },
        });
      },
    });
    expectFirst('credential missing, without --exchange', diagnosis, {
      id: 'recent-exchanges',
      says: /^the proxy gets no token for https:\/\/vault\.azure\.net: ERR_REJECTED AADSTS70025$/,
      fix: /\naz identity federated-credential create /,
    });
  });

  test('wrong tenant', async () => {
    const env = {
      ...addIdentity({ name: 'wrong-tenant' }),
      AZURE_TENANT_ID: 'eeeeeeee-0000-4000-8000-00000000000e',
    };
    expectFirst('wrong tenant', await diagnose({ env }), {
      id: 'entra-tenant',
      says: /^AADSTS90002: /,
      fix: /Check AZURE_TENANT_ID \(eeeeeeee-.*AZURE_AUTHORITY_HOST/,
    });
  });

  test('wrong cloud', async () => {
    const emulator = await start({ otherCloud: 'microsoftonline.us' });
    expectFirst('wrong cloud', await diagnose({ emulator }), {
      id: 'entra-tenant',
      says: /belongs to another cloud/,
      fix: /^Set AZURE_AUTHORITY_HOST to https:\/\/login\.microsoftonline\.us\.$/,
    });
  });

  test('Entra throttles', async () => {
    const env = addIdentity({ name: 'throttled' }, { kind: 'throttle', retryAfterSeconds: 60 });
    expectFirst('Entra throttles', await diagnose({ env, args: ['--exchange'] }), {
      id: 'exchange',
      says: /^ERR_THROTTLED: AADSTS90055: /,
      fix: /sends too many requests/,
    });
  });

  test('Entra is down', async () => {
    const env = addIdentity({ name: 'down' }, { kind: 'server-error', status: 503 });
    expectFirst('Entra is down', await diagnose({ env, args: ['--exchange'] }), {
      id: 'exchange',
      says: /^ERR_UNAVAILABLE: AADSTS90033: /,
      fix: /azure\.status\.microsoft/,
    });
  });
});

describe.concurrent('the token file', () => {
  const identity = (): Env => addIdentity({ name: `file-${Math.random()}` });

  test('missing', async () => {
    const file = join(folder, 'none');
    expectFirst(
      'token file missing',
      await diagnose({ env: { ...identity(), AZURE_FEDERATED_TOKEN_FILE: file } }),
      {
        id: 'federated-token',
        says: new RegExp(`^${file} does not exist$`),
        fix: /label azure\.workload\.identity\/use: 'true'/,
      },
    );
  });

  test('expired', async () => {
    const file = await writeToken('expired', { ageSeconds: 7_200 });
    expectFirst(
      'token file expired',
      await diagnose({ env: { ...identity(), AZURE_FEDERATED_TOKEN_FILE: file } }),
      {
        id: 'federated-token',
        says: /holds a token that expired 60 min ago$/,
        fix: /look at the kubelet/,
      },
    );
  });

  test.each([
    [
      'the API server',
      'https://kubernetes.default.svc',
      /for the cluster's API server$/,
      /audience api:\/\/AzureADTokenExchange/,
    ],
    [
      'identity binding',
      'api://AKSIdentityBinding',
      /which Entra itself refuses/,
      /Set AZURE_KUBERNETES_TOKEN_PROXY/,
    ],
  ])('for the audience of %s', async (name, audience, says, fix) => {
    const file = await writeToken(`for ${name}`, { audiences: [audience] });
    const env = { ...identity(), AZURE_FEDERATED_TOKEN_FILE: file };
    expectFirst(`token of the audience of ${name}`, await diagnose({ env }), {
      id: 'federated-token',
      says,
      fix,
    });
  });

  test('a token that the kubelet should have renewed is a warning', async () => {
    const file = await writeToken('old', { ageSeconds: 3_400 });
    const { checks, exitCode } = await diagnose({
      env: { ...identity(), AZURE_FEDERATED_TOKEN_FILE: file },
    });
    expect(exitCode).toBe(0);
    expect(checks.find(({ id }) => id === 'federated-token')).toMatchObject({
      status: 'warn',
      summary: expect.stringMatching(/in the last part of its life \(9\d %\)$/),
      fix: expect.stringMatching(/kubelet/),
    });
  });

  test('the second of several token files is named by its setting', async () => {
    const other = 'cccccccc-0000-4000-8000-00000000000c';
    const identities = JSON.stringify([{ clientId: other, tokenFile: join(folder, 'second') }]);
    const { first } = await diagnose({ env: { ...identity(), IMDS_PROXY_IDENTITIES: identities } });
    expect(first).toMatchObject({
      id: 'federated-token-2',
      evidence: { setting: expect.stringContaining(other) },
    });
  });
});

describe.concurrent('the clock of this node', () => {
  test.each([
    [10, /^this node's clock is 10 min behind /],
    [-10, /^this node's clock is 10 min ahead of /],
  ])('Entra is %i minutes ahead', async (minutes, says) => {
    const epochMs = (): number => Date.now() + minutes * 60_000;
    const emulator = await start({ clock: { ...systemClock, epochMs } });
    expectFirst(`clock ${-minutes > 0 ? '+' : '−'}10 min`, await diagnose({ emulator }), {
      id: 'clock',
      says,
      fix: /time service/,
    });
  });
});

describe.concurrent('the network', () => {
  const identity = (): Env => addIdentity({ name: `net-${Math.random()}` });
  /** The emulator by a name that only an HTTP proxy can reach. */
  const far = (): Env => ({
    ...identity(),
    AZURE_AUTHORITY_HOST: `https://${outside}:${new URL(entra.authorityHost).port}`,
  });

  test('the connection is refused', async () => {
    const env = {
      ...identity(),
      AZURE_AUTHORITY_HOST: `https://127.0.0.1:${await findFreePort()}`,
    };
    expectFirst('authority blocked: refused', await diagnose({ env }), {
      id: 'entra-tcp',
      says: /^The connection to 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)/,
      fix: /no service mesh or firewall rejects the connection/,
    });
  });

  test('through an HTTP proxy all is well', async () => {
    await using proxy = await startConnectProxy({
      upstreamPort: Number(new URL(entra.authorityHost).port),
    });
    const env = { ...far(), HTTPS_PROXY: `http://user:correct-horse@127.0.0.1:${proxy.port}` };
    const { checks, stdout } = await diagnose({ env, args: ['--exchange'] });
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(checks.find(({ id }) => id === 'entra-http-proxy')).toMatchObject({
      status: 'ok',
      evidence: { because: 'HTTPS_PROXY is set, and NO_PROXY does not match' },
    });
    expect(stdout).not.toContain('correct-horse');
  });

  test('the HTTP proxy is not there', async () => {
    const env = { ...far(), HTTPS_PROXY: `http://127.0.0.1:${await findFreePort()}` };
    expectFirst('HTTP proxy wrong', await diagnose({ env }), {
      id: 'entra-http-proxy',
      says: /^The connection to the HTTP proxy 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)$/,
      fix: /^Check HTTPS_PROXY/,
    });
  });

  test('the HTTP proxy needs a login', async () => {
    await using proxy = await startConnectProxy({ answer: 407 });
    expectFirst(
      'HTTP proxy needs login',
      await diagnose({ env: { ...far(), HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } }),
      {
        id: 'entra-http-proxy',
        says: /refused a connection to login\.test:\d+ with status 407$/,
        fix: /HTTPS_PROXY=http:\/\/user:password@host:port/,
      },
    );
  });

  test('the HTTP proxy intercepts TLS', async () => {
    await using proxy = await startConnectProxy({
      upstreamPort: Number(new URL(stranger.authorityHost).port),
    });
    expectFirst(
      'HTTP proxy intercepts TLS',
      await diagnose({ env: { ...far(), HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } }),
      {
        id: 'entra-tls',
        says: /its certificate is from CN=Workload identity emulator CA/,
        fix: /Put the CA of the proxy or firewall that intercepts TLS there/,
      },
    );
  });

  test('the CA file is missing', async () => {
    const file = join(folder, 'no-ca.crt');
    const diagnosis = await diagnose({ env: { ...identity(), NODE_EXTRA_CA_CERTS: file } });
    table.add('CA missing', diagnosis);
    expect(diagnosis.first).toMatchObject({
      id: 'entra-tls',
      evidence: { 'CA file': `${file} cannot be read (ENOENT)` },
      fix: expect.stringContaining(file),
    });
  });

  test('the CA was rotated, and the file has the old one', async () => {
    const diagnosis = await diagnose({
      env: { ...identity(), NODE_EXTRA_CA_CERTS: stranger.caFile },
    });
    table.add('CA rotated', diagnosis);
    expect(diagnosis.first).toMatchObject({
      id: 'entra-tls',
      evidence: {
        'CA file': expect.stringMatching(
          /contains CN=Workload identity emulator CA .* \(valid from /,
        ),
      },
      fix: expect.stringContaining(stranger.caFile),
    });
  });
});

describe.concurrent('the process', () => {
  const identity = (): Env => addIdentity({ name: `process-${Math.random()}` });

  test('the proxy was killed', async () => {
    const env = {
      ...entra.describe().env,
      ...identity(),
      IMDS_PROXY_PROXY_PORT: String(await findFreePort()),
    };
    const diagnosis = await runDoctor({ args: ['--pid=4194304'], env });
    expectFirst('proxy killed', diagnosis, {
      id: 'proxy',
      says: /^no proxy is running: nothing listens at 127\.0\.0\.1 port \d+$/,
      fix: /kubectl logs POD -c azwi-proxy --previous; kubectl describe pod POD/,
    });
  });

  test('the proxy hangs', async () => {
    const diagnosis = await diagnose({
      env: identity(),
      before: async ({ child }) => child.kill('SIGSTOP'),
    });
    expectFirst('proxy stopped', diagnosis, {
      id: 'proxy',
      says: /process \d+ is stopped \(state T\)$/,
      fix: /kill -CONT \d+/,
    });
  });

  test('another program has the admin port', async () => {
    const server = await listen((_request, response) => response.end('hello'));
    try {
      expectFirst('admin port taken', await diagnose({ env: identity(), adminPort: server.port }), {
        id: 'admin-port',
        says: new RegExp(`^another program answers at 127\\.0\\.0\\.1 port ${server.port}$`),
        fix: /^Set IMDS_PROXY_ADMIN_PORT to a port/,
      });
    } finally {
      server.close();
    }
  });

  test('the settings are invalid', async () => {
    const diagnosis = await runDoctor({
      args: ['--pid=4194304'],
      env: { ...entra.describe().env, AZURE_TENANT_ID: 'my tenant' },
    });
    expectFirst('settings invalid', diagnosis, {
      id: 'settings',
      says: /^AZURE_TENANT_ID: "my tenant" is not a GUID or a domain$/,
      fix: /az account show --query tenantId/,
    });
  });
});

describe.concurrent('what requests may ask for', () => {
  test('the ServiceAccount has no annotation', async () => {
    expectFirst(
      'ServiceAccount without annotation',
      await diagnose({ env: { AZURE_CLIENT_ID: '' } }),
      {
        id: 'identities',
        says: /^no identity is configured/,
        fix: /\nkubectl annotate serviceaccount NAME -n NAMESPACE azure\.workload\.identity\/client-id=CLIENT_ID$/,
      },
    );
  });

  test('the allow-list excludes the identity', async () => {
    const env = addIdentity({ name: 'excluded' });
    const other = 'cccccccc-0000-4000-8000-00000000000c';
    expectFirst(
      'allow-list excludes the identity',
      await diagnose({ env: { ...env, IMDS_PROXY_ALLOWED_CLIENT_IDS: other } }),
      {
        id: 'identities',
        says: new RegExp(`^IMDS_PROXY_ALLOWED_CLIENT_IDS excludes ${env['AZURE_CLIENT_ID']}$`),
        fix: new RegExp(`IMDS_PROXY_ALLOWED_CLIENT_IDS=${other},${env['AZURE_CLIENT_ID']}$`),
      },
    );
  });
});

describe.concurrent('identity binding', () => {
  test('no permission', async () => {
    const env = { AZURE_CLIENT_ID: clientIdOf(bound, 'forbidden') };
    expectFirst(
      'identity binding: RBAC missing',
      await diagnose({ emulator: bound, env, args: ['--exchange'] }),
      {
        id: 'exchange',
        says: /does not let system:serviceaccount:default:demo use the identity .* \(403\)/,
        fix: /\necho '\{apiVersion: v1, kind: List, .*\| kubectl apply -f -$/,
      },
    );
  });

  test('not enabled for the identity', async () => {
    const env = { AZURE_CLIENT_ID: clientIdOf(bound, 'unbound') };
    expectFirst(
      'identity binding: not enabled',
      await diagnose({ emulator: bound, env, args: ['--exchange'] }),
      {
        id: 'exchange',
        says: /knows no identity binding for .* \(404\)/,
        fix: /az aks identity-binding list/,
      },
    );
  });

  test('server name missing: the API server answers', async () => {
    expectFirst(
      'identity binding: SNI missing',
      await diagnose({ emulator: bound, env: { AZURE_KUBERNETES_SNI_NAME: '' } }),
      {
        id: 'token-proxy-answer',
        says: /^the API server answers at .* in place of the token proxy$/,
        fix: /Set AZURE_KUBERNETES_SNI_NAME/,
      },
    );
  });

  test('server name wrong', async () => {
    expectFirst(
      'identity binding: SNI wrong',
      await diagnose({ emulator: bound, env: { AZURE_KUBERNETES_SNI_NAME: 'another.ests.aks' } }),
      {
        id: 'token-proxy-tls',
        says: /is not for another\.ests\.aks/,
        fix: /Check AZURE_KUBERNETES_SNI_NAME/,
      },
    );
  });

  test('CA wrong', async () => {
    expectFirst(
      'identity binding: CA wrong',
      await diagnose({ emulator: bound, env: { AZURE_KUBERNETES_CA_FILE: stranger.caFile } }),
      {
        id: 'token-proxy-tls',
        says: /and its CA do not agree/,
        fix: /If the file still has the old CA after a rotation, create the pod again/,
      },
    );
  });

  test('the pod is not annotated: its token is for Entra', async () => {
    const env = { AZURE_FEDERATED_TOKEN_FILE: bound.federationTokenFile ?? '' };
    expectFirst('identity binding: pod not annotated', await diagnose({ emulator: bound, env }), {
      id: 'federated-token',
      says: /which the token proxy refuses/,
      fix: /azure\.workload\.identity\/use-identity-binding/,
    });
  });
});

test('printed/sidecar.md has every cause with the answer of the doctor', async () => {
  await expect(table.render()).toMatchFileSnapshot('printed/sidecar.md');
});

test('no doctor of this file has printed a token, an assertion or a secret', () => {
  expect(printed.length).toBeGreaterThan(60);
  for (const { tokenFile } of emulators) {
    for (const part of readSecretParts(tokenFile)) {
      expect(part.length).toBeGreaterThan(100);
      for (const text of printed) expect(text).not.toContain(part);
    }
  }
  for (const text of printed) expect(text).not.toMatch(/eyJ[\w-]{20}/);
});

async function listen(
  handler: Parameters<typeof createServer>[1],
): Promise<{ port: number; close(): void }> {
  const server: Server = createServer(handler ?? (() => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => server.close(),
  };
}
