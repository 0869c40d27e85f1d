import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { buildOwnImages, removeImage } from './docker-images.ts';
import { type ClusterPaths, toCluster } from './kubernetes-cluster.ts';
import { type KubernetesTenant, startKubernetesTenant } from './kubernetes-tenant.ts';
import { type ClusterVersions, readVersions } from './kubernetes-versions.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** What the tests of project `kubernetes` find when they begin. */
    kubernetes: ClusterPaths &
      Omit<KubernetesTenant, 'stop'> & { readonly versions: ClusterVersions };
  }
}

const scripts = join(import.meta.dirname, '../../.ci/kubernetes');
const minuteMs = 60_000;
/** Of a current Kubernetes; without it, 1.20 is built. */
const given = process.env['KUBERNETES_BIN'];

/** Runs before the tests of project `kubernetes`: builds and starts all that they share. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stages = createStages();
  const undo: (() => Promise<unknown>)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    await runScript('check', [], minuteMs);
    const binaries =
      given ??
      (await stages.time('Kubernetes built, or found built', () =>
        runScript('build', [], 40 * minuteMs),
      ));
    const images = await stages.time('images built', () =>
      buildOwnImages(['proxy', 'init', 'pause', 'app']),
    );
    undo.push(() => removeImage(...Object.values(images)));
    const state = await stages.time('cluster up', () => runScript('up', [], 5 * minuteMs));
    undo.push(() => stages.time('cluster down', () => runScript('down', [], 2 * minuteMs)));
    const cluster = toCluster({ binaries, state });
    const tenant = await stages.time('tenant up', () =>
      startKubernetesTenant(cluster, { state, images }),
    );
    undo.push(() => tenant.stop());
    if (given !== undefined) {
      await stages.time('images loaded', () =>
        runScript('load', Object.values(tenant.images), 5 * minuteMs),
      );
    }
    const { stop: _, ...provided } = tenant;
    const versions = await readVersions(cluster);
    project.provide('kubernetes', { binaries, state, versions, ...provided });
    console.log(
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    );
    const endTests = stages.begin('tests');
    return async () => {
      endTests();
      try {
        console.log(await cluster.kubectl(['get', 'pods', '--all-namespaces', '--output=wide']));
      } finally {
        await cleanUp();
        console.log(stages.toTable());
      }
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** @returns the standard output of the script; its standard error is shown at once */
async function runScript(
  name: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<string> {
  const running = promisify(execFile)(join(scripts, name), args, {
    // However this process ends, the cluster goes down with it.
    env: { ...process.env, KUBERNETES_OWNER: String(process.pid) },
    timeout: timeoutMs,
  });
  running.child.stderr?.pipe(process.stderr);
  return (await running).stdout.trim();
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
