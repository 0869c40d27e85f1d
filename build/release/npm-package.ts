import { mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Packs the npm package of `inject`. The archive gets a name that differs from the chart's: npm would give it the same.
 * @param source address of the repository: npm accepts a provenance only if package.json names the same.
 * @returns the path of the archive.
 */
export async function packNpmPackage(outdir: string, source: string): Promise<string> {
  // Beside the result, so that the archive can be renamed into its place.
  const folder = await mkdtemp(join(outdir, '.npm-'));
  try {
    const program = join(root, 'build/package.ts');
    const pack = [process.execPath, program, `--outdir=${folder}`, `--repository=${source}`];
    const packed = await run(pack);
    const archive = join(outdir, `npm-${basename(packed)}`);
    await rename(packed, archive);
    return archive;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
