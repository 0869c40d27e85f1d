import { toPrintable } from '../../shared/untrusted-text.ts';

/** Texts of other people, written so that the language around them takes each as one text and nothing else. */

const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** One word of a bash command line. Characters that a terminal would act on, or not show, are escaped. */
export function toShellWord(text: string): string {
  if (/^[\w%+=:,./-]+$/.test(text)) return text;
  if (!unprintable.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = text
    .replace(/[\\']/g, '\\$&')
    // No argument of a program can hold a NUL.
    .replaceAll('\0', '\uFFFD')
    .replace(new RegExp(unprintable, 'gu'), toBytes);
  return `$'${escaped}'`;
}

/** A string of Bicep. */
export function toBicepString(text: string): string {
  const escaped = text
    .replace(/[\\']|\$(?=\{)/g, '\\$&')
    .replace(
      new RegExp(unprintable, 'gu'),
      (character) => `\\u{${codeOf(character).toString(16)}}`,
    );
  return `'${escaped}'`;
}

/** A string of HCL, in which `${` and `%{` would begin an expression. */
export function toHclString(text: string): string {
  const escaped = text
    .replace(/[\\"]/g, '\\$&')
    .replace(/([$%])(?=\{)/g, '$1$1')
    .replace(new RegExp(unprintable, 'gu'), (character) => {
      const code = codeOf(character).toString(16);
      return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
    });
  return `"${escaped}"`;
}

/** What may stand behind the mark of a comment: one line that can be seen. */
export function toComment(text: string): string {
  return toPrintable(text).slice(0, 200);
}

/** Words in Markdown's code style, in a table as well. */
export function toMarkdownCode(text: string): string {
  const printable = toPrintable(text).replaceAll('|', '\\|');
  const longest = Math.max(0, ...(printable.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  const space = /^`|`$/.test(printable) ? ' ' : '';
  return `${fence}${space}${printable}${space}${fence}`;
}

/** A block of shell commands in Markdown, which no line of it can end. */
export function toShellBlock(lines: readonly string[]): string {
  const text = lines.join('\n');
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}\n`;
}

/** As bytes, which mean the same in every locale. */
function toBytes(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
    .join('');
}

/** Half of a surrogate pair is not a character, and has no escape. */
function codeOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
}
