/** A section of CHANGELOG.md, as the notes of a release. */
export interface Notes {
  /** Without its heading. */
  readonly text: string;
  /** ISO date of its heading; undefined for changes that are not released yet. */
  readonly date: string | undefined;
}

const heading = /^## \[(?<version>[^\]]+)\](?: - (?<date>\d{4}-\d{2}-\d{2}))?$/gm;

/**
 * The section of a version, or of the changes that are not released yet.
 * @param version or `Unreleased`
 * @throws if there is no such section, or nothing in it.
 */
export function findNotes(changelog: string, version: string): Notes {
  const headings = [...changelog.matchAll(heading)];
  const at = headings.findIndex(({ groups }) => groups?.['version'] === version);
  const found = headings[at];
  if (found === undefined) {
    throw new Error(`CHANGELOG.md: no section [${version}]; add "## [${version}] - <date>"`);
  }
  const rest = changelog.slice(found.index + found[0].length, headings[at + 1]?.index);
  // References of links stand at the end of the file.
  const text = rest.replace(/^\[[^\]]+\]: \S+$/gm, '').trim();
  if (text === '') throw new Error(`CHANGELOG.md: section [${version}] is empty; say what changed`);
  return { text, date: found.groups?.['date'] };
}
