import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/inject/manifest/split-documents.ts';

const describeChunks = (file: string) =>
  [...splitDocuments(file)].map(({ text, line, number }) => [number, line, text]);

describe('splitDocuments', () => {
  it('loses no byte, whatever the file', () => {
    const piece = fc.constantFrom(
      '---',
      '...',
      '\n',
      '\r\n',
      ' x',
      '# c',
      '%YAML 1.2',
      'a: 1',
      ' ',
      '-',
      '\t',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const file = pieces.join('');
        expect([...splitDocuments(file)].map(({ text }) => text).join('')).toBe(file);
      }),
    );
  });

  it('cuts before each marker and counts documents and lines from 1', () => {
    expect(describeChunks('a: 1\n---\nb: 1\n--- # two\nc: 1')).toEqual([
      [1, 1, 'a: 1\n'],
      [2, 2, '---\nb: 1\n'],
      [3, 4, '--- # two\nc: 1'],
    ]);
  });

  it('does not count comments before the first marker, but counts empty documents', () => {
    expect(describeChunks('# head\n\n---\n---\na: 1\n').map(([number]) => number)).toEqual([
      1, 1, 2,
    ]);
  });

  it('knows the markers with Windows line ends and at the end of the file', () => {
    expect(describeChunks('a: 1\r\n---\r\nb: 1\r\n---').map(([, line]) => line)).toEqual([1, 2, 4]);
  });

  it('takes only a whole line for a marker', () => {
    const file = 'a: |\n  ---\n  ...\n----\n---a\n ---\n';
    expect([...splitDocuments(file)]).toHaveLength(1);
  });

  it('ends a document at its end marker and keeps directives with the document they are for', () => {
    expect(describeChunks('a: 1\n...\n# next\n%YAML 1.2\n---\nb: 1\n')).toEqual([
      [1, 1, 'a: 1\n...\n'],
      [2, 3, '# next\n%YAML 1.2\n---\nb: 1\n'],
    ]);
  });
});
