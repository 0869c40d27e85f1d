/**
 * The version of the project, and the files under deploy/ and docs/ that name it, such as in the tag of an image.
 * `npm run docs` writes the version of package.json into them; a contract test fails when one names another.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Of package.json, from which all others follow. */
export const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
};

/** Where a text names a version of ours: after these, and nowhere else. */
const named =
  /(?<=\/proxy:|\/proxy-init:|imds-proxy:|imds-proxy-|newTag: |\bVERSION=|--version=|\nversion: )\d+\.\d+\.\d+(?:-[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)?(?![\w.]*[0-9])/g;

/** The text with our present version in each of these places. */
export function nameVersion(text: string): string {
  return text.replaceAll(named, version);
}

/** Paths of the files that may name the version, below the repository. */
export function listVersionedFiles(): readonly string[] {
  const folders = ['deploy', 'docs', 'charts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
      join(folder, path),
    ),
  );
  return folders.filter((path) => /\.(?:md|yaml)$/.test(path));
}

if (import.meta.main) {
  for (const path of listVersionedFiles()) {
    const text = readFileSync(join(root, path), 'utf8');
    const renewed = nameVersion(text);
    if (renewed !== text) writeFileSync(join(root, path), renewed);
  }
}
