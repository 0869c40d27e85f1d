import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digests, type ImageName, imageNames } from './build-images.ts';
import { withImage } from './image-content.ts';
import { run } from './run.ts';
import { findImageFaults, imageRules, sbomPath } from './scan-image.ts';
import type { Signer } from './sign.ts';

export interface PublishOptions {
  readonly buildx: readonly string[];
  readonly registry: string;
  readonly version: string;
  /** What buildImages has pushed, by platform. */
  readonly built: Readonly<Record<string, Digests>>;
  readonly signer: Signer;
  /** Where the bills of materials go, besides the registry. */
  readonly outdir: string;
}

/**
 * Scans the images of all platforms, puts those of one name under the tag of the version, and signs them. Nothing gets
 * a tag before everything has passed the scan.
 * @returns the digests of the tags.
 * @throws with the faults of the scan.
 */
export async function publishImages(options: PublishOptions): Promise<Digests> {
  const sboms = await scanImages(options);
  const tagged: Partial<Record<ImageName, string>> = {};
  for (const name of imageNames) tagged[name] = await publishImage(name, options);
  for (const { reference, file } of sboms) await options.signer.attestSbom(reference, file);
  return tagged as Digests;
}

/** A bill of materials and the image that it is of. */
interface Sbom {
  readonly reference: string;
  readonly file: string;
}

async function scanImages({ registry, built, outdir }: PublishOptions): Promise<readonly Sbom[]> {
  const sboms: Sbom[] = [];
  for (const [platform, digests] of Object.entries(built)) {
    for (const name of imageNames) {
      const reference = `${registry}/${name}@${digests[name]}`;
      await run(['docker', 'pull', '--quiet', `--platform=${platform}`, reference]);
      const file = join(outdir, `${name}-${platform.replace('linux/', '')}.cdx.json`);
      const faults = await withImage(reference, async ({ files, config, read }) => {
        const found = findImageFaults(imageRules[name], files, config, await read('etc/passwd'));
        if (found.length === 0) await writeFile(file, await read(sbomPath));
        return found;
      });
      if (faults.length > 0) {
        throw new Error(`${name} for ${platform} must not be published:\n${faults.join('\n')}`);
      }
      sboms.push({ reference, file });
    }
  }
  return sboms;
}

async function publishImage(
  name: ImageName,
  { buildx, registry, version, built, signer }: PublishOptions,
): Promise<string> {
  const image = `${registry}/${name}`;
  const parts = Object.values(built).map((digests) => `${image}@${digests[name]}`);
  const tag = `${image}:${version}`;
  await run([...buildx, 'imagetools', 'create', `--tag=${tag}`, ...parts]);
  const digest = await run([
    ...[...buildx, 'imagetools', 'inspect', tag],
    '--format={{.Manifest.Digest}}',
  ]);
  await signer.sign(`${image}@${digest}`);
  return digest;
}
