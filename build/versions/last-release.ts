/** The last release, which the tests in test/e2e/versions run together with the working tree. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { chartFolder, listValues } from '../chart/render.ts';
import { parseHelp, type Setting } from './settings.ts';

const root = join(import.meta.dirname, '../..');
const file = join(import.meta.dirname, 'last-release.json');

/** Programs whose settings a release promises to keep, with the command that lists them. */
export const programs = {
  proxy: ['proxy', '--help'],
  'proxy-init': ['proxy-init', '--help'],
  'proxy inject': ['proxy', 'inject', '--help'],
} as const;
export type Program = keyof typeof programs | 'chart';

/** As `npm run last-release` has recorded it. */
export interface LastRelease {
  /** Such as `v0.2.0`; null while there is no release. */
  readonly tag: string | null;
  readonly commit: string;
  readonly settings: Readonly<Record<Program, readonly Setting[]>>;
}

export function readLastRelease(): LastRelease {
  return JSON.parse(readFileSync(file, 'utf8'));
}

export function writeLastRelease(release: LastRelease): void {
  writeFileSync(file, `${JSON.stringify(release, null, 2)}\n`);
}

/** How a reader knows it. */
export function nameOf({ tag, commit }: Pick<LastRelease, 'tag' | 'commit'>): string {
  return tag ?? `commit ${commit.slice(0, 10)}`;
}

/** Why this checkout does not have the sources of `commit`; undefined if it does. */
export function findMissingHistory(commit: string, checkout = root): string | undefined {
  try {
    git(checkout, 'cat-file', '-e', `${commit}^{commit}`);
    return undefined;
  } catch {
    return existsSync(join(checkout, '.git'))
      ? `this clone does not have commit ${commit.slice(0, 10)}; run: git fetch --unshallow --tags`
      : `this is not a clone of the repository, and does not have commit ${commit.slice(0, 10)}`;
  }
}

/** The tag of the newest release before the current commit; undefined without a release. */
export function findReleaseTag(checkout = root): string | undefined {
  try {
    return git(
      checkout,
      ...['describe', '--tags', '--abbrev=0', '--match=v[0-9]*', '--exclude=*-*', 'HEAD^'],
    ).trim();
  } catch {
    return undefined;
  }
}

/** The commit of a tag, a branch or a commit. @throws if git does not know it */
export function toCommit(name: string): string {
  return git(root, 'rev-parse', '--verify', `${name}^{commit}`).trim();
}

/**
 * Builds a commit with its own lock file, once a machine. Takes a registry of npm packages and 20 seconds the first time.
 * @returns the folder with its sources and `dist/`
 * @throws with the output of git, tar or npm
 */
export function buildCommit(commit: string): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = join(cache, 'workload-identity-imds-proxy', 'releases', commit);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  try {
    git(root, 'archive', '--format=tar', `--output=${partial}.tar`, commit);
    run(partial, 'tar', ['-xf', `${partial}.tar`]);
    run(partial, 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    run(partial, process.execPath, ['build/build.ts']);
    // The programs are bundles. The packages would be 99 % of the folder.
    rmSync(join(partial, 'node_modules'), { recursive: true });
    renameSync(partial, folder);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  } finally {
    for (const path of [partial, `${partial}.tar`]) rmSync(path, { recursive: true, force: true });
  }
  return folder;
}

/** The settings that the built programs in `folder` list in their help, and the values of its chart, if it has one. */
export function readSettings(folder: string): LastRelease['settings'] {
  const read = (program: keyof typeof programs): readonly Setting[] => {
    const [name, ...args] = programs[program];
    return parseHelp(run(folder, process.execPath, [join('dist', name), ...args]));
  };
  return {
    proxy: read('proxy'),
    'proxy-init': read('proxy-init'),
    'proxy inject': read('proxy inject'),
    chart: readChart(folder),
  };
}

function readChart(folder: string): readonly Setting[] {
  const schema = join(folder, chartFolder, 'values.schema.json');
  if (!existsSync(schema)) return [];
  return listValues(JSON.parse(readFileSync(schema, 'utf8'))).map(({ path, schema: value }) => ({
    names: [path],
    default: JSON.stringify(value.default),
  }));
}

function git(checkout: string, ...args: readonly string[]): string {
  // In a container of CI the checkout often belongs to another user.
  return run(checkout, 'git', ['-c', `safe.directory=${checkout}`, ...args]);
}

/** For npm on a machine that is busy. */
const MOST_MS = 600_000;

function run(folder: string, program: string, args: readonly string[]): string {
  // The Node of this process comes first, for the scripts of npm.
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  return execFileSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
    maxBuffer: 64 * 1_048_576,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MOST_MS,
  });
}
