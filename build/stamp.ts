import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Version, commit and date that the programs print; `src/shared/version.ts` reads it. */
export interface BuildStamp {
  readonly version: string;
  readonly revision: string;
  readonly date: string;
}

/**
 * The version from package.json, and revision and date of the current commit, so that the same commit builds
 * the same bytes. Without git, as in an image build, set IMDS_PROXY_REVISION and SOURCE_DATE_EPOCH.
 */
export async function buildStamp(root: string): Promise<BuildStamp> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { version } = manifest as { version: string };
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? git(root, 'log', '-1', '--format=%ct') ?? '0';
  return {
    version,
    revision: process.env['IMDS_PROXY_REVISION'] ?? git(root, 'rev-parse', 'HEAD') ?? 'unknown',
    date: new Date(Number(epoch) * 1000).toISOString(),
  };
}

function git(cwd: string, ...args: readonly string[]): string | undefined {
  try {
    const output = execFileSync('git', args, {
      cwd,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    });
    return output.trim() || undefined;
  } catch {
    return undefined;
  }
}
