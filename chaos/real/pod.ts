/** The pod: its network, its volumes, `proxy-init`, and the container of the proxy with its user and environment. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseRssAnonBytes } from '../../bench/harness/proc-text.ts';
import { imageEnv } from '../../bench/lab.ts';
import { bundle } from '../../build/bundle.ts';
import { copyProgramsFor } from '../../demo/shared-folder.ts';
import { proxyGid, proxyPort, proxyUid } from '../../src/shared/redirect-contract.ts';
import type { Settings } from './effects.ts';
import { type PreloadMethods, type PreloadState, stateVariable } from './preload-state.ts';
import { connectChild, type Remote } from './remote.ts';
import type { WorldDescription } from './world-description.ts';

const START_MS = 30_000;
export const adminPort = 9_808;

/** Files of the pod's volumes. */
export interface Volumes {
  readonly tokenFile: string;
  /** Of Entra, and of the token proxy. */
  readonly caFiles: { readonly entra: string; readonly tokenProxy: string };
  /** Replaces a file in one step; undefined removes it. */
  write(file: string, content: string | undefined, mode?: number): Promise<void>;
}

/** One process of the proxy. */
export interface ProxyContainer {
  readonly pid: number;
  readonly inside: Remote<PreloadMethods>;
  readonly hasEnded: boolean;
  readonly exited: Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Anonymous memory in bytes, and open descriptors; undefined if it has ended. */
  measure(): { readonly bytes: number; readonly descriptors: number } | undefined;
}

export interface Pod {
  readonly volumes: Volumes;
  /** Runs proxy-init, as for a new pod. @throws Error if it fails */
  init(): void;
  /** @param onLine called with each line of its log */
  start(
    settings: Settings,
    state: PreloadState,
    onLine: (line: string) => void,
  ): Promise<ProxyContainer>;
}

/** @param programs the folder of the built programs */
export async function createPod(
  folder: string,
  programs: string,
  world: WorldDescription,
): Promise<Pod> {
  const { node, bin } = copyProgramsFor(proxyUid, programs, folder);
  await bundle({ name: 'preload.cjs', entry: 'chaos/real/preload.ts', outdir: bin });
  const volumes = await createVolumes(join(folder, 'volumes'));

  const toEnvironment = ({ mode, client }: Settings): Record<string, string> => ({
    AZURE_AUTHORITY_HOST: world.authorityHost,
    AZURE_TENANT_ID: world.tenantId,
    AZURE_CLIENT_ID: world.clientIds[client],
    AZURE_FEDERATED_TOKEN_FILE: volumes.tokenFile,
    NODE_EXTRA_CA_CERTS: volumes.caFiles.entra,
    ...(mode === 'binding' && {
      AZURE_KUBERNETES_TOKEN_PROXY: world.tokenProxy.url,
      AZURE_KUBERNETES_SNI_NAME: world.tokenProxy.serverName,
      AZURE_KUBERNETES_CA_FILE: volumes.caFiles.tokenProxy,
    }),
  });

  return {
    volumes,
    init() {
      execFileSync(node, [join(bin, 'proxy-init')], {
        env: { PATH: process.env['PATH'], PROXY_PORT: String(proxyPort) },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    },
    async start(settings, state, onLine) {
      const command = [
        ...['setpriv', `--reuid=${proxyUid}`, `--regid=${proxyGid}`, '--clear-groups'],
        ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'],
        ...[node, '--disable-sigusr1', '--require', join(bin, 'preload.cjs'), join(bin, 'proxy')],
        ...[`--admin-port=${adminPort}`, '--admin-address=127.0.0.1', '--passthrough=off'],
        ...['--log-level=info', '--drain-deadline=2s'],
      ];
      const [file = '', ...args] = command;
      const child = spawn(file, args, {
        cwd: '/',
        env: {
          PATH: process.env['PATH'],
          ...imageEnv,
          ...toEnvironment(settings),
          [stateVariable]: JSON.stringify(state),
        },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      return untilListening(child, onLine);
    },
  };
}

async function createVolumes(folder: string): Promise<Volumes> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  return {
    tokenFile: join(folder, 'azure-identity-token'),
    caFiles: { entra: join(folder, 'ca.crt'), tokenProxy: join(folder, 'token-proxy-ca.crt') },
    async write(file, content, mode = 0o644) {
      if (content === undefined) {
        await rm(file, { force: true });
        return;
      }
      const temporary = `${file}.next`;
      await writeFile(temporary, content);
      await chmod(temporary, mode);
      await rename(temporary, file);
    },
  };
}

async function untilListening(
  child: ChildProcess,
  onLine: (line: string) => void,
): Promise<ProxyContainer> {
  const pid = child.pid ?? 0;
  let hasEnded = false;
  let last = '';
  const listening = Promise.withResolvers<void>();
  const exited = once(child, 'exit').then(([code, signal]) => {
    hasEnded = true;
    listening.reject(new Error(`the proxy ended (${signal ?? code}) before it listened: ${last}`));
  });
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      last = line;
      if (line.includes('starting the proxy server')) listening.resolve();
      onLine(line);
    });
  }
  const timer = setTimeout(
    () => listening.reject(new Error(`the proxy does not listen within ${START_MS} ms: ${last}`)),
    START_MS,
  );
  try {
    await listening.promise;
  } finally {
    clearTimeout(timer);
  }
  return {
    pid,
    inside: connectChild<PreloadMethods>(child),
    get hasEnded() {
      return hasEnded;
    },
    exited,
    kill: (signal) => void child.kill(signal),
    measure() {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        // A process that is just ending has no memory any more.
        if (!status.includes('RssAnon:')) return undefined;
        return {
          bytes: parseRssAnonBytes(status),
          descriptors: readdirSync(`/proc/${pid}/fd`).length,
        };
      } catch {
        return undefined;
      }
    },
  };
}
