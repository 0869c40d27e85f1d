import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { chartFolder } from '../chart/render.ts';
import { repositoryUrl } from '../monitoring/rule.ts';
import type { Digests } from './build-images.ts';
import type { Release } from './release.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../..');

export interface ChartOptions {
  readonly release: Release;
  readonly registry: string;
  /** Address of the repository: the alerts link to its runbooks. */
  readonly source: string;
  /** Of the images under the tag of the version. */
  readonly digests: Digests;
  readonly outdir: string;
}

/**
 * Packs the chart of a release: it names the registry and the digests of its images, so that it installs without
 * further values. Two calls with the same options write the same bytes, which `helm package` does not.
 * @returns the path of the archive.
 * @throws if the chart has no place for one of these.
 */
export async function packChart(options: ChartOptions): Promise<string> {
  const { release, registry, source, digests, outdir } = options;
  const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-chart-'));
  try {
    const name = basename(chartFolder);
    const chart = join(folder, name);
    await cp(join(root, chartFolder), chart, { recursive: true });
    await cp(join(root, 'LICENSE'), join(chart, 'LICENSE'));
    await replaceIn(
      join(chart, 'values.yaml'),
      '\n  registry: ""\n',
      `\n  registry: ${registry}\n`,
    );
    for (const file of ['prometheus-rule.yaml', 'dashboard.json']) {
      await replaceIn(join(chart, 'files', file), repositoryUrl, source);
    }
    // Away from the repository, its links and its placeholder would lead nowhere.
    const readme = join(chart, 'README.md');
    await replaceIn(readme, '](../../', `](${source}/blob/v${release.version}/`);
    await replaceIn(readme, 'oci://<REGISTRY>/', `oci://${registry}/`);
    const released = { proxy: digests.proxy, init: digests['proxy-init'] };
    await writeFile(join(chart, 'files/digests.yaml'), stringify(released));
    const archive = join(outdir, `${name}-${release.version}.tgz`);
    const tar = [
      ...['--create', '--format=gnu', '--sort=name', '--owner=0', '--group=0', '--numeric-owner'],
      ...[
        '--mode=u=rwX,go=rX',
        `--mtime=@${release.date.getTime() / 1_000}`,
        `--directory=${folder}`,
      ],
    ];
    const pack = 'set -o pipefail; tar "$@" | gzip --no-name > "$0"';
    await run(['bash', '-c', pack, archive, ...tar, name]);
    return archive;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws if the text is not in the file: the chart would lack its replacement. */
async function replaceIn(file: string, text: string, by: string): Promise<void> {
  const content = await readFile(file, 'utf8');
  if (!content.includes(text)) throw new Error(`${file}: nothing to replace by ${by.trim()}`);
  await writeFile(file, content.replaceAll(text, by));
}

/**
 * Pushes a packed chart.
 * @param helm the command of helm, with the flags for the registry.
 * @returns its digest.
 */
export async function pushChart(
  helm: readonly string[],
  archive: string,
  registry: string,
): Promise<string> {
  const [program = '', ...flags] = helm;
  const push = [program, 'push', archive, `oci://${registry}/charts`, ...flags];
  // The stream that helm prints the digest to depends on its version.
  const output = await run(['bash', '-c', '"$0" "$@" 2>&1', ...push]);
  const digest = /^Digest: (sha256:[0-9a-f]{64})$/m.exec(output)?.[1];
  if (digest === undefined) throw new Error(`helm push printed no digest:\n${output}`);
  return digest;
}
