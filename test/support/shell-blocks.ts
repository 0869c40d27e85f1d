/**
 * The shell blocks of the documents. A comment on the line before a block says who has tried its commands:
 * `<!-- run by: FILE -->` names the test that runs them, `<!-- needs: WHAT -->` what no test has.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ShellBlock {
  readonly file: string;
  readonly line: number;
  /** The commands, without the indentation of a list. */
  readonly text: string;
  readonly marker: { readonly kind: 'run by' | 'needs'; readonly value: string } | undefined;
}

const block =
  /^(?:(?<comment>[ ]*<!-- (?<kind>run by|needs): (?<value>[^\n]*?) -->)\n)?(?<indent> *)```(?:sh|bash|shell)\n(?<text>[\s\S]*?)^ *```$/gm;

export function toShellBlocks(file: string, document: string): readonly ShellBlock[] {
  return [...document.matchAll(block)].map(({ index, groups = {} }) => {
    const { comment, kind, value = '', indent = '', text = '' } = groups;
    const before = document.slice(0, index).split('\n').length;
    return {
      file,
      line: comment === undefined ? before : before + 1,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      marker: kind === 'run by' || kind === 'needs' ? { kind, value } : undefined,
    };
  });
}

/**
 * The commands of a block, for the test that its comment names.
 * @param begins how the block begins
 * @throws Error if there is no such block, so that nothing is tested that no document has
 */
export function shellBlock(file: string, begins: string): string {
  const document = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
  const found = toShellBlocks(file, document).find(({ text }) => text.startsWith(begins));
  if (found === undefined)
    throw new Error(`${file} has no shell block that begins with: ${begins}`);
  return found.text;
}
