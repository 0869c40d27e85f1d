import { describe, expect, it } from 'vitest';
import { findNotes } from '../../../build/release/notes.ts';

const changelog = `# Changelog

## [Unreleased]

### Added

- One.

## [1.1.0] - 2026-11-29

- Two. See [1.0.0].

## [1.0.0-rc.1] - 2026-01-01
## [1.0.0] - 2026-02-01

- Three.

[1.0.0]: https://example.org/1.0.0
`;

describe('the notes of a release', () => {
  it.each([
    ['Unreleased', '### Added\n\n- One.', undefined],
    ['1.1.0', '- Two. See [1.0.0].', '2026-11-29'],
    ['1.0.0', '- Three.', '2026-02-01'],
  ])('of %s are its section', (version, text, date) => {
    expect(findNotes(changelog, version)).toEqual({ text, date });
  });

  it.each([
    ['2.0.0', 'CHANGELOG.md: no section [2.0.0]; add "## [2.0.0] - <date>"'],
    ['1.0', 'CHANGELOG.md: no section [1.0]'],
    ['1.0.0-rc.1', 'CHANGELOG.md: section [1.0.0-rc.1] is empty'],
  ])('of %s are refused', (version, message) => {
    expect(() => findNotes(changelog, version)).toThrow(message);
  });
});
