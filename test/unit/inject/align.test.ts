import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignLists } from '../../../src/inject/manifest/align.ts';
import type { Value } from '../../../src/inject/manifest/value.ts';

const object = (name: string, more = 0): Value => ({ kind: 'Pod', metadata: { name }, more });

describe('alignLists', () => {
  it.each<[name: string, present: Value[], wanted: Value[], alignment: (number | undefined)[]]>([
    ['equal values', [1, 2, 3], [0, 1, 3], [undefined, 0, 2]],
    [
      'things of a name, whatever else has changed',
      [{ name: 'a', x: 1 }, { name: 'b' }],
      [{ name: 'n' }, { name: 'a', x: 2 }, { name: 'b' }],
      [undefined, 0, 1],
    ],
    ['objects of a name', [object('a'), object('b')], [object('b', 1)], [1]],
    [
      'no item that has changed its place',
      [{ name: 'a' }, { name: 'b' }],
      [{ name: 'b' }, { name: 'a' }],
      [1, undefined],
    ],
    [
      'one changed map between others',
      ['x', { a: 1, b: 1 }, 'y'],
      ['x', { a: 1, b: 2 }, 'y'],
      [0, 1, 2],
    ],
    ['no maps that share nothing', [{ a: 1 }], [{ b: 1 }], [undefined]],
    ['no maps of another name', [{ name: 'a', x: 1 }], [{ name: 'b', x: 1 }], [undefined]],
    [
      'no maps where it is open which is which',
      [{ a: 1 }],
      [{ a: 2 }, { a: 3 }],
      [undefined, undefined],
    ],
  ])('matches %s', (_, present, wanted, alignment) => {
    expect(alignLists(present, wanted)).toEqual(alignment);
  });

  it('matches each item once and keeps the order', () => {
    const items = fc.array(
      fc.oneof(
        fc.nat({ max: 3 }),
        fc.record({ a: fc.nat({ max: 3 }) }),
        fc.record({ name: fc.constantFrom('a', 'b') }),
      ),
    );
    fc.assert(
      fc.property(items, items, (present, wanted) => {
        const alignment = alignLists(present, wanted);
        expect(alignment).toHaveLength(wanted.length);
        const matched = alignment.filter((index) => index !== undefined);
        expect(matched).toEqual([...new Set(matched)].sort((a, b) => a - b));
        expect(matched.every((index) => index < present.length)).toBe(true);
      }),
    );
  });
});
