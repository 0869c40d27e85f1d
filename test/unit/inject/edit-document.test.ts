import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDocument } from '../../../src/inject/manifest/edit-document.ts';
import { parseDocument } from '../../../src/inject/manifest/parse-document.ts';
import { isEqual, type Value } from '../../../src/inject/manifest/value.ts';
import { addParts, layouts, maps, write } from './manifest-arbitrary.ts';

const parse = (text: string) => parseDocument({ text, line: 1, number: 1 });
const edit = (text: string, wanted: Value): string => editDocument(parse(text), wanted);

describe('editDocument on anything', () => {
  it('the generator writes its value', () => {
    fc.assert(
      fc.property(maps, layouts, (value, layout) => {
        expect(isEqual(parse(write(value, layout)).value, value)).toBe(true);
      }),
    );
  });

  it('turns any document into any other of the same shape at the top', () => {
    fc.assert(
      fc.property(maps, maps, layouts, (from, to, layout) => {
        const text = edit(write(from, layout), to);
        expect(isEqual(parse(text).value, to)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('adding and taking away again leaves every byte as it was', () => {
    fc.assert(
      fc.property(
        maps,
        layouts,
        fc.array(fc.nat({ max: 30 }), { minLength: 5 }),
        (from, layout, whims) => {
          const text = write(from, layout);
          const added = edit(text, addParts(from, whims));
          expect(added).not.toBe(text);
          expect(edit(added, from)).toBe(text);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('adding keeps every line that has no empty collection to fill', () => {
    fc.assert(
      fc.property(
        maps,
        layouts,
        fc.array(fc.nat({ max: 30 }), { minLength: 5 }),
        (from, layout, whims) => {
          const text = write(from, layout);
          // The dash of an item moves on to a key that is put before its first, and JSON needs a comma.
          const toLines = (file: string): string[] =>
            file.split(/\r?\n/).map((line) => line.replace(/^[ -]*/, '').replace(/,$/, ''));
          const lines = toLines(edit(text, addParts(from, whims)));
          for (const line of toLines(text)) {
            if (/[{[]/.test(line)) continue;
            const found = lines.indexOf(line);
            expect(found, line).not.toBe(-1);
            lines.splice(0, found + 1);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
