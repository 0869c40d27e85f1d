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
  const command = ['docker', 'build', '--quiet', `--tag=${tag}`, ...foreign, ...recipes[name]];
  // An emulated build takes minutes, which the others need not wait for.
  await run(['flock', `/tmp/workload-identity-imds-proxy-images${suffix}.lock`, ...command]);
  return tag;
}

/** Builds an image on top of another for this run alone, with one file added and one variable set. */
export async function extendImage(
  tag: string,
  base: string,
  { context, file, variable }: { context: string; file: string; variable: string },
): Promise<void> {
  const labels = Object.entries(ownerLabels).map(([name, value]) => `--label=${name}=${value}`);
  const lines = [`FROM ${base}`, `COPY ${file} /etc/${file}`, `ENV ${variable}=/etc/${file}`];
  await run(
    ['docker', 'build', '--quiet', `--tag=${tag}`, ...labels, '--file=-', context],
    `${lines.join('\n')}\n`,
  );
}

export async function removeImage(tag: string): Promise<void> {
  await run(['docker', 'image', 'rm', '--force', tag]);
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
