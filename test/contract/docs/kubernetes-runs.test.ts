import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRuns } from '../../../build/docs-kubernetes.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'test/e2e/kubernetes');
const sources = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(folder, name), 'utf8'))
  .join('\n');

const quote = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
/** The first argument of every `it`, `it.each` and `describe`, as a pattern of the titles that it stands for. */
const titles = [
  ...sources.matchAll(/(?:\bit|\bdescribe\w*|\))\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g),
]
  .map(([, , text = '']) => text.replaceAll(/\\(.)/g, '$1').split(/%s|%i|\$\{[^}]*\}/))
  .filter((parts) => parts.join('') !== '')
  .map((parts) => new RegExp(`^${parts.map(quote).join('.*')}$`, 's'));

/** Whether a test has this title: written out, named in a list of cases, or the name of a file. */
const exists = (name: string): boolean =>
  titles.some((title) => title.test(name)) ||
  sources.includes(`'${name}'`) ||
  ['', 'test/fixtures/inject'].some((parent) => existsSync(join(root, parent, name)));

describe('the recorded runs in a real Kubernetes', () => {
  it('there is one of a current version, and each has a date', () => {
    const [newest] = readRuns();
    expect(Number(newest?.versions['Kubernetes']?.split('.')[1])).toBeGreaterThanOrEqual(36);
    for (const { date } of readRuns()) expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it('name only subjects and cases that exist', () => {
    const named = readRuns().flatMap(({ subjects }) => Object.entries(subjects).flat(2));
    expect(named.filter((name) => !exists(name))).toEqual([]);
  });

  it('a case that does not exist would be found', () => {
    expect(exists('a case that nobody wrote')).toBe(false);
    expect(exists('a Deployment gets a token for its own ServiceAccount')).toBe(true);
  });
});
