import { describe, expect, it } from 'vitest';
import { ManifestError } from '../../../src/inject/manifest/manifest-error.ts';
import { parseDocument } from '../../../src/inject/manifest/parse-document.ts';

const parse = (text: string) => parseDocument({ text, line: 1, number: 1 });

function failure(text: string): unknown {
  try {
    return parse(text).value;
  } catch (error) {
    return error instanceof ManifestError ? [error.place, error.message] : error;
  }
}

describe('parseDocument', () => {
  it.each<[name: string, text: string, line: number, message: RegExp]>([
    ['something that is not YAML', 'a: 1\nb: [1, 2\nc: 3\n', 3, /^not YAML: /],
    [
      'a key that is there twice',
      'a: 1\nb: 2\na: 3\n',
      3,
      /^the key a stands twice in the same map; remove one of them/,
    ],
    ['a tab that indents', 'a:\n\tb: 1\n', 2, /tab.*with spaces/],
    ['an alias without an anchor', 'a: 1\nb: *x\n', 1, /^not YAML: Unresolved alias/],
    ['a value in template braces', 'a: 1\nb: {{ .Values.b }}\n', 2, /template; render it first/],
    ['a part of a value in template braces', 'name: {{ .Release.Name }}-web\n', 1, /template/],
    ['a line in template braces', 'a: 1\n{{- if .Values.on }}\nb: 2\n{{- end }}\n', 2, /template/],
    ['an item in template braces', 'a:\n  - {{ toYaml . }} x\n', 2, /template/],
    ['a template of Jinja', 'a: 1\n{% if x %}\nb: 2\n', 2, /template/],
  ])('refuses %s and names the line', (_, text, line, message) => {
    expect(failure(text)).toEqual([
      { line, column: expect.any(Number) },
      expect.stringMatching(message),
    ]);
  });

  it('blames the YAML and not a template that is only text', () => {
    expect(failure('a: "{{ .x }}"\nb: |\n  {{ y }}\n# {{ z }}\nc: [\n')).toEqual([
      { line: expect.any(Number), column: expect.any(Number) },
      expect.stringMatching(/^not YAML/),
    ]);
  });

  it('refuses aliases that multiply', () => {
    const lines = Array.from({ length: 12 }, (_, level) => {
      const items =
        level === 0
          ? 'x'
          : Array(9)
              .fill(`*l${level - 1}`)
              .join(', ');
      return `l${level}: &l${level} [${items}]\n`;
    });
    expect(failure(lines.join(''))).toEqual([
      { line: 1, column: 1 },
      expect.stringMatching(/^not YAML/),
    ]);
  });

  it('finds the position of any part, or of what would hold it', () => {
    const { positionOf } = parse('# head\na:\n  b:\n    - x\n    - c: 1\n');
    expect(positionOf([])).toEqual({ line: 2, column: 1 });
    expect(positionOf(['a', 'b'])).toEqual({ line: 3, column: 3 });
    expect(positionOf(['a', 'b', 1, 'c'])).toEqual({ line: 5, column: 7 });
    expect(positionOf(['a', 'b', 7])).toEqual({ line: 3, column: 3 });
    expect(positionOf(['a', 'none', 'deeper'])).toEqual({ line: 2, column: 1 });
  });
});
