import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { EmulatorDescription } from '../src/emulator/api.ts';
import { metadataAddress, proxyPort } from '../src/shared/redirect-contract.ts';
import { type App, askPlainly, createDialogue, toClaims } from './client.ts';
import type { Programs } from './programs.ts';
import { chapter, milliseconds, quote, say, shorten, table } from './screen.ts';

export interface Stage {
  readonly programs: Programs;
  /** A folder of the demo. Its maker removes it. */
  readonly directory: string;
  /** Whether this is a network namespace in which proxy-init can write its rules. */
  readonly hasRedirect: boolean;
}

/** The surroundings of an application. */
export interface Pod {
  /** The base URL of IMDS. */
  readonly base: string;
  readonly adminPort: number;
}

/** The parts that the chapters use. */
export interface Scene extends Pod {
  readonly emulator: EmulatorDescription;
  readonly app: App;
}

const vault = 'https://vault.azure.net';
const storage = 'https://storage.azure.com';

/** Shows the whole story. @throws Error if a step has another result than the story says */
export async function tell(stage: Stage): Promise<void> {
  const scene = await setUp(stage);
  await firstToken(scene);
  await cachedToken(scene);
  await twoIdentities(scene);
  await outage(scene);
  await brokenFederation(scene);
  await metrics(scene);
  console.log('\nThat was all of it. Nothing is left behind.');
}

async function setUp(stage: Stage): Promise<Scene> {
  const { programs, directory } = stage;
  chapter('A pod on this machine');
  const emulator = await programs.startEmulator([
    ...['--state-dir', join(directory, 'state'), '--service-account', 'shop/orders'],
    // As a cluster has one: Entra reads its keys from there.
    ...['--issuer-url', 'https://oidc.emulator.test/shop/'],
    ...['--identity', 'name=orders', '--identity', 'name=reports'],
    ...['--identity', 'name=misconfigured,subject=system:serviceaccount:shop:order'],
  ]);
  say(`An Entra tenant and a Kubernetes token issuer, both emulated: ${emulator.authorityHost}`);
  return startScene(stage, emulator, emulator.env);
}

/** Makes a pod and starts the application that asks for tokens. */
export async function startScene(
  stage: Stage,
  emulator: EmulatorDescription,
  env: Readonly<Record<string, string>>,
): Promise<Scene> {
  const pod = await enterPod(stage, env);
  const app = stage.programs.startApp(
    'app.ts',
    stage.hasRedirect ? {} : { AZURE_POD_IDENTITY_AUTHORITY_HOST: pod.base },
  );
  return { ...pod, emulator, app: { getToken: createDialogue(app) } };
}

/** Starts the proxy, and the redirect where there can be one. */
export async function enterPod(
  { programs, hasRedirect }: Stage,
  env: Readonly<Record<string, string>>,
): Promise<Pod> {
  const port = hasRedirect ? proxyPort : await findFreePort();
  const adminPort = await findFreePort();
  await programs.startProxy(env, port, adminPort);
  say(`The proxy listens on 127.0.0.1:${port}${process.getuid?.() === 0 ? ', as user 1501' : ''}.`);
  if (hasRedirect) {
    say('The init container redirects the metadata address to the proxy, and checks that:');
    quote(await programs.runInit({ PROXY_PORT: String(port) }));
  }

  const base = hasRedirect ? `http://${metadataAddress}` : `http://127.0.0.1:${port}`;
  return { base, adminPort };
}

async function firstToken({ app, base }: Scene): Promise<void> {
  chapter('An application asks for a token, with @azure/identity, unchanged');
  const { ms, request, token, error } = await app.getToken({ resource: vault });
  if (token === undefined) throw new Error(`the application got no token: ${error}`);
  say(`The library sends this to ${base}:`);
  quote(request);
  say(`and has a token ${milliseconds(ms)} later: ${shorten(token)}`);
  table(describe(token));
}

