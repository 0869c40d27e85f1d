import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isScalar, type Node } from 'yaml';
import { isCollection, startOf, toSlots } from '../../../src/inject/manifest/collection.ts';
import { findStyle } from '../../../src/inject/manifest/find-style.ts';
import { parseDocument } from '../../../src/inject/manifest/parse-document.ts';
import { readValue } from '../../../src/inject/manifest/read-value.ts';
import { scanPlain } from '../../../src/inject/manifest/scan-plain.ts';
import type { Path, Value } from '../../../src/inject/manifest/value.ts';
import { layouts, maps, write } from './manifest-arbitrary.ts';

/** Everything that an edit asks of a node. */
function describeNode(node: Node | null): unknown {
  if (!isCollection(node)) {
    const isWritten = node?.range?.[0] !== node?.range?.[1];
    return isWritten ? { isScalar: isScalar(node), range: node?.range?.slice(0, 2) } : null;
  }
  const slots = toSlots(node).map((slot) => ({ ...slot, value: describeNode(slot.value) }));
  const range = node.flow === true ? node.range?.slice(0, 2) : startOf(node);
  return { type: node.constructor.name, isFlow: node.flow === true, range, slots };
}

function pathsOf(value: Value, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  const parts = [...keys].map((key) =>
    pathsOf((value as Record<string | number, Value>)[key] ?? null, [...path, key]),
  );
  return [path, [...path, 'missing'], ...parts.flat()];
}

/** @returns whether the text is plain. */
function expectSame(text: string): boolean {
  const known = readValue(text);
  if (known === undefined || scanPlain(text) === undefined) return false;
  const chunk = { text, line: 7, number: 1 };
  const parsed = parseDocument(chunk);
  const scanned = parseDocument(chunk, known);
  expect(scanned.value).toEqual(parsed.value);
  expect(describeNode(scanned.root)).toEqual(describeNode(parsed.root));
  expect(findStyle(text, scanned.root)).toEqual(findStyle(text, parsed.root));
  for (const path of pathsOf(known)) {
    expect(scanned.positionOf(path)).toEqual(parsed.positionOf(path));
  }
  return true;
}

describe('scanPlain', () => {
  it.each<[name: string, text: string]>([
    ['maps and lists', '---\na: 1\nb:\n  c: x y\n  d:\n    - e: 1\n      f: 2\n    - g\nh: z\n'],
    ['lists at the margin of their key', 'a:\n- b: 1\n  c:\n  - d\n- e\nf: 1\n'],
    [
      'comments and blank lines between',
      '# top\n\na: 1\n\n  # deep\nb:\n # x\n  c: 2\n#\n  d: 3\n',
    ],
    ['a comment before the first item', 'a:\n  # b\n  - c\n  # d\n  - e\n  # f\n'],
    ['missing values', 'a:\nb:\n  c:\n  d:\ne:\n'],
    ['empty brackets', 'a: {}\nb: []\nc:\n  - {}\n  - []\n'],
    ['quoted scalars', `a: "b: #c"\nd: 'it''s'\ne:\n  - "\\"x\\""\n`],
    ['numbers, words and flags', 'a: 0\nb: -12\nc: true\nd: null\ne: 10m\nf:\n  - --x=:1\n'],
    ['no line break at the end', 'a:\n  - b: c'],
    ['wide dashes', 'a:\n  -   b: 1\n      c: 2\n'],
    ['an item of a List', '  - apiVersion: v1\n    kind: Pod\n'],
  ])('places %s as the parser does', (_, text) => {
    expect(expectSame(text)).toBe(true);
  });

  it.each<[name: string, text: string]>([
    ['a block scalar', 'a: |\n  b\n'],
    ['a flow list', 'a: [b]\n'],
    ['an anchor', 'a: &x b\n'],
    ['an alias', 'a: *x\n'],
    ['a tag', 'a: !!str 1\n'],
    ['a merge', 'a:\n  <<: b\n'],
    ['a comment behind a value', 'a: b # c\n'],
    ['a comment behind a key', 'a: # c\n  b: 1\n'],
    ['a scalar on two lines', 'a: b\n  c\n'],
    ['a list that is text', 'a: b\n  - c\n'],
    ['a list item on two lines', 'a:\n  - b\n    c\n'],
    ['a quoted scalar on two lines', 'a: "b\n  c"\n'],
    ['a scalar below its key', 'a:\n  b\n'],
    ['a dash alone', 'a:\n  -\n    b: 1\n'],
    ['an octal number', 'a: 0440\n'],
    ['a number with an exponent', 'a: 1e3\n'],
    ['a number of YAML 1.1', 'a: 1_000\n'],
    ['a word in capitals', 'a: True\n'],
    ['a key that is not a string', 'true: 1\n'],
    ['a space at the end', 'a: b \n'],
    ['line breaks of Windows', 'a: b\r\n'],
    ['other letters than ASCII', 'a: é\n'],
    ['a tab', 'a:\tb\n'],
    ['a marker with a comment', '--- # a\nb: 1\n'],
    ['an end marker', 'a: b\n...\n'],
    ['an item outside its list', 'a:\n    - b\n  - c\n'],
    ['nothing', ''],
  ])('leaves %s to the parser', (_, text) => {
    expect(scanPlain(text)).toBeUndefined();
  });

  it('leaves a document of a thousand levels to the parser', () => {
    const levels = Array.from({ length: 1000 }, (_, level) => `${' '.repeat(level)}a:\n`);
    expect(scanPlain(levels.join(''))).toBeUndefined();
  });

  it('agrees with the parser on whatever values it takes', () => {
    fc.assert(fc.property(maps, layouts, (value, layout) => void expectSame(write(value, layout))));
  });

  it('agrees with the parser on lines put together at random', () => {
    const contents = fc.constantFrom(
      ...['a:', 'b:', 'c: x', 'd: 1', 'e: {}', 'f: []', 'g: "q"', "h: 'i'", 'j: k l', 'l: .5'],
      ...['x', '"y"', '{}', '# c', '', 'm: n # o', 'p: -', 'q: --r', 's: 1:30', 't: 0x1', 'u: a#b'],
      ...['v: a:b', 'w: "a\\tb"', 'y: ~', 'on: off', 'z: $(A)', 'k:l', 'n: 2024-01-01', 'o: 1.2.3'],
      ...['x: +1', 'x: 1.5', 'x: e3', 'x: -.inf', 'x: /', 'x: a - b', 'x: ---', '- z'],
    );
    const line = fc.tuple(fc.nat({ max: 3 }), fc.constantFrom('', '', '- ', '-  '), contents);
    const texts = fc
      .array(line, { minLength: 1, maxLength: 7 })
      .map((lines) =>
        lines.map(([level, dash, content]) => `${'  '.repeat(level)}${dash}${content}\n`).join(''),
      );
    let plain = 0;
    fc.assert(
      fc.property(texts, (text) => {
        if (expectSame(text)) plain += 1;
      }),
      { numRuns: 5_000 },
    );
    expect(plain).toBeGreaterThan(100);
  });
});
