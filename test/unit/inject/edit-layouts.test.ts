import { describe, expect, it } from 'vitest';
import { editDocument } from '../../../src/inject/manifest/edit-document.ts';
import { ManifestError } from '../../../src/inject/manifest/manifest-error.ts';
import { parseDocument } from '../../../src/inject/manifest/parse-document.ts';
import type { Value } from '../../../src/inject/manifest/value.ts';

const edit = (text: string, wanted: Value): string =>
  editDocument(parseDocument({ text, line: 10, number: 1 }), wanted);

function failure(text: string, wanted: Value): unknown {
  try {
    return edit(text, wanted);
  } catch (error) {
    return error instanceof ManifestError ? [error.place, error.message] : error;
  }
}

describe('editDocument', () => {
  it.each<[name: string, before: string, wanted: Value, after: string]>([
    [
      'gives back the same text when nothing is wanted',
      'a:   1  # x\n\n\n',
      { a: 1 },
      'a:   1  # x\n\n\n',
    ],
    [
      'fills an empty list below its key and keeps the comment beside it',
      'a: [] # none\nb: 1\n',
      { a: ['x'], b: 1 },
      'a: # none\n  - x\nb: 1\n',
    ],
    [
      'fills a map that is not written',
      'a: # none\nb: 1\n',
      { a: { x: 1 }, b: 1 },
      'a: # none\n  x: 1\nb: 1\n',
    ],
    [
      'empties a list in brackets',
      'a: # some\n  # why\n  - x\nb: 1\n',
      { a: [], b: 1 },
      'a: [] # some\n  # why\nb: 1\n',
    ],
    [
      'puts a first item before the comment of the item that was first',
      'a:\n  # about x\n  - name: x\n',
      { a: [{ name: 'new' }, { name: 'x' }] },
      'a:\n  - name: new\n  # about x\n  - name: x\n',
    ],
    [
      'puts an item directly behind another, before comments that follow',
      'a:\n- name: x\n  # - name: off\nb: 1\n',
      { a: [{ name: 'x' }, { name: 'new' }], b: 1 },
      'a:\n- name: x\n- name: new\n  # - name: off\nb: 1\n',
    ],
    [
      'adds behind a block scalar without touching its end',
      'a: |+\n  x\n\n\n# end\n',
      { a: 'x\n\n\n', b: 1 },
      'a: |+\n  x\n\n\nb: 1\n# end\n',
    ],
    [
      'adds at the end of a file that ends without a line break',
      'a: 1',
      { a: 1, b: { c: [2] } },
      'a: 1\nb:\n  c:\n    - 2',
    ],
    [
      'takes over four spaces and lists that are not indented',
      'a:\n    b:\n    - x\n',
      { a: { b: ['x'], c: [{ d: 1 }] } },
      'a:\n    b:\n    - x\n    c:\n    - d: 1\n',
    ],
    [
      'writes Windows line ends where they are',
      'a: 1\r\nb:\r\n  - x\r\n',
      { a: 1, b: ['x', 'z'], c: { d: 1 } },
      'a: 1\r\nb:\r\n  - x\r\n  - z\r\nc:\r\n  d: 1\r\n',
    ],
    [
      'stays on one line where the document does',
      'a: {b: [x], c: y}\n',
      { a: { b: ['new', 'x'], c: 'y', d: 1 } },
      'a: {b: ["new", x], c: y, "d": 1}\n',
    ],
    [
      'keeps JSON that is indented by tabs',
      '{\n\t"a": [\n\t\t1\n\t],\n\t"b": {}\n}\n',
      { a: [1, { c: 2 }], b: { d: [3] } },
      '{\n\t"a": [\n\t\t1,\n\t\t{\n\t\t\t"c": 2\n\t\t}\n\t],\n\t"b": {\n\t\t"d": [\n\t\t\t3\n\t\t]\n\t}\n}\n',
    ],
    [
      'replaces a value and keeps its surroundings',
      'a:  "x"   # why\n',
      { a: 'y: z' },
      'a: "y: z"   # why\n',
    ],
    [
      'removes a key before the first of an item',
      '- b: 1\n  # about c\n  c: 2\n',
      [{ c: 2 }],
      '- # about c\n  c: 2\n',
    ],
    [
      'leaves anchors, aliases and merges alone that have nothing to do with it',
      'x: &x {k: v}\ny:\n  <<: *x\n  z: *x\n',
      { x: { k: 'v' }, y: { k: 'v', z: { k: 'v' }, new: 1 } },
      'x: &x {k: v}\ny:\n  <<: *x\n  z: *x\n  new: 1\n',
    ],
    [
      'overrides a merged key',
      'x: &x {k: v}\ny:\n  <<: *x\n',
      { x: { k: 'v' }, y: { k: 'w' } },
      'x: &x {k: v}\ny:\n  <<: *x\n  k: w\n',
    ],
    [
      'quotes what Kubernetes would take for something else',
      'a: 1\n',
      { a: 1, b: 'yes', c: '0440', d: 'true', e: '1e3', f: '' },
      'a: 1\nb: "yes"\nc: "0440"\nd: "true"\ne: "1e3"\nf: ""\n',
    ],
  ])('%s', (_, before, wanted, after) => {
    expect(edit(before, wanted)).toBe(after);
  });

  it.each([
    [
      'a map that an alias repeats, by merging it in',
      'a: &l\n  x: 1\nb: *l # why\nc: 2\n',
      { a: { x: 1 }, b: { x: 1, w: { z: 2 } }, c: 2 },
      'a: &l\n  x: 1\nb: # why\n  <<: *l\n  w:\n    z: 2\nc: 2\n',
    ],
    [
      'a map that an alias repeats, in flow style',
      'a: &l {x: 1}\nb: {c: *l, d: 1}\n',
      { a: { x: 1 }, b: { c: { x: 3, y: 2 }, d: 1 } },
      'a: &l {x: 1}\nb: {c: { <<: *l, "x": 3, "y": 2 }, d: 1}\n',
    ],
    [
      'a map that an alias repeats and that loses a key, by writing it out',
      'a: &l {x: 1, y: 2}\nb: *l\n',
      { a: { x: 1, y: 2 }, b: { x: 1 } },
      'a: &l {x: 1, y: 2}\nb:\n  x: 1\n',
    ],
    [
      'a list that an alias repeats, by writing it out',
      'a: &l [x]\nb: *l\n',
      { a: ['x'], b: ['x', 'w'] },
      'a: &l [x]\nb:\n  - x\n  - w\n',
    ],
  ])('changes %s', (_, before, wanted, after) => {
    expect(edit(before, wanted)).toBe(after);
  });

  it('refuses to change a part that is repeated elsewhere, or an alias in a list, and names both', () => {
    const text = 'a: &l\n  x: 1\nb: *l\nc:\n- *l\n';
    const same = { x: 1 };
    const anchor = failure(text, { a: { x: 1, y: 2 }, b: same, c: [same] });
    expect(anchor).toEqual([{ line: 11, column: 3 }, expect.stringContaining('&l')]);
    const alias = failure(text, { a: same, b: same, c: [{ x: 1, y: 2 }] });
    expect(alias).toEqual([{ line: 14, column: 3 }, expect.stringContaining('*l')]);
  });

  it('refuses to remove a merged key rather than doing something else', () => {
    const removed = failure('x: &x {k: v}\ny:\n  <<: *x\n  a: 1\n', { x: { k: 'v' }, y: { a: 1 } });
    expect(removed).toEqual([{ line: 10, column: 1 }, expect.stringContaining('reformat it')]);
  });
});