async function cachedToken({ base }: Scene): Promise<void> {
  chapter('The next request is answered from memory');
  const fresh = await askPlainly(base, storage);
  const cached = await askPlainly(base, storage);
  if (fresh.status !== 200 || fresh.body['access_token'] !== cached.body['access_token']) {
    throw new Error('the second answer was not the first one again');
  }
  say('As this command would:');
  quote(cached.command);
  const { access_token = '', ...rest } = cached.body;
  quote(JSON.stringify({ access_token: shorten(access_token), ...rest }, null, 1));
  table({
    'first, through Entra': milliseconds(fresh.ms),
    'second, from memory': milliseconds(cached.ms),
  });
}

async function twoIdentities({ app, emulator }: Scene): Promise<void> {
  chapter('Two identities in one pod');
  for (const { name, clientId } of emulator.identities.slice(0, 2)) {
    const { token, error } = await app.getToken({ resource: storage, clientId });
    if (token === undefined) throw new Error(`${name} got no token: ${error}`);
    const { appid } = toClaims(token);
    if (appid !== clientId) throw new Error(`${name} got the token of ${appid}`);
    say(`ManagedIdentityCredential('${clientId}')`);
    say(`  got the token of ${name}: appid ${appid}`);
  }
}

async function outage({ base, emulator }: Scene): Promise<void> {
  chapter('Entra goes down');
  await setFaults(emulator, [{ kind: 'reset' }]);
  const served = await askPlainly(base, vault);
  if (served.status !== 200) throw new Error('a token in memory was not served');
  say(`A cached token is still served: ${served.status} after ${milliseconds(served.ms)}`);
  const refused = await askPlainly(base, 'https://graph.microsoft.com');
  if (refused.status !== 503) throw new Error(`a new token ended in ${refused.status}`);
  say(`A new token cannot be issued now, and the answer says so: ${refused.status}`);
  quote(JSON.stringify(refused.body, null, 1));
  await setFaults(emulator, []);
}

async function brokenFederation({ base, emulator }: Scene): Promise<void> {
  chapter('A federated credential with a typing error in its subject');
  const clientId = emulator.identities[2]?.clientId ?? '';
  const { status, body } = await askPlainly(base, vault, { client_id: clientId });
  if (status !== 400) throw new Error(`a misconfigured identity ended in ${status}`);
  say(`${status} ${body['error']}, and the text has the fix:`);
  const parts = (body['error_description'] ?? '').replaceAll(
    / (?=Hint:|az identity fed|For an app|It takes effect)/g,
    '\n',
  );
  quote(wrap(parts, 96));
}

async function metrics({ adminPort }: Scene): Promise<void> {
  chapter('The view of the operator');
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, {
    signal: AbortSignal.timeout(5_000),
  });
  const shown =
    /^imds_proxy_(?:token_exchanges_total|token_cache_requests_total|token_cache_entries)/;
  const lines = (await response.text()).split('\n').filter((line) => shown.test(line));
  if (lines.length === 0) throw new Error('there are no metrics');
  quote(lines.filter((line) => !line.endsWith(' 0')).join('\n'));
}

async function setFaults(
  { adminUrl }: EmulatorDescription,
  faults: readonly { readonly kind: string }[],
): Promise<void> {
  const response = await fetch(`${adminUrl}/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(faults),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`the emulator refused the faults: ${await response.text()}`);
}

/** The claims with the identity and the audience of a token. */
function describe(token: string): Record<string, string> {
  const claims = toClaims(token);
  const shown = ['iss', 'tid', 'appid', 'oid', 'aud', 'xms_mirid'];
  return {
    ...Object.fromEntries(shown.map((name) => [name, String(claims[name])])),
    exp: new Date(Number(claims['exp']) * 1_000).toISOString(),
  };
}

export function wrap(text: string, width: number): string {
  return text.replace(new RegExp(`(?![^\\n]{1,${width}}$)([^\\n]{1,${width}})\\s`, 'g'), '$1\n');
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
