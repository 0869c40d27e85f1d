import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../..');

export const imageNames = ['proxy', 'proxy-init'] as const;
export type ImageName = (typeof imageNames)[number];

/** Digests of the images for one platform (`sha256:…`). */
export type Digests = Readonly<Record<ImageName, string>>;

const dockerfiles: Readonly<Record<ImageName, string>> = {
  proxy: 'Dockerfile.proxy',
  'proxy-init': 'Dockerfile.init',
};

export interface BuildOptions {
  /** The command of buildx, such as `docker buildx`. */
  readonly buildx: readonly string[];
  /** Where the images go, without their names. */
  readonly registry: string;
  /** Such as `linux/arm64`. It must be that of the machine, or emulated. */
  readonly platform: string;
  /** `--build-arg`s by their names. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Whether steps of an earlier build may be used again. */
  readonly cache: boolean;
}

/**
 * Builds both images for one platform and pushes them without a tag. BuildKit's own provenance is left out: it holds
 * the time of the build, and every build would get another digest.
 * @returns their digests.
 */
export async function buildImages(options: BuildOptions): Promise<Digests> {
  const digests: Partial<Record<ImageName, string>> = {};
  // One after the other: the second finds the layer that they share.
  for (const name of imageNames) digests[name] = await buildImage(name, options);
  return digests as Digests;
}

async function buildImage(
  name: ImageName,
  { buildx, registry, platform, arguments: args, cache }: BuildOptions,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-release-'));
  try {
    const metadata = join(folder, 'metadata.json');
    const output = [
      'type=image',
      `name=${registry}/${name}`,
      'push=true',
      'push-by-digest=true',
      'oci-mediatypes=true',
      'rewrite-timestamp=true',
      'compression=gzip',
      'force-compression=true',
    ];
    const command = [
      ...buildx,
      'build',
      `--file=${dockerfiles[name]}`,
      `--platform=${platform}`,
      ...Object.entries(args).map(([key, value]) => `--build-arg=${key}=${value}`),
      ...(cache ? [] : ['--no-cache']),
      '--provenance=false',
      '--sbom=false',
      `--output=${output.join(',')}`,
      `--metadata-file=${metadata}`,
      '--progress=plain',
      '.',
    ];
    await run(command, { cwd: root, timeoutMs: 3_600_000 });
    const built = JSON.parse(await readFile(metadata, 'utf8')) as Readonly<Record<string, string>>;
    const digest = built['containerimage.digest'];
    if (digest === undefined) throw new Error(`${name}: buildx wrote no digest to ${metadata}`);
    return digest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
