/** Texts of others in shell, Terraform and Bicep: each language's own parser reads them as they were. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  toBicepString,
  toComment,
  toHclString,
  toMarkdownCode,
  toShellBlock,
  toShellWord,
} from '../../../src/migrate/files/quote.ts';
import { bicepObstacle, parseBicep } from '../../support/bicep.ts';
import { itUnless } from '../../support/skip.ts';
import { parseTerraform, terraformObstacle } from '../../support/terraform.ts';

const hostile = [
  '',
  ' ',
  "'",
  "''",
  '"',
  '\\',
  "\\'",
  '`id`',
  '$(id)',
  `\${HOME}`,
  '$HOME',
  '%{ if true }',
  '$${x}',
  '!!',
  ';id',
  '&& id',
  '| id',
  '> /tmp/x',
  '#comment',
  '-rf',
  '--flag=x',
  '@/etc/passwd',
  '~',
  '*',
  '{a,b}',
  'a\nb',
  'a\r\nid\n',
  '\t',
  '\u001b[2J',
  '\u202egnp.exe',
  '\u0085',
  '\u2028',
  "'''",
  "EOF\n'id'\nEOF",
  'ünï',
  '日本',
  '\u{1f600}',
];
const pieces = fc.array(fc.constantFrom(...hostile, ...'abc{}()[]=,./-'), { maxLength: 6 });
const texts = pieces.map((all) => all.join(''));

/** Many texts at once: one program for each would take minutes. */
const many = fc.sample(texts, { numRuns: 300, seed: 16 });

describe('a word of the shell', () => {
  it('comes out of bash as it went in', () => {
    const all = [...hostile, ...many];
    const script = all.map((text) => `printf '%s\\0' ${toShellWord(text)}\n`).join('');
    for (const locale of ['C', 'C.UTF-8']) {
      const output = execFileSync('bash', ['--norc', '-eu', '-c', script], {
        encoding: 'utf8',
        env: { LC_ALL: locale },
      });
      expect(output.split('\0').slice(0, -1)).toEqual(all);
    }
  });

  it('has nothing in it that a terminal acts on', () => {
    for (const text of [...hostile, ...many]) {
      expect(toShellWord(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }
  });

  it('cannot hold a NUL, for which a mark stands', () => {
    expect(toShellWord('a\0b')).toBe("$'a\uFFFDb'");
  });
});

itUnless(terraformObstacle, 'a string of Terraform comes out of its parser as it went in', () => {
  const all = [...hostile, ...many];
  const entries = all.map((text, index) => `    "${index}" = { name = ${toHclString(text)} }\n`);
  const { resource } = parseTerraform(
    `resource "x" "y" {\n  for_each = {\n${alignKeys(entries)}  }\n}\n`,
  );
  const found = resource?.['x']?.['y']?.for_each ?? {};
  expect(all.map((_, index) => found[index]?.['name'])).toEqual(
    // Terraform normalises all texts to NFC.
    all.map((text) => text.normalize('NFC')),
  );
});

/** As `terraform fmt` wants it: the equals signs below each other. */
function alignKeys(lines: readonly string[]): string {
  const width = Math.max(...lines.map((line) => line.indexOf(' = {')));
  return lines
    .map((line) => {
      const at = line.indexOf(' = {');
      return `${line.slice(0, at).padEnd(width)}${line.slice(at)}`;
    })
    .join('');
}

itUnless(bicepObstacle, 'a string of Bicep stays one string', () => {
  const all = [...hostile, ...many.slice(0, 100)];
  const lines = all.map((text, index) => `param p${index} string = ${toBicepString(text)}\n`);
  const { faults, strings } = parseBicep(lines.join(''));
  expect(faults).toEqual([]);
  expect(strings.map(withoutEscapes)).toEqual(all);
});

function withoutEscapes(text: string): string {
  return text.replace(/\\(?:u\{([0-9a-f]+)\}|(.))/gs, (_, code?: string, character = '') =>
    code === undefined ? character : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}

describe('in Markdown', () => {
  it.each(hostile)('%j stays code on one line', (text) => {
    const code = toMarkdownCode(`a${text}b`);
    expect(code).toMatch(/^(`+)[^\n]*[^`]\1$/);
    expect(code).not.toMatch(/[^\\]\|/);
  });

  it('no line of a block ends the block', () => {
    const block = toShellBlock(['echo `id`', "echo '", '```', '````', "'"]);
    const [fence = ''] = /^`+/.exec(block) ?? [];
    expect(block.split('\n').filter((line) => line.trim() === fence)).toHaveLength(1);
    expect(block.endsWith(`\n${fence}\n`)).toBe(true);
  });
});

it('a comment is one line of what can be seen', () => {
  for (const text of hostile) expect(toComment(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
});
