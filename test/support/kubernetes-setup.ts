import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildImages } from './docker-images.ts';
import { type ClusterPaths, toCluster } from './kubernetes-cluster.ts';
import { type KubernetesTenant, startKubernetesTenant } from './kubernetes-tenant.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** What the tests of project `kubernetes` find when they begin. */
    kubernetes: ClusterPaths & Omit<KubernetesTenant, 'stop'>;
  }
}

const scripts = join(import.meta.dirname, '../../.ci/kubernetes');
const minuteMs = 60_000;

/** Runs before the tests of project `kubernetes`: builds and starts all that they share. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stages = createStages();
  await runScript('check', minuteMs);
  const binaries = await stages.time('Kubernetes built, or found built', () =>
    runScript('build', 40 * minuteMs),
  );
  const images = await stages.time('images built', buildImages);
  const state = await stages.time('cluster up', () => runScript('up', 5 * minuteMs));
  const down = () => stages.time('cluster down', () => runScript('down', 2 * minuteMs));
  const cluster = toCluster({ binaries, state });
  const tenant = await stages
    .time('tenant up', () => startKubernetesTenant(cluster, { state, images }))
    .catch(async (error: unknown) => {
      await down();
      throw error;
    });
  const { stop, ...provided } = tenant;
  project.provide('kubernetes', { binaries, state, ...provided });
  const endTests = stages.begin('tests');
  return async () => {
    endTests();
    try {
      console.log(await cluster.kubectl(['get', 'pods', '--all-namespaces', '--output=wide']));
    } finally {
      await stop().finally(down);
      console.log(stages.toTable());
    }
  };
}

/** @returns the standard output of the script; its standard error is shown at once */
async function runScript(name: string, timeout: number): Promise<string> {
  return execFileSync(join(scripts, name), {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout,
  }).trim();
}

function createStages() {
  const lines: string[] = [];
  const begin = (name: string) => {
    const startedAt = performance.now();
    return (): void => {
      const seconds = (performance.now() - startedAt) / 1000;
      lines.push(`${seconds.toFixed(1).padStart(7)} s  ${name}`);
    };
  };
  return {
    begin,
    async time<T>(name: string, act: () => Promise<T>): Promise<T> {
      const end = begin(name);
      const result = await act();
      end();
      return result;
    },
    toTable: () => lines.join('\n'),
  };
}
