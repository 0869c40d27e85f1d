import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ownerLabels } from './docker-owner.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const maxBuffer = 64 * 1024 * 1024;
/** As long as an emulated build may take, the wait for others' included. */
const timeout = 1_800_000;

/** What is built of which file, with the arguments of `docker build`. */
const recipes = {
  proxy: ['--file=Dockerfile.proxy', '.'],
  init: ['--file=Dockerfile.init', '.'],
  emulator: ['--file=examples/compose/Dockerfile', '--target=emulator', '.'],
  demo: ['--file=examples/compose/Dockerfile', '--target=app', '.'],
  pause: ['--target=pause', 'test/e2e/containers/images'],
  app: ['--target=app', 'test/e2e/containers/images'],
} as const;

export type ImageName = keyof typeof recipes;
export type Images = Readonly<Record<ImageName, string>>;

const labels = Object.entries(ownerLabels).map(([name, value]) => `--label=${name}=${value}`);

/** The base image that .ci/docker/up makes where there is no registry. */
const baseImage = 'node:26-bookworm-slim';

/**
 * One builder for all, so that compose finds the layers that the tests have built; the oldest, to know of it.
 * `docker build` needs `--build-arg=BUILD_IMAGE` to take the base image from here; compose does it by itself.
 */
export const builderEnv = { BUILD_IMAGE: baseImage, ...process.env, DOCKER_BUILDKIT: '0' };

/** Builds the images of the project and of the tests as they are now; cached layers make it quick. */
export async function buildImages(): Promise<Images> {
  const built: [string, string][] = [];
  for (const name of Object.keys(recipes) as ImageName[])
    built.push([name, await buildImage(name)]);
  return Object.fromEntries(built) as Images;
}

/**
 * Builds images under tags of this run, which `removeImage` takes away: another run on this machine, of another
 * commit, may change the shared ones meanwhile.
 */
export async function buildOwnImages<N extends ImageName>(
  names: readonly N[],
): Promise<Readonly<Record<N, string>>> {
  const built: [string, string][] = [];
  for (const name of names) {
    const tag = `${toTag(name)}-${process.pid}`;
    await build(tag, ['--build-arg=BUILD_IMAGE', ...labels, ...recipes[name]]);
    built.push([name, tag]);
  }
  return Object.fromEntries(built) as Record<N, string>;
}

/**
 * Builds one image; one at a time on a machine, so that those that come later find everything cached.
 * @param architecture another than the machine's, after .ci/docker/arm64
 * @returns its tag
 */
export async function buildImage(name: ImageName, architecture?: 'arm64'): Promise<string> {
  const suffix = architecture === undefined ? '' : `-${architecture}`;
  const tag = `${toTag(name)}${suffix}`;
  const foreign =
    architecture === undefined
      ? ['--build-arg=BUILD_IMAGE']
      : [`--platform=linux/${architecture}`, `--build-arg=BUILD_IMAGE=${baseImage}${suffix}`];
  await build(tag, [...foreign, ...recipes[name]], suffix);
  return tag;
}

/** @param lock which others it waits for: an emulated build takes minutes */
async function build(tag: string, args: readonly string[], lock = ''): Promise<void> {
  const command = ['docker', 'build', '--quiet', `--tag=${tag}`, ...args];
  await run(['flock', `/tmp/workload-identity-imds-proxy-images${lock}.lock`, ...command]);
}

/** Builds an image on top of another for this run alone, with one file added and one variable set. */
export async function extendImage(
  tag: string,
  base: string,
  { context, file, variable }: { context: string; file: string; variable: string },
): Promise<void> {
  const lines = [`FROM ${base}`, `COPY ${file} /etc/${file}`, `ENV ${variable}=/etc/${file}`];
  await run(
    ['docker', 'build', '--quiet', `--tag=${tag}`, ...labels, '--file=-', context],
    `${lines.join('\n')}\n`,
  );
}

export async function removeImage(...tags: readonly string[]): Promise<void> {
  await run(['docker', 'image', 'rm', '--force', ...tags]);
}

function toTag(name: ImageName): string {
  return `workload-identity-imds-proxy/${name}:test`;
}

async function run(command: readonly string[], input?: string): Promise<string> {
  const [file = '', ...args] = command;
  const running = execute(file, args, { cwd: root, maxBuffer, timeout, env: builderEnv });
  running.child.stdin?.end(input);
  const { stdout } = await running;
  return stdout;
}
