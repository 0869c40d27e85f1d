import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Document, documents, root, toDocument } from './documents.ts';

/** Why a link leads nowhere; undefined if it leads somewhere, or outside. */
function findFault(from: Document, target: string, all: readonly Document[]): string | undefined {
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? from.file : normalize(join(dirname(from.file), path));
  if (file.startsWith('..') || path.startsWith('/')) return 'is outside of the project';
  const document = all.find((other) => other.file === file);
  if (document === undefined && !existsSync(join(root, file))) return 'is not there';
  if (anchor === undefined) return undefined;
  if (document === undefined) return 'has an anchor and is no document';
  return toAnchors(document).has(anchor) ? undefined : 'has no such heading';
}

/** The anchors that GitHub makes of headings. */
function toAnchors({ prose }: Document): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const base = text.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function toLinks({ prose }: Document): readonly string[] {
  const plain = prose.replace(/`[^`\n]*`/g, '``');
  return [...plain.matchAll(/\]\(\s*([^)\s]+)[^)]*\)/g)].map(([, target = '']) => target);
}

describe('links within the documentation lead somewhere', () => {
  test.each(documents.map((document) => [document.file, document] as const))(
    '%s',
    (_, document) => {
      const faults = toLinks(document).flatMap((target) => {
        const fault = findFault(document, target, documents);
        return fault === undefined ? [] : [`${target} ${fault}`];
      });
      expect(faults).toEqual([]);
    },
  );

  test('every document can be reached from README.md', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      const document = documents.find((one) => one.file === file);
      if (document === undefined || reached.has(file)) return;
      reached.add(file);
      for (const target of toLinks(document)) {
        const [path = ''] = target.split('#');
        if (path === '' || /^\w+:/.test(path)) continue;
        const next = normalize(join(dirname(file), path));
        visit(next);
        const isFolder = statSync(join(root, next), { throwIfNoEntry: false })?.isDirectory();
        if (isFolder !== true) continue;
        for (const { file: inside } of documents) if (dirname(inside) === next) visit(inside);
      }
    };
    visit('README.md');
    expect(documents.map(({ file }) => file).filter((file) => !reached.has(file))).toEqual([]);
  });
});

describe('the check itself', () => {
  const one = toDocument('docs/one.md', '# A title, `code` & more\n\n## Twice\n\n## Twice\n');
  const two = toDocument('two.md', '```\n# no heading\n```\n');

  test.each([
    ['#a-title-code--more'],
    ['#twice'],
    ['#twice-1'],
    ['one.md#twice'],
    ['../two.md'],
    ['../package.json'],
    ['https://example.org/nowhere#at-all'],
  ])('%s is fine', (target) => {
    expect(findFault(one, target, [one, two])).toBeUndefined();
  });

  test.each([
    ['#thrice', 'has no such heading'],
    ['three.md', 'is not there'],
    ['../two.md#no-heading', 'has no such heading'],
    ['../package.json#name', 'has an anchor'],
    ['../../elsewhere', 'is outside'],
    ['/docs/one.md', 'is outside'],
  ])('%s %s', (target, fault) => {
    expect(findFault(one, target, [one, two])).toContain(fault);
  });

  test('links in code are no links', () => {
    const links = toLinks(toDocument('x.md', '[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n'));
    expect(links).toEqual(['b.md']);
  });
});
