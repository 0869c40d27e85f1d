import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { transformSync } from 'esbuild';
import type { AzureState } from './fake-az.ts';
import type { ClusterState } from './fake-kubectl.ts';

export interface ScriptRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it called, in order. */
  readonly calls: readonly (readonly string[])[];
}

/** A folder with a written script, where `az` and `kubectl` are fakes that remember. */
export interface ScriptLab extends AsyncDisposable {
  readonly folder: string;
  run(script: string, args?: readonly string[]): Promise<ScriptRun>;
  readAzure(): Promise<AzureState>;
  readCluster(): Promise<ClusterState>;
}

/** As CommonJS, which starts in less than half the time: a script calls them dozens of times. */
const fakes = { az: toProgram('fake-az.ts'), kubectl: toProgram('fake-kubectl.ts') };

function toProgram(file: string): string {
  const source = readFileSync(join(import.meta.dirname, file), 'utf8');
  return transformSync(source, { loader: 'ts', format: 'cjs', target: 'node26' }).code;
}

/**
 * @param files texts of scripts by their names.
 */
export async function createScriptLab(
  files: ReadonlyMap<string, string>,
  azure: AzureState,
  cluster?: ClusterState,
): Promise<ScriptLab> {
  const folder = await mkdtemp(join(tmpdir(), 'imds-proxy scripts-'));
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const [name, program] of Object.entries(fakes)) {
    await writeFile(join(folder, `${name}.cjs`), program);
    const start = `#!/bin/sh\nexec '${process.execPath}' '${folder}/${name}.cjs' "$@"\n`;
    await writeFile(join(bin, name), start, { mode: 0o755 });
  }
  for (const [name, text] of files) {
    if (name.endsWith('.sh')) await writeFile(join(folder, name), text, { mode: 0o755 });
  }
  const [state, clusterState, log] = ['azure.json', 'cluster.json', 'calls.log'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(state, JSON.stringify(azure));
  await writeFile(clusterState, JSON.stringify(cluster ?? {}));
  return {
    folder,
    async run(script, args = []) {
      await writeFile(log, '');
      const env = {
        PATH: `${bin}${delimiter}${process.env['PATH']}`,
        FAKE_STATE: state,
        FAKE_CLUSTER: clusterState,
        FAKE_LOG: log,
        CLEANUP_WAIT_SECONDS: '0',
        LC_ALL: 'C',
      };
      const ran = await new Promise<Omit<ScriptRun, 'calls'>>((resolve) => {
        execFile(
          join(folder, script),
          [...args],
          { cwd: folder, env, timeout: 50_000 },
          (error, stdout, stderr) => {
            const exitCode = error === null ? 0 : Number(error.code ?? Number.NaN);
            resolve({ exitCode, stdout, stderr });
          },
        );
      });
      const lines = (await readFile(log, 'utf8')).split('\n').filter(Boolean);
      return { ...ran, calls: lines.map((line) => JSON.parse(line)) };
    },
    readAzure: async () => JSON.parse(await readFile(state, 'utf8')),
    readCluster: async () => JSON.parse(await readFile(clusterState, 'utf8')),
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
