/** Where the schedules of a run are played: the pod, the world beyond it, and the link between them. */
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExchangeMode } from '../../src/proxy/entra/settings.ts';
import type { CaFileState, OutsideEffects, PathEffects, TokenFileState } from './effects.ts';
import { createPod, type Pod } from './pod.ts';
import { connectChild, type Remote } from './remote.ts';
import { addresses, type OutsideMethods, type WorldDescription } from './world-description.ts';

const audiences: Readonly<Record<ExchangeMode, string>> = {
  federation: 'api://AzureADTokenExchange',
  binding: 'api://AKSIdentityBinding',
};
const HOUR_S = 3_600;

export interface Site {
  readonly world: WorldDescription;
  readonly pod: Pod;
  readonly outside: Remote<OutsideMethods>;
  setOutside(effects: OutsideEffects, offsetMs: number): Promise<void>;
  setPath(effects: PathEffects): void;
  /** Writes the federated token, a new one if it should be usable. */
  writeToken(state: TokenFileState, mode: ExchangeMode): Promise<void>;
  writeCas(state: CaFileState): Promise<void>;
}

/**
 * Sets everything up in the namespaces that this process runs in.
 * @param folder which every user can enter
 * @param programs the folder of the built programs
 */
export async function openSite(folder: string, programs: string): Promise<Site> {
  bindSystemFiles(folder);
  ip('link set lo up');
  const child = spawn(
    'unshare',
    ['--net', '--mount', process.execPath, join(import.meta.dirname, 'outside.ts'), folder],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const outside = connectChild<OutsideMethods>(child);
  // Answers when the program inside runs, and so has its network namespace.
  await outside.takePosts();
  ip(`link add eth0 type veth peer name peer0 netns ${child.pid}`);
  ip(`addr add ${addresses.pod}/24 dev eth0`);
  ip('link set eth0 up');
  ip(`route add default via ${addresses.router}`);
  nft(
    'add table inet chaos',
    'add chain inet chaos in { type filter hook input priority 0 ; }',
    'add chain inet chaos out { type filter hook output priority 0 ; }',
  );
  const world = await outside.connect();
  const pod = await createPod(folder, programs, world);
  pod.init();
  const { volumes } = pod;
  let hasRoute = true;

  return {
    world,
    pod,
    outside,
    setOutside: (effects, offsetMs) => outside.set({ effects, offsetMs }),
    setPath({ rules, hasRoute: wanted }) {
      nft('flush table inet chaos', ...rules.map((rule) => `add rule inet chaos ${rule}`));
      if (wanted === hasRoute) return;
      ip(`route ${wanted ? 'del' : 'add'} unreachable 192.0.2.0/24`);
      hasRoute = wanted;
    },
    async writeToken(state, mode) {
      const [audience, other] =
        mode === 'binding'
          ? [audiences.binding, audiences.federation]
          : [audiences.federation, audiences.binding];
      const mint = (): Promise<string> =>
        outside.mint({
          audiences: [state === 'wrong-audience' ? other : audience],
          ...(state === 'expired' && { ageSeconds: 2 * HOUR_S, lifetimeSeconds: HOUR_S }),
        });
      const { tokenFile } = volumes;
      switch (state) {
        case 'current':
        case 'expired':
        case 'wrong-audience':
          return volumes.write(tokenFile, await mint());
        case 'forbidden':
          return volumes.write(tokenFile, await mint(), 0o600);
        case 'missing':
          return volumes.write(tokenFile, undefined);
        case 'empty':
          return volumes.write(tokenFile, '');
        case 'garbage':
          return volumes.write(tokenFile, 'not a token\u0000');
      }
    },
    async writeCas(state) {
      const { entra, tokenProxy } = volumes.caFiles;
      await volumes.write(entra, toCaText(state, world.caPem.entra, world.caPem.other));
      await volumes.write(tokenProxy, toCaText(state, world.caPem.tokenProxy, world.caPem.other));
    },
  };
}

function toCaText(state: CaFileState, own: string, other: string): string | undefined {
  switch (state) {
    case 'current':
      return own;
    case 'other':
      return other;
    case 'missing':
      return undefined;
    case 'empty':
      return '';
    case 'garbage':
      return '-----BEGIN CERTIFICATE-----\n';
  }
}

/** The resolver's files, as the kubelet and the image write them. */
function bindSystemFiles(folder: string): void {
  const files = {
    'resolv.conf': `search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver ${addresses.nameServer}\noptions ndots:5\n`,
    'nsswitch.conf': 'hosts: files dns\n',
    hosts: '127.0.0.1 localhost\n',
  };
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    writeFileSync(file, content, { mode: 0o644 });
    execFileSync('mount', ['--bind', file, join('/etc', name)]);
  }
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '));
}

/** All in one transaction. */
function nft(...commands: readonly string[]): void {
  execFileSync('nft', ['-f', '-'], { input: commands.join('\n') });
}
