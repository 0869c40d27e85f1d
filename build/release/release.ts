import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildStamp } from '../stamp.ts';
import { findNotes } from './notes.ts';
import { toSnapshotSources } from './snapshot.ts';

const root = join(import.meta.dirname, '../..');

/** What is released. */
export interface Release {
  readonly version: string;
  /** The commit. */
  readonly revision: string;
  /** Time of the commit. */
  readonly date: Date;
  /** The section of the changelog, in Markdown. */
  readonly notes: string;
}

/**
 * Reads version, commit and notes from the working tree.
 * @param tag of the release, such as v1.2.3; without it, the changes may still be under Unreleased.
 * @throws if the tag names another version, or the changelog has no dated section for it.
 */
export async function readRelease(tag?: string): Promise<Release> {
  const { version, revision, date } = await buildStamp(root);
  return { version, revision, date: new Date(date), notes: findText(version, tag) };
}

function findText(version: string, tag: string | undefined): string {
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  if (tag === undefined) {
    const isListed = changelog.includes(`\n## [${version}]`);
    return findNotes(changelog, isListed ? version : 'Unreleased').text;
  }
  if (tag !== `v${version}`) {
    throw new Error(`${tag}: package.json has version ${version}; set the tag v${version}`);
  }
  const { text, date } = findNotes(changelog, version);
  if (date === undefined) {
    throw new Error(
      `CHANGELOG.md: section [${version}] has no date; write "## [${version}] - <date>"`,
    );
  }
  return text;
}

/** @throws if files that are under version control differ from the commit that the images would name. */
export function assertCommitted(): void {
  const changes = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
  if (changes !== '')
    throw new Error(`not committed; commit or stash first:\n${changes.trimEnd()}`);
}

/**
 * Arguments of the Dockerfiles that make a later build the same.
 * @param source address of the repository.
 */
export function toBuildArguments(
  { version, revision, date }: Release,
  source: string,
): Readonly<Record<string, string>> {
  return {
    VERSION: version,
    REVISION: revision,
    SOURCE: source,
    SOURCE_DATE_EPOCH: `${date.getTime() / 1_000}`,
    APT_SOURCES: toSnapshotSources(date),
  };
}
