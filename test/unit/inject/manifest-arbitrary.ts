import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Value, ValueMap } from '../../../src/inject/manifest/value.ts';

/** How a value is written down: everything that a tool must leave as it finds it. */
export interface Layout {
  readonly indent: 2 | 3 | 4;
  readonly indentLists: boolean;
  readonly lineBreak: '\n' | '\r\n';
  readonly endsWithLineBreak: boolean;
  readonly marker: string;
  /** Read in turn, round and round: whether a comment or a blank line stands there, or a value is in flow style. */
  readonly whims: readonly number[];
}

export const layouts: fc.Arbitrary<Layout> = fc.record({
  indent: fc.constantFrom(2, 3, 4),
  indentLists: fc.boolean(),
  lineBreak: fc.constantFrom('\n', '\r\n'),
  endsWithLineBreak: fc.boolean(),
  marker: fc.constantFrom(
    '',
    '---\n',
    '--- # first\n# Source: chart/templates/app.yaml\n',
    '# top\n\n',
  ),
  whims: fc.array(fc.nat({ max: 30 }), { minLength: 3, maxLength: 20 }),
});

const words = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const keys = fc.oneof(
  { weight: 8, arbitrary: words },
  fc.constantFrom(
    'on',
    'y',
    '1',
    'a b',
    'x/y',
    '#',
    "it's",
    '"q"',
    '~',
    'null',
    '0x1F',
    '__proto__',
  ),
);
const scalars = fc.oneof(
  words,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    '',
    'yes',
    '0440',
    '1:30',
    'a: b',
    'a #b',
    '- x',
    '{',
    '*x',
    '&x',
    '%d',
    '{{ x }}',
    '\t',
    ' x ',
    'é\u2028x',
  ),
  fc.constantFrom('one\ntwo\n', 'one\n\n  two', 'one\n\n\n', '\n', 'a\r\nb'),
);

/** Anything that JSON can hold, with lists of named things as Kubernetes has them. */
export const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value; map: ValueMap }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalars,
    tie('map'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(words, tie('map')), { maxLength: 3, selector: ([name]) => name })
      .map((items) => items.map(([name, rest]) => ({ ...rest, name }))),
  ),
  map: fc.dictionary(keys, tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }) as fc.Arbitrary<ValueMap>,
})).value;

export const maps: fc.Arbitrary<ValueMap> = fc
  .dictionary(keys, values, { minKeys: 1, maxKeys: 5, noNullPrototype: true })
  .map((map) => map as ValueMap);

/** Writes a value as YAML in the given layout. */
export function write(value: ValueMap, layout: Layout): string {
  let turn = 0;
  const whim = (): number => layout.whims[turn++ % layout.whims.length] ?? 0;
  const isBlock = (part: Value): part is ValueMap | readonly Value[] =>
    typeof part === 'object' && part !== null && Object.keys(part).length > 0;

  // What follows a block scalar could become part of it.
  let isBehindScalar = false;
  const aside = (column: number): string => {
    const choice = isBehindScalar ? 30 : whim();
    isBehindScalar = false;
    if (choice === 1) return '\n';
    return choice < 4 ? `${' '.repeat(choice === 2 ? column : column + 2)}# note ${turn}\n` : '';
  };
  const tail = (): string => (whim() < 3 ? ` # tail ${turn}\n` : '\n');
  const inline = (part: Value, column: number): string => {
    const text = stringify({ k: part }, { lineWidth: 0, compat: 'yaml-1.1' })
      .slice(3)
      .replace(/\n$/, '');
    if (!text.includes('\n')) return `${part === null && whim() < 10 ? '' : text}${tail()}`;
    isBehindScalar = true;
    return `${text.replace(/\n(?!\n|$)/g, `\n${' '.repeat(column)}`)}\n`;
  };
  const flow = (part: Value): string => JSON.stringify(part, null, whim() < 15 ? undefined : '  ');
  const inFlow = (part: Value, column: number): string | undefined =>
    whim() === 5
      ? `${flow(part).replaceAll('\n', `\n${' '.repeat(column + 2)}`)}${tail()}`
      : undefined;

  const block = (part: ValueMap | readonly Value[], column: number, isCompact: boolean): string => {
    const pad = ' '.repeat(column);
    let text = '';
    for (const [key, item] of Object.entries(part)) {
      const isFirst = text === '';
      if (!(isFirst && isCompact)) text += aside(column) + pad;
      if (Array.isArray(part)) {
        text += '- ';
        const one = isBlock(item) ? inFlow(item, column) : inline(item, column);
        text += one ?? block(item as ValueMap, column + 2, true);
      } else {
        text += `${JSON.stringify(key) === `"${key}"` && /^[a-z][a-z-]+$/.test(key) && !/^(on|null|no|yes|off|true|false)$/.test(key) ? key : JSON.stringify(key)}:`;
        if (isBlock(item)) {
          const one = inFlow(item, column);
          const deeper = Array.isArray(item) && !layout.indentLists ? 0 : layout.indent;
          text += one === undefined ? tail() + block(item, column + deeper, false) : ` ${one}`;
        } else {
          text += ` ${inline(item, column)}`;
        }
      }
    }
    return text;
  };

  const whole = layout.marker + block(value, 0, false);
  const ended = layout.endsWithLineBreak || isBehindScalar ? whole : whole.replace(/\n$/, '');
  return ended.replaceAll('\n', layout.lineBreak);
}

/** Puts new keys and items into maps and lists wherever a whim says so; nothing else changes. */
export function addParts(value: ValueMap, whims: readonly number[]): ValueMap {
  let turn = 0;
  const whim = (): number => whims[turn++ % whims.length] ?? 0;
  const fresh = (): ValueMap => ({
    name: `new-${turn}`,
    list: [{ name: 'x', on: 'yes' }, 'two'],
    map: { deep: '0440' },
  });
  const grow = (part: Value): Value => {
    if (Array.isArray(part)) {
      // Only a named item is known to be the same after a change.
      const grown = part.map((item) => (item?.name === undefined ? item : grow(item)));
      if (whim() < 10) grown.splice(whim() % (grown.length + 1), 0, fresh());
      return grown;
    }
    if (typeof part !== 'object' || part === null) return part;
    const entries = Object.entries(part).map(([key, item]): [string, Value] => [key, grow(item)]);
    if (whim() < 10) entries.splice(whim() % (entries.length + 1), 0, [`new-${turn}`, fresh()]);
    return Object.fromEntries(entries);
  };
  return grow({ ...value, added: true }) as ValueMap;
}
