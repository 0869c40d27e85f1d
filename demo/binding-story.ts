import { join } from 'node:path';
import { askPlainly, toClaims } from './client.ts';
import { callAdmin, readJournal } from './emulator-admin.ts';
import { chapter, milliseconds, quote, say, shorten, table } from './screen.ts';
import { type Scene, type Stage, startScene, wrap } from './story.ts';

const vault = 'https://vault.azure.net';
const storage = 'https://storage.azure.com';
const subject = 'system:serviceaccount:shop:orders';

/** Shows a pod with identity binding. @throws Error if a step has another result than the story says */
export async function tellOfBinding(stage: Stage): Promise<void> {
  const scene = await setUp(stage);
  await firstToken(scene);
  await missingRbac(scene);
  await rotatedCa(scene);
  await mixedMode(scene);
  console.log('\nThat was all of it. Nothing is left behind.');
}

async function setUp(stage: Stage): Promise<Scene> {
  chapter('A pod with identity binding on this machine');
  const emulator = await stage.programs.startEmulator([
    ...['--state-dir', join(stage.directory, 'state'), '--service-account', 'shop/orders'],
    ...['--identity-binding', '--identity', 'name=orders'],
    ...['--identity', 'name=reports,binding=forbidden', '--identity', 'name=legacy,binding=none'],
  ]);
  say('The emulated cluster has an AKS token proxy. The webhook sets these variables in the pod:');
  const names = ['AZURE_KUBERNETES_TOKEN_PROXY', 'AZURE_KUBERNETES_SNI_NAME'];
  names.push('AZURE_KUBERNETES_CA_FILE', 'AZURE_FEDERATED_TOKEN_FILE');
  table(Object.fromEntries(names.map((name) => [name, emulator.env[name] ?? ''])));
  const direct = {
    clientId: emulator.identities[2]?.clientId,
    mode: 'federation',
    tokenFile: emulator.federationTokenFile,
  };
  const env = { ...emulator.env, IMDS_PROXY_IDENTITIES: JSON.stringify([direct]) };
  return startScene(stage, emulator, env);
}

async function firstToken({ app, emulator }: Scene): Promise<void> {
  chapter('An application asks for a token, with @azure/identity, unchanged');
  const { ms, token, error } = await app.getToken({ resource: vault });
  if (token === undefined) throw new Error(`the application got no token: ${error}`);
  const { appid, aud } = toClaims(token);
  say(`It has one ${milliseconds(ms)} later: ${shorten(token)}`);
  table({ appid: String(appid), aud: String(aud) });
  const [atProxy, atEntra, ...others] = await readJournal(emulator.adminUrl);
  if (atProxy?.server !== 'token-proxy' || atEntra?.server !== 'tenant' || others.length > 0) {
    throw new Error('the token did not come through the token proxy alone');
  }
  say('The pod sent one request, to the token proxy:');
  table({
    'TLS server name': atProxy.serverName ?? '',
    subject: atProxy.assertion?.sub ?? '',
    audience: atProxy.assertion?.aud?.join() ?? '',
  });
  say('The token proxy asked Entra, as the issuer of all clusters of this identity:');
  table({ issuer: atEntra.assertion?.iss ?? '', audience: atEntra.assertion?.aud?.join() ?? '' });
}

async function missingRbac({ base, emulator }: Scene): Promise<void> {
  chapter('An identity that the ServiceAccount must not use');
  const clientId = emulator.identities[1]?.clientId ?? '';
  const refused = await askPlainly(base, vault, { client_id: clientId });
  const text = refused.body['error_description'] ?? '';
  if (refused.status !== 400 || !text.includes('kubectl apply')) {
    throw new Error(`missing RBAC ended in ${refused.status}: ${text}`);
  }
  say(`${refused.status} ${refused.body['error']}, and the text has the command to apply:`);
  // The command stays on its one line, so that it can be pasted.
  const [words = '', command = ''] = text.split(/ (?=echo )/);
  quote(wrap(words.replace(/ (?=Hint:|To apply)/g, '\n'), 96));
  quote(command);
  await callAdmin(emulator.adminUrl, 'PUT', '/bindings', { clientId, subjects: [subject] });
  const granted = await askPlainly(base, storage, { client_id: clientId });
  if (granted.status !== 200) throw new Error(`with RBAC it ended in ${granted.status}`);
  say(`After that command, the next request gets its token: ${granted.status}`);
}

async function rotatedCa({ base, emulator }: Scene): Promise<void> {
  chapter('The CA of the cluster rotates');
  await callAdmin(emulator.adminUrl, 'POST', '/rotate', {
    target: 'token-proxy-ca',
    retireOld: true,
  });
  const answer = await askPlainly(base, 'https://graph.microsoft.com');
  if (answer.status !== 200) throw new Error(`after the rotation it ended in ${answer.status}`);
  say(
    `The old CA is no longer trusted, and a new token is still issued: ${answer.status} after ${milliseconds(answer.ms)}`,
  );
}

async function mixedMode({ base, emulator }: Scene): Promise<void> {
  chapter('An identity without binding, in the same pod');
  const clientId = emulator.identities[2]?.clientId ?? '';
  await callAdmin(emulator.adminUrl, 'DELETE', '/journal');
  const answer = await askPlainly(base, vault, { client_id: clientId });
  const [entry, ...others] = await readJournal(emulator.adminUrl);
  if (answer.status !== 200 || entry?.server !== 'tenant' || others.length > 0) {
    throw new Error(`direct federation ended in ${answer.status}`);
  }
  say('It has its own token file and is federated with Entra directly:');
  table({
    subject: entry.assertion?.sub ?? '',
    audience: entry.assertion?.aud?.join() ?? '',
    status: String(answer.status),
  });
}
