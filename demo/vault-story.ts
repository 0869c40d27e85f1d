import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmulatorDescription } from '../src/emulator/api.ts';
import {
  type AzureServices,
  type ServiceEntry,
  startAzureServices,
} from '../src/emulator/azure-services/azure-services.ts';
import { createKeyVault } from '../src/emulator/azure-services/key-vault.ts';
import { systemClock } from '../src/emulator/clock.ts';
import { type Ask, createDialogue } from './client.ts';
import { readJournal } from './emulator-admin.ts';
import { chapter, milliseconds, quote, say, table } from './screen.ts';
import { enterPod, type Stage } from './story.ts';
import type { Exchange, SecretOutcome, SecretWish } from './vault-app.ts';
import { withHosts } from './with-hosts.ts';

interface Scene {
  readonly emulator: EmulatorDescription;
  readonly ask: Ask<SecretWish, SecretOutcome>;
  /** The answers of the vault. */
  readonly entries: readonly ServiceEntry[];
  /** Where IMDS is. */
  readonly base: string;
}

const secret = { name: 'greeting', value: 'Good morning, shop' } as const;

/** Shows an application that reads a secret from a Key Vault. @throws Error if a step has another result */
export async function tellOfVault(stage: Stage): Promise<void> {
  chapter('A pod and a Key Vault on this machine');
  const emulator = await stage.programs.startEmulator([
    ...['--state-dir', join(stage.directory, 'state'), '--service-account', 'shop/orders'],
    ...['--identity', 'name=orders', '--identity', 'name=reports'],
  ]);
  const entries: ServiceEntry[] = [];
  await using vault = await startVault(stage, emulator, entries);
  const { base } = await enterPod(stage, emulator.env);
  say(`The vault is emulated as well: https://${vault.hosts[0]}, by TLS. It takes tokens of the`);
  say('emulated tenant only, and the identity orders may read its secrets.');

  const scene: Scene = {
    emulator,
    ask: await startApp(stage, vault, base),
    entries,
    base,
  };
  await firstRead(scene);
  await secondRead(scene);
  await otherIdentity(scene);
  console.log('\nThat was all of it. Nothing is left behind.');
}

async function startVault(
  { directory, hasRedirect }: Stage,
  { authorityHost, tenantId, caFile, identities }: EmulatorDescription,
  entries: ServiceEntry[],
): Promise<AzureServices> {
  const tenant = { authorityHost, tenantId, caPem: await readFile(caFile, 'utf8') };
  const readers = identities.slice(0, 1).map(({ clientId }) => clientId);
  const secrets = { [secret.name]: secret.value };
  const vault = await startAzureServices(
    { clock: systemClock, tenant, onRequest: (entry) => entries.push(entry) },
    {
      services: [createKeyVault({ name: 'shop', tenantId, secrets, readers })],
      port: hasRedirect ? 443 : 0,
    },
  );
  await writeFile(toCaFile(directory), vault.caPem);
  return vault;
}

function toCaFile(directory: string): string {
  return join(directory, 'vault-ca.crt');
}

async function startApp(
  { programs, directory, hasRedirect }: Stage,
  { hosts, port }: AzureServices,
  base: string,
): Promise<Ask<SecretWish, SecretOutcome>> {
  const caEnv = { NODE_EXTRA_CA_CERTS: toCaFile(directory) };
  if (hasRedirect) {
    say('Only for the application, the name of the vault leads to this machine.');
    const through = await withHosts(directory, hosts);
    const env = { ...caEnv, VAULT_URL: `https://${hosts[0]}` };
    return createDialogue(programs.startApp('vault-app.ts', env, through));
  }
  say('The vault cannot have its real name here: the application calls it localhost, and does not');
  say('compare that name with the challenge.');
  return createDialogue(
    programs.startApp('vault-app.ts', {
      ...caEnv,
      VAULT_URL: `https://localhost:${port}`,
      VAULT_HAS_OTHER_NAME: 'yes',
      AZURE_POD_IDENTITY_AUTHORITY_HOST: base,
    }),
  );
}

async function firstRead({ ask, entries, emulator, base }: Scene): Promise<void> {
  chapter('The Key Vault quick start, unchanged');
  quote('const client = new SecretClient(vaultUrl, new DefaultAzureCredential());');
  quote(`const { value } = await client.getSecret('${secret.name}');`);
  const { ms, value, error, exchanges } = await ask({ name: secret.name });
  if (value !== secret.value) throw new Error(`the application got no secret: ${error ?? value}`);
  const [first] = exchanges;
  const last = exchanges.at(-1);
  const token = exchanges.filter(({ origin, status }) => origin === base && status === 200);
  const [asked] = token;
  if (first?.challenge === undefined || asked === undefined || last === undefined) {
    throw new Error('the secret was read without a challenge and a token');
  }
  if (token.length > 1) throw new Error('the library asked for more than one token');

  say('The library first asks the vault without a token. The answer is a challenge:');
  show(first);
  quote(`www-authenticate: ${first.challenge}`);
  const probes = exchanges.filter(({ origin, status }) => origin === base && status === 400);
  if (probes.length > 0) {
    say('The credential chain checks whether IMDS exists. A 400 means yes:');
    probes.forEach(show);
  }
  say('It asks IMDS for a token for the resource of the challenge:');
  show(asked);
  const shown = (await readJournal(emulator.adminUrl)).map((entry) => entry.assertion);
  const assertion = shown.findLast((one) => one !== undefined);
  if (assertion === undefined) throw new Error('Entra was not shown an assertion');
  say('The proxy got it from Entra, for the token of the pod’s ServiceAccount:');
  table({ subject: assertion.sub ?? '', audience: assertion.aud?.join() ?? '' });
  say('With this token it asks the vault again:');
  show(last);
  const accepted = entries.at(-1)?.caller;
  const [orders] = emulator.identities;
  if (accepted?.kind !== 'identity' || accepted.clientId !== orders?.clientId) {
    throw new Error('the vault did not see the identity orders');
  }
  say('The vault has checked signature, issuer, audience and expiry, and knows the caller:');
  table({ appid: accepted.clientId, 'the identity': orders.name });
  say(`The secret is read, ${milliseconds(ms)} after it was asked for: ${value}`);
}

async function secondRead({ ask }: Scene): Promise<void> {
  chapter('The next secret takes one request');
  const { ms, value, exchanges } = await ask({ name: secret.name });
  if (value !== secret.value || exchanges.length !== 1) {
    throw new Error(`the second secret took ${exchanges.length} requests`);
  }
  say(`The library has kept challenge and token: ${milliseconds(ms)}`);
}

async function otherIdentity({ ask, entries, emulator }: Scene): Promise<void> {
  chapter('An identity without a role in the vault');
  const clientId = emulator.identities[1]?.clientId ?? '';
  const { error } = await ask({ name: secret.name, clientId });
  const last = entries.at(-1);
  if (error === undefined || last?.answer.status !== 403) {
    throw new Error(`reports was answered ${last?.answer.status}`);
  }
  say('Its token is valid, but it has no role in the vault:');
  quote(`${last.answer.status} ${error}`);
}

/** Prints a request and its status, without the headers that do not matter for the story. */
function show({ origin, request, status }: Exchange): void {
  const kept = /^(?:[A-Z]+ |metadata:|authorization:)/;
  const lines = request.split('\n').filter((line) => kept.test(line));
  quote(lines.join('\n').replace(/^(\S+) /, `$1 ${origin}`));
  say(`  ${status}`);
}
