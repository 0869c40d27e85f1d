/**
 * Real client libraries get tokens of the built proxy over App Service's protocol, from processes without a
 * capability. The libraries of this project's own dependencies always run. Those that must be downloaded, which
 * takes minutes, are part of the suite only if APP_SERVICE_CLIENTS is set to `all`
 * (`npm run test:clients:app-service`); without their tools they fail.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { type ProxyProcess, startProxy } from '../../support/proxy-process.ts';
import { type Client, clients, findMissingTool, install } from './clients.ts';

const secret = 'CANARY-0123456789abcdef0123456789abcdef';
const resource = 'https://vault.azure.net';

let emulator: Emulator;
let proxy: ProxyProcess;
beforeAll(async () => {
  emulator = await startEmulator({ identities: [{ name: 'first' }, { name: 'second' }] });
  const { identities } = emulator.describe();
  const map = identities.map(({ clientId, resourceId }) => ({ clientId, resourceId }));
  proxy = await startProxy(emulator, {
    env: {
      AZURE_CLIENT_ID: identities[0]?.clientId ?? '',
      IMDS_PROXY_IDENTITY_HEADER: secret,
      IMDS_PROXY_IDENTITIES: JSON.stringify(map),
      IMDS_PROXY_ALLOWED_CLIENT_IDS: map.map(({ clientId }) => clientId).join(),
    },
    withAdmin: true,
    logLevel: 'all',
  });
});
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await emulator?.stop();
});

interface Outcome {
  readonly token?: string;
  readonly error?: string;
}

const isRoot = process.getuid?.() === 0;
/** What takes every capability from root; other users have none. */
const withoutCapabilities = isRoot
  ? ['setpriv', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all']
  : [];

/** What a client makes of a selector, with the variables that an application has. */
async function run(
  { isOld = false }: Client,
  command: readonly string[],
  selector: readonly string[],
  header = secret,
): Promise<Outcome> {
  const endpoint = `${proxy.url}/msi/token`;
  const [program = '', ...args] = [...withoutCapabilities, ...command, resource, ...selector];
  const { stdout } = await promisify(execFile)(program, args, {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // Whoever asks IMDS after all must not find that of this machine.
      AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:9',
      // Newer clients have to prefer their own variables to those of older ones.
      MSI_ENDPOINT: endpoint,
      MSI_SECRET: header,
      ...(!isOld && { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header }),
    },
    timeout: 50_000,
  });
  return JSON.parse(stdout) as Outcome;
}

/** The client ID that Entra issued a token to. */
function toClientId({ token, error }: Outcome): unknown {
  if (token === undefined) throw new Error(`no token: ${error}`);
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return (claims as Record<string, unknown>)['appid'];
}

const wantsAll = process.env['APP_SERVICE_CLIENTS'] === 'all';

const chosen = clients.filter(({ tools }) => wantsAll || tools.length === 0);

describe.each(chosen.map((client) => [client.name, client] as const))('%s', (_, client) => {
  let command: readonly string[];
  beforeAll(async () => {
    const missing = await findMissingTool(client);
    if (missing !== undefined) throw new Error(`${missing} is not installed`);
    command = await install(client);
  }, 900_000);

  test('a token of the default identity', async () => {
    const [first] = emulator.describe().identities;
    expect(toClientId(await run(client, command, ['default']))).toBe(first?.clientId);
  });

  test('a token of the identity with a client ID', async () => {
    const { clientId = '' } = emulator.describe().identities[1] ?? {};
    expect(toClientId(await run(client, command, ['client_id', clientId]))).toBe(clientId);
  });

  // The protocol's first version knows no resource ID.
  if (client.isOld !== true) {
    test('a token of the identity with a resource ID', async () => {
      const { clientId, resourceId = '' } = emulator.describe().identities[1] ?? {};
      expect(toClientId(await run(client, command, ['resource_id', resourceId]))).toBe(clientId);
    });
  }

  test('a refused identity is told with the text of App Service', async () => {
    const { token, error } = await run(client, command, ['client_id', crypto.randomUUID()]);
    expect(token).toBeUndefined();
    if (!client.isOld) expect(error).toContain('No User Assigned or Delegated Managed Identity');
  });

  test('a wrong secret is told as such, and at once', async () => {
    const before = proxy.log.length;
    const { token, error } = await run(client, command, ['default'], `${secret.slice(0, -1)}0`);
    expect(token).toBeUndefined();
    expect(error).toMatch(client.isOld ? /./ : /The header x-identity-header is wrong/);
    const refusals = proxy.log
      .slice(before)
      .filter(({ error_code: code }) => code === 'ERR_IDENTITY_HEADER');
    expect(refusals.length).toBe(1);
  });
});

test('the secret is in no line of the log and no metric', async () => {
  const [command = []] = [await install(clients[0] as Client)];
  await run(clients[0] as Client, command, ['default']);
  const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
  expect(metrics).toMatch(/requests_denied_total\{reason="identity_header"\} [1-9]/);
  expect(proxy.log).toContainEqual(expect.objectContaining({ identity_header: 'set' }));
  expect([...proxy.output, metrics].join('\n')).not.toContain('CANARY');
});
