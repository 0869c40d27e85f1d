import { readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { chartFolder } from '../chart/render.ts';
import type { Digests } from './build-images.ts';
import { packChart, pushChart } from './chart.ts';
import { packNpmPackage } from './npm-package.ts';
import { publishImages } from './publish-images.ts';
import type { Release } from './release.ts';
import { run } from './run.ts';
import type { Signer } from './sign.ts';

export interface PublishOptions {
  readonly release: Release;
  /** Where images and chart go, such as `ghcr.io/owner/repository`. */
  readonly registry: string;
  /** Address of the repository. */
  readonly source: string;
  readonly buildx: readonly string[];
  /** The command of helm, with the flags that its pushes need. */
  readonly helm: readonly string[];
  readonly signer: Signer;
  /** What buildImages has pushed, by platform. */
  readonly built: Readonly<Record<string, Digests>>;
  /** A folder for the files of the release. */
  readonly outdir: string;
}

/** What a later step of the workflow attests and publishes, by the names of its outputs. */
export type Outputs = Readonly<Record<string, string>>;

/**
 * Publishes and signs everything that goes to the registry, and writes the files of the release: the notes, the bills of
 * materials, the chart, the npm package, and their checksums.
 */
export async function publish(options: PublishOptions): Promise<Outputs> {
  const { release, registry, source, outdir } = options;
  const digests = await publishImages({ ...options, version: release.version });
  const npmPackage = await packNpmPackage(outdir, source);
  const archive = await packChart({ release, registry, source, digests, outdir });
  const chart = await pushChart(options.helm, archive, registry);
  const chartReference = `${registry}/charts/${basename(chartFolder)}`;
  await options.signer.sign(`${chartReference}@${chart}`);
  const published = [
    ...Object.entries(digests).map(
      ([name, digest]) => [name, `${registry}/${name}`, digest] as const,
    ),
    ['chart', chartReference, chart] as const,
  ];
  await writeFile(join(outdir, 'notes.md'), renderNotes(release, published));
  await writeFile(join(outdir, 'checksums.txt'), await listChecksums(outdir));
  return {
    'npm-package': npmPackage,
    ...Object.fromEntries(
      published.flatMap(([name, reference, digest]) => [
        [`${name}-name`, reference],
        [`${name}-digest`, digest],
      ]),
    ),
  };
}

/** The section of the changelog, and what to pull. */
function renderNotes(
  { version, notes }: Release,
  published: readonly (readonly [name: string, reference: string, digest: string])[],
): string {
  const lines = published.map(([, reference, digest]) => `${reference}:${version}@${digest}`);
  return `${notes}\n\n## Digests\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`;
}

/** In the format of `sha256sum`. */
async function listChecksums(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name !== 'notes.md').sort();
  return `${await run(['sha256sum', ...names], { cwd: folder })}\n`;
}
