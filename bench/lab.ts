import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Counts } from './counts.ts';
import { prepareBare, startBare } from './harness/bare.ts';
import { type CreateCgroup, openCgroups } from './harness/cgroup.ts';
import { type Emulator, startEmulator } from './harness/emulator.ts';
import { ask } from './harness/http.ts';
import type { Launched } from './harness/launch.ts';
import {
  type PreparedProxy,
  type ProxyOptions,
  prepareProxy,
  startProxy,
} from './harness/proxy.ts';
import { captureSdkRequest, type SdkRequest } from './harness/sdk-request.ts';
import type { StartedServer, StartOptions } from './harness/server.ts';
import { prepareUpstream, upstreamVariable } from './harness/upstream.ts';

/** What every measure works with. */
export interface Lab {
  readonly counts: Counts;
  /** The CPU of a server under load, and that of its load; both undefined on a machine with one core. */
  readonly serverCpu: number | undefined;
  readonly loadCpu: number | undefined;
  /** Makes control groups, or says why it cannot. */
  readonly cgroups: CreateCgroup | string;
  readonly emulator: Emulator;
  readonly sdk: SdkRequest;
  /** A proxy that can reach the emulator; it waits for its exec. */
  readonly prepareProxy: (options?: ProxyOptions) => Promise<PreparedProxy>;
  /** The same, started and ready. */
  readonly startProxy: (options?: ProxyOptions) => Promise<StartedServer>;
  /** A bare server that writes the answer that the proxy gives, in the same environment. */
  readonly startBare: (options?: StartOptions) => Promise<StartedServer>;
  /** The same, waiting for its exec. */
  readonly prepareBare: () => Promise<Launched & { readonly port: number }>;
  /** The Go proxy that UPSTREAM_PROXY names, waiting for its exec; undefined without that variable. */
  readonly prepareUpstream: (() => Promise<Launched & { readonly port: number }>) | undefined;
  /** Reports progress. */
  readonly say: (line: string) => void;
}

/** The flags of the container image, for every process of either side. */
export const nodeOptions = '--max-semi-space-size=1 --max-old-space-size=40';

/** The environment of the container image (Dockerfile.proxy). */
export const imageEnv = {
  NODE_OPTIONS: nodeOptions,
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** Starts the emulator, and captures the SDK's request and the proxy's answer to it. */
export async function openLab(
  counts: Counts,
  say: (line: string) => void,
): Promise<Lab & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const emulator = stack.use(await startEmulator());
  const sdk = await captureSdkRequest(emulator.clientId);

  const { NODE_EXTRA_CA_CERTS: ca = '', ...pod } = emulator.env;
  const withEnv = <T extends StartOptions>(options: T): T => ({
    ...options,
    env: {
      ...pod,
      ...(options.trust === false ? {} : { NODE_EXTRA_CA_CERTS: ca }),
      ...imageEnv,
      ...options.env,
    },
  });
  const proxyWith = (options: ProxyOptions = {}) => startProxy(withEnv(options));

  const answer = await (async () => {
    await using proxy = await proxyWith();
    const given = await ask(proxy.port, sdk.text());
    if (given.status !== 200) throw new Error(`no token but ${given.status}: ${given.body}`);
    return given;
  })();

  const upstream = process.env[upstreamVariable];
  const cgroups = openCgroups();
  const hasTwoCores = availableParallelism() > 1;
  const resources = stack.move();
  return {
    counts,
    serverCpu: hasTwoCores ? 0 : undefined,
    loadCpu: hasTwoCores ? 1 : undefined,
    cgroups,
    emulator,
    sdk,
    prepareProxy: (options = {}) => prepareProxy(withEnv(options)),
    startProxy: proxyWith,
    startBare: (options = {}) => startBare(answer, withEnv(options)),
    prepareBare: () => prepareBare(answer, withEnv({})),
    prepareUpstream:
      upstream === undefined ? undefined : () => prepareUpstream(upstream, emulator.env),
    say,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Programs that the measures run, with the Debian package of each. */
const tools = { wrk: 'wrk', taskset: 'util-linux', fincore: 'util-linux', dd: 'coreutils' };

/** @throws Error that names the missing tool and the package to install. */
export function assertTools(): void {
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and needs Linux');
  for (const [tool, debianPackage] of Object.entries(tools)) {
    try {
      execFileSync('/bin/sh', ['-c', `command -v ${tool}`]);
    } catch {
      throw new Error(`${tool} is missing: apt-get install ${debianPackage}`);
    }
  }
}
