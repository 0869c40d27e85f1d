/**
 * The world beyond the pod, as another process in its own network namespace: Entra, the token proxy, the cluster's
 * name server, and somebody who poses as Entra. The parent tells it what fails.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { systemClock } from '../../src/emulator/clock.ts';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { JournalEntry } from '../../src/emulator/journal.ts';
import {
  createServerIdentity,
  type ServerCertificate,
} from '../../src/emulator/tls/throwaway-ca.ts';
import { type OutsideEffects, ports } from './effects.ts';
import { startNameServer } from './name-server.ts';
import type { Post } from './posts.ts';
import { serveParent } from './remote.ts';
import {
  addresses,
  entraName,
  type OutsideMethods,
  type WorldDescription,
} from './world-description.ts';

/** Tokens live this long; Entra asks for their renewal much earlier, so that a run of minutes sees many renewals. */
const life = { seconds: 900, refreshInSeconds: 30 } as const;
/** The lives of tokens while Entra issues short-lived ones. */
const shortLife = { least: 20, most: 300 } as const;
const SLOW_LINK = ['rate', '24kbit', 'burst', '2000', 'latency', '3s'] as const;

const [, , stateDirectory = ''] = process.argv;
let posts: Post[] = [];
bindHosts();
ip('link set lo up');
for (const address of [addresses.nameServer, addresses.entra, addresses.impostor]) {
  ip(`addr add ${address}/32 dev lo`);
}
let offsetMs = 0;
let effects: OutsideEffects | undefined;
let isLinkUp = true;
let isLinkSlow = false;

const emulator = await createEmulator({
  stateDirectory: join(stateDirectory, 'outside'),
  host: addresses.entra,
  publicName: entraName,
  tenantPort: ports.entra,
  tokenProxyPort: ports.tokenProxy,
  identityBinding: true,
  identities: [{ name: 'usual' }, { name: 'other' }],
  clock: { ...systemClock, epochMs: () => systemClock.epochMs() + offsetMs },
  tokenLifetimeSeconds: toLifeSeconds,
  refreshInSeconds: life.refreshInSeconds,
  onRequest: take,
});

serveParent(
  {
    connect,
    set({ effects: next, offsetMs: nextMs }) {
      offsetMs = nextMs;
      effects = next;
      emulator.faults.replace(next.entra.map((effect) => ({ effect })));
      setLink(next);
    },
    mint: (overrides) => emulator.mintAssertion(overrides),
    takePosts() {
      const taken = posts;
      posts = [];
      return taken;
    },
  } satisfies { [Name in keyof OutsideMethods]: OutsideMethods[Name] },
  { endsWithParent: true },
);

async function connect(): Promise<WorldDescription> {
  ip(`addr add ${addresses.router}/24 dev peer0`);
  ip('link set peer0 up');
  await startNameServer(
    {
      host: addresses.nameServer,
      name: entraName,
      address: addresses.entra,
      otherAddress: addresses.impostor,
    },
    () => effects?.names ?? 'answers',
  );
  const impostor = await createServerIdentity(['impostor.example'], systemClock.epochMs());
  await startImpostor(impostor);
  const { tokenProxy, tenantId, authorityHost, caPem, identities } = emulator;
  const [usual, other] = identities.list();
  if (tokenProxy === undefined || usual === undefined || other === undefined) {
    throw new Error('the emulator has no token proxy or no identities');
  }
  return {
    tenantId,
    authorityHost,
    tokenProxy: { url: tokenProxy.url, serverName: tokenProxy.serverName },
    caPem: { entra: caPem, tokenProxy: tokenProxy.caPem, other: impostor.caPem },
    clientIds: { usual: usual.clientId, other: other.clientId },
  };
}

/** Takes connections as Entra would, with a certificate of another CA for another name. */
async function startImpostor({
  certificatePem: cert,
  privateKeyPem: key,
}: ServerCertificate): Promise<void> {
  for (const port of Object.values(ports)) {
    const server = createServer({ cert, key }, (_, response) => response.writeHead(500).end());
    server.on('tlsClientError', () => {});
    server.listen(port, addresses.impostor);
    await once(server, 'listening');
  }
}

/** The token proxy asks Entra from here, whatever the name server of the pod does. */
function bindHosts(): void {
  const file = join(stateDirectory, 'outside-hosts');
  writeFileSync(file, `127.0.0.1 localhost\n${addresses.entra} ${entraName}\n`);
  execFileSync('mount', ['--bind', file, '/etc/hosts']);
}

function toLifeSeconds(): number {
  if (effects?.hasShortLivedTokens !== true) return life.seconds;
  return shortLife.least + Math.floor(Math.random() * (shortLife.most - shortLife.least));
}

function take({
  server,
  method,
  clientId,
  scope,
  correlationId,
  assertion,
  outcome,
}: JournalEntry) {
  if (server !== 'tenant' || method !== 'POST' || outcome === undefined) return;
  const endMs = performance.now();
  posts.push({
    key: `${clientId} ${scope}`,
    correlationId: assertion?.iss === emulator.issuerUrl ? correlationId : undefined,
    startMs: endMs - outcome.durationMs,
    endMs,
    isAnswered: outcome.status !== undefined,
  });
}

function setLink(next: OutsideEffects): void {
  if (next.isLinkUp !== isLinkUp) ip(`link set peer0 ${next.isLinkUp ? 'up' : 'down'}`);
  if (next.isLinkSlow !== isLinkSlow) {
    const change = next.isLinkSlow
      ? ['add', 'dev', 'peer0', 'root', 'tbf', ...SLOW_LINK]
      : ['del', 'dev', 'peer0', 'root'];
    execFileSync('tc', ['qdisc', ...change]);
  }
  ({ isLinkUp, isLinkSlow } = next);
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '));
}
