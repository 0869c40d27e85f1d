/**
 * SECURITY.md numbers its guarantees, and docs/threat-model.md names the tests that hold each. A new guarantee
 * needs a number, a row and a test.
 */

import { describe, expect, test } from 'vitest';
import { documentOf, findTitle, toRows } from './documents.ts';

/** The items of the lists below "Guarantees", in order. */
function listItems(): readonly string[] {
  const [, part = ''] =
    /^## Guarantees$([\s\S]*?)^### Bounds$/m.exec(documentOf('SECURITY.md').prose) ?? [];
  return part.split('\n').filter((line) => /^\s*- /.test(line));
}

const toNumber = (item: string): string | undefined => /^- \*\*(G\d+)\*\* /.exec(item)?.[1];

const model = documentOf('docs/threat-model.md');
const rows = toRows(model, ['Guarantee', 'Promise', 'Test']);
const actors = toRows(model, ['Actor', 'Can', 'Cannot', 'Held by']);

describe('the guarantees of SECURITY.md', () => {
  const items = listItems();
  const numbers = items.map(toNumber);

  test('each has a number, in order', () => {
    expect(items.length).toBeGreaterThan(30);
    expect(numbers).toEqual(items.map((_, index) => `G${index + 1}`));
  });

  test('each has at least one test', () => {
    expect([...new Set(rows.map(([guarantee]) => guarantee))]).toEqual(numbers);
  });

  test('no promise is there twice', () => {
    const promises = rows.map(([guarantee, promise]) => `${guarantee} ${promise}`);
    expect(promises).toEqual([...new Set(promises)]);
  });

  test.each(rows.map(([guarantee = '', promise = '', held = '']) => [guarantee, promise, held]))(
    '%s: %s',
    (_guarantee, _promise, held) => {
      expect(findTitle(held), `a test: ${held}`).not.toHaveLength(0);
    },
  );
});

describe('the actors of the threat model', () => {
  const known = new Set(listItems().map(toNumber));

  test.each(actors.map(([actor = '', , , held = '']) => [actor, held]))(
    '%s: %s',
    (_actor, held) => {
      expect(held).not.toBe('');
      for (const [number] of held.matchAll(/G\d+/g)) expect(known).toContain(number);
    },
  );
});
